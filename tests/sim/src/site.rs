//! A whole site that does not exist: people, two pull terminals, a push terminal, local readers and the stand-in, and the
//! configuration with which an agent serves it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;
use punchd_zkteco::pull::virtual_device::{Options as PullOptions, VirtualTerminal};
use punchd_zkteco::push::virtual_device::{Options as PushOptions, VirtualPushTerminal};

use crate::account::{Account, Reading};
use crate::clock::Clock;
use crate::gate::{Carrier, Gate, card_of};
use crate::people::{Person, roster};
use crate::standin::{CORP_ID, Limits, Members, Options, SECRET, Standin};
use crate::terminals::{pull_terminal, push_terminal};

/// The environment variable in which the agent finds the app's secret.
pub const SECRET_VARIABLE: &str = "PUNCHD_DEMO_SECRET";
/// The user id of somebody who is on a terminal and on no list.
pub const STRANGER: &str = "9999";
/// The zone of the site.
pub const ZONE: &str = "Asia/Shanghai";
/// The merge window of the site, in seconds.
pub const MERGE_WINDOW: i64 = 300;

const PUSH_SERIAL: &str = "VP00000001";

/// How large a site is.
#[derive(Clone, Debug)]
pub struct Plan {
    /// People on the roster.
    pub people: usize,
    /// Punches that each terminal holds at the start.
    pub records: usize,
    /// Whether the stand-in limits calls as WeCom does.
    pub limits: Limits,
    /// What carries the lines of local readers, if there are to be any.
    pub readers: Option<Carrier>,
}

/// A running site. Dropped, everything of it stops.
pub struct Site {
    /// Who works there.
    pub people: Vec<Person>,
    /// WeCom.
    pub standin: Standin,
    /// Terminals that are asked.
    pub pull: Vec<VirtualTerminal>,
    /// The terminal that calls.
    pub push: VirtualPushTerminal,
    /// The local readers, where the site has any.
    pub gate: Option<Gate>,
    listen: SocketAddr,
    zone: TimeZone,
}

/// What the terminals of the site recorded before the gateway came counts, too.
const COUNT_FROM: &str = "count_from = 2000-01-01";

impl Site {
    /// Builds and starts everything on the loopback address.
    pub async fn start(plan: Plan, clock: Clock) -> io::Result<Self> {
        let zone = TimeZone::get(ZONE).map_err(|error| io::Error::other(error.to_string()))?;
        let people = roster(plan.people);
        let members = Members::Listed(people.iter().map(|person| person.userid.clone()).collect());
        let standin = Standin::start(Options { members, limits: plan.limits, ..Options::new(clock.clone()) }).await?;
        let mut pull = Vec::new();
        for (serial, share) in [("VT00000001", 0), ("VT00000002", 1)] {
            let enrolled = share_of(&people, share);
            pull.push(VirtualTerminal::start(PullOptions {
                serial: Some(serial.to_owned()),
                ..pull_terminal(clock.clone(), zone.clone(), &enrolled, plan.records)
            })?);
        }
        let listen = free_port()?;
        let push = VirtualPushTerminal::start(PushOptions {
            keep_alive: true,
            // Until a server tells it, which is the agent's to do.
            error_delay: Duration::from_secs(1),
            ..push_terminal(
                &listen.to_string(),
                PUSH_SERIAL,
                clock.clone(),
                zone.clone(),
                &share_of(&people, 2),
                plan.records,
            )
        });
        let gate = match plan.readers {
            Some(carrier) => Some(Gate::plug(&carrier, clock).await?),
            None => None,
        };
        Ok(Self { people, standin, pull, push, gate, listen, zone })
    }

    /// The configuration of an agent that serves the site and keeps its data in this folder.
    pub fn config(&self, data: &Path) -> String {
        let pull: String = (1..)
            .zip(&self.pull)
            .map(|(n, terminal)| {
                let address = terminal.address();
                format!("[[device]]\nname = \"gate-{n}\"\nkind = \"zkteco-pull\"\naddress = \"{address}\"\npoll = \"5s\"\n{COUNT_FROM}\n\n")
            })
            .collect();
        let people: String = self
            .people
            .iter()
            .map(|person| {
                let Person { userid, name, number } = person;
                let card: String = card_of(person).iter().map(|byte| format!("{byte:02X}")).collect();
                format!("[[person]]\nuserid = \"{userid}\"\nname = \"{name}\"\nuser_ids = [\"{number}\"]\ncards = [\"hex:{card}\"]\n\n")
            })
            .collect();
        let readers = self.gate.as_ref().map_or_else(String::new, Gate::config);
        format!(
            r#"[gateway]
name = "demo"
zone = "{ZONE}"
data = "{data}"

[attendance]
merge_window = "{MERGE_WINDOW}s"

{pull}{readers}[[device]]
name = "gate-push"
kind = "zkteco-push"
listen = "{listen}"
{COUNT_FROM}
serial = "{PUSH_SERIAL}"
delay = "2s"

[[destination]]
name = "wecom"
kind = "wecom"
corp_id = "{CORP_ID}"
secret = {{ env = "{SECRET_VARIABLE}" }}
base_url = "{url}"
calls_per_minute = 60
settle = "2s"

{people}"#,
            data = data.display(),
            listen = self.listen,
            url = self.standin.base_url(),
        )
    }

    /// The app's secret, for [`SECRET_VARIABLE`].
    pub fn secret(&self) -> &'static str {
        SECRET
    }

    /// Somebody with this number shows a finger at one of the terminals.
    pub fn punch(&self, terminal: usize, number: &str) {
        match self.pull.get(terminal) {
            Some(terminal) => terminal.punch_now(number),
            None => {
                self.push.punch_now(number);
            }
        }
    }

    /// How many terminals there are.
    pub fn terminals(&self) -> usize {
        self.pull.len() + 1
    }

    /// Every record of every terminal, each with its true time.
    pub fn readings(&self) -> Vec<Reading> {
        let pull = self.pull.iter().flat_map(|terminal| {
            terminal.records().into_iter().filter_map(|record| Some((record.user_id, record.time.civil()?)))
        });
        let push = self.push.records().into_iter().map(|record| (record.user_id, record.time));
        pull.chain(push)
            .filter_map(|(number, civil)| {
                let time_s = self.zone.to_timestamp(civil).ok()?.as_second();
                let person = self.people.iter().find(|person| person.number == number);
                Some(Reading::recorded(person.map(|person| person.userid.clone()), time_s))
            })
            .chain(self.gate.iter().flat_map(Gate::presented))
            .collect()
    }

    /// What should have arrived, held against what did.
    pub fn account(&self) -> Account {
        Account::of(&self.readings(), &self.standin.held(), MERGE_WINDOW)
    }
}

/// Every third person is on each of the terminals; the first few are on all of them.
fn share_of(people: &[Person], share: usize) -> Vec<Person> {
    people.iter().enumerate().filter(|(n, _)| *n < 6 || n % 3 == share).map(|(_, person)| person.clone()).collect()
}

/// A port that was free a moment ago: push terminals must know it before the agent listens there.
fn free_port() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
