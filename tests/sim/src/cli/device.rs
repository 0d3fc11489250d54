//! `punchd-sim device`: a virtual terminal or reader, alone; what all kinds have in common.

use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Subcommand};
use jiff::tz::TimeZone;
use punchd_sim::people::{Person, roster};

use super::fingerprint::Fingerprint;
use super::keyboard::Keyboard;
use super::plug::{orders, tell};
use super::pn532::Pn532;
use super::process::Process;
use super::serial_line::SerialLine;
use super::wiegand::Wiegand;
use super::zkteco_pull::ZktecoPull;
use super::zkteco_push::ZktecoPush;
use super::{Failure, until_stopped};

/// How far a clock may be off, in seconds: a century.
const FAR: i64 = 100 * 366 * 86_400;

/// Be a device.
#[derive(Debug, Args)]
pub(super) struct Device {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// Be a USB card reader or scanner that types like a keyboard.
    Keyboard(Keyboard),
    /// Be a PN532 card reader at a serial port.
    Pn532(Pn532),
    /// Be a fingerprint module of the EF01 family.
    Fingerprint(Fingerprint),
    /// Be a scanner or card reader that sends lines over a serial port.
    SerialLine(SerialLine),
    /// Show what a wall reader does on its two wires.
    Wiegand(Wiegand),
    /// Be a ZKTeco terminal that is asked over port 4370.
    ZktecoPull(ZktecoPull),
    /// Be a ZKTeco terminal that calls a server over HTTP.
    ZktecoPush(ZktecoPush),
    /// Be a program that speaks JSON Lines on stdin and stdout.
    Process(Process),
}

impl Device {
    pub(super) async fn run(self) -> Result<(), Failure> {
        match self.kind {
            Kind::Keyboard(reader) => reader.run().await,
            Kind::Pn532(reader) => reader.run().await,
            Kind::Fingerprint(module) => module.run().await,
            Kind::SerialLine(reader) => reader.run().await,
            Kind::Wiegand(reader) => reader.run(),
            Kind::ZktecoPull(terminal) => terminal.run().await,
            Kind::ZktecoPush(terminal) => terminal.run().await,
            Kind::Process(program) => program.run().await,
        }
    }
}

/// Who is on a terminal and what they do.
#[derive(Debug, Args)]
pub(super) struct Life {
    /// So many invented people are enrolled (see `punchd-sim people`); their user ids are 1001, 1002 …
    #[arg(long, value_name = "N", default_value = "50", value_parser = clap::value_parser!(u32).range(0..=60_000))]
    users: u32,
    /// So many punches are in its log already, the last of them before now.
    #[arg(long, value_name = "N", default_value = "0", value_parser = clap::value_parser!(u32).range(0..=2_000_000))]
    records: u32,
    /// Somebody punches every so often; nobody without it.
    #[arg(long, value_name = "S", value_parser = seconds)]
    punch_every: Option<Duration>,
    /// Where its clock runs.
    #[arg(long, value_name = "ZONE", default_value = "Asia/Shanghai", value_parser = zone)]
    zone: TimeZone,
}

impl Life {
    pub(super) fn people(&self) -> Vec<Person> {
        roster(self.users as usize)
    }

    pub(super) fn records(&self) -> usize {
        self.records as usize
    }

    pub(super) fn zone(&self) -> TimeZone {
        self.zone.clone()
    }

    /// Lets people punch in turn until it is told to stop.
    pub(super) async fn go_on(&self, people: &[Person], punch: impl Fn(&str)) -> Result<(), Failure> {
        let Some(every) = self.punch_every.filter(|_| !people.is_empty()) else { return until_stopped().await };
        let punching = async {
            for person in people.iter().cycle() {
                tokio::time::sleep(every).await;
                punch(&person.number);
            }
        };
        tokio::select! {
            stopped = until_stopped() => stopped,
            () = punching => Ok(()),
        }
    }

    /// Beside that, obeys the lines of stdin. Every order is answered by one line of JSON on stdout; the end of stdin ends nothing.
    pub(super) async fn obey(
        &self,
        people: &[Person],
        punch: impl Fn(&str),
        does: impl Fn(Order) -> Option<String>,
    ) -> Result<(), Failure> {
        let mut lines = orders();
        let obeying = async {
            while let Some(line) = lines.recv().await {
                let line = line.trim();
                if !line.is_empty() {
                    tell(line, line.parse::<Order>().map(&does))?;
                }
            }
            std::future::pending().await
        };
        tokio::select! {
            ended = self.go_on(people, punch) => ended,
            ended = obeying => ended,
        }
    }
}

/// What a script may have done to a terminal while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Somebody punches now.
    Punch(String),
    /// Its clock is off by so many seconds from now on.
    Clock(i64),
    /// The network cable is pulled.
    Unplug,
    /// It is put back.
    Replug,
}

impl FromStr for Order {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let (word, rest) = line.split_once(' ').map_or((line, ""), |(word, rest)| (word, rest.trim()));
        match (word, rest) {
            ("punch", user_id) if !user_id.is_empty() => Ok(Self::Punch(user_id.to_owned())),
            ("clock", seconds) => match seconds.parse() {
                Ok(seconds) if (-FAR..=FAR).contains(&seconds) => Ok(Self::Clock(seconds)),
                _ => Err("clock SECONDS, such as clock -7200".to_owned()),
            },
            ("unplug", "") => Ok(Self::Unplug),
            ("replug", "") => Ok(Self::Replug),
            _ => Err("the orders are punch USER_ID, clock SECONDS, unplug, replug".to_owned()),
        }
    }
}

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.strip_suffix('s').unwrap_or(text);
    match number.parse::<f64>() {
        Ok(seconds) if (0.001..=86_400.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("a number of seconds from 0.001 to 86400, such as 5 or 0.2".to_owned()),
    }
}

fn zone(text: &str) -> Result<TimeZone, String> {
    TimeZone::get(text).map_err(|_| "a zone such as Asia/Shanghai or UTC".to_owned())
}
