//! The conversation with a reader that types: take it, follow its keys, hand over what was typed, show the person what became of it.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::time::Duration;

use futures_util::future::select_all;
use punchd_contract::submissions::Answered;
use punchd_contract::text_in_time::{Text as Typed, Told};
use punchd_contract::{
    CommandError, Declaration, DriverError, Found, Health, Kind, Losses, Member, Misread, Mistake, Reading, Repeat,
    Search, Sign, Submissions, Text, Values,
};
use tokio::time::{Instant, sleep_until};

use crate::lights::Lights;
use crate::protocol::layout::Layout;
use crate::protocol::typing::Typing;
use crate::settings::{self, Settings};
use crate::source::evdev::Evdev;
use crate::source::{Event, InputError, Reader, Source};

/// Readers that type, at the kernel's input devices.
pub type Keyboard = Wedge<Evdev>;

/// Readers that type, wherever their keys come from.
#[derive(Debug)]
pub struct Wedge<S>(PhantomData<S>);

impl<S: Source> Kind for Wedge<S> {
    const DECLARATION: Declaration = settings::DECLARATION;
    type Settings = Settings;

    fn settings(values: &Values) -> Result<Settings, Vec<Mistake>> {
        settings::parse(values)
    }

    fn discover(_search: &Search) -> impl Future<Output = Vec<Found>> + Send {
        S::readers()
    }

    /// Each member is served on its own.
    async fn run(members: Vec<Member<Settings>>) -> Result<(), DriverError> {
        if members.is_empty() {
            return Ok(());
        }
        let served = members.iter().map(|member| Box::pin(serve::<S>(member)));
        match select_all(served).await.0 {}
    }
}

const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// A reader that is plugged in again works within this. Looking for it reads some files of sysfs, which costs a core nothing at
/// this pace.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A reader that lasted so long was good: the next pause is short again.
const GOOD_READER: Duration = Duration::from_secs(30);
/// Health is said again this often, so that the agent sees the driver alive.
const SAYS_AGAIN: Duration = Duration::from_secs(120);

/// What is remembered of a reader over replugs.
struct Memory {
    /// What ends its texts.
    typing: Typing,
    /// What lies in front of it.
    repeat: Repeat,
    /// How much of what it typed was spoilt.
    losses: Losses,
    /// What the last unplugging has cut.
    parts: Vec<Told>,
}

/// Takes the reader again and again.
async fn serve<S: Source>(member: &Member<Settings>) -> Infallible {
    let (settings, mut pause) = (&member.settings, FIRST_PAUSE);
    let typing = Typing::new(settings.end, settings.idle).meaning(&settings.means);
    let (repeat, losses) = (Repeat::new(settings.repeat), Losses::new(Instant::now()));
    let mut memory = Memory { typing, repeat, losses, parts: Vec::new() };
    loop {
        let opened = Instant::now();
        let lost = match S::open(&settings.device).await {
            Ok(reader) => match Conversation::new(member, reader, &mut memory).go_on().await {
                Ok(never) => match never {},
                Err(lost) => lost,
            },
            Err(refused) => refused,
        };
        memory.typing.unplugged(&mut memory.parts);
        if opened.elapsed() >= GOOD_READER {
            pause = FIRST_PAUSE;
        }
        tracing::debug!(device = %member.device, error = %lost, "no keyboard");
        member.port.health(Health::fault(lost.text()));
        let until = Instant::now() + pause;
        while Instant::now() < until {
            tokio::select! {
                () = sleep_until(until) => {}
                request = member.port.request() => request.answer(Err(CommandError::Unsupported)),
            }
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// What a reading on its way is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    Whole,
    /// Kept for a person to decide; whoever presented it is to try again.
    Part,
}

/// One keyboard, for as long as it is plugged in.
struct Conversation<'a, R> {
    member: &'a Member<Settings>,
    reader: R,
    memory: &'a mut Memory,
    submissions: Submissions<'a, Is>,
    lights: Lights,
    /// What is wrong with what is typed, until something good is typed.
    doubt: Option<Text>,
    says_again: Instant,
    last_key: Instant,
}

impl<'a, R: Reader> Conversation<'a, R> {
    fn new(member: &'a Member<Settings>, reader: R, memory: &'a mut Memory) -> Self {
        let (lights, submissions, now) = (Lights::default(), Submissions::over(&member.port), Instant::now());
        let (says_again, last_key) = (now, now);
        Self { member, reader, memory, submissions, lights, doubt: None, says_again, last_key }
    }

    /// Keys are followed while readings are being written: the kernel keeps few of them, and the next person is quick.
    async fn go_on(&mut self) -> Result<Infallible, InputError> {
        let mut told = std::mem::take(&mut self.memory.parts);
        self.say();
        loop {
            for told in told.drain(..) {
                self.take(told);
            }
            let silence = self.memory.typing.waits().map(|waits| self.last_key + waits);
            tokio::select! {
                // What has been typed comes before the silence after it; and no flood keeps the driver from saying that it lives.
                biased;
                () = sleep_until(self.says_again) => self.say(),
                () = at(self.lights.due()) => {
                    if let Some(on) = self.lights.change() {
                        self.reader.show(on);
                    }
                }
                answered = self.submissions.next() => self.answer(&answered),
                event = self.reader.next() => {
                    self.last_key = Instant::now();
                    match event? {
                        Event::Key { code, stroke, at } => self.memory.typing.key(code, stroke, at, &mut told),
                        Event::Lost => self.memory.typing.lost(),
                    }
                }
                () = at(silence) => self.memory.typing.quiet(&mut told),
                request = self.member.port.request() => request.answer(Err(CommandError::Unsupported)),
            }
        }
    }

    fn take(&mut self, told: Told) {
        let means = &self.member.settings.means;
        match told {
            Told::Part(part) => self.part(means.part(&part.bytes)),
            Told::Whole(text) => match Layout::of(&text.bytes, means) {
                Some(layout) => self.whole(means.unreadable(&text.bytes, "layout"), Some(layout.text()), &text),
                None => match means.read(&text.bytes) {
                    None => {}
                    Some(Ok(reading)) => self.whole(reading, None, &text),
                    Some(Err(Misread { reading, text: doubt })) => self.whole(reading, Some(doubt), &text),
                },
            },
        }
    }

    fn whole(&mut self, reading: Reading, doubt: Option<Text>, text: &Typed) {
        let now = Instant::now();
        if !self.memory.repeat.is_new(&reading.raw, now) {
            return;
        }
        self.memory.losses.good();
        self.doubt = doubt;
        // Where silence has ended it, its last key is a while ago.
        let ago = if self.memory.typing.last() == text.at { self.last_key.elapsed() } else { Duration::ZERO };
        self.submit(reading, ago, Is::Whole);
        self.say();
    }

    /// Counted, and kept where there is something to keep and no flood.
    fn part(&mut self, reading: Option<Reading>) {
        let keep = self.memory.losses.spoilt(Instant::now());
        if let Some(reading) = reading.filter(|_| keep) {
            self.submit(reading, Duration::ZERO, Is::Part);
        }
        self.say();
    }

    fn submit(&mut self, reading: Reading, ago: Duration, is: Is) {
        let Err(refused) = self.submissions.push(reading, ago, is) else { return };
        tracing::warn!(device = %self.member.device, "more was presented at once than can be recorded, the person is told to try again");
        self.memory.repeat.answered(&refused.0.raw, false, Instant::now());
        self.memory.losses.spoilt(Instant::now());
        self.show(&Sign::part());
    }

    /// The person is shown a sign only after the reading is on disk.
    fn answer(&mut self, answered: &Answered<Is>) {
        let Answered { reading, tag, answer } = answered;
        if let Err(error) = answer {
            tracing::warn!(device = %self.member.device, %error, "a reading was not recorded, the person is told to try again");
        }
        match tag {
            Is::Whole => {
                self.memory.repeat.answered(&reading.raw, answer.is_ok(), Instant::now());
                self.show(&Sign::of(answer));
            }
            Is::Part => self.show(&Sign::part()),
        }
    }

    fn show(&mut self, sign: &Sign) {
        if self.reader.can_show() {
            self.lights.show(sign.tone, Instant::now());
        }
    }

    fn say(&mut self) {
        self.says_again = Instant::now() + SAYS_AGAIN;
        let (name, losses) = (self.reader.name(), &self.memory.losses);
        self.member.port.health(match (&self.doubt, losses.text()) {
            (Some(doubt), _) => Health::warning(doubt.clone()),
            (None, Some(spoilt)) if losses.warns() => Health::warning(advised(&spoilt)),
            (None, spoilt) => {
                let (mut en, mut zh) =
                    (format!("waiting for what is presented at {name}"), format!("等待读取：{name}"));
                if let Some(spoilt) = spoilt {
                    en = format!("{en}; {}", spoilt.en);
                    zh = format!("{zh}；{}", spoilt.zh);
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

/// With what to do about it.
fn advised(spoilt: &Text) -> Text {
    Text::new(
        format!(
            "{}: check `terminator` and `idle_ms`, and that the reader types as a US keyboard; what was typed is kept as unreadable, and `punchd punches decide` gives it to a person",
            spoilt.en
        ),
        format!(
            "{}：请检查 `terminator` 和 `idle_ms`，并确认读头使用美式键盘布局；内容已作为无法识别的记录留存，可用 `punchd punches decide` 归给本人",
            spoilt.zh
        ),
    )
}
