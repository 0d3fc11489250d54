//! The conversation with the chip: wake it, ask, wait with a bound, ask again (facts/readers.md A.1, A.2, A.6).

use std::time::Duration;

use punchd_contract::{Line, Lines, Mode, Place, Port};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::protocol::command::{Command, Dialect};
use crate::protocol::frame::{Decoder, Frame};
use crate::protocol::status::Firmware;
use crate::trouble::Trouble;

/// The chip's speed after power-on; it keeps it until told otherwise, and nobody does.
const MODE: Mode = Mode::at(115_200);
/// The three ways to wake it, in turn, and how long each waits for the ACK: through some adapters the first one takes 1.5 s (A.6).
const WAKING: [(Dialect, Duration); 3] = [
    (Dialect::Short, Duration::from_millis(300)),
    (Dialect::WithInterrupt, Duration::from_millis(600)),
    (Dialect::WithoutInterrupt, Duration::from_millis(1600)),
];
/// Waking bytes: an edge or two, and time for the clock to start.
const WAKE: [u8; 16] = [0x55, 0x55, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/// Once it is awake it says ACK within 15 ms (A.1); an adapter may sit on it.
const ACK_WAITS: Duration = Duration::from_millis(500);
/// How long what the chip does alone may take, what it does in its field, and what a card does.
const ANSWER_WAITS: Duration = Duration::from_millis(600);
const LIST_WAITS: Duration = Duration::from_secs(1);
/// A list is mostly told within a tenth of a second: what is silent for so long has lost its answer on the way, and the person is still
/// there. Asked again, it has all the time that it may need.
const LIST_WAITS_AT_FIRST: Duration = Duration::from_millis(400);
const CARD_WAITS: Duration = Duration::from_secs(2);
/// How often a command is said before the chip counts as lost: the one after an abort may be missed (A.1).
const TRIES: u32 = 2;
/// Frames without a gap lose their ACK on some adapters (A.7).
const GAP: Duration = Duration::from_millis(1);
/// The longest that is slept before the answer to a list is looked for; how often one that was there is tried a little sooner.
const LONGEST_NAP: Duration = Duration::from_millis(40);
const SHORTER: u32 = 32;
/// As long as this, and nothing more is on its way.
const QUIET: Duration = Duration::from_millis(10);
/// Bytes of an answer came, and then nothing for so long: it arrived broken. An adapter may hold bytes back for 16 ms.
const BROKEN: Duration = Duration::from_millis(40);
/// How often a broken answer is asked for again before the command itself is said again.
const AGAIN: u32 = 2;
/// A NACK is answered at once, by what is ready already.
const AGAIN_WAITS: Duration = Duration::from_millis(100);

/// The chip at the end of an open line.
pub(crate) struct Chip {
    line: Line,
    decoder: Decoder,
    /// When its last frame came.
    heard: Instant,
    /// Whether what we say comes back.
    echoes: bool,
    /// How long a list of nothing takes, as learnt.
    nap: Duration,
    /// Answers that arrived broken.
    broken: u64,
}

/// What came of waiting for a frame.
enum Heard {
    Frame(Frame),
    /// Something that is none, and no more of it.
    Broken,
    Nothing,
}

/// What one try of a command came to.
enum Said {
    Answer(Vec<u8>),
    NotUnderstood,
    Nothing,
}

impl Chip {
    /// Opens the line and wakes whatever is there.
    pub(crate) async fn open(port: &Port, place: &Place) -> Result<(Self, Firmware), Trouble> {
        Self::on(port.line(place, MODE).await?).await
    }

    /// The same, where nobody has configured it.
    pub(crate) async fn probe(lines: &dyn Lines, place: &Place) -> Result<Firmware, Trouble> {
        Ok(Self::on(lines.open(place.clone(), MODE).await?).await?.1)
    }

    async fn on(line: Line) -> Result<(Self, Firmware), Trouble> {
        let (decoder, heard) = (Decoder::default(), Instant::now());
        let mut chip = Self { line, decoder, heard, echoes: false, nap: Duration::from_millis(5), broken: 0 };
        let firmware = chip.wake().await?;
        Ok((chip, firmware))
    }

    pub(crate) fn place(&self) -> Place {
        self.line.place().clone()
    }

    /// How many answers arrived broken since the line was opened.
    pub(crate) fn broken(&self) -> u64 {
        self.broken
    }

    /// Wakes it, and sees that it is a PN532. After a loss of power it hears nothing but this.
    pub(crate) async fn wake(&mut self) -> Result<Firmware, Trouble> {
        let before = self.decoder.skipped();
        self.echoes = false;
        let mut pause = QUIET;
        for (dialect, ack_waits) in WAKING {
            let skipped = self.line.drain(QUIET).await?;
            self.decoder.reset();
            tracing::debug!(place = %self.line.place(), ?dialect, skipped, "waking the PN532");
            let command = Command::SamConfiguration(dialect);
            let mut bytes = WAKE.to_vec();
            bytes.extend(Frame::Command(command.message()).encode());
            self.line.write(&bytes).await?;
            if let Said::Answer(_) = self.hear(&command, ack_waits, ANSWER_WAITS).await? {
                let data = self.ask(&Command::GetFirmwareVersion).await?;
                let place = self.place();
                let firmware = Firmware::parse(&data).ok_or(Trouble::Noise(place.clone()))?;
                return match firmware.is_pn532() {
                    true => Ok(firmware),
                    false => Err(Trouble::OtherChip { place, chip: firmware.to_string() }),
                };
            }
            sleep(pause).await;
            pause *= 4;
        }
        Err(match (self.echoes, self.decoder.skipped() > before) {
            (true, _) => Trouble::Echo(self.place()),
            (_, true) => Trouble::Noise(self.place()),
            _ => Trouble::Silent(self.place()),
        })
    }

    /// The data of the answer to a list that will most likely tell of nothing: sleeps until that is there instead of waking for the
    /// ACK and again for the answer, which is most of what an idle reader costs.
    pub(crate) async fn ask_at_leisure(&mut self, command: &Command) -> Result<Vec<u8>, Trouble> {
        self.pause().await;
        let said = Instant::now();
        self.line.write(&Frame::Command(command.message()).encode()).await?;
        sleep(self.nap).await;
        let woken = Instant::now();
        match self.hear(command, ACK_WAITS, answer_waits(command, 0)).await? {
            Said::Answer(data) => {
                self.nap = if woken.elapsed() < GAP / 2 {
                    // It was there; it may have come long before, and the next command needs no further pause.
                    self.heard = said;
                    self.nap - self.nap / SHORTER
                } else {
                    (said.elapsed() + GAP).min(LONGEST_NAP)
                };
                Ok(data)
            }
            Said::NotUnderstood | Said::Nothing => self.ask(command).await,
        }
    }

    /// The gap between what was heard last and what is said next.
    async fn pause(&mut self) {
        if self.heard.elapsed() < GAP {
            sleep_until(self.heard + GAP).await;
        }
    }

    /// The data of the answer to a command.
    pub(crate) async fn ask(&mut self, command: &Command) -> Result<Vec<u8>, Trouble> {
        let frame = Frame::Command(command.message()).encode();
        let mut refused = false;
        for attempt in 0..TRIES {
            if attempt > 0 {
                // An ACK gives up what the chip may still be doing; then the line has to be quiet.
                self.line.write(&Frame::Ack.encode()).await?;
                self.line.drain(QUIET).await?;
                self.decoder.reset();
            } else {
                self.pause().await;
            }
            self.line.write(&frame).await?;
            match self.hear(command, ACK_WAITS, answer_waits(command, attempt)).await? {
                Said::Answer(data) => return Ok(data),
                // What arrived broken is not understood either.
                Said::NotUnderstood => refused = true,
                Said::Nothing => refused = false,
            }
            tracing::debug!(place = %self.line.place(), code = command.code(), refused, "the PN532 did not answer");
        }
        let place = self.place();
        Err(if refused { Trouble::Refuses { place, code: command.code() } } else { Trouble::Lost(place) })
    }

    /// Waits for ACK and answer. What comes before the ACK belongs to something that was given up.
    async fn hear(&mut self, command: &Command, ack_waits: Duration, answer_waits: Duration) -> Result<Said, Trouble> {
        let wanted = command.code().wrapping_add(1);
        let deadline = Instant::now() + ack_waits;
        loop {
            match self.frame(deadline).await? {
                Some(Frame::Ack) => break,
                Some(Frame::NotUnderstood) => return Ok(Said::NotUnderstood),
                Some(Frame::Command(_)) => self.echoes = true,
                // Its ACK was lost, or it is late: which of the two, nobody can tell, and asking again costs little.
                Some(Frame::Answer(message)) if message.first() == Some(&wanted) => return Ok(Said::Nothing),
                Some(Frame::Answer(_) | Frame::Nack) => {}
                None => return Ok(Said::Nothing),
            }
        }
        let (mut deadline, mut again) = (Instant::now() + answer_waits, 0);
        loop {
            match self.answer(deadline).await? {
                Heard::Frame(Frame::Answer(message)) => {
                    if let Some((code, data)) = message.split_first()
                        && *code == wanted
                    {
                        return Ok(Said::Answer(data.to_vec()));
                    }
                }
                Heard::Frame(Frame::NotUnderstood) => return Ok(Said::NotUnderstood),
                Heard::Frame(Frame::Command(_)) => self.echoes = true,
                Heard::Frame(Frame::Ack | Frame::Nack) => {}
                Heard::Broken if again < AGAIN => {
                    (again, self.broken) = (again + 1, self.broken + 1);
                    tracing::debug!(place = %self.line.place(), code = command.code(), "an answer of the PN532 arrived broken");
                    self.line.write(&Frame::Nack.encode()).await?;
                    deadline = deadline.min(Instant::now() + AGAIN_WAITS);
                }
                Heard::Broken | Heard::Nothing => return Ok(Said::Nothing),
            }
        }
    }

    /// The next frame, or that something came which is none. A chip that is still at work says nothing at all.
    async fn answer(&mut self, deadline: Instant) -> Result<Heard, Trouble> {
        let before = self.decoder.skipped();
        loop {
            if let Some(frame) = self.decoder.next_frame() {
                self.heard = Instant::now();
                return Ok(Heard::Frame(frame));
            }
            let came = self.decoder.skipped() > before || self.decoder.waiting() > 1;
            let until = if came { deadline.min(Instant::now() + BROKEN) } else { deadline };
            let mut bytes = Vec::new();
            match timeout_at(until, self.line.read(&mut bytes)).await {
                Ok(read) => read?,
                Err(_) if came => {
                    self.decoder.reset();
                    return Ok(Heard::Broken);
                }
                Err(_) => return Ok(Heard::Nothing),
            };
            self.decoder.push(&bytes);
        }
    }

    /// The next frame, if one comes in time.
    async fn frame(&mut self, deadline: Instant) -> Result<Option<Frame>, Trouble> {
        loop {
            if let Some(frame) = self.decoder.next_frame() {
                self.heard = Instant::now();
                return Ok(Some(frame));
            }
            let mut bytes = Vec::new();
            match timeout_at(deadline, self.line.read(&mut bytes)).await {
                Ok(read) => read?,
                Err(_) => return Ok(None),
            };
            self.decoder.push(&bytes);
        }
    }
}

fn answer_waits(command: &Command, attempt: u32) -> Duration {
    match command {
        Command::List(_) if attempt == 0 => LIST_WAITS_AT_FIRST,
        Command::List(_) => LIST_WAITS,
        Command::Exchange { .. } => CARD_WAITS,
        _ => ANSWER_WAITS,
    }
}
