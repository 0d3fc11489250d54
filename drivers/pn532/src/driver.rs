//! The driver of one reader: open the line, wake the chip, look again and again, and open the line again when it is lost.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use punchd_contract::{
    Command as Order, CommandError, Credential, Declaration, Done, DriverError, Found, Health, Kind, Member, Method,
    Mistake, NotRecorded, Reading, Request, Search, Sign, Text, Values,
};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

use crate::chip::Chip;
use crate::lights::{Lights, Step};
use crate::look::{Card, darken, look};
use crate::presence::{Act, Presence};
use crate::protocol::command::Command;
use crate::protocol::status::Firmware;
use crate::protocol::target::Technology;
use crate::settings::{self, Settings};
use crate::trouble::{Refusal, Trouble};

/// Between two tries to reach the reader: at first, and at most. One that is plugged in again works within 15 s.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Further tries to find a card in one look; the chip's default is for ever (facts/readers.md A.4).
const ACTIVATION_RETRIES: u8 = 1;
/// An answer that comes within this is shown before anything else is asked of the chip.
const ANSWERS_AT_ONCE: Duration = Duration::from_millis(20);
/// How often an unchanged health is said again.
const SAYS_AGAIN: Duration = Duration::from_secs(60);
/// So many wakings within this time want a look at the supply and the wires.
const WAKINGS: usize = 3;
const WAKINGS_COUNT: Duration = Duration::from_secs(600);

/// PN532 readers at a serial line.
#[derive(Debug)]
pub struct Pn532;

impl Kind for Pn532 {
    const DECLARATION: Declaration = settings::DECLARATION;
    type Settings = Settings;

    fn settings(values: &Values) -> Result<Settings, Vec<Mistake>> {
        settings::parse(values)
    }

    async fn discover(search: &Search) -> Vec<Found> {
        let mut found = Vec::new();
        for place in &search.ports {
            if let Ok(firmware) = Chip::probe(&*search.lines, place).await {
                found.push(Found {
                    kind: Self::DECLARATION.kind,
                    place: place.to_string(),
                    says: Text::new(
                        format!("{firmware}, {}", reads(firmware).en),
                        format!("{firmware}，{}", reads(firmware).zh),
                    ),
                    settings: vec![("port", format!("{:?}", place.to_string()))],
                });
            }
        }
        found
    }

    async fn run(members: Vec<Member<Settings>>) -> Result<(), DriverError> {
        let mut served = JoinSet::new();
        for member in members {
            served.spawn(async move { Reader::new(member).serve().await });
        }
        // None of them ends by itself.
        match served.join_next().await {
            None => Ok(()),
            Some(ended) => {
                let Err(error) = ended.map(|never| match never {});
                let text = format!("a PN532's task ended: {error}");
                Err(DriverError(Text::new(text.clone(), text)))
            }
        }
    }
}

/// What the chip can read, by its own word.
fn reads(firmware: Firmware) -> Text {
    let kinds = [(1, "ISO 14443 A"), (2, "ISO 14443 B"), (4, "FeliCa")];
    let list = kinds.iter().filter(|(bit, _)| firmware.reads & bit != 0).map(|(_, kind)| *kind).collect::<Vec<_>>();
    Text::new(format!("reads {}", list.join(", ")), format!("可读 {}", list.join("、")))
}

/// So many broken answers within ten minutes want a look at the wires.
const BROKEN: usize = 5;

/// One reader, whatever happens to its line.
struct Reader {
    member: Member<Settings>,
    presence: Presence,
    /// Readings whose answers are awaited: one a card and 2 s at most each, so there are never many.
    answers: JoinSet<Sign>,
    show: Show,
    /// How often something was turned away.
    refused: u64,
    wakings: VecDeque<Instant>,
    /// When answers arrived broken, of the last ten minutes.
    broken: VecDeque<Instant>,
    said: Option<(Health, Instant)>,
}

/// What the lights show just now.
#[derive(Default)]
struct Show {
    steps: VecDeque<Step>,
    /// When the next step is due.
    due: Option<Instant>,
    /// The chip has no such pins.
    impossible: bool,
}

impl Reader {
    fn new(member: Member<Settings>) -> Self {
        let settings = &member.settings;
        tracing::info!(
            device = %member.device,
            port = %settings.place,
            cards = ?settings.technologies,
            every = ?settings.every,
            application = settings.application.is_some(),
            lights = settings.lights.is_some(),
            "a PN532 starts"
        );
        Self {
            member,
            presence: Presence::default(),
            answers: JoinSet::new(),
            show: Show::default(),
            refused: 0,
            wakings: VecDeque::new(),
            broken: VecDeque::new(),
            said: None,
        }
    }

    async fn serve(mut self) -> Infallible {
        let mut pause = FIRST_PAUSE;
        loop {
            let place = self.member.settings.place.clone();
            let trouble = match Chip::open(&self.member.port, &place).await {
                Ok((chip, firmware)) => {
                    pause = FIRST_PAUSE;
                    let Err(trouble) = self.converse(chip, firmware).await;
                    trouble
                }
                Err(trouble) => trouble,
            };
            tracing::warn!(device = %self.member.device, %trouble, again_in = ?pause, "the PN532 is not reachable");
            self.say(Health::fault(trouble.text()));
            self.rest(pause, &trouble).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Waits before the next try; orders are answered meanwhile.
    async fn rest(&mut self, pause: Duration, trouble: &Trouble) {
        let end = Instant::now() + pause;
        loop {
            tokio::select! {
                () = sleep_until(end) => return,
                request = self.member.port.request() => {
                    request.answer(Err(CommandError::Unreachable(trouble.text())));
                }
                // Nothing can be shown; the reading is safe, or was told to the log.
                Some(_) = self.answers.join_next() => {}
            }
        }
    }

    /// Works with a chip that is awake until the line is lost, or the chip and cannot be woken.
    async fn converse(&mut self, mut chip: Chip, mut firmware: Firmware) -> Result<Infallible, Trouble> {
        loop {
            let trouble = match self.configure(&mut chip).await {
                Ok(()) => {
                    self.works(firmware);
                    let Err(trouble) = self.watch(&mut chip, firmware).await;
                    trouble
                }
                Err(trouble) => trouble,
            };
            if matches!(trouble, Trouble::Line(_)) {
                return Err(trouble);
            }
            self.woken();
            if self.wakings.len() > 2 * WAKINGS {
                // Waking alone does not help: the line is opened anew, after a pause.
                self.wakings.clear();
                return Err(trouble);
            }
            tracing::warn!(device = %self.member.device, %trouble, "the PN532 is woken again");
            firmware = chip.wake().await?;
        }
    }

    /// Tells the chip how to behave; after every waking, because it may have forgotten everything.
    async fn configure(&mut self, chip: &mut Chip) -> Result<(), Trouble> {
        chip.ask(&Command::SetParameters).await?;
        chip.ask(&Command::Retries { activation: ACTIVATION_RETRIES }).await?;
        self.show = Show::default();
        if let Some(lights) = self.member.settings.lights {
            self.set_pins(chip, (lights.dark(), Duration::ZERO)).await?;
        }
        Ok(())
    }

    /// Looks, and does what comes of it.
    async fn watch(&mut self, chip: &mut Chip, firmware: Firmware) -> Result<Infallible, Trouble> {
        let (mut next, mut broken) = (Instant::now(), chip.broken());
        loop {
            let shown = self.show.due;
            tokio::select! {
                biased;
                Some(sign) = self.answers.join_next() => self.answered(sign),
                () = sleep_until(shown.unwrap_or(next)), if shown.is_some() => self.go_on_showing(chip).await?,
                request = self.member.port.request() => self.obey(request),
                () = sleep_until(next) => {
                    let settings = self.member.settings.clone();
                    let seen = look(chip, &settings, self.presence.card()).await?;
                    match self.presence.look(seen.clone(), Instant::now()) {
                        Act::Nothing => {}
                        Act::Read(card) => self.read(card),
                        Act::Refuse(reason) => self.refuse(reason),
                    }
                    if let Ok(Some(sign)) = timeout(ANSWERS_AT_ONCE, self.answers.join_next()).await {
                        self.answered(sign);
                        self.go_on_showing(chip).await?;
                    }
                    darken(chip, &seen).await?;
                    let more = chip.broken() - std::mem::replace(&mut broken, chip.broken());
                    self.arrived_broken(more);
                    if more > 0 || self.said.as_ref().is_none_or(|(_, at)| at.elapsed() >= SAYS_AGAIN) {
                        self.works(firmware);
                    }
                    next = Instant::now() + settings.every;
                }
            }
        }
    }

    /// Hands a reading over. The answer is awaited beside the looks, so that the next card is seen meanwhile.
    fn read(&mut self, card: Card) {
        let reading = Reading::now(Credential::Card(card.number), Method::Card, card.profile, card.raw);
        let (port, device) = (self.member.port.clone(), self.member.device.clone());
        self.answers.spawn(async move {
            let answer = port.submit_one(reading).await;
            if let Err(error) = &answer {
                tracing::warn!(%device, %error, "a card was read and is not recorded");
            }
            Sign::of(&answer)
        });
    }

    /// Shows what became of a reading.
    fn answered(&mut self, sign: Result<Sign, JoinError>) {
        // A task that was lost has no answer: its reading was neither confirmed nor denied.
        self.show(sign.unwrap_or_else(|_| Sign::of(&Err(NotRecorded::Busy))));
    }

    /// Turns away what says nothing about who stands there. That is no reading.
    fn refuse(&mut self, reason: Refusal) {
        self.refused += 1;
        tracing::info!(device = %self.member.device, reason = %reason, count = self.refused, "turned away at the reader");
        self.show(Sign::refused(reason.text()));
    }

    fn show(&mut self, sign: Sign) {
        tracing::debug!(device = %self.member.device, tone = sign.tone.word(), "answered");
        if let Some(lights) = self.lights() {
            self.begin(lights.pattern(sign.tone));
        }
    }

    fn lights(&self) -> Option<Lights> {
        self.member.settings.lights.filter(|_| !self.show.impossible)
    }

    /// Shows these steps instead of what is being shown.
    fn begin(&mut self, steps: Vec<Step>) {
        self.show.steps = steps.into();
        self.show.due = Some(Instant::now());
    }

    async fn go_on_showing(&mut self, chip: &mut Chip) -> Result<(), Trouble> {
        match self.show.steps.pop_front() {
            Some(step) => self.set_pins(chip, step).await?,
            None => self.show.due = None,
        }
        Ok(())
    }

    async fn set_pins(&mut self, chip: &mut Chip, (pins, length): Step) -> Result<(), Trouble> {
        match chip.ask(&Command::WriteGpio(pins)).await {
            Ok(_) => self.show.due = self.show.due.map(|_| Instant::now() + length),
            Err(Trouble::Refuses { code, .. }) => {
                tracing::warn!(device = %self.member.device, code, "this chip has no pins for lights");
                self.show = Show { impossible: true, ..Show::default() };
            }
            Err(trouble) => return Err(trouble),
        }
        Ok(())
    }

    fn obey(&mut self, request: Request) {
        let answer = match (&request.command, self.lights()) {
            (Order::Identify, Some(lights)) => {
                self.begin(lights.identify());
                Ok(Done::said(Text::new("the lights flash three times", "指示灯闪三次")))
            }
            (Order::Identify, None) => Err(CommandError::Failed(Text::new(
                "the reader has no light or buzzer: set green_pin, red_pin or buzzer_pin if one is wired",
                "读卡器没有接指示灯或蜂鸣器：如已接线，请设置 green_pin、red_pin 或 buzzer_pin",
            ))),
            _ => Err(CommandError::Unsupported),
        };
        request.answer(answer);
    }

    /// Notes that the chip had to be woken.
    fn woken(&mut self) {
        self.forget_what_is_old();
        self.wakings.push_back(Instant::now());
    }

    /// Notes answers that arrived broken and were asked for again.
    fn arrived_broken(&mut self, count: u64) {
        for _ in 0..count {
            self.broken.push_back(Instant::now());
        }
        let most = self.broken.len().saturating_sub(1000);
        self.broken.drain(..most);
    }

    fn forget_what_is_old(&mut self) {
        for moments in [&mut self.wakings, &mut self.broken] {
            while moments.front().is_some_and(|moment| moment.elapsed() > WAKINGS_COUNT) {
                moments.pop_front();
            }
        }
    }

    /// Says that it works, and what wants a look nevertheless.
    fn works(&mut self, firmware: Firmware) {
        self.forget_what_is_old();
        let health = if self.wakings.len() >= WAKINGS {
            Health::warning(Text::new(
                "reads cards, but the chip had to be woken several times in ten minutes: check its supply (150 mA) and the wires",
                "可以读卡，但十分钟内多次需要唤醒芯片：请检查供电（150 mA）和接线",
            ))
        } else if self.broken.len() >= BROKEN {
            let count = self.broken.len();
            Health::warning(Text::new(
                format!(
                    "reads cards, but {count} answers in ten minutes arrived broken and were asked for again: check ground, the length of the wires and the adapter"
                ),
                format!("可以读卡，但十分钟内有 {count} 次应答损坏并已重新请求：请检查地线、线长和适配器"),
            ))
        } else if self.show.impossible {
            Health::warning(Text::new(
                "reads cards, but this chip cannot switch lights: remove green_pin, red_pin and buzzer_pin",
                "可以读卡，但该芯片无法控制指示灯：请删去 green_pin、red_pin 和 buzzer_pin",
            ))
        } else {
            let cards = self.member.settings.technologies.iter().map(|technology| match technology {
                Technology::A => "A",
                Technology::B => "B",
                Technology::Felica212 => "FeliCa",
                Technology::Felica424 => "FeliCa 424",
            });
            let cards = cards.collect::<Vec<_>>().join(", ");
            Health::working(Text::new(
                format!("{firmware}, waits for cards ({cards})"),
                format!("{firmware}，等待刷卡（{cards}）"),
            ))
        };
        self.say(health);
    }

    /// Says how the reader is, if that is news or was said long ago.
    fn say(&mut self, health: Health) {
        let known = self.said.as_ref().is_some_and(|(said, at)| *said == health && at.elapsed() < SAYS_AGAIN);
        if !known {
            self.member.port.health(health.clone());
            self.said = Some((health, Instant::now()));
        }
    }
}
