//! The driver of one terminal: visit after visit, with a pause that grows while it does not answer.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::select_all;
use punchd_contract::{
    ClockShown, CommandError, Condition, Declaration, DriverError, Found, Health, Kind, Member, Mistake, NotRecorded,
    Search, Text, Values,
};
use tokio::time::{Instant, sleep, timeout};

use super::find::{self, find};
use super::places::Place;
use super::serials::Showing;
use super::session::Session;
use super::settings::{self, Settings, Transport};
use super::silence::Silences;
use super::standing::{Moved, Standing};
use super::transport::{Link, Wire};
use super::trouble::Trouble;
use super::visit::{Approach, Visit};

/// Terminals that are asked over port 4370.
#[derive(Debug)]
pub struct ZktecoPull;

impl Kind for ZktecoPull {
    const DECLARATION: Declaration = settings::DECLARATION;
    type Settings = Settings;

    fn settings(values: &Values) -> Result<Settings, Vec<Mistake>> {
        settings::parse(values)
    }

    async fn discover(search: &Search) -> Vec<Found> {
        find::discover(search).await
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
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A visit that lasted so long was a success: the next pause is short again.
const GOOD_VISIT: Duration = Duration::from_secs(30);
/// Between two searches of the networks.
const BETWEEN_SEARCHES: Duration = Duration::from_secs(300);
/// Failed visits before a search: a terminal that restarts is not looked for.
const FAILURES_BEFORE_SEARCH: u32 = 3;

/// What is known of a terminal from one visit to the next.
struct Terminal<'a> {
    member: &'a Member<Settings>,
    standing: Standing,
    last_clock: Option<ClockShown>,
    silences: Silences,
    showing: Showing,
    failures: u32,
    searched: Option<Instant>,
}

async fn serve(member: &Member<Settings>) -> Infallible {
    let standing = Standing::of(member.port.cursor().await.as_ref());
    let place = member.settings.address.to_string();
    let connecting = Text::new(format!("connecting to {place}"), format!("正在连接 {place}"));
    member.port.health(Health { condition: Condition::Starting, text: connecting });
    let showing = Showing::new(&member.device, standing.serial.as_ref(), standing.keys.as_deref());
    let silences = Silences::default();
    let mut terminal = Terminal { member, standing, last_clock: None, silences, showing, failures: 0, searched: None };
    let mut pause = FIRST_PAUSE;
    loop {
        let started = Instant::now();
        let (trouble, at) = terminal.visit().await;
        let text = trouble.text(&at);
        tracing::warn!(device = %member.device, address = %at, "{trouble}");
        member.port.health(Health::fault(text.clone()));
        if started.elapsed() > GOOD_VISIT {
            (pause, terminal.failures) = (FIRST_PAUSE, 0);
        }
        terminal.failures = terminal.failures.saturating_add(1);
        refusing(member, &text, terminal.look_for_it(&trouble)).await;
        if trouble.needs_a_person() || trouble == Trouble::NotRecorded(NotRecorded::Stopping) {
            pause = LONGEST_PAUSE;
        }
        // Jitter, so that terminals that went together do not all come back together.
        let jitter = pause.mul_f64(0.8 + 0.4 * fastrand::f64());
        refusing(member, &text, sleep(jitter)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Waits for something else and meanwhile answers that nothing can be done just now.
async fn refusing<T>(member: &Member<Settings>, text: &Text, work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            request = member.port.request() => request.answer(Err(CommandError::Unreachable(text.clone()))),
        }
    }
}

impl Terminal<'_> {
    /// One visit, from its start to what ended it, and where that was.
    async fn visit(&mut self) -> (Trouble, String) {
        let settings = &*self.member.settings;
        let configured = settings.address.to_string();
        let address = match self.address().await {
            Ok(address) => address,
            Err(trouble) => return (trouble, configured),
        };
        // The name as configured and the address behind it, where they differ.
        let shown = if address.to_string() == configured { configured } else { format!("{configured} ({address})") };
        let Some(_place) = Place::take(address) else { return (Trouble::TwoBlocks, shown) };
        let session = match self.open(address).await {
            Ok(session) => session,
            Err(trouble) => return (trouble, shown),
        };
        let approach = Approach {
            settings,
            port: &self.member.port,
            zone: &self.member.zone,
            device: &self.member.device,
            showing: &self.showing,
            standing: &mut self.standing,
            last_clock: &mut self.last_clock,
            address,
        };
        let mut visit = match Visit::begin(approach, session).await {
            Ok(visit) => visit,
            Err(trouble) => return (trouble, shown),
        };
        match visit.stay().await {
            Ok(never) => match never {},
            Err(trouble) => {
                visit.leave().await;
                (trouble, shown)
            }
        }
    }

    /// Where to try: the place where it was found, by turns with the place that the configuration names.
    async fn address(&self) -> Result<SocketAddr, Trouble> {
        let configured = &self.member.settings.address;
        let moved = self.standing.moved.as_ref().filter(|moved| moved.from == configured.to_string());
        if let Some(moved) = moved.filter(|_| self.failures.is_multiple_of(2)) {
            return Ok(moved.to);
        }
        let lookup = tokio::net::lookup_host((configured.host.as_str(), configured.port));
        match timeout(self.member.settings.timeout, lookup).await {
            Ok(Ok(mut found)) => found.next().ok_or(Trouble::NoSuchHost),
            Ok(Err(_)) | Err(_) => Err(Trouble::NoSuchHost),
        }
    }

    async fn open(&self, address: SocketAddr) -> Result<Session, Trouble> {
        let settings = &*self.member.settings;
        let wires: &[Wire] = match (settings.transport, self.standing.wire) {
            (Transport::Tcp, _) => &[Wire::Tcp],
            (Transport::Udp, _) => &[Wire::Udp],
            (Transport::Auto, Some(Wire::Udp)) => &[Wire::Udp, Wire::Tcp],
            (Transport::Auto, _) => &[Wire::Tcp, Wire::Udp],
        };
        let mut first = None;
        for wire in wires {
            let opened = match Link::open(*wire, address, settings.timeout).await {
                Ok(link) => Session::open(link, settings.comm_key, settings.timeout, self.silences.clone()).await,
                Err(trouble) => Err(trouble),
            };
            match opened {
                Ok(session) => return Ok(session),
                // Nobody there over this one; over the other there may be.
                Err(trouble @ (Trouble::Unreachable | Trouble::Refused)) => first = first.or(Some(trouble)),
                Err(trouble) => return Err(trouble),
            }
        }
        Err(first.unwrap_or(Trouble::Unreachable))
    }

    /// Searches the networks that the operator named, if the terminal may have moved.
    async fn look_for_it(&mut self, trouble: &Trouble) {
        let settings = &*self.member.settings;
        let wrong = matches!(trouble, Trouble::WrongTerminal { .. });
        let early = self.failures < FAILURES_BEFORE_SEARCH && !wrong;
        let lately = self.searched.is_some_and(|when| when.elapsed() < BETWEEN_SEARCHES);
        let serial = settings.serial.clone().or_else(|| self.standing.serial.clone());
        let Some(serial) = serial.filter(|_| trouble.suggests_a_search() && !early && !lately) else { return };
        if settings.subnets.is_empty() {
            return;
        }
        self.searched = Some(Instant::now());
        tracing::info!(device = %self.member.device, %serial, "searching the named networks for the terminal");
        if let Some((to, wire)) = find(settings, &serial, self.standing.wire).await {
            tracing::info!(device = %self.member.device, address = %to, "found the terminal at another address");
            self.standing.moved = Some(Moved { from: settings.address.to_string(), to });
            self.standing.wire = Some(wire);
            // An even number: the new place is tried next.
            self.failures = 0;
        }
    }
}
