//! Push: the terminal is the client and the gateway the HTTP server (ADMS, iclock; facts/terminals.md B).
//!
//! What is promised: a terminal is told `OK` for an upload only after all of it is on disk, so whatever is not answered OK comes
//! again; a record that comes again is the same record, whether live, in a log or in the answer to a query. `OK` means understood,
//! line by line: what could be a punch is a reading, if need be one that names nobody, or there is no `OK`; a table that no document
//! lists gets none. Not every event is a punch: refusals, alarms and openings from afar are readings that do not count. What is
//! kept of an upload is what the program uses. The clock of a terminal follows our `Date` header, so there is one only while the
//! gateway's own clock is trusted, and it is watched by what arrives live.
//!
//! A serial number proves little and anybody in the network can send one: unknown ones are shown for approval and get nothing.

mod attendance;
mod backfill;
mod commands;
mod driver;
mod knock;
mod live_clock;
mod memory;
mod orders;
mod placing;
pub mod protocol;
mod reading;
mod reply;
mod security;
mod server;
mod settings;
mod tending;
mod terminal;
mod trail;
mod trouble;
#[cfg(feature = "virtual")]
pub mod virtual_device;

use punchd_contract::{Ability, Declaration, DriverError, Kind, Member, Mistake, Values};

pub use settings::Settings;

/// The word after `kind =`.
const KIND: &str = "zkteco-push";

/// ZKTeco-family terminals that connect to the gateway. All terminals of one listening address are one task.
#[derive(Debug)]
pub struct ZktecoPush;

impl Kind for ZktecoPush {
    const DECLARATION: Declaration = Declaration {
        kind: KIND,
        en: "ZKTeco terminals that connect to the gateway by themselves (ADMS / Cloud Server), also through NAT",
        zh: "中控（ZKTeco）考勤机，主动连接网关（ADMS / 云服务器推送），可穿透 NAT",
        keeps_log: true,
        abilities: &[Ability::SetClock, Ability::ReadLog, Ability::Reconcile, Ability::Unlock, Ability::People],
        settings: settings::SETTINGS,
    };
    type Settings = Settings;

    fn settings(values: &Values) -> Result<Settings, Vec<Mistake>> {
        settings::parse(values)
    }

    fn group(settings: &Settings) -> Option<String> {
        Some(settings.listen.to_string())
    }

    async fn run(members: Vec<Member<Settings>>) -> Result<(), DriverError> {
        driver::run(members).await
    }
}
