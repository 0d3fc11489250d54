use tokio::io::DuplexStream;
use tokio::task::JoinSet;

use super::*;
use crate::protocol::{Address, Ask, Hit};

struct Host {
    stream: DuplexStream,
    decoder: Decoder,
    _serving: JoinSet<()>,
}

impl Host {
    fn of(module: &VirtualModule) -> Self {
        let (stream, theirs) = tokio::io::duplex(4096);
        let module = module.clone();
        let mut serving = JoinSet::new();
        serving.spawn(async move { module.serve(theirs).await });
        Self { stream, decoder: Decoder::default(), _serving: serving }
    }

    async fn packet(&mut self) -> Packet {
        loop {
            if let Some(packet) = self.decoder.next_packet() {
                return packet.unwrap();
            }
            let mut piece = [0; 64];
            let length = self.stream.read(&mut piece).await.unwrap();
            self.decoder.push(&piece[..length]);
        }
    }

    async fn ask(&mut self, ask: Ask) -> (Code, Vec<u8>) {
        self.stream.write_all(&ask.packet(Address::default()).encode()).await.unwrap();
        let packet = self.packet().await;
        (Code::of(packet.content[0]), packet.content[1..].to_vec())
    }

    async fn code(&mut self, ask: Ask) -> Code {
        self.ask(ask).await.0
    }
}

#[tokio::test(start_paused = true)]
async fn a_finger_is_taken_with_two_touches_and_found_again() {
    let module = VirtualModule::new(Options::zfm20());
    let mut host = Host::of(&module);
    for buffer in [1, 2] {
        assert_eq!(host.code(Ask::GenImg).await, Code::NoFinger);
        module.touch("anna");
        assert_eq!(host.code(Ask::GenImg).await, Code::Ok);
        assert_eq!(host.code(Ask::Img2Tz { buffer }).await, Code::Ok);
        module.lift();
    }
    let search = Ask::Search { buffer: 1, start: 0, count: 200 };
    assert_eq!(host.code(search).await, Code::NotFound);
    assert_eq!(host.code(Ask::RegModel).await, Code::Ok);
    assert_eq!(host.code(Ask::Store { buffer: 1, page: 7 }).await, Code::Ok);
    let (code, hit) = host.ask(search).await;
    assert_eq!((code, Hit::parse(&hit).unwrap().page), (Code::Ok, 7));
    assert_eq!(module.slots(), [7]);
}

#[tokio::test(start_paused = true)]
async fn touches_of_two_fingers_make_no_template() {
    let module = VirtualModule::new(Options::zfm20());
    let mut host = Host::of(&module);
    for (buffer, finger) in [(1, "anna"), (2, "bert")] {
        module.touch(finger);
        host.code(Ask::GenImg).await;
        assert_eq!(host.code(Ask::Img2Tz { buffer }).await, Code::Ok);
    }
    assert_eq!(host.code(Ask::RegModel).await, Code::CannotMerge);
}

#[tokio::test(start_paused = true)]
async fn a_password_is_asked_for_again_after_each_power_cut() {
    let module = VirtualModule::new(Options { password: 7, ..Options::zfm20() });
    for _ in 0..2 {
        let mut host = Host::of(&module);
        assert_eq!(host.code(Ask::GenImg).await, Code::MustVerify);
        assert_eq!(host.code(Ask::VfyPwd { password: 8 }).await, Code::WrongPassword);
        assert_eq!(host.code(Ask::VfyPwd { password: 7 }).await, Code::Ok);
        assert_eq!(host.code(Ask::GenImg).await, Code::NoFinger);
    }
}

#[tokio::test(start_paused = true)]
async fn a_capacitive_module_says_that_it_has_started() {
    let module = VirtualModule::new(Options::r503());
    let mut host = Host::of(&module);
    assert_eq!(host.stream.read_u8().await.unwrap(), 0x55);
    assert_eq!(host.code(Ask::SoftRst).await, Code::Ok);
    assert_eq!(host.stream.read_u8().await.unwrap(), 0x55);
}

#[tokio::test(start_paused = true)]
async fn a_template_comes_in_packets_and_goes_back() {
    let module = VirtualModule::new(Options::zfm20().with([(3, "anna")]));
    let mut host = Host::of(&module);
    assert_eq!(host.code(Ask::LoadChar { buffer: 1, page: 3 }).await, Code::Ok);
    assert_eq!(host.code(Ask::UpChar { buffer: 1 }).await, Code::Ok);
    let mut template = Vec::new();
    loop {
        let packet = host.packet().await;
        template.extend(packet.content);
        if packet.pid == Pid::LastData {
            break;
        }
    }
    assert_eq!((template.len(), Some(&template)), (512, module.template(3).as_ref()));

    assert_eq!(host.code(Ask::DownChar { buffer: 2 }).await, Code::Ok);
    for (number, piece) in template.chunks(128).enumerate() {
        let pid = if number == 3 { Pid::LastData } else { Pid::Data };
        let packet = Packet { address: Address::default(), pid, content: piece.to_vec() };
        host.stream.write_all(&packet.encode()).await.unwrap();
    }
    assert_eq!(host.code(Ask::Store { buffer: 2, page: 9 }).await, Code::Ok);
    assert_eq!(module.template(9), Some(template));
}

#[tokio::test(start_paused = true)]
async fn a_damaged_command_is_refused_and_another_address_is_nobodys() {
    let module = VirtualModule::new(Options::zfm20());
    let mut host = Host::of(&module);
    host.stream.write_all(&Ask::GenImg.packet(Address(1)).encode()).await.unwrap();
    let mut damaged = Ask::GenImg.packet(Address::default()).encode();
    damaged[9] ^= 1;
    host.stream.write_all(&damaged).await.unwrap();
    assert_eq!(host.packet().await.content, [Code::PacketError.byte()]);
    assert_eq!(host.code(Ask::GenImg).await, Code::NoFinger);
}
