//! Questions and answers over a line: one at a time, each with a bound, and no answer taken for that of another question.
//!
//! A module answers in the order in which it was asked. So after a question whose answer did not come, one is asked that has an
//! unmistakable answer (the parameters, or what a model without them answers), and what comes before that is thrown away.

use std::time::Duration;

use punchd_contract::Line;
use tokio::time::{Instant, timeout_at};

use crate::protocol::{Address, Ask, Code, Decoder, Packet, Parameters, Pid};
use crate::trouble::Trouble;

/// How long an answer may take: searches take up to a second, and adapters were seen to delay by 1.5 s (facts/readers.md H.3).
pub const PATIENCE: Duration = Duration::from_secs(2);
/// For a command that a module may not have; such a module may be silent (facts/readers.md C.1).
const PROBE: Duration = Duration::from_millis(600);
/// How often it is asked before it counts as silent.
const TRIES: usize = 3;
/// Before each question: what a module says twice follows at once (facts/readers.md C.3).
const QUIET: Duration = Duration::from_millis(15);
/// Before the question with the unmistakable answer.
const SETTLES: Duration = Duration::from_millis(100);
/// A packet has begun and nothing more comes for so long: its rest is lost.
const BROKEN: Duration = Duration::from_millis(100);
/// After "packet error" the answer itself may still come (facts/readers.md C.3).
const SECOND_THOUGHT: Duration = Duration::from_millis(150);
/// A template is at most so long and takes at most this time (facts/readers.md C.2).
const MOST_TEMPLATE: usize = 4096;
/// Bytes of a data packet where the module does not say.
const USUAL_PACKET: usize = 128;
const TEMPLATE_TAKES: Duration = Duration::from_secs(3);

/// What a module said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether it did it.
    pub code: Code,
    /// What follows the code.
    pub params: Vec<u8>,
    /// All of it as it came.
    pub raw: Vec<u8>,
}

/// What came of asking for a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upload {
    /// This one.
    Template(Vec<u8>),
    /// It does not give it away.
    Refused,
    /// More than any template has, or no end: such modules exist (facts/readers.md C.2).
    Endless,
}

/// What came of listening.
enum Heard {
    Packet(Packet),
    /// One that arrived broken.
    Damaged,
    Nothing,
}

/// A conversation with a module.
#[derive(Debug)]
pub struct Session {
    line: Line,
    decoder: Decoder,
    address: Address,
    /// A question was asked whose answer has not come yet.
    pending: bool,
    /// It was silent: another module may be there now.
    shaken: bool,
    packet_bytes: usize,
    /// The question that has an unmistakable answer from this model.
    anchor: Option<Ask>,
}

impl Session {
    /// Over this line, with the module of this address.
    pub fn over(line: Line, address: Address) -> Self {
        Self {
            line,
            decoder: Decoder::default(),
            address,
            pending: false,
            shaken: false,
            packet_bytes: USUAL_PACKET,
            anchor: None,
        }
    }

    /// Says the password and reads the parameters; `None` from a model that does not tell them. A model that `told` them before is asked
    /// more often, so that a disturbed line makes no other model of it.
    pub async fn greet(&mut self, password: u32, told: bool) -> Result<Option<Parameters>, Trouble> {
        let greeted = self.first(Ask::VfyPwd { password }, TRIES).await?;
        match greeted.as_ref().map(|answer| answer.code) {
            // Firmware without passwords does not know the command.
            None | Some(Code::Ok | Code::PacketError | Code::Unsupported) => {}
            Some(Code::WrongPassword) => return Err(Trouble::WrongPassword),
            code => return Err(Trouble::Mute { what: "whether the password is right", code }),
        }
        let mut parameters = self.parameters(if greeted.is_some() { 2 } else { 1 }).await?;
        self.anchor = Some(Ask::ReadSysPara);
        if parameters.is_none() {
            self.anchor = self.other_anchor().await?;
            if greeted.is_none() && self.anchor.is_none() && self.first(Ask::GenImg, 1).await?.is_none() {
                return Err(Trouble::Silent);
            }
            if told {
                parameters = self.parameters(2 * TRIES).await?;
                self.anchor = parameters.map(|_| Ask::ReadSysPara).or(self.anchor);
            }
        }
        (self.pending, self.shaken) = (false, false);
        self.packet_bytes = parameters.map_or(USUAL_PACKET, |parameters| parameters.packet_bytes());
        Ok(parameters)
    }

    async fn parameters(&mut self, tries: usize) -> Result<Option<Parameters>, Trouble> {
        let answer = self.first(Ask::ReadSysPara, tries).await?;
        Ok(answer.filter(|answer| answer.code == Code::Ok).and_then(|answer| Parameters::parse(&answer.params)))
    }

    /// Another question whose answer has a length of its own.
    async fn other_anchor(&mut self) -> Result<Option<Ask>, Trouble> {
        for ask in [Ask::TempleteNum, Ask::ReadIndexTable { page: 0 }] {
            if self.first(ask, 1).await?.is_some_and(|answer| answer.code == Code::Ok) {
                return Ok(Some(ask));
            }
        }
        Ok(None)
    }

    /// Asks so often, before it is known what the module answers at all.
    async fn first(&mut self, ask: Ask, tries: usize) -> Result<Option<Answer>, Trouble> {
        let mut refused = None;
        for _ in 0..tries {
            if self.pending {
                self.line.drain(SETTLES).await?;
            }
            match self.once(ask, PATIENCE).await? {
                Some(answer) if answer.code == Code::PacketError => refused = Some(answer),
                Some(answer) => return checked(ask, answer).map(Some),
                None => {}
            }
        }
        Ok(refused)
    }

    /// Whether it was silent since it was greeted last.
    pub fn shaken(&self) -> bool {
        self.shaken
    }

    /// Asks, again where nothing or nothing whole came. All questions can be asked twice: what was stored is stored again.
    pub async fn ask(&mut self, ask: Ask) -> Result<Answer, Trouble> {
        let mut refused = None;
        for _ in 0..TRIES {
            self.settle().await?;
            match self.once(ask, PATIENCE).await? {
                Some(answer) if answer.code == Code::PacketError => refused = Some(answer),
                Some(answer) => return checked(ask, answer),
                None => {}
            }
        }
        match refused {
            Some(refused) => Ok(refused),
            None if self.anchor.is_none() => Err(Trouble::Silent),
            None => {
                // It answers something else, so it is there.
                self.settle().await?;
                Err(Trouble::Unanswered { command: ask.name() })
            }
        }
    }

    /// The same for a command that the model may not have and may be silent about.
    pub async fn ask_or_silence(&mut self, ask: Ask, patience: Duration) -> Result<Option<Answer>, Trouble> {
        let shaken = self.shaken;
        let mut refused = None;
        for _ in 0..2 {
            self.settle().await?;
            match self.once(ask, patience).await? {
                Some(answer) if answer.code == Code::PacketError => refused = Some(answer),
                Some(answer) => return checked(ask, answer).map(Some),
                None => {}
            }
        }
        self.settle().await?;
        self.shaken = shaken;
        Ok(refused)
    }

    /// Whether it was done.
    pub async fn code(&mut self, ask: Ask) -> Result<Code, Trouble> {
        Ok(self.ask(ask).await?.code)
    }

    /// Tells it something that is good to have and that nothing hangs on; silence is as good as a refusal.
    pub async fn suggest(&mut self, ask: Ask) -> Result<(), Trouble> {
        self.ask_or_silence(ask, PROBE).await.map(|_| ())
    }

    /// The code of the answer to a command that the model may not have; `None` for silence.
    pub async fn code_or_silence(&mut self, ask: Ask) -> Result<Option<Code>, Trouble> {
        Ok(self.ask_or_silence(ask, PATIENCE).await?.map(|answer| answer.code))
    }

    /// Asks for something that the model may not have; silence is an answer, too, and says nothing of the module being another.
    pub async fn probe(&mut self, ask: Ask) -> Result<Option<Answer>, Trouble> {
        let answer = self.ask_or_silence(ask, PROBE).await?;
        Ok(answer.filter(|answer| answer.code == Code::Ok))
    }

    /// One question, and the answer if it comes.
    async fn once(&mut self, ask: Ask, patience: Duration) -> Result<Option<Answer>, Trouble> {
        self.line.drain(QUIET).await?;
        self.decoder.clear();
        self.pending = true;
        self.line.write(&ask.packet(self.address).encode()).await?;
        let mut end = Instant::now() + patience;
        let (mut refused, mut damaged) = (None, false);
        loop {
            let packet = match self.heard(end).await? {
                Heard::Packet(packet) => packet,
                Heard::Nothing => break,
                // It was an answer, or would have been: asked again at once, while the finger still lies there.
                Heard::Damaged => {
                    damaged = true;
                    end = end.min(Instant::now() + SECOND_THOUGHT);
                    continue;
                }
            };
            let Some((code, params)) = packet.content.split_first() else { continue };
            let code = Code::of(*code);
            if packet.pid != Pid::Answer || !ask.takes(code, params.len()) {
                continue;
            }
            let answer = Answer { code, params: params.to_vec(), raw: packet.encode() };
            if code != Code::PacketError {
                self.pending = false;
                return Ok(Some(answer));
            }
            refused = Some(answer);
            end = end.min(Instant::now() + SECOND_THOUGHT);
        }
        self.pending = refused.is_none();
        self.shaken |= self.pending && !damaged;
        Ok(refused)
    }

    /// The next packet of this module, until then.
    async fn packet(&mut self, end: Instant) -> Result<Option<Packet>, Trouble> {
        loop {
            match self.heard(end).await? {
                Heard::Packet(packet) => return Ok(Some(packet)),
                // What is missing is asked for again.
                Heard::Damaged => {}
                Heard::Nothing => return Ok(None),
            }
        }
    }

    /// What comes next of this module, until then.
    async fn heard(&mut self, end: Instant) -> Result<Heard, Trouble> {
        loop {
            match self.decoder.next_packet() {
                Some(Ok(packet)) if packet.address == self.address => return Ok(Heard::Packet(packet)),
                // Another's.
                Some(Ok(_)) => {}
                Some(Err(_)) => return Ok(Heard::Damaged),
                None => {
                    let begun = self.decoder.begun();
                    let until = if begun { end.min(Instant::now() + BROKEN) } else { end };
                    let mut piece = Vec::new();
                    match timeout_at(until, self.line.read(&mut piece)).await {
                        Ok(read) => read?,
                        Err(_) if begun && until < end => {
                            self.decoder.clear();
                            return Ok(Heard::Damaged);
                        }
                        Err(_) => return Ok(Heard::Nothing),
                    };
                    self.decoder.push(&piece);
                }
            }
        }
    }

    /// Makes sure that nothing is on its way any more.
    async fn settle(&mut self) -> Result<(), Trouble> {
        for _ in 0..TRIES {
            if !self.pending {
                return Ok(());
            }
            self.line.drain(SETTLES).await?;
            match self.anchor {
                Some(anchor) => drop(self.once(anchor, PATIENCE).await?),
                // With nothing unmistakable to ask, whatever is late has to have come by then.
                None => {
                    self.line.drain(PATIENCE).await?;
                    self.pending = false;
                }
            }
        }
        if self.pending { Err(Trouble::Silent) } else { Ok(()) }
    }

    /// The template in a buffer.
    pub async fn upload(&mut self, buffer: u8) -> Result<Upload, Trouble> {
        for _ in 0..TRIES {
            if self.code_or_silence(Ask::UpChar { buffer }).await? != Some(Code::Ok) {
                return Ok(Upload::Refused);
            }
            self.pending = true;
            let end = Instant::now() + TEMPLATE_TAKES;
            let mut template = Vec::new();
            while template.len() <= MOST_TEMPLATE {
                match self.packet(end).await? {
                    Some(packet) if packet.pid == Pid::Data => template.extend(packet.content),
                    Some(packet) if packet.pid == Pid::LastData => {
                        template.extend(packet.content);
                        self.pending = false;
                        break;
                    }
                    Some(_) => {}
                    None => break,
                }
            }
            if template.len() > MOST_TEMPLATE {
                return Ok(Upload::Endless);
            }
            // A packet that was lost shows in the length, which is that of whole packets or of the model; the caller compares.
            if !self.pending {
                return Ok(Upload::Template(template));
            }
        }
        Ok(Upload::Endless)
    }

    /// A template into a buffer. Whether it arrived, [`upload`](Self::upload) shows.
    pub async fn download(&mut self, buffer: u8, template: &[u8]) -> Result<Code, Trouble> {
        let code = self.code(Ask::DownChar { buffer }).await?;
        if code != Code::Ok {
            return Ok(code);
        }
        // Data is not answered: if this is dropped half way, the next question makes the module give it up.
        self.pending = true;
        let mut pieces = template.chunks(self.packet_bytes).peekable();
        while let Some(piece) = pieces.next() {
            let pid = if pieces.peek().is_some() { Pid::Data } else { Pid::LastData };
            let packet = Packet { address: self.address, pid, content: piece.to_vec() };
            self.line.write(&packet.encode()).await?;
        }
        self.pending = false;
        Ok(Code::Ok)
    }
}

/// What is no answer to the question but the end of the conversation.
fn checked(ask: Ask, answer: Answer) -> Result<Answer, Trouble> {
    match answer.code {
        Code::MustVerify if !matches!(ask, Ask::VfyPwd { .. }) => Err(Trouble::Restarted),
        Code::SensorHardware | Code::Hardware => Err(Trouble::Broken),
        _ => Ok(answer),
    }
}
