//! One link to a device that notifies: what it sends is followed at once, whatever the disk and the device take their time for.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use punchd_contract::submissions::Answered;
use punchd_contract::text_in_time::{Text as Frame, Told};
use punchd_contract::{Health, Member, Misread, Reading, Sign, Submissions, Text};
use tokio::time::{Instant, sleep_until};

use super::Settings;
use super::driver::Memory;
use crate::protocol::content;
use crate::protocol::frame::Framing;
use crate::radio::{Link, Trouble};

/// How often an idle device's health is said again, so that its driver is not taken for dead.
const SAYS_AGAIN: Duration = Duration::from_secs(240);
/// Answers that may wait to be written; a device that takes none of them is given up.
const MOST_UNWRITTEN: usize = 16;

/// What a reading on its way is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Is {
    Whole {
        frame: Vec<u8>,
    },
    /// Kept for a person to decide; whoever presented it is to try again.
    Part,
}

/// One link's worth of talking.
pub(super) struct Conversation<'a> {
    member: &'a Member<Settings>,
    link: Link,
    memory: &'a mut Memory,
    submissions: Submissions<'a, Is>,
    unwritten: VecDeque<Vec<u8>>,
    writing: Option<BoxFuture<'static, Result<(), Trouble>>>,
    /// What was answered to what was presented last: told again to who presents it again.
    last: Option<(Vec<u8>, Vec<u8>)>,
    /// What is to be looked at, if the last message was not what the settings say.
    doubt: Option<Text>,
    says_again: Instant,
}

impl<'a> Conversation<'a> {
    /// Over this link.
    pub fn over(member: &'a Member<Settings>, link: Link, memory: &'a mut Memory) -> Self {
        let (submissions, unwritten) = (Submissions::over(&member.port), VecDeque::new());
        let (says_again, writing, last, doubt) = (Instant::now(), None, None, None);
        Self { member, link, memory, submissions, unwritten, writing, last, doubt, says_again }
    }

    /// Talks until the link is gone.
    pub async fn hold(mut self) -> Trouble {
        match self.talk().await {
            Ok(never) => match never {},
            Err(trouble) => trouble,
        }
    }

    async fn talk(&mut self) -> Result<Infallible, Trouble> {
        for bytes in &self.member.settings.init {
            self.link.write(bytes).await?;
        }
        tracing::info!(device = %self.member.device, pipe = self.link.pipe(), "Bluetooth device is connected");
        let mut told = std::mem::take(&mut self.memory.parts);
        loop {
            for told in told.drain(..) {
                self.take(told);
            }
            if self.writing.is_none()
                && let Some(bytes) = self.unwritten.pop_front()
            {
                let writer = self.link.writer();
                self.writing = Some(async move { writer.write(&bytes).await }.boxed());
            }
            let due = self.memory.decoder.due().map(|due| self.memory.origin + due);
            tokio::select! {
                // What has come is taken before a pause is believed.
                biased;
                () = sleep_until(self.says_again) => self.say(),
                answered = self.submissions.next() => self.answer(answered),
                notified = self.link.read_at() => {
                    let (at, bytes) = notified?;
                    self.memory.decoder.push(&bytes, at.duration_since(self.memory.origin), &mut told);
                }
                () = at(due) => self.memory.decoder.pass(self.memory.origin.elapsed(), &mut told),
                written = written(&mut self.writing) => {
                    self.writing = None;
                    written?;
                }
            }
        }
    }

    fn take(&mut self, told: Told) {
        let settings = &self.member.settings;
        match told {
            Told::Whole(frame) => {
                self.memory.marks = true;
                match content::read(&frame.bytes, &settings.prefix, settings.content) {
                    None => {}
                    Some(Ok(reading)) => self.whole(frame, reading, None),
                    Some(Err(Misread { reading, text })) => self.whole(frame, reading, Some(text)),
                }
            }
            Told::Part(part) => {
                let keep = self.memory.losses.spoilt(Instant::now());
                if let Some(reading) = content::part(&part.bytes, settings.content).filter(|_| keep) {
                    let ago = self.ago(&part);
                    self.submit(reading, ago, Is::Part);
                }
                self.say();
            }
        }
    }

    fn ago(&self, frame: &Frame) -> Duration {
        self.memory.origin.elapsed().saturating_sub(frame.at)
    }

    fn whole(&mut self, frame: Frame, reading: Reading, doubt: Option<Text>) {
        if !self.memory.repeat.is_new(&frame.bytes, Instant::now()) {
            if let Some((_, answer)) = self.last.as_ref().filter(|(last, _)| *last == frame.bytes) {
                let answer = answer.clone();
                self.write(answer);
            }
            return;
        }
        self.memory.losses.good();
        self.doubt = doubt;
        let ago = self.ago(&frame);
        self.submit(reading, ago, Is::Whole { frame: frame.bytes });
        self.say();
    }

    fn submit(&mut self, mut reading: Reading, ago: Duration, is: Is) {
        let how = reading.profile.as_deref().unwrap_or_default();
        reading.profile = Some(format!("ble:{} {how}", self.link.pipe()));
        let Err(refused) = self.submissions.push(reading, ago, is) else { return };
        tracing::warn!(device = %self.member.device, "more was presented at once than can be recorded, the person is told to try again");
        if let (_, Is::Whole { frame }) = *refused {
            self.memory.repeat.answered(&frame, false, Instant::now());
        }
        self.memory.losses.spoilt(Instant::now());
        self.show(&Sign::part());
    }

    /// The person is answered only after the reading is on disk.
    fn answer(&mut self, answered: Answered<Is>) {
        match answered.tag {
            Is::Part => drop(self.show(&Sign::part())),
            Is::Whole { frame } => {
                let recorded = answered.answer.is_ok();
                self.memory.repeat.answered(&frame, recorded, Instant::now());
                let answer = self.show(&Sign::of(&answered.answer));
                // Who was told to try again is not repeating himself.
                self.last = recorded.then_some((frame, answer));
            }
        }
    }

    fn show(&mut self, sign: &Sign) -> Vec<u8> {
        let answer = self.member.settings.answers.as_ref().map(|answers| answers.bytes(sign)).unwrap_or_default();
        self.write(answer.clone());
        answer
    }

    fn write(&mut self, bytes: Vec<u8>) {
        if !bytes.is_empty() && self.unwritten.len() < MOST_UNWRITTEN {
            self.unwritten.push_back(bytes);
        }
    }

    fn say(&mut self) {
        self.says_again = Instant::now() + SAYS_AGAIN;
        let (target, losses) = (&self.member.settings.wanted.target, &self.memory.losses);
        let unmarked = !self.memory.marks && self.member.settings.framing == Framing::Line;
        self.member.port.health(match (&self.doubt, losses.text()) {
            (Some(doubt), _) => Health::warning(doubt.clone()),
            (None, Some(_)) if unmarked => Health::warning(endless()),
            (None, Some(cut)) if losses.warns() => Health::warning(advised(&cut)),
            (None, cut) => {
                let (mut en, mut zh) =
                    (format!("connected to {target} over Bluetooth"), format!("已通过蓝牙连接 {target}"));
                if let Some(cut) = cut {
                    en = format!("{en}; {}", cut.en);
                    zh = format!("{zh}；{}", cut.zh);
                }
                Health::working(Text::new(en, zh))
            }
        });
    }
}

async fn at(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => std::future::pending().await,
    }
}

async fn written(writing: &mut Option<BoxFuture<'static, Result<(), Trouble>>>) -> Result<(), Trouble> {
    match writing {
        Some(writing) => writing.await,
        None => std::future::pending().await,
    }
}

/// The device sends no line ends: whether a message is whole cannot be known.
fn endless() -> Text {
    Text::new(
        "the device does not end its messages with CR or LF, so that half a message cannot be told from a whole one and none counts: let it send a line end, or set framing = \"pause\"; what it sent is kept as unreadable, and `punchd punches decide` gives it to a person",
        "设备发送的消息没有 CR 或 LF 结尾，无法区分完整与不完整的消息，因此都不计入：请让设备发送换行，或设置 framing = \"pause\"；已发送的内容作为无法识别的记录留存，可用 `punchd punches decide` 归给本人",
    )
}

/// With what to do about it.
fn advised(cut: &Text) -> Text {
    Text::new(
        format!(
            "{}: check the distance to the device, `framing` and `pause_ms`; what looks like a text is kept as unreadable, and `punchd punches decide` gives it to a person",
            cut.en
        ),
        format!(
            "{}：请检查与设备的距离、`framing` 和 `pause_ms`；可辨认的内容已作为无法识别的记录留存，可用 `punchd punches decide` 归给本人",
            cut.zh
        ),
    )
}
