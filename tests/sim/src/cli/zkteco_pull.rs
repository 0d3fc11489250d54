//! `punchd-sim device zkteco-pull`: a terminal that is asked over port 4370.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use punchd_sim::clock;
use punchd_sim::terminals::pull_terminal;
use punchd_zkteco::pull::protocol::names::Encoding;
use punchd_zkteco::pull::protocol::user::UserForm;
use punchd_zkteco::pull::virtual_device::{Fault, Listens, Options, VirtualTerminal};

use super::device::{Life, Order};
use super::{Failure, ready};

/// Be a ZKTeco terminal that is asked over port 4370. Lines of stdin are orders: punch USER_ID, clock SECONDS, unplug, replug.
#[derive(Debug, Args)]
pub(super) struct ZktecoPull {
    /// Where to listen; port 0 takes any free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4370")]
    listen: SocketAddr,
    #[command(flatten)]
    life: Life,
    /// The comm key of its menu.
    #[arg(long, value_name = "K", default_value = "0", value_parser = clap::value_parser!(u32).range(0..=999_999))]
    comm_key: u32,
    /// Speak UDP alone; without it TCP, and UDP on the same port.
    #[arg(long)]
    udp: bool,
    /// Its serial number.
    #[arg(long, value_name = "SN", default_value = "VT00000001")]
    serial: String,
    /// Bytes of a record.
    #[arg(long, value_name = "BYTES", default_value = "40", value_parser = ["8", "16", "40", "49"])]
    record_size: String,
    /// Bytes of a user.
    #[arg(long, value_name = "BYTES", default_value = "72", value_parser = ["28", "72"])]
    user_size: String,
    /// How names are written.
    #[arg(long, value_enum, default_value = "utf-8")]
    encoding: Text,
    /// How many seconds its clock is off.
    #[arg(long, value_name = "S", default_value = "0", allow_negative_numbers = true)]
    clock_off: i64,
    /// It has no buffered reads (1503 and 1504), as old firmware.
    #[arg(long)]
    plain_reads: bool,
    /// It does not tell punches as they happen.
    #[arg(long)]
    no_live: bool,
    /// How long it takes for each frame of an answer, as hardware does; 0 sends all of them at once.
    #[arg(long, value_name = "MS", default_value = "4", value_parser = clap::value_parser!(u64).range(0..=10_000))]
    frame_gap: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Text {
    #[value(name = "utf-8")]
    Utf8,
    Gbk,
}

impl ZktecoPull {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let people = self.life.people();
        let record_size = self.record_size.parse().map_err(|_| Failure::Usage("no such record size".to_owned()))?;
        let options = Options {
            listen: self.listen,
            listens: if self.udp { Listens::Udp } else { Listens::Both },
            comm_key: self.comm_key,
            serial: Some(self.serial),
            record_size,
            user_form: if self.user_size == "28" { UserForm::Short } else { UserForm::Long },
            event_size: if record_size >= 40 { 32 } else { 12 },
            encoding: match self.encoding {
                Text::Utf8 => Encoding::Utf8,
                Text::Gbk => Encoding::Gbk,
            },
            clock_off: self.clock_off,
            buffered: !self.plain_reads,
            live: !self.no_live,
            frame_gap: Duration::from_millis(self.frame_gap),
            capacity: self.life.records().max(100_000),
            ..pull_terminal(clock::real(), self.life.zone(), &people, self.life.records())
        };
        let terminal = VirtualTerminal::start(options)
            .map_err(|error| Failure::Unavailable(format!("cannot listen at {}: {error}", self.listen)))?;
        ready::say("zkteco-pull", terminal.address(), None)?;
        let does = |order| {
            match order {
                Order::Punch(user_id) => terminal.punch_now(&user_id),
                Order::Clock(seconds) => terminal.set_clock_off(seconds),
                Order::Unplug => terminal.set_fault(Fault::Unplugged),
                Order::Replug => terminal.clear_faults(),
            }
            None
        };
        self.life.obey(&people, |user_id| terminal.punch_now(user_id), does).await
    }
}
