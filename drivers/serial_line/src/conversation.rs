//! One line, for as long as it lasts: what arrives is followed at once, whatever the disk and the reader's display take their time for.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use punchd_contract::submissions::Answered;
use punchd_contract::text_in_time::Text as Arrived;
use punchd_contract::{
    CommandError, Credential, Health, Line, LineError, LineReader, LineWriter, Member, Method, Misread, Reading, Sign,
    Submissions, Text,
};
use tokio::time::{Instant, sleep_until};

use crate::driver::Memory;
use crate::protocol::decoder::Heard;
use crate::protocol::rdm6300;
use crate::settings::{Sends, Settings};
use crate::trigger::Triggering;

/// Health is said again this often, so that the agent sees the driver alive.
const SAYS_AGAIN: Duration = Duration::from_secs(120);
/// A card reader tells a card that lies there every 65 ms: where no good frame follows a spoilt one for so long, its person was not read.
const FRAME_FOLLOWS: Duration = Duration::from_secs(1);
/// Fewer digits of a frame tell nothing of a card.
const LEAST_OF_A_FRAME: usize = 4;

/// So long after it was written, a text that comes back is an echo.
const ECHOES: Duration = Duration::from_secs(2);
/// Answers that are remembered for that.
const MOST_ECHOES: usize = 4;

/// What a reading on its way is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    Whole,
    /// Kept for a person to decide; whoever presented it is to try again.
    Part,
}

/// One line.
pub(crate) struct Conversation<'a> {
    member: &'a Member<Settings>,
    reader: LineReader,
    writer: LineWriter,
    memory: &'a mut Memory,
    submissions: Submissions<'a, Is>,
    triggering: Triggering,
    /// What is wrong with what arrives, until something good arrives.
    doubt: Option<Text>,
    /// A spoilt frame, and when its person was not read.
    spoilt: Option<(Vec<u8>, Instant)>,
    /// What was written lately: an adapter of two wires gives it back, and it is nobody's text.
    written: VecDeque<(Vec<u8>, Instant)>,
    says_again: Instant,
}

impl<'a> Conversation<'a> {
    /// Over this line.
    pub fn over(member: &'a Member<Settings>, line: Line, memory: &'a mut Memory) -> Self {
        let (now, (reader, writer)) = (Instant::now(), line.split());
        let (triggering, submissions) =
            (Triggering::new(member.settings.trigger, now), Submissions::over(&member.port));
        Self {
            member,
            reader,
            writer,
            memory,
            submissions,
            triggering,
            doubt: None,
            spoilt: None,
            written: VecDeque::new(),
            says_again: now,
        }
    }

    /// Talks until the line is lost.
    pub async fn go_on(&mut self) -> Result<Infallible, LineError> {
        for part in std::mem::take(&mut self.memory.parts) {
            self.take(part);
        }
        self.say();
        let (mut heard, mut bytes) = (Vec::new(), Vec::new());
        loop {
            bytes.clear();
            let due = self.memory.decoder.due().map(|due| self.memory.origin + due);
            let (triggers, spoilt) = (self.triggering.due(), self.spoilt.as_ref().map(|(_, due)| *due));
            tokio::select! {
                // What has arrived comes before the silence after it; and no flood keeps the driver from saying that it lives, or people
                // from their answers.
                biased;
                () = sleep_until(self.says_again) => self.say(),
                answered = self.submissions.next() => self.answer(&answered),
                read = self.reader.read(&mut bytes) => {
                    read?;
                    self.memory.decoder.push(&bytes, self.memory.origin.elapsed(), &mut heard);
                }
                () = at(due) => self.memory.decoder.pass(self.memory.origin.elapsed(), &mut heard),
                () = at(spoilt) => self.give_up_frame(),
                () = at(triggers) => {
                    if let Some(command) = self.triggering.fire(Instant::now()) {
                        self.writer.push(command);
                    }
                    self.say();
                }
                stuck = self.writer.write() => return stuck,
                request = self.member.port.request() => request.answer(Err(CommandError::Unsupported)),
            }
            for heard in heard.drain(..) {
                self.take(heard);
            }
        }
    }

    fn take(&mut self, heard: Heard) {
        match (heard, &self.member.settings.sends) {
            (Heard::Acknowledged, _) => {
                self.triggering.acknowledged(Instant::now());
                self.say();
            }
            (Heard::Broken(frame), _) => self.spoilt = Some((frame, Instant::now() + FRAME_FOLLOWS)),
            (Heard::Card(card), _) => {
                self.spoilt = None;
                let raw = rdm6300::frame(card, false);
                self.whole(
                    Reading::now(Credential::Card(card.to_vec()), Method::Card, "rdm6300", raw),
                    None,
                    Duration::ZERO,
                );
            }
            (Heard::Line(line), Sends::Text { .. }) if self.is_echo(&line.bytes) => {
                tracing::debug!(device = %self.member.device, "what was written to the reader came back");
            }
            (Heard::Line(line), Sends::Text { means, .. }) => {
                let ago = self.ago(&line);
                match means.read(&line.bytes) {
                    None => {}
                    Some(Ok(reading)) => self.whole(reading, None, ago),
                    Some(Err(Misread { reading, text })) => self.whole(reading, Some(text), ago),
                }
            }
            (Heard::Part(part), Sends::Text { means, .. }) => {
                let ago = self.ago(&part);
                self.part(means.part(&part.bytes), ago);
            }
            (Heard::Line(_) | Heard::Part(_), Sends::Rdm6300) => {}
        }
    }

    /// Whether this is what was written a moment ago.
    fn is_echo(&mut self, line: &[u8]) -> bool {
        let now = Instant::now();
        self.written.retain(|(_, until)| now < *until);
        let echo = self.written.iter().position(|(written, _)| written.trim_ascii() == line.trim_ascii());
        echo.and_then(|at| self.written.remove(at)).is_some()
    }

    /// How long ago this arrived.
    fn ago(&self, text: &Arrived) -> Duration {
        self.memory.origin.elapsed().saturating_sub(text.at)
    }

    fn whole(&mut self, reading: Reading, doubt: Option<Text>, ago: Duration) {
        let now = Instant::now();
        self.triggering.read(now);
        if !self.memory.repeat.is_new(&reading.raw, now) {
            return;
        }
        self.memory.losses.good();
        self.doubt = doubt;
        self.submit(reading, ago, Is::Whole);
        self.say();
    }

    /// Counted, and kept where there is something to keep and no flood.
    fn part(&mut self, reading: Option<Reading>, ago: Duration) {
        let keep = self.memory.losses.spoilt(Instant::now());
        if let Some(reading) = reading.filter(|_| keep) {
            self.submit(reading, ago, Is::Part);
        }
        self.say();
    }

    /// No good frame has followed.
    fn give_up_frame(&mut self) {
        let Some((frame, _)) = self.spoilt.take() else { return };
        let digits = frame.iter().filter(|byte| byte.is_ascii_hexdigit()).count();
        let reading = || Reading::now(Credential::Unreadable, Method::Card, "rdm6300 part", frame);
        let reading = (digits >= LEAST_OF_A_FRAME).then(reading);
        self.part(reading, FRAME_FOLLOWS);
    }

    fn submit(&mut self, reading: Reading, ago: Duration, is: Is) {
        let Err(refused) = self.submissions.push(reading, ago, is) else { return };
        let (reading, _) = *refused;
        tracing::warn!(device = %self.member.device, "more was presented at once than can be recorded, the person is told to try again");
        self.memory.repeat.answered(&reading.raw, false, Instant::now());
        self.memory.losses.spoilt(Instant::now());
        self.show(&reading, &Sign::part(), None);
    }

    /// The person is answered only after the reading is on disk.
    fn answer(&mut self, answered: &Answered<Is>) {
        let Answered { reading, tag, answer } = answered;
        if let Err(error) = answer {
            tracing::warn!(device = %self.member.device, %error, "a reading was not recorded, the person is told to try again");
        }
        let seq = answer.as_ref().ok().map(|receipt| receipt.seq);
        match tag {
            Is::Whole => {
                self.memory.repeat.answered(&reading.raw, answer.is_ok(), Instant::now());
                self.show(reading, &Sign::of(answer), seq);
            }
            Is::Part => self.show(reading, &Sign::part(), seq),
        }
    }

    fn show(&mut self, reading: &Reading, sign: &Sign, seq: Option<u64>) {
        if let Some(bytes) = self.member.settings.answers.bytes(reading, sign, seq) {
            self.writer.push(&bytes);
            if self.written.len() == MOST_ECHOES {
                self.written.pop_front();
            }
            self.written.push_back((bytes, Instant::now() + ECHOES));
        }
    }

    fn say(&mut self) {
        self.says_again = Instant::now() + SAYS_AGAIN;
        let (port, settings, losses) = (&self.member.port, &self.member.settings, &self.memory.losses);
        if let Some(silent) = self.triggering.silent() {
            port.health(Health::fault(silent));
        } else if let Some(doubt) = &self.doubt {
            port.health(Health::warning(doubt.clone()));
        } else if let Some(spoilt) = losses.text().filter(|_| losses.warns()) {
            port.health(Health::warning(advised(&spoilt)));
        } else if self.triggering.is_working() {
            let (place, baud) = (&settings.place, settings.mode.baud);
            let (mut en, mut zh) = (
                format!("waiting for what is presented, at {place} with {baud} baud"),
                format!("等待读取，位于 {place}，波特率 {baud}"),
            );
            if let Some(spoilt) = losses.text() {
                en = format!("{en}; {}", spoilt.en);
                zh = format!("{zh}；{}", spoilt.zh);
            }
            port.health(Health::working(Text::new(en, zh)));
        }
    }
}

async fn at(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => std::future::pending().await,
    }
}

/// With what to do about it.
fn advised(spoilt: &Text) -> Text {
    Text::new(
        format!(
            "{}: check `baud`, `parity`, `format`, `terminator`, `idle_ms` and the wiring; what looks like a text is kept as unreadable, and `punchd punches decide` gives it to a person",
            spoilt.en
        ),
        format!(
            "{}：请检查 `baud`、`parity`、`format`、`terminator`、`idle_ms` 和接线；可辨认的内容已作为无法识别的记录留存，可用 `punchd punches decide` 归给本人",
            spoilt.zh
        ),
    )
}
