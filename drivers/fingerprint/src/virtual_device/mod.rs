//! The other end of the EF01 protocol: a module with people's fingers that do not exist, which can be disturbed.
//!
//! Written from facts/readers.md C.1–C.3; that real clients (pyfingerprint, Adafruit's) enrol and search on it is checked in
//! tests/peers. What is in its flash memory (library, notepad, password) outlives a power cut and a pulled cable.

mod finger;
mod options;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::sleep;

pub use finger::Touch;
pub use options::{Options, Sends, Unknown};
pub use state::Shine;

use crate::protocol::{Code, Decoder, Packet, Pid};
use state::{Reply, State};

/// What happens to one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mischief {
    /// Only its first half is sent.
    Cut,
    /// Only its first half is sent; a few seconds later the line breaks.
    CutAndBreak,
    /// It is sent twice.
    Twice,
    /// "Packet error" is sent before it, as an optical sensor was seen to do (facts/readers.md C.3).
    ErrorFirst,
    /// One of its bytes is another.
    Damaged,
    /// It is not sent.
    Lost,
    /// It comes so late that nobody waits for it any more.
    Late(Duration),
}

/// A module. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct VirtualModule {
    shared: Arc<Shared>,
}

struct Shared {
    inner: Mutex<Inner>,
    wake: Notify,
}

struct Inner {
    state: State,
    /// Bytes to send unasked.
    unasked: Vec<u8>,
    /// How often it was started: what it was doing before a start is never answered.
    starts: u64,
    mischief: Option<(Option<u8>, Mischief)>,
    slow: Duration,
    dead: bool,
}

impl VirtualModule {
    /// A module, powered.
    pub fn new(options: Options) -> Self {
        let inner = Inner {
            state: State::new(options),
            unasked: Vec::new(),
            starts: 0,
            mischief: None,
            slow: Duration::ZERO,
            dead: false,
        };
        Self { shared: Arc::new(Shared { inner: Mutex::new(inner), wake: Notify::new() }) }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.shared.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody lays a finger on, which stays until it is lifted.
    pub fn touch(&self, finger: &str) {
        self.touch_so(finger, Touch::Well);
    }

    /// The same, and how.
    pub fn touch_so(&self, finger: &str, touch: Touch) {
        self.inner().state.lying = Some((finger.to_owned(), touch));
    }

    /// The finger is taken away.
    pub fn lift(&self) {
        self.inner().state.lying = None;
    }

    /// The slots that are used.
    pub fn slots(&self) -> Vec<u16> {
        self.inner().state.library.keys().copied().collect()
    }

    /// What is stored in a slot.
    pub fn template(&self, slot: u16) -> Option<Vec<u8>> {
        self.inner().state.library.get(&slot).cloned()
    }

    /// Somebody stores a finger with another program.
    pub fn store(&self, slot: u16, finger: &str) {
        let mut inner = self.inner();
        let taken = finger::features(finger, u64::MAX - u64::from(slot), inner.state.options.template);
        inner.state.library.insert(slot, taken);
    }

    /// Somebody deletes a slot with another program.
    pub fn remove(&self, slot: u16) {
        self.inner().state.library.remove(&slot);
    }

    /// Somebody overwrites its notepad with another program.
    pub fn wipe_notes(&self) {
        self.inner().state.wipe_notes();
    }

    /// What its light was told since this was asked last.
    pub fn take_shone(&self) -> Vec<Shine> {
        std::mem::take(&mut self.inner().state.shone)
    }

    /// What happens to the next answer; with `op`, to the next answer to that command.
    pub fn mischief(&self, op: Option<u8>, what: Mischief) {
        self.inner().mischief = Some((op, what));
    }

    /// Every answer takes so much longer from now on.
    pub fn slow(&self, by: Duration) {
        self.inner().slow = by;
    }

    /// Sends these bytes now, unasked.
    pub fn noise(&self, bytes: &[u8]) {
        self.inner().unasked.extend_from_slice(bytes);
        self.shared.wake.notify_one();
    }

    /// Its power sags: it starts anew, with the line open.
    pub fn brown_out(&self) {
        {
            let mut inner = self.inner();
            inner.starts += 1;
            inner.state.power_on();
            if inner.state.options.says_ready && !inner.dead {
                inner.unasked.push(0x55);
            }
        }
        self.shared.wake.notify_one();
    }

    /// Whether it has power. Without, it is silent, with the line open.
    pub fn power(&self, on: bool) {
        self.inner().dead = !on;
        self.brown_out();
    }

    /// Somebody puts another module in its place, at the same plug.
    pub fn exchange(&self, other: Options) {
        self.inner().state = State::new(other);
        self.brown_out();
    }

    /// Answers over this line until it breaks. Called anew after each replug, which is a power cut for modules fed by their adapter.
    pub async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send) {
        self.brown_out();
        // The line's end is nothing to report.
        let _ = self.conversation(stream).await;
    }

    async fn conversation(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin + Send) -> std::io::Result<()> {
        let mut decoder = Decoder::default();
        let mut receiving: Option<(u8, Vec<u8>)> = None;
        let mut piece = [0; 512];
        loop {
            let unasked = std::mem::take(&mut self.inner().unasked);
            if !unasked.is_empty() {
                stream.write_all(&unasked).await?;
                stream.flush().await?;
            }
            tokio::select! {
                () = self.shared.wake.notified() => continue,
                read = stream.read(&mut piece) => match read? {
                    0 => return Ok(()),
                    length => decoder.push(piece.get(..length).unwrap_or_default()),
                },
            }
            while let Some(packet) = decoder.next_packet() {
                match packet {
                    Ok(packet) if packet.address != self.inner().state.options.address => {}
                    Ok(packet) if packet.pid == Pid::Command => {
                        receiving = None;
                        self.command(&packet.content, &mut stream, &mut receiving).await?;
                    }
                    Ok(packet) => self.data(packet, &mut receiving),
                    Err(_) => self.answer(&mut stream, None, Code::PacketError, &[]).await?,
                }
            }
        }
    }

    fn data(&self, packet: Packet, receiving: &mut Option<(u8, Vec<u8>)>) {
        let Some((buffer, mut template)) = receiving.take() else { return };
        template.extend_from_slice(&packet.content);
        // It has room for no more.
        let mut inner = self.inner();
        template.truncate(inner.state.options.template);
        match packet.pid {
            Pid::LastData => inner.state.received(buffer, template),
            _ => *receiving = Some((buffer, template)),
        }
    }

    async fn command(
        &self,
        content: &[u8],
        stream: &mut (impl AsyncWrite + Unpin),
        receiving: &mut Option<(u8, Vec<u8>)>,
    ) -> std::io::Result<()> {
        if self.inner().dead {
            return Ok(());
        }
        let op = content.first().copied();
        let (reply, starts, slow) = {
            let mut inner = self.inner();
            (inner.state.do_it(content), inner.starts, inner.slow)
        };
        sleep(works_for(op) + slow).await;
        if self.inner().starts != starts {
            return Ok(());
        }
        match reply {
            Reply::Silence => Ok(()),
            Reply::Answer(code, params) => self.answer(stream, op, code, &params).await,
            Reply::Data(data) => {
                self.answer(stream, op, Code::Ok, &[]).await?;
                self.send(stream, &data).await
            }
            Reply::EndlessData(packets) => {
                self.answer(stream, op, Code::Ok, &[]).await?;
                let zeros = self.packet(Pid::Data, vec![0; 128]).encode();
                for _ in 0..packets {
                    // As fast as a line of 57600 carries them.
                    sleep(Duration::from_millis(24)).await;
                    stream.write_all(&zeros).await?;
                    if self.inner().starts != starts {
                        break;
                    }
                }
                Ok(())
            }
            Reply::Receive(buffer) => {
                *receiving = Some((buffer, Vec::new()));
                self.answer(stream, op, Code::Ok, &[]).await
            }
            Reply::Restart => {
                self.answer(stream, op, Code::Ok, &[]).await?;
                self.inner().state.power_on();
                sleep(Duration::from_millis(50)).await;
                stream.write_all(&[0x55]).await?;
                stream.flush().await
            }
        }
    }

    fn packet(&self, pid: Pid, content: Vec<u8>) -> Packet {
        Packet { address: self.inner().state.options.address, pid, content }
    }

    async fn send(&self, stream: &mut (impl AsyncWrite + Unpin), data: &[u8]) -> std::io::Result<()> {
        let size = 32_usize << self.inner().state.options.packet_code.min(3);
        let mut pieces = data.chunks(size).peekable();
        while let Some(piece) = pieces.next() {
            let pid = if pieces.peek().is_some() { Pid::Data } else { Pid::LastData };
            stream.write_all(&self.packet(pid, piece.to_vec()).encode()).await?;
        }
        stream.flush().await
    }

    async fn answer(
        &self,
        stream: &mut (impl AsyncWrite + Unpin),
        op: Option<u8>,
        code: Code,
        params: &[u8],
    ) -> std::io::Result<()> {
        let packet = self.packet(Pid::Answer, [&[code.byte()][..], params].concat());
        let mut bytes = packet.encode();
        let mischief = {
            let mut inner = self.inner();
            inner.mischief.take_if(|(only, _)| only.is_none() || *only == op).map(|(_, what)| what)
        };
        match mischief {
            None => {}
            Some(Mischief::Cut) => bytes.truncate(bytes.len() / 2),
            Some(Mischief::CutAndBreak) => {
                bytes.truncate(bytes.len() / 2);
                stream.write_all(&bytes).await?;
                stream.flush().await?;
                sleep(Duration::from_secs(3)).await;
                return Err(std::io::ErrorKind::BrokenPipe.into());
            }
            Some(Mischief::Twice) => bytes.extend_from_within(..),
            Some(Mischief::ErrorFirst) => {
                let error = self.packet(Pid::Answer, vec![Code::PacketError.byte()]);
                bytes.splice(..0, error.encode());
            }
            Some(Mischief::Damaged) => {
                if let Some(byte) = bytes.get_mut(9) {
                    *byte ^= 0x40;
                }
            }
            Some(Mischief::Lost) => bytes.clear(),
            Some(Mischief::Late(by)) => sleep(by).await,
        }
        stream.write_all(&bytes).await?;
        stream.flush().await
    }
}

/// How long a command takes, roughly as real modules need.
fn works_for(op: Option<u8>) -> Duration {
    Duration::from_millis(match op {
        Some(0x01) => 40,
        Some(0x02 | 0x05 | 0x06 | 0x0C | 0x0D | 0x18) => 30,
        Some(0x04 | 0x1B) => 25,
        _ => 3,
    })
}

#[cfg(test)]
mod tests;
