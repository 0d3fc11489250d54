//! The driver of one module: it is met, stays at the gate until something goes wrong, and is met again.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::future::select_all;
use punchd_contract::{
    CommandError, Condition, Declaration, DriverError, Found, Health, Kind, Member, Mistake, Search, Text, Values,
};
use tokio::time::{Instant, sleep};

use crate::module::Module;
use crate::session::Session;
use crate::settings::{self, Settings};
use crate::trouble::Trouble;
use crate::{find, gate};

/// Fingerprint modules of the EF01 family.
#[derive(Debug)]
pub struct Fingerprint;

impl Kind for Fingerprint {
    const DECLARATION: Declaration = settings::DECLARATION;
    type Settings = Settings;

    fn settings(values: &Values) -> Result<Settings, Vec<Mistake>> {
        settings::parse(values)
    }

    async fn discover(search: &Search) -> Vec<Found> {
        find::find(search).await
    }

    /// Each member is served on its own: one that is slow delays nobody.
    async fn run(members: Vec<Member<Settings>>) -> Result<(), DriverError> {
        if members.is_empty() {
            return Ok(());
        }
        let served = members.iter().map(|member| Box::pin(serve(member)));
        match select_all(served).await.0 {}
    }
}

const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(12);
/// A conversation that lasted so long was a good one: the next pause is short again.
const GOOD: Duration = Duration::from_secs(30);

async fn serve(member: &Member<Settings>) -> Infallible {
    let place = &member.settings.place;
    let starting = Text::new(format!("looking for the module at {place}"), format!("正在连接 {place} 处的指纹模块"));
    member.port.health(Health { condition: Condition::Starting, text: starting });
    let mut pause = FIRST_PAUSE;
    // A command that no finger can be read without is missed only when a finger lies there: not forgotten until one is read.
    let mut lacks = None;
    loop {
        let started = Instant::now();
        let trouble = match converse(member, started, lacks.take()).await {
            Ok(never) => match never {},
            Err(trouble) => trouble,
        };
        if started.elapsed() > GOOD {
            pause = FIRST_PAUSE;
        }
        if trouble == Trouble::Restarted && pause == FIRST_PAUSE {
            // Over as soon as it is seen; told only if it goes on.
            tracing::info!(device = %member.device, "{trouble}");
        } else {
            tracing::warn!(device = %member.device, port = %place, "{trouble}");
            member.port.health(Health::fault(trouble.text(place)));
        }
        refusing(member, &trouble.text(place), pause).await;
        lacks = matches!(trouble, Trouble::Unanswered { .. } | Trouble::Refuses { .. }).then_some(trouble);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn converse(member: &Member<Settings>, started: Instant, lacks: Option<Trouble>) -> Result<Infallible, Trouble> {
    let settings = &*member.settings;
    let line = member.port.line(&settings.place, settings.mode).await?;
    let session = Session::over(line, settings.address);
    let mut module = Module::meet(&member.port, settings, session).await?;
    let known = &module.known;
    tracing::info!(
        device = %member.device, module = %known.id, model = %known.model(), light = ?known.light, notepad = known.notepad,
        fast_search = ?known.fast_search, page_shift = ?known.shift, fingers = known.ours.len(), foreign = known.foreign.len(),
        took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX), "the fingerprint module is ready"
    );
    gate::stay(&mut module, lacks).await
}

/// Waits, and meanwhile answers that nothing can be done just now.
async fn refusing(member: &Member<Settings>, text: &Text, pause: Duration) {
    let mut pause = std::pin::pin!(sleep(pause));
    loop {
        tokio::select! {
            () = &mut pause => return,
            request = member.port.request() => request.answer(Err(CommandError::Unreachable(text.clone()))),
        }
    }
}
