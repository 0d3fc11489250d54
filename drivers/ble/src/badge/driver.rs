//! Listening for badges and recording who comes.

use std::convert::Infallible;

use futures_util::future::join_all;
use punchd_contract::{CommandError, Condition, Credential, DriverError, Health, Member, Method, Port, Reading, Text};
use tokio::time::{Duration, Instant, MissedTickBehavior, interval};

use super::Settings;
use crate::protocol::pattern::{Badge, badges};
use crate::protocol::presence::Presence;
use crate::radio::air::Advertisement;
use crate::radio::{Radio, Source, State};

/// How often the health is said again, so that the driver is not taken for dead while nobody comes.
const TOUCH: Duration = Duration::from_secs(240);

/// Serves the listeners, each for itself.
pub(super) async fn run<S: Source>(members: Vec<Member<Settings>>) -> Result<(), DriverError> {
    join_all(members.into_iter().map(serve::<S>)).await;
    Ok(())
}

async fn serve<S: Source>(member: Member<Settings>) {
    tokio::select! {
        never = refuse(&member.port) => match never {},
        never = listen::<S>(&member) => match never {},
    }
}

/// A badge can be asked nothing.
async fn refuse(port: &Port) -> Infallible {
    loop {
        port.request().await.answer(Err(CommandError::Unsupported));
    }
}

async fn listen<S: Source>(member: &Member<Settings>) -> Infallible {
    let settings = &member.settings;
    let radio = Radio::of::<S>(settings.adapter.as_deref());
    // All by their services, or all there are: a pattern without a service cannot be heard by one.
    let services: Option<Vec<_>> = settings.patterns.iter().map(|pattern| pattern.service()).collect();
    let mut listener = radio.listen(services.unwrap_or_default(), settings.silence);
    let (mut state, mut silent) = (radio.state(), radio.silent());
    let mut gate = Gate { member, presence: Presence::new(settings.rules), started: Instant::now() };
    let mut touch = interval(TOUCH);
    touch.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut crowded, mut deaf_since) = (false, None);
    loop {
        tokio::select! {
            advertisement = listener.next() => {
                gate.hear(&advertisement).await;
                continue;
            }
            // Both end with the radio, which is held here.
            _ = state.changed() => {}
            _ = silent.changed() => {}
            _ = touch.tick() => crowded = gate.presence.dropped() > 0,
        }
        match (matches!(&*state.borrow(), State::Open(_)), deaf_since) {
            (false, None) => deaf_since = Some(Instant::now()),
            (true, Some(since)) => {
                gate.presence.deaf_for(Instant::now() - since);
                deaf_since = None;
            }
            (false, Some(_)) | (true, None) => {}
        }
        let health = health(&state.borrow_and_update(), *silent.borrow_and_update(), crowded);
        member.port.health(health);
    }
}

fn health(state: &State, silent: bool, crowded: bool) -> Health {
    match state {
        State::Opening => Health {
            condition: Condition::Starting,
            text: Text::new("on the way to the Bluetooth adapter", "正在打开蓝牙适配器"),
        },
        State::Closed(trouble) => Health::fault(trouble.text()),
        State::Open(_) if silent => Health::warning(Text::new(
            "nothing at all is heard over Bluetooth: if badges are near, `systemctl restart bluetooth` may help",
            "蓝牙完全收不到信号：若附近有工牌，可尝试 `systemctl restart bluetooth`",
        )),
        State::Open(_) if crowded => Health::warning(Text::new(
            "more badges are near than can be followed: name yours in `badges`, or some may come twice",
            "附近的工牌多于可跟踪的数量：请在 `badges` 中限定自己的工牌，否则可能重复记录",
        )),
        State::Open(_) => Health::working(Text::new(
            "listening for badges; being near is weaker evidence than a card or a finger",
            "正在监听工牌；靠近的证明力弱于刷卡和指纹",
        )),
    }
}

/// Who is near, and the way to the journal.
struct Gate<'a> {
    member: &'a Member<Settings>,
    presence: Presence,
    started: Instant,
}

impl Gate<'_> {
    async fn hear(&mut self, advertisement: &Advertisement) {
        // 127 stands for a strength that the radio does not know.
        let Some(rssi) = advertisement.rssi.filter(|rssi| *rssi < 127) else { return };
        for badge in badges(&self.member.settings.patterns, &advertisement.told) {
            if self.presence.heard(&badge.id, rssi, self.started.elapsed()) {
                self.record(badge).await;
            }
        }
    }

    async fn record(&mut self, Badge { id, profile, raw }: Badge) {
        let reading = Reading::now(Credential::Badge(id.clone()), Method::Proximity, profile, raw);
        if let Err(error) = self.member.port.submit_one(reading).await {
            tracing::warn!(device = %self.member.device, %error, "a badge that came is not recorded; it is tried again while it is near");
            self.presence.not_recorded(&id);
        }
    }
}
