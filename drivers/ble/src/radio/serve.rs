//! The radio's task: opens the adapter, scans as long as somebody listens, and watches.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until, timeout};

use super::Trouble;
use super::air::{Adapter, Event, Opened};
use super::shared::{Shared, State, Wish};
use super::silence::{Silence, Step};

/// How long the way to the adapter may take: the bus may have to start the daemon first.
const OPENS_WITHIN: Duration = Duration::from_secs(20);
/// How long one call may take.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// The first and the longest wait before trying again.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));
/// An opening that held for so long was a good one: the next is tried at once.
const STEADY: Duration = Duration::from_secs(30);
/// How often devices that nobody wants are forgotten: every random address stays an object of the daemon's (facts/readers.md D.3).
const TIDIES: Duration = Duration::from_secs(1800);
/// How long the adapter stays off in a power cycle.
const OFF: Duration = Duration::from_secs(1);

/// Serves until it is aborted.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut wait = RETRY.0;
    loop {
        let opened = timeout(OPENS_WITHIN, shared.air.open()).await.unwrap_or(Err(Trouble::Hangs("open")));
        let trouble = match opened {
            Ok(opened) => {
                tracing::info!(adapter = opened.adapter.id(), "Bluetooth adapter is open");
                shared.state.send_replace(State::Open(opened.adapter.clone()));
                let since = Instant::now();
                let trouble = serve(&shared, opened).await;
                if since.elapsed() >= STEADY {
                    wait = RETRY.0;
                }
                trouble
            }
            Err(trouble) => trouble,
        };
        let news = !matches!(&*shared.state.borrow(), State::Closed(known) if *known == trouble);
        if news {
            tracing::warn!(%trouble, "Bluetooth adapter is not to be used");
        }
        shared.silent.send_replace(false);
        shared.state.send_replace(State::Closed(trouble));
        sleep(wait).await;
        wait = (wait * 2).min(RETRY.1);
    }
}

/// Serves one opening until it is dead.
async fn serve(shared: &Shared, Opened { adapter, mut events }: Opened) -> Trouble {
    let mut scanning: Option<Wish> = None;
    let mut silence = Silence::begins(Instant::now());
    let mut wished = shared.wished.subscribe();
    let mut tidy = interval_at(Instant::now() + TIDIES, TIDIES);
    tidy.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        wished.mark_unchanged();
        let wanted = shared.wanted();
        if wanted != scanning {
            if let Err(trouble) = scan(&*adapter, scanning.as_ref(), wanted.as_ref()).await {
                return trouble;
            }
            if scanning.is_none() {
                silence.broken(Instant::now());
            }
            scanning = wanted;
        }
        let length = scanning.as_ref().map(|wish| wish.silence);
        let silent = async {
            match length {
                Some(length) => sleep_until(silence.due(length)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = events.next() => match event {
                Some(Event::Heard(advertisement)) => {
                    silence.broken(Instant::now());
                    shared.silent.send_if_modified(std::mem::take);
                    // Nobody listening is fine: another program of this machine may scan.
                    let _ = shared.heard.send(Arc::new(advertisement));
                }
                Some(Event::Left(address)) => {
                    // No link is fine too.
                    let _ = shared.left.send(address);
                }
                Some(Event::Power) => match bounded("power", adapter.powered()).await {
                    Ok(true) => {}
                    Ok(false) => return Trouble::Off,
                    Err(trouble) => return trouble,
                },
                Some(Event::Lost(trouble)) => return trouble,
                None => return Trouble::NoService,
            },
            changed = wished.changed() => if changed.is_err() {
                return Trouble::Hangs("radio");
            },
            () = silent => {
                let (length, linked) = (length.unwrap_or_default(), !shared.claimed().is_empty());
                let step = silence.step(Instant::now(), length);
                if let Err(trouble) = take(shared, &*adapter, scanning.as_ref(), step, linked).await {
                    return trouble;
                }
            }
            _ = tidy.tick() => match bounded("tidy", adapter.tidy(shared.claimed())).await {
                Ok(0) => {}
                Ok(forgotten) => tracing::debug!(forgotten, "passing Bluetooth devices forgotten"),
                Err(error) => tracing::debug!(%error, "passing Bluetooth devices could not be forgotten"),
            },
        }
    }
}

/// Takes a step against silence. A power cycle would break links that may well work: with links, the scan alone is started anew.
async fn take(
    shared: &Shared,
    adapter: &dyn Adapter,
    scanning: Option<&Wish>,
    step: Step,
    linked: bool,
) -> Result<(), Trouble> {
    match step {
        Step::Tell => {
            tracing::warn!(adapter = adapter.id(), "nothing at all is heard over Bluetooth");
            shared.silent.send_replace(true);
            Ok(())
        }
        Step::PowerCycle if !linked => {
            tracing::info!(adapter = adapter.id(), "nothing is heard: switching the adapter off and on");
            // It may refuse to stop: what follows stops it for sure.
            let _ = bounded("scan", adapter.stop_scan()).await;
            bounded("power", adapter.power(false)).await?;
            sleep(OFF).await;
            bounded("power", adapter.power(true)).await?;
            scan(adapter, None, scanning).await
        }
        Step::PowerCycle | Step::ScanAnew => {
            tracing::info!(adapter = adapter.id(), "nothing is heard: starting the scan anew");
            scan(adapter, scanning, scanning).await
        }
    }
}

/// Stops the scan that runs and starts the one that is wanted. Stopping may fail: the daemon loses count of its scans
/// (facts/readers.md D.3), and starting tells.
async fn scan(adapter: &dyn Adapter, running: Option<&Wish>, wanted: Option<&Wish>) -> Result<(), Trouble> {
    if running.is_some()
        && let Err(error) = bounded("scan", adapter.stop_scan()).await
    {
        tracing::debug!(%error, "the scan did not stop");
    }
    match wanted {
        Some(wish) => bounded("scan", adapter.scan(wish.services.clone())).await,
        None => Ok(()),
    }
}

async fn bounded<T>(what: &'static str, call: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
    timeout(ANSWERS_WITHIN, call).await.unwrap_or(Err(Trouble::Hangs(what)))
}
