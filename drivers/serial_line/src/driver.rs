//! The conversation with a reader that sends lines: opened again and again.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::future::select_all;
use punchd_contract::{
    CommandError, Declaration, DriverError, Found, Health, Kind, Line, LineError, Losses, Member, Mistake, Place,
    Repeat, Search, Values,
};
use tokio::time::{Instant, sleep_until, timeout};

use crate::conversation::Conversation;
use crate::discover::discover;
use crate::protocol::decoder::{Decoder, Heard};
use crate::settings::{self, Settings};

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
/// What arrives before this much silence after the opening is of people who do not stand there any more.
const SETTLES: Duration = Duration::from_millis(30);
/// The same over a network, which brings what a serial server has kept meanwhile.
const SETTLES_FAR: Duration = Duration::from_millis(300);
/// A reader that never pauses does not keep its line from being used.
const SETTLES_AT_MOST: Duration = Duration::from_secs(2);
/// How long an answer to an init command may take to begin.
const INIT_ANSWERS: Duration = Duration::from_millis(100);

/// What is remembered of a reader over replugs.
pub(crate) struct Memory {
    /// What it ends its lines with, and whether one was cut.
    pub decoder: Decoder,
    /// What lies in front of it.
    pub repeat: Repeat,
    /// How much of what it sent was spoilt.
    pub losses: Losses,
    /// Where times are counted from.
    pub origin: Instant,
    /// What was cut by the end of the last line, or came before anybody listened to this one.
    pub parts: Vec<Heard>,
}

/// Opens the line again and again.
async fn serve(member: &Member<Settings>) -> Infallible {
    let (settings, origin) = (&member.settings, Instant::now());
    let (decoder, repeat, losses) = (settings.decoder(), Repeat::new(settings.repeat), Losses::new(origin));
    let mut memory = Memory { decoder, repeat, losses, origin, parts: Vec::new() };
    let mut pause = FIRST_PAUSE;
    loop {
        let opened = Instant::now();
        let lost = match member.port.line(&settings.place, settings.mode).await {
            Ok(line) => match talk(member, line, &mut memory).await {
                Ok(never) => match never {},
                Err(lost) => lost,
            },
            Err(refused) => refused,
        };
        // A serial server goes on with what it has kept; what hangs at a port of ours has been without power.
        let goes_on = !matches!(settings.place, Place::Serial(_));
        memory.decoder.broken(goes_on, &mut memory.parts);
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

/// Talks over one line until it is lost.
async fn talk(member: &Member<Settings>, mut line: Line, memory: &mut Memory) -> Result<Infallible, LineError> {
    settle(member, &mut line, memory).await?;
    for command in &member.settings.init {
        line.write(command).await?;
        line.drain(INIT_ANSWERS).await?;
    }
    Conversation::over(member, line, memory).go_on().await
}

/// Takes what arrives at once: it was presented before, at a time that nobody knows, and its head may be missing. None of it credits
/// anybody; what looks like a text is kept.
async fn settle(member: &Member<Settings>, line: &mut Line, memory: &mut Memory) -> Result<(), LineError> {
    let quiet = if matches!(member.settings.place, Place::Serial(_)) { SETTLES } else { SETTLES_FAR };
    let (end, mut bytes, mut heard) = (Instant::now() + SETTLES_AT_MOST, Vec::new(), Vec::new());
    while Instant::now() < end
        && let Ok(read) = timeout(quiet, line.read(&mut bytes)).await
    {
        read?;
        let now = memory.origin.elapsed();
        memory.decoder.push(&bytes, now, &mut heard);
        bytes.clear();
        memory.decoder.begun_unheard(now);
        memory.parts.extend(heard.drain(..).filter_map(|heard| match heard {
            Heard::Line(text) | Heard::Part(text) => Some(Heard::Part(text)),
            _ => None,
        }));
    }
    Ok(())
}
