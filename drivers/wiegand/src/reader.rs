//! The conversation with a Wiegand reader: edges in, readings out, a sign back.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use punchd_contract::{
    Command, CommandError, Credential, Done, Doubt, Member, Method, Reading, Request, Sign, Text, Tone,
};
use tokio::time::{Instant, sleep_until};

use crate::board::{BoardError, OpenLines};
use crate::evidence::{Evidence, Outcome};
use crate::protocol::bits::Bits;
use crate::protocol::card::Card;
use crate::protocol::frames::{Burst, Edge, Frame, Frames, SILENCE, Spoilt};
use crate::protocol::keypad::{Ended, Key, Typed};
use crate::repeat::Repeat;
use crate::settings::Settings;
use crate::signs::Showing;

/// Health is said again this often, so that the agent sees the driver alive.
const SAYS_AGAIN: Duration = Duration::from_secs(120);
/// So many bits at least are somebody's card, and not a spark: the person is told to try again.
const SOMEBODY: u8 = 16;
/// Frames that may wait until the reading before them is on disk. Beyond that edges wait in the kernel, which has room for thirty more.
const MOST_WAITING: usize = 64;

/// A reader whose lines are open.
pub struct Reader<'m, L> {
    member: &'m Member<Settings>,
    lines: L,
    frames: Frames,
    /// When the last edge was read.
    last_edge: Instant,
    /// What came while a reading was being handed over.
    waiting: VecDeque<Burst>,
    typed: Typed,
    wires: Wires,
    /// When the lines were opened, until an edge has come.
    opened: Option<Instant>,
    repeat: Repeat,
    evidence: Evidence,
    showing: Showing,
    says_again: Instant,
}

impl<'m, L: OpenLines> Reader<'m, L> {
    /// The reader at these lines.
    pub fn new(member: &'m Member<Settings>, lines: L) -> Self {
        let now = Instant::now();
        Self {
            member,
            lines,
            frames: Frames::new(),
            last_edge: now,
            waiting: VecDeque::new(),
            typed: Typed::new(),
            wires: Wires::default(),
            opened: Some(now),
            repeat: Repeat::new(member.settings.repeat),
            evidence: Evidence::default(),
            showing: Showing::default(),
            says_again: now,
        }
    }

    /// Until the lines are gone.
    pub async fn go_on(&mut self) -> Result<Infallible, BoardError> {
        self.showing.end(&mut self.lines).await?;
        loop {
            while let Some(burst) = self.waiting.pop_front() {
                self.take(burst).await?;
            }
            let silent = self.frames.is_open().then(|| self.last_edge + SILENCE);
            let (shows, says_again) = (self.showing.due(), self.says_again);
            tokio::select! {
                // What has arrived comes before the silence after it; and no flood keeps the driver from saying that it lives.
                biased;
                () = sleep_until(says_again) => self.say(),
                () = at(shows) => self.showing.go_on(&mut self.lines).await?,
                edge = self.lines.edge() => self.follow(edge?),
                () = at(silent) => self.fall_silent()?,
                request = self.member.port.request() => self.carry_out(request).await?,
            }
        }
    }

    fn follow(&mut self, edge: Edge) {
        self.last_edge = Instant::now();
        // What is under way when the lines are opened has lost its head, and looks like a card of fewer bits.
        if self.opened.take().is_some_and(|opened| opened.elapsed() < SILENCE) {
            self.frames.tear();
        }
        self.waiting.extend(self.frames.push(edge));
    }

    /// A timer has run out, which says nothing of the wires where this process itself got no processor for a while: only the kernel
    /// knows whether an edge waits.
    fn fall_silent(&mut self) -> Result<(), BoardError> {
        match self.lines.waiting()? {
            Some(edge) => self.follow(edge),
            None => self.waiting.extend(self.frames.silence()),
        }
        Ok(())
    }

    async fn take(&mut self, burst: Burst) -> Result<(), BoardError> {
        let at = burst.began;
        self.evidence.pass(at);
        match burst.frame {
            Frame::Spoilt(why) => self.spoilt(why, burst.edges).await,
            Frame::Long(bits) => {
                self.typed.give_up_if_open();
                self.evidence.long(bits.len());
                self.keep(&bits, at, None).await
            }
            Frame::Whole(bits) => match Key::decode(bits) {
                Some(key) => self.key(key, bits, at).await,
                None if Key::decode(bits.inverted()).is_some() => {
                    self.wires = Wires::Unknown;
                    self.typed.give_up();
                    self.evidence.inverted();
                    self.say();
                    Ok(())
                }
                None if bits.len() < SOMEBODY => {
                    tracing::debug!(device = %self.member.device, bits = bits.len(), "a frame is neither a card nor a key");
                    self.typed.give_up();
                    self.evidence.scrap(bits);
                    self.say();
                    Ok(())
                }
                None => self.card(bits, at).await,
            },
        }
    }

    async fn spoilt(&mut self, why: Spoilt, edges: usize) -> Result<(), BoardError> {
        tracing::debug!(device = %self.member.device, %why, edges, "a frame was spoilt");
        let somebody = edges >= usize::from(SOMEBODY);
        // It may have been a key.
        if why == Spoilt::Missing || !somebody {
            self.typed.give_up();
        }
        self.evidence.spoilt(why);
        self.say();
        if why == Spoilt::Missing || somebody { self.try_again().await } else { Ok(()) }
    }

    async fn card(&mut self, bits: Bits, at: u64) -> Result<(), BoardError> {
        // Who holds up a card is done with typing, or is somebody else.
        self.typed.give_up_if_open();
        match Card::decode(bits) {
            Ok(card) => {
                self.evidence.good(bits);
                self.wires = Wires::Right;
                self.say();
                let text = bits.to_string();
                if self.repeat.is_new(&text, at) {
                    self.hand_over(self.reading(card, &text), None).await
                } else {
                    Ok(())
                }
            }
            Err(wrong) => {
                tracing::debug!(device = %self.member.device, bits = bits.len(), %wrong, "a frame is no card that is understood");
                let outcome = self.evidence.wrong(bits, wrong);
                if outcome == Outcome::Inverted {
                    self.wires = Wires::Unknown;
                }
                match outcome {
                    // Bits of it are known to be lost: nobody could ever say whose it was.
                    Outcome::Short | Outcome::OneWire(_) => {
                        self.say();
                        self.try_again().await
                    }
                    Outcome::Length(_) => self.keep(&bits.to_string(), at, None).await,
                    _ => self.keep(&bits.to_string(), at, Some(Tone::OutOfOrder)).await,
                }
            }
        }
    }

    /// What came whole and is not understood is kept, for a person to say whose it is.
    async fn keep(&mut self, bits: &str, at: u64, tone: Option<Tone>) -> Result<(), BoardError> {
        self.evidence.kept(at);
        self.say();
        if !self.repeat.is_new(bits, at) {
            return Ok(());
        }
        if self.evidence.is_flood() {
            return self.try_again().await;
        }
        let profile = format!("wiegand{}", bits.len());
        self.hand_over(Reading::now(Credential::Unreadable, Method::Card, profile, bits), tone).await
    }

    fn reading(&self, card: Card, bits: &str) -> Reading {
        let (mut bytes, mut profile) = (card.bytes(), card.format.word().to_owned());
        if self.member.settings.reversed {
            bytes.reverse();
            profile.push_str("-reversed");
        }
        Reading::now(Credential::Card(bytes), Method::Card, profile, bits)
    }

    async fn key(&mut self, key: Key, bits: Bits, at: u64) -> Result<(), BoardError> {
        if !self.member.settings.keypad {
            return Ok(());
        }
        if key.tells_wires() {
            self.wires = Wires::Right;
        }
        let profile = if bits.len() == 4 { "wiegand-keys4" } else { "wiegand-keys8" };
        let read = |credential, typed: &str| Reading::now(credential, Method::Password, profile, format!("{typed}#"));
        match self.typed.push(key, at) {
            None => Ok(()),
            Some(Ended::UserId(id)) => {
                let reading = read(Credential::UserId(id.clone()), &id);
                let doubt = (self.wires == Wires::Unknown).then(|| Doubt::Said { text: perhaps_swapped() });
                self.hand_over(Reading { doubt, ..reading }, None).await
            }
            // Kept as what it is, and whoever typed it types again.
            Some(Ended::Remainder(rest)) => {
                self.hand_over(read(Credential::Unreadable, &rest), Some(Tone::OutOfOrder)).await
            }
        }
    }

    /// The person is answered only after the reading is on disk; as its receipt says, or with this sign. Edges are followed meanwhile: the
    /// kernel keeps few of them, and the next person is quick.
    async fn hand_over(&mut self, reading: Reading, tone: Option<Tone>) -> Result<(), BoardError> {
        self.showing.end(&mut self.lines).await?;
        let bits = String::from_utf8_lossy(&reading.raw).into_owned();
        let submitting = self.member.port.submit_one(reading);
        tokio::pin!(submitting);
        let mut lost = None;
        let answer = loop {
            let room = lost.is_none() && self.waiting.len() < MOST_WAITING;
            tokio::select! {
                answer = &mut submitting => break answer,
                edge = self.lines.edge(), if room => match edge {
                    Ok(edge) => self.follow(edge),
                    Err(gone) => lost = Some(gone),
                },
            }
        };
        if let Err(error) = &answer {
            tracing::warn!(device = %self.member.device, %error, "a reading was not recorded, the person is told to try again");
            self.repeat.forget(&bits);
        }
        match (lost, tone) {
            (Some(gone), _) => Err(gone),
            (None, Some(tone)) => self.showing.begin(tone, &mut self.lines).await,
            (None, None) => self.showing.begin(Sign::of(&answer).tone, &mut self.lines).await,
        }
    }

    async fn try_again(&mut self) -> Result<(), BoardError> {
        self.showing.begin(Tone::OutOfOrder, &mut self.lines).await
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
        self.member.port.health(self.evidence.health(&self.member.settings.wiring));
    }
}

/// What is known of the two data wires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Wires {
    /// Swapped, every key is another one: 6 is 9 and 4 is `#`, while no check tells.
    #[default]
    Unknown,
    /// A card or a key has shown that each is where it belongs.
    Right,
}

fn perhaps_swapped() -> Text {
    Text::new(
        "if the two data wires are swapped, other digits were typed than these (9 for 6, 8 for 7): hold up a card or press 0 to 3 once, which shows how they are",
        "若两根数据线接反，实际输入的数字会不同（6 变 9、7 变 8）：刷一次卡或按一次 0–3 即可确认接线",
    )
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
