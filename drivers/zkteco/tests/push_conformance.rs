//! The push driver against the shared suite, in both dialects.
#![allow(clippy::unwrap_used, reason = "in a test, a failure is to be seen")]

use jiff::tz::TimeZone;
use punchd_contract::conformance::{USERS, conform, device_clock};
use punchd_zkteco::ZktecoPush;
use punchd_zkteco::push::virtual_device::{Columns, Dialect, Options, VirtualPushTerminal};

fn terminal(dialect: Dialect) -> VirtualPushTerminal {
    // An address of its own, so that the port is not taken by another test between finding and listening.
    let host = std::net::Ipv4Addr::new(127, fastrand::u8(1..), fastrand::u8(..), fastrand::u8(1..));
    let free = std::net::TcpListener::bind((host, 0)).unwrap().local_addr().unwrap();
    VirtualPushTerminal::start(Options {
        dialect,
        zone: TimeZone::get("Asia/Shanghai").unwrap(),
        users: USERS.iter().map(|id| ((*id).to_owned(), "王小明".to_owned())).collect(),
        ..Options::new(free.to_string(), "CJ9D204960001", device_clock())
    })
}

#[tokio::test(start_paused = true)]
async fn the_push_driver_conforms_in_the_attendance_dialect() {
    conform::<ZktecoPush, _>(async || terminal(Dialect::Attendance(Columns::Seven))).await;
}

#[tokio::test(start_paused = true)]
async fn the_push_driver_conforms_with_the_oldest_firmware() {
    conform::<ZktecoPush, _>(async || terminal(Dialect::Attendance(Columns::Five))).await;
}

#[tokio::test(start_paused = true)]
async fn the_push_driver_conforms_in_the_security_dialect() {
    conform::<ZktecoPush, _>(async || terminal(Dialect::Security)).await;
}
