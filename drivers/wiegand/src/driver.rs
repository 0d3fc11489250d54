//! The conversation with a Wiegand reader: edges in, readings out, a sign back.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::future::select_all;
use punchd_contract::{
    Command, CommandError, Condition, Credential, Declaration, Done, DriverError, Health, Kind, Member, Method,
    Mistake, Reading, Request, Sign, Text, Tone, Values,
};
use tokio::time::{Instant, sleep_until};

use crate::board::{Board, BoardError, OpenLines};
use crate::evidence::Evidence;
use crate::gpio::Gpio;
use crate::protocol::bits::Bits;
use crate::protocol::card::Card;
use crate::protocol::frames::{Frame, Frames, SILENCE};
use crate::protocol::keypad::{GIVEN_UP, Key, Typed};
use crate::repeat::Repeat;
use crate::settings::{self, Settings};
use crate::signs::Showing;

const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// A GPIO adapter that is plugged in again works within this.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// Lines that were open so long were good: the next pause is short again.
const GOOD: Duration = Duration::from_secs(30);
/// Health is said again this often, so that the agent sees the driver alive.
const SAYS_AGAIN: Duration = Duration::from_secs(120);
/// So many bits at least are somebody's card, and not a spark: the person is told to try again.
const SOMEBODY: u8 = 16;

/// Wall readers that speak Wiegand.
#[derive(Debug)]
pub struct Wiegand;

impl Kind for Wiegand {
    const DECLARATION: Declaration = settings::DECLARATION;
    type Settings = Settings;

    fn settings(values: &Values) -> Result<Settings, Vec<Mistake>> {
        settings::parse(values)
    }

    /// Each member is served on its own.
    async fn run(members: Vec<Member<Settings>>) -> Result<(), DriverError> {
        if members.is_empty() {
            return Ok(());
        }
        let served = members.iter().map(|member| Box::pin(serve(member, &Gpio)));
        match select_all(served).await.0 {}
    }
}

/// Serves one reader at this board, for ever.
pub async fn serve<B: Board>(member: &Member<Settings>, board: &B) -> Infallible {
    let mut pause = FIRST_PAUSE;
    loop {
        let opened = Instant::now();
        let error = match board.open(&member.settings.wiring).await {
            Ok(lines) => match Reader::new(member, lines).go_on().await {
                Ok(never) => match never {},
                Err(error) => error,
            },
            Err(error) => error,
        };
        if opened.elapsed() >= GOOD {
            pause = FIRST_PAUSE;
        }
        tracing::debug!(device = %member.device, %error, "the lines cannot be used");
        member.port.health(Health::fault(error.text()));
        let until = Instant::now() + pause;
        while Instant::now() < until {
            tokio::select! {
                () = sleep_until(until) => {}
                request = member.port.request() => request.answer(Err(CommandError::Unreachable(error.text()))),
            }
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// A reader whose lines are open.
struct Reader<'m, L> {
    member: &'m Member<Settings>,
    lines: L,
    frames: Frames,
    /// When the last edge was read.
    last_edge: Instant,
    typed: Typed,
    last_key: Instant,
    repeat: Repeat,
    evidence: Evidence,
    showing: Showing,
    says_again: Instant,
}

impl<'m, L: OpenLines> Reader<'m, L> {
    fn new(member: &'m Member<Settings>, lines: L) -> Self {
        let now = Instant::now();
        Self {
            member,
            lines,
            frames: Frames::new(),
            last_edge: now,
            typed: Typed::new(),
            last_key: now,
            repeat: Repeat::new(member.settings.repeat),
            evidence: Evidence::default(),
            showing: Showing::default(),
            says_again: now,
        }
    }

    async fn go_on(&mut self) -> Result<Infallible, BoardError> {
        self.showing.end(&mut self.lines).await?;
        loop {
            let silent = self.frames.is_open().then(|| self.last_edge + SILENCE);
            let given_up = self.typed.is_open().then(|| self.last_key + GIVEN_UP);
            let (shows, says_again) = (self.showing.due(), self.says_again);
            tokio::select! {
                // What has arrived comes before the silence after it; and no flood keeps the driver from saying that it lives.
                biased;
                () = sleep_until(says_again) => self.say(),
                () = at(shows) => self.showing.go_on(&mut self.lines).await?,
                edge = self.lines.edge() => {
                    let edge = edge?;
                    self.last_edge = Instant::now();
                    if let Some(frame) = self.frames.push(edge) {
                        self.take(frame).await?;
                    }
                }
                () = at(silent) => {
                    if let Some(frame) = self.frames.silence() {
                        self.take(frame).await?;
                    }
                }
                () = at(given_up) => self.typed.forget(),
                request = self.member.port.request() => self.carry_out(request).await?,
            }
        }
    }

    async fn take(&mut self, frame: Frame) -> Result<(), BoardError> {
        let bits = match frame {
            Frame::Whole(bits) => bits,
            Frame::Spoilt(why) => {
                tracing::debug!(device = %self.member.device, %why, "a frame was spoilt");
                self.evidence.spoilt();
                self.say();
                return Ok(());
            }
        };
        if let Some(key) = Key::decode(bits) {
            return self.key(key, bits).await;
        }
        match Card::decode(bits) {
            Ok(card) => {
                self.evidence.good();
                self.say();
                if self.repeat.is_new(bits) { self.hand_over(self.card(card, bits)).await } else { Ok(()) }
            }
            Err(wrong) => {
                tracing::debug!(device = %self.member.device, bits = bits.len(), %wrong, "a frame is no card");
                self.evidence.wrong(bits, wrong);
                self.say();
                match bits.len() >= SOMEBODY {
                    true => self.showing.begin(Tone::OutOfOrder, &mut self.lines).await,
                    false => Ok(()),
                }
            }
        }
    }

    fn card(&self, card: Card, bits: Bits) -> Reading {
        let (mut bytes, mut profile) = (card.bytes(), card.format.word().to_owned());
        if self.member.settings.reversed {
            bytes.reverse();
            profile.push_str("-reversed");
        }
        Reading::now(Credential::Card(bytes), Method::Card, profile, bits.to_string())
    }

    async fn key(&mut self, key: Key, bits: Bits) -> Result<(), BoardError> {
        if !self.member.settings.keypad {
            return Ok(());
        }
        self.last_key = Instant::now();
        let Some(user_id) = self.typed.push(key) else { return Ok(()) };
        let profile = if bits.len() == 4 { "wiegand-keys4" } else { "wiegand-keys8" };
        let raw = format!("{user_id}#");
        self.hand_over(Reading::now(Credential::UserId(user_id), Method::Password, profile, raw)).await
    }

    /// The person is answered only after the reading is on disk. Meanwhile edges wait in the kernel's buffer.
    async fn hand_over(&mut self, reading: Reading) -> Result<(), BoardError> {
        self.showing.end(&mut self.lines).await?;
        let answer = self.member.port.submit_one(reading).await;
        if let Err(error) = &answer {
            tracing::warn!(device = %self.member.device, %error, "a reading was not recorded, the person is told to try again");
            self.repeat.forget();
        }
        self.showing.begin(Sign::of(&answer).tone, &mut self.lines).await
    }

    async fn carry_out(&mut self, request: Request) -> Result<(), BoardError> {
        let wiring = &self.member.settings.wiring;
        let wired = wiring.green.or(wiring.red).or(wiring.buzzer).is_some();
        match request.command {
            Command::Identify if wired => {
                let shown = self.showing.begin(Tone::Unknown, &mut self.lines).await;
                if shown.is_ok() {
                    let said = Text::new("It blinks and beeps three times.", "已闪灯并鸣响三声。");
                    request.answer(Ok(Done::said(said)));
                }
                shown
            }
            Command::Identify => {
                let why = Text::new(
                    "no wire of its light or buzzer is set: `green`, `red`, `buzzer`",
                    "未设置灯或蜂鸣器的线号：`green`、`red`、`buzzer`",
                );
                request.answer(Err(CommandError::Failed(why)));
                Ok(())
            }
            _ => {
                request.answer(Err(CommandError::Unsupported));
                Ok(())
            }
        }
    }

    fn say(&mut self) {
        self.says_again = Instant::now() + SAYS_AGAIN;
        let wiring = &self.member.settings.wiring;
        let (chip, data0, data1) = (&wiring.chip, wiring.data0, wiring.data1);
        self.member.port.health(match self.evidence.finding(wiring) {
            Some(text) => Health { condition: Condition::Warning, text },
            None => Health::working(Text::new(
                format!("waits for cards at {chip}, lines {data0} and {data1}"),
                format!("在 {chip} 的线 {data0}、{data1} 等待刷卡"),
            )),
        });
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
