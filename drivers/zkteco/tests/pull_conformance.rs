//! The pull driver against the shared suite, over both transports and with the records of old and new firmware.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is to be seen")]

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::tz::TimeZone;
use punchd_contract::conformance::{Exchange, USERS, VirtualDevice, conform, device_clock};
use punchd_contract::{Endpoint, Value, Values};
use punchd_zkteco::ZktecoPull;
use punchd_zkteco::pull::protocol::bulk::Table;
use punchd_zkteco::pull::protocol::user::UserForm;
use punchd_zkteco::pull::virtual_device::{Asked, Fault, Listens, Options, VirtualTerminal, VirtualUser};
use std::time::Duration;

struct Device {
    terminal: VirtualTerminal,
    transport: &'static str,
}

fn shanghai() -> TimeZone {
    TimeZone::get("Asia/Shanghai").unwrap()
}

fn device(transport: &'static str, change: impl FnOnce(&mut Options)) -> Device {
    let mut options = Options::new(device_clock());
    // An address of its own, so that a port given back for a while is not taken by another test.
    options.listen = ([127, fastrand::u8(1..), fastrand::u8(..), fastrand::u8(1..)], 0).into();
    options.listens = if transport == "udp" { Listens::Udp } else { Listens::Tcp };
    options.zone = shanghai();
    options.users = USERS.iter().zip(11..).map(|(id, uid)| VirtualUser::new(uid, id, "王小明")).collect();
    options.several_clients = true;
    change(&mut options);
    Device { terminal: VirtualTerminal::start(options).unwrap(), transport }
}

impl VirtualDevice for Device {
    fn values(&self) -> Values {
        let address = self.terminal.address();
        let endpoint = Endpoint { host: address.ip().to_string(), port: address.port() };
        Values::new()
            .with("address", Value::Endpoint(endpoint))
            .with("transport", Value::Text(self.transport.to_owned()))
            .with("live", Value::Boolean(true))
    }
    fn zone(&self) -> TimeZone {
        shanghai()
    }
    fn punch<'a>(&'a mut self, user_id: &'a str) -> BoxFuture<'a, ()> {
        self.terminal.punch_now(user_id);
        async {}.boxed()
    }
    fn punches(&self) -> usize {
        self.terminal.punches()
    }
    fn most_clients(&self) -> Option<usize> {
        Some(self.terminal.most_clients())
    }
    fn disturb<'a>(&'a mut self, what: Exchange) -> BoxFuture<'a, bool> {
        match what {
            Exchange::Unplug => self.terminal.set_fault(Fault::Unplugged),
            Exchange::Replug => self.terminal.clear_faults(),
            Exchange::Garbage => self.terminal.send_garbage(),
            Exchange::HalfFrame => self.terminal.send_half_frame(),
            Exchange::RepeatLast => self.terminal.repeat_last(),
            Exchange::SlowMillis(by) => self.terminal.set_fault(Fault::Slow(Duration::from_millis(by))),
            Exchange::ClockOffSeconds(by) => self.terminal.set_clock_off(by),
        }
        async { true }.boxed()
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!((self.terminal.clears(), self.terminal.disables()), (0, 0), "never disable, never clear");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_pull_driver_conforms_over_tcp() {
    conform::<ZktecoPull, _>(async || device("tcp", |_| {})).await;
}

#[tokio::test(start_paused = true)]
async fn the_pull_driver_conforms_over_udp() {
    conform::<ZktecoPull, _>(async || device("udp", |_| {})).await;
}

#[tokio::test(start_paused = true)]
async fn the_pull_driver_conforms_over_tcp_cut_into_small_pieces() {
    let make = async || {
        let device = device("auto", |options| (options.record_size, options.tcp_block) = (49, 1008));
        device.terminal.set_fault(Fault::Pieces(7));
        device
    };
    conform::<ZktecoPull, _>(make).await;
}

#[tokio::test(start_paused = true)]
async fn the_pull_driver_conforms_with_the_oldest_firmware() {
    let old = |options: &mut Options| {
        options.record_size = 8;
        options.user_form = UserForm::Short;
        options.event_size = 10;
        options.buffered = false;
    };
    conform::<ZktecoPull, _>(async || device("udp", old)).await;
}

#[tokio::test(start_paused = true)]
async fn the_pull_driver_conforms_where_side_questions_are_silent() {
    let silent = |options: &mut Options| {
        let asked = [Asked::Command(500), Asked::Command(1502), Asked::Buffered(Table::Users)];
        options.odd.silent = asked.to_vec();
    };
    conform::<ZktecoPull, _>(async || device("tcp", silent)).await;
}

#[tokio::test(start_paused = true)]
async fn the_pull_driver_conforms_where_blocks_carry_no_index_and_nothing_comes_live() {
    let odd = |options: &mut Options| {
        options.odd.datagrams.without_index = true;
        options.odd.tells_nothing = true;
        options.odd.count_stands_at = Some(0);
    };
    conform::<ZktecoPull, _>(async || device("udp", odd)).await;
}
