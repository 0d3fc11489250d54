//! The conversation with a reader that sends lines: wait for one, hand it over, answer the person.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::future::select_all;
use punchd_contract::{
    CommandError, Credential, Declaration, DriverError, Found, Health, Kind, Line, LineError, Member, Method, Misread,
    Mistake, Reading, Repeat, Search, Text, Values,
};
use tokio::time::{Instant, sleep_until};

use crate::discover::discover;
use crate::protocol::decoder::{Decoder, Heard};
use crate::protocol::rdm6300;
use crate::settings::{self, Sends, Settings};
use crate::trigger::Triggering;

/// Readers that send lines over a serial port.
#[derive(Debug)]
pub struct SerialLine;

impl Kind for SerialLine {
    const DECLARATION: Declaration = settings::DECLARATION;
    type Settings = Settings;

    fn settings(values: &Values) -> Result<Settings, Vec<Mistake>> {
        settings::parse(values)
    }

    fn discover(search: &Search) -> impl Future<Output = Vec<Found>> + Send {
        discover(search)
    }

    /// Each member is served on its own.
    async fn run(members: Vec<Member<Settings>>) -> Result<(), DriverError> {
        if members.is_empty() {
            return Ok(());
        }
        let served = members.iter().map(|member| Box::pin(serve(member)));
        match select_all(served).await.0 {}
    }
}

const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// A reader that is plugged in again works within this.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// A line that lasted so long was good: the next pause is short again.
const GOOD_LINE: Duration = Duration::from_secs(30);
/// Health is said again this often, so that the agent sees the driver alive.
const SAYS_AGAIN: Duration = Duration::from_secs(120);
/// What arrived before the port was opened is of nobody who still stands there.
const SETTLES: Duration = Duration::from_millis(30);
/// How long an answer to an init command may take to begin.
const INIT_ANSWERS: Duration = Duration::from_millis(100);
/// So many spoilt pieces without a good one between them are no accident.
const SPOILT: u32 = 5;

/// Opens the line again and again.
async fn serve(member: &Member<Settings>) -> Infallible {
    let mut pause = FIRST_PAUSE;
    // What a reader ends its lines with is remembered over replugs.
    let mut decoder = member.settings.decoder();
    let mut repeat = Repeat::new(member.settings.repeat);
    loop {
        let opened = Instant::now();
        let lost = match member.port.line(&member.settings.place, member.settings.mode).await {
            Ok(line) => match Conversation::new(member, line, &mut decoder, &mut repeat).go_on().await {
                Ok(never) => match never {},
                Err(lost) => lost,
            },
            Err(refused) => refused,
        };
        if opened.elapsed() >= GOOD_LINE {
            pause = FIRST_PAUSE;
        }
        tracing::debug!(device = %member.device, error = %lost, "no line to the reader");
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

/// One line, for as long as it lasts.
struct Conversation<'a> {
    member: &'a Member<Settings>,
    line: Line,
    decoder: &'a mut Decoder,
    repeat: &'a mut Repeat,
    triggering: Triggering,
    /// What is wrong with what arrives, until something good arrives.
    doubt: Option<Text>,
    spoilt: u32,
    says_again: Instant,
}

impl<'a> Conversation<'a> {
    fn new(member: &'a Member<Settings>, line: Line, decoder: &'a mut Decoder, repeat: &'a mut Repeat) -> Self {
        let triggering = Triggering::new(member.settings.trigger, Instant::now());
        Self { member, line, decoder, repeat, triggering, doubt: None, spoilt: 0, says_again: Instant::now() }
    }

    async fn go_on(&mut self) -> Result<Infallible, LineError> {
        self.line.drain(SETTLES).await?;
        for command in &self.member.settings.init {
            self.line.write(command).await?;
            self.line.drain(INIT_ANSWERS).await?;
        }
        // What the last line left is of no use to this one.
        let (mut heard, mut bytes) = (Vec::new(), Vec::new());
        while self.decoder.waits().is_some() {
            self.decoder.quiet(&mut heard);
        }
        self.say();
        let mut last_byte = Instant::now();
        loop {
            heard.clear();
            bytes.clear();
            let (triggers, says_again) = (self.triggering.due(), self.says_again);
            tokio::select! {
                // What has arrived comes before the silence after it; and no flood keeps the driver from saying that it lives.
                biased;
                () = sleep_until(says_again) => self.say(),
                read = self.line.read(&mut bytes) => {
                    read?;
                    last_byte = Instant::now();
                    self.decoder.push(&bytes, &mut heard);
                }
                () = at(self.decoder.waits().map(|waits| last_byte + waits)) => self.decoder.quiet(&mut heard),
                () = at(triggers) => {
                    if let Some(command) = self.triggering.fire(Instant::now()) {
                        self.line.write(command).await?;
                    }
                    self.say();
                }
                request = self.member.port.request() => request.answer(Err(CommandError::Unsupported)),
            }
            for heard in heard.drain(..) {
                self.take(heard).await?;
            }
        }
    }

    async fn take(&mut self, heard: Heard) -> Result<(), LineError> {
        let reading = match heard {
            Heard::Acknowledged => {
                self.triggering.acknowledged(Instant::now());
                self.say();
                return Ok(());
            }
            Heard::Broken => {
                self.spoilt = self.spoilt.saturating_add(1);
                if self.spoilt == SPOILT {
                    self.doubt = Some(spoilt());
                    self.say();
                }
                return Ok(());
            }
            Heard::Card(card) => {
                let raw = rdm6300::frame(card, false);
                Some(Ok(Reading::now(Credential::Card(card.to_vec()), Method::Card, "rdm6300", raw)))
            }
            Heard::Line(line) => match &self.member.settings.sends {
                Sends::Text { means, .. } => means.read(&line),
                Sends::Rdm6300 => None,
            },
        };
        let (reading, doubt) = match reading {
            None => return Ok(()),
            Some(Ok(reading)) => (reading, None),
            Some(Err(Misread { reading, text })) => (reading, Some(text)),
        };
        self.triggering.read(Instant::now());
        if !self.repeat.is_new(&reading.raw, Instant::now()) {
            return Ok(());
        }
        self.hand_over(reading).await?;
        self.spoilt = 0;
        self.doubt = doubt;
        self.say();
        Ok(())
    }

    /// The person is answered only after the reading is on disk.
    async fn hand_over(&mut self, reading: Reading) -> Result<(), LineError> {
        let answer = self.member.port.submit_one(reading.clone()).await;
        if let Err(error) = &answer {
            tracing::warn!(device = %self.member.device, %error, "a reading was not recorded, the person is told to try again");
        }
        self.repeat.answered(answer.is_ok(), Instant::now());
        match self.member.settings.answers.bytes(&reading, &answer) {
            Some(bytes) => self.line.write(&bytes).await,
            None => Ok(()),
        }
    }

    fn say(&mut self) {
        self.says_again = Instant::now() + SAYS_AGAIN;
        let (port, settings) = (&self.member.port, &self.member.settings);
        if let Some(silent) = self.triggering.silent() {
            port.health(Health::fault(silent));
        } else if let Some(doubt) = &self.doubt {
            port.health(Health::warning(doubt.clone()));
        } else if self.triggering.is_working() {
            let (place, baud) = (&settings.place, settings.mode.baud);
            port.health(Health::working(Text::new(
                format!("waiting for what is presented, at {place} with {baud} baud"),
                format!("等待读取，位于 {place}，波特率 {baud}"),
            )));
        }
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
        "what arrives is spoilt on its way: check `baud`, `parity`, `format`, `terminator` and the wiring",
        "收到的数据不完整或校验错误：请检查 `baud`、`parity`、`format`、`terminator` 和接线",
    )
}
