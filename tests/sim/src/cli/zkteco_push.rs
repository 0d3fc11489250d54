//! `punchd-sim device zkteco-push`: a terminal that calls a server over HTTP.

use clap::{Args, ValueEnum};
use jiff::SignedDuration;
use punchd_sim::clock;
use punchd_sim::terminals::push_terminal;
use punchd_zkteco::push::virtual_device::{Columns, Dialect, Options, VirtualPushTerminal};

use super::device::{Life, Order};
use super::{Failure, ready};

/// Be a ZKTeco terminal that calls a server over HTTP. Lines of stdin are orders: punch USER_ID, clock SECONDS, unplug, replug.
#[derive(Debug, Args)]
pub(super) struct ZktecoPush {
    /// The server, such as http://10.0.0.2:8081.
    #[arg(long, value_name = "URL")]
    server: String,
    /// Its serial number, by which the server knows it.
    #[arg(long, value_name = "SN", default_value = "VP00000001")]
    serial: String,
    #[command(flatten)]
    life: Life,
    /// How it writes its punches.
    #[arg(long, value_enum, default_value = "push2")]
    dialect: Form,
    /// The token of its menu.
    #[arg(long, value_name = "TOKEN")]
    comm_key: Option<String>,
    /// It sends every batch twice.
    #[arg(long)]
    everything_twice: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    /// Lines of five columns, the oldest firmware.
    Legacy,
    /// Lines of seven columns.
    Push2,
    /// Lines of ten columns, with mask and temperature.
    Biodata,
    /// The security dialect (rtlog).
    Security,
}

impl ZktecoPush {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let server = self
            .server
            .strip_prefix("http://")
            .map(|rest| rest.trim_end_matches('/').to_owned())
            .filter(|rest| !rest.is_empty() && !rest.contains('/'))
            .ok_or_else(|| Failure::Usage("--server is http://HOST:PORT, without a path".to_owned()))?;
        let server = if server.contains(':') { server } else { format!("{server}:80") };
        let reached = tokio::net::lookup_host(&server).await.ok().and_then(|mut found| found.next());
        let reached = reached.ok_or_else(|| Failure::Unavailable(format!("there is no host behind {server}")))?;
        let people = self.life.people();
        let options = Options {
            dialect: match self.dialect {
                Form::Legacy => Dialect::Attendance(Columns::Five),
                Form::Push2 => Dialect::Attendance(Columns::Seven),
                Form::Biodata => Dialect::Attendance(Columns::Ten),
                Form::Security => Dialect::Security,
            },
            comm_key: self.comm_key,
            everything_twice: self.everything_twice,
            ..push_terminal(&server, &self.serial, clock::real(), self.life.zone(), &people, self.life.records())
        };
        let terminal = VirtualPushTerminal::start(options);
        // A push terminal has no address of its own: the line names the server that it calls.
        ready::say("zkteco-push", reached, Some(self.server.clone()))?;
        let punch = |user_id: &str| terminal.punch_now(user_id);
        let does = |order| match order {
            Order::Punch(user_id) => Some(punch(&user_id).to_string()),
            Order::Clock(seconds) => {
                terminal.clock_drifts(SignedDuration::from_secs(seconds));
                None
            }
            Order::Unplug => {
                terminal.go_offline();
                None
            }
            Order::Replug => {
                terminal.go_online();
                None
            }
        };
        self.life.obey(&people, |user_id| _ = punch(user_id), does).await
    }
}
