//! Wall readers that speak Wiegand: their lines are opened, and opened again.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::future::select_all;
use punchd_contract::{CommandError, Declaration, DriverError, Health, Kind, Member, Mistake, Values};
use tokio::time::{Instant, sleep_until};

use crate::board::Board;
use crate::gpio::Gpio;
use crate::reader::Reader;
use crate::settings::{self, Settings};

const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// A GPIO adapter that is plugged in again works within this.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// Lines that were open so long were good: the next pause is short again.
const GOOD: Duration = Duration::from_secs(30);
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
