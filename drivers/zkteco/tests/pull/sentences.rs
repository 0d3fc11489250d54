//! What the operator is told, for every way in which a terminal can be wrong.

use std::time::Duration;

use punchd_contract::{AlertKind, Condition, Value};
use punchd_zkteco::pull::virtual_device::{Fault, Listens};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::{Site, terminal};

#[tokio::test(start_paused = true)]
async fn a_comm_key_that_is_missing_or_wrong_is_said_and_the_right_one_works() {
    for listens in [Listens::Tcp, Listens::Udp] {
        let locked = || terminal(|options| (options.comm_key, options.listens) = (4711, listens));
        let site = Site::quiet(locked()).start();
        site.says(Condition::Fault, &["answers but wants a comm key: set `comm_key`", "通讯密码"]).await;
        let site = Site::quiet(locked()).with_key("4712").start();
        site.says(Condition::Fault, &["refuses the comm key"]).await;
        let site = Site::quiet(locked()).with_key("4711").start();
        site.works().await;
        assert!(!format!("{:?}", site.bench.health_history()).contains("4711"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_terminal_that_is_unplugged_or_silent_is_said() {
    let site = Site::quiet(terminal(|options| options.listens = Listens::Tcp));
    site.terminal.set_fault(Fault::Unplugged);
    sleep(Duration::from_millis(10)).await;
    let site = site.start();
    site.says(Condition::Fault, &["port is closed", "端口关闭"]).await;
    site.terminal.clear_faults();
    site.works().await;
    site.terminal.set_fault(Fault::Silent);
    site.says(Condition::Fault, &["busy with another program", "占用"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_datagram_terminal_that_vanishes_is_said() {
    let site =
        Site::quiet(terminal(|options| options.listens = Listens::Udp)).with("transport", Value::Text("udp".into()));
    site.terminal.set_fault(Fault::Unplugged);
    let site = site.start();
    site.says(Condition::Fault, &["nothing answers", "没有应答"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_terminal_that_another_program_holds_is_said_and_served_once_it_is_free() {
    let site = Site::quiet(terminal(|_| {}));
    let other = TcpStream::connect(site.terminal.address()).await.unwrap();
    sleep(Duration::from_millis(10)).await;
    let site = site.start();
    site.says(Condition::Fault, &["busy with another program"]).await;
    drop(other);
    site.works().await;
}

#[tokio::test(start_paused = true)]
async fn two_blocks_for_one_terminal_are_said_and_never_connect_together() {
    let first = Site::quiet(terminal(|options| options.several_clients = true)).start();
    first.works().await;
    let second = Site::quiet(first.terminal.clone()).start();
    second.says(Condition::Fault, &["remove one of the two blocks", "重复"]).await;
    assert_eq!(first.terminal.most_clients(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_empty_log_is_said() {
    let site = Site::quiet(terminal(|_| {})).start();
    site.says(Condition::Working, &["VT00000001", "empty", "记录为空"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_off_is_said_by_how_much_and_an_alert_tells_when_it_is_set() {
    let site = Site::quiet(terminal(|options| options.clock_off = 90)).start();
    site.says(Condition::Warning, &["90 s fast", "快了 90 秒"]).await;
    assert!(site.bench.alerts().is_empty());
    site.terminal.set_clock_off(-3600);
    site.says(Condition::Warning, &["3600 s slow", "慢了 3600 秒"]).await;
    let kinds: Vec<_> = site.bench.alerts().iter().map(|alert| alert.kind).collect();
    assert_eq!(kinds, [AlertKind::ClockSet]);
    let offset = *site.bench.offsets().last().unwrap();
    assert!((offset + 3_600_000).abs() < 1500, "{offset}");
}

#[tokio::test(start_paused = true)]
async fn names_in_gbk_and_in_utf_8_are_both_read() {
    use punchd_zkteco::pull::protocol::names::Encoding;
    for encoding in [Encoding::Gbk, Encoding::Utf8] {
        let site = Site::quiet(terminal(|options| options.encoding = encoding)).start();
        site.works().await;
        let users: Vec<_> = site.bench.users().into_iter().map(|user| (user.user_id, user.name, user.card)).collect();
        let expected = [("1001", "王小明", None), ("1002", "李四", None), ("1003", "Ann", Some("777"))];
        let expected = expected.map(|(id, name, card)| (id.to_owned(), name.to_owned(), card.map(str::to_owned)));
        assert_eq!(users, expected);
    }
}
