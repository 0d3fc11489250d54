//! The conversation with a reader that types: take it, follow its keys, hand over what was typed, show the person what became of it.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::marker::PhantomData;
use std::time::Duration;

use futures_util::future::select_all;
use punchd_contract::{
    CommandError, Declaration, DriverError, Found, Health, Kind, Member, Misread, Mistake, Reading, Repeat, Search,
    Sign, Text, Values,
};
use tokio::time::{Instant, sleep_until};

use crate::lights::Lights;
use crate::protocol::typing::{Typed, Typing};
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
/// Texts that may wait until the one before them is on disk; more are dropped.
const MOST_WAITING: usize = 16;
/// So many spoilt texts without a good one between them are no accident.
const SPOILT: u32 = 5;

/// Takes the reader again and again.
async fn serve<S: Source>(member: &Member<Settings>) -> Infallible {
    let (settings, mut pause) = (&member.settings, FIRST_PAUSE);
    // What ends a reader's texts is remembered over replugs.
    let mut typing = Typing::new(settings.end, settings.idle);
    let mut repeat = Repeat::new(settings.repeat);
    loop {
        let opened = Instant::now();
        let lost = match S::open(&settings.device).await {
            Ok(reader) => {
                typing.plugged_in();
                match Conversation::new(member, reader, &mut typing, &mut repeat).go_on().await {
                    Ok(never) => match never {},
                    Err(lost) => lost,
                }
            }
            Err(refused) => refused,
        };
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

/// One keyboard, for as long as it is plugged in.
struct Conversation<'a, R> {
    member: &'a Member<Settings>,
    reader: R,
    typing: &'a mut Typing,
    repeat: &'a mut Repeat,
    lights: Lights,
    /// What is wrong with what is typed, until something good is typed.
    doubt: Option<Text>,
    spoilt: u32,
    says_again: Instant,
    last_key: Instant,
    /// What was typed while a reading was being handed over.
    waiting: VecDeque<Typed>,
}

impl<'a, R: Reader> Conversation<'a, R> {
    fn new(member: &'a Member<Settings>, reader: R, typing: &'a mut Typing, repeat: &'a mut Repeat) -> Self {
        let (lights, waiting, now) = (Lights::default(), VecDeque::new(), Instant::now());
        let (says_again, last_key) = (now, now);
        Self { member, reader, typing, repeat, lights, doubt: None, spoilt: 0, says_again, last_key, waiting }
    }

    async fn go_on(&mut self) -> Result<Infallible, InputError> {
        self.say();
        loop {
            while let Some(typed) = self.waiting.pop_front() {
                self.take(typed).await?;
            }
            let (says_again, silence) = (self.says_again, self.typing.waits().map(|waits| self.last_key + waits));
            tokio::select! {
                // What has been typed comes before the silence after it; and no flood keeps the driver from saying that it lives.
                biased;
                () = sleep_until(says_again) => self.say(),
                () = at(self.lights.due()) => {
                    if let Some(on) = self.lights.change() {
                        self.reader.show(on);
                    }
                }
                event = self.reader.next() => self.follow(event?),
                () = at(silence) => self.waiting.extend(self.typing.quiet()),
                request = self.member.port.request() => request.answer(Err(CommandError::Unsupported)),
            }
        }
    }

    fn follow(&mut self, event: Event) {
        self.last_key = Instant::now();
        let mut typed = Vec::new();
        match event {
            Event::Key { code, stroke, at } => self.typing.key(code, stroke, at, &mut typed),
            Event::Lost => self.typing.lost(),
        }
        // Whoever types more within two seconds is no person.
        typed.truncate(MOST_WAITING.saturating_sub(self.waiting.len()));
        self.waiting.extend(typed);
    }

    async fn take(&mut self, typed: Typed) -> Result<(), InputError> {
        let reading = match typed {
            Typed::Text(text) => self.member.settings.means.read(&text),
            Typed::Spoilt => {
                self.spoilt = self.spoilt.saturating_add(1);
                if self.spoilt == SPOILT {
                    self.doubt = Some(spoilt());
                    self.say();
                }
                return Ok(());
            }
        };
        let (reading, doubt) = match reading {
            None => return Ok(()),
            Some(Ok(reading)) => (reading, None),
            Some(Err(Misread { reading, text })) => (reading, Some(text)),
        };
        if !self.repeat.is_new(&reading.raw, Instant::now()) {
            return Ok(());
        }
        self.hand_over(reading).await?;
        self.spoilt = 0;
        self.doubt = doubt;
        self.say();
        Ok(())
    }

    /// The person is shown a sign only after the reading is on disk. Keys are followed meanwhile: the kernel keeps few of them, and the
    /// next person is quick.
    async fn hand_over(&mut self, reading: Reading) -> Result<(), InputError> {
        let submitting = self.member.port.submit_one(reading);
        tokio::pin!(submitting);
        let mut lost = None;
        let answer = loop {
            tokio::select! {
                answer = &mut submitting => break answer,
                event = self.reader.next(), if lost.is_none() => match event {
                    Ok(event) => self.follow(event),
                    Err(gone) => lost = Some(gone),
                },
            }
        };
        if let Err(error) = &answer {
            tracing::warn!(device = %self.member.device, %error, "a reading was not recorded, the person is told to try again");
        }
        let now = Instant::now();
        self.repeat.answered(answer.is_ok(), now);
        if self.reader.can_show() {
            self.lights.show(Sign::of(&answer).tone, now);
        }
        lost.map_or(Ok(()), Err)
    }

    fn say(&mut self) {
        self.says_again = Instant::now() + SAYS_AGAIN;
        let name = self.reader.name();
        self.member.port.health(match &self.doubt {
            Some(doubt) => Health::warning(doubt.clone()),
            None => Health::working(Text::new(
                format!("waiting for what is presented at {name}"),
                format!("等待读取：{name}"),
            )),
        });
    }
}

async fn at(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => std::future::pending().await,
    }
}

fn spoilt() -> Text {
    Text::new(
        "what is typed never ends as set: check `terminator` and `idle_ms`, and that the reader types as a US keyboard",
        "输入的内容未按设置结束：请检查 `terminator` 和 `idle_ms`，并确认读头使用美式键盘布局",
    )
}
