//! Who a terminal is and where: the serial number is the identity, the address may change.

use std::net::SocketAddr;
use std::time::Duration;

use punchd_contract::conformance::Bench;
use punchd_contract::{Condition, Value};
use punchd_zkteco::pull::virtual_device::{Listens, Options, VirtualTerminal};
use tokio::time::sleep;

use super::{Site, records, terminal};

fn at(listen: SocketAddr, serial: &str) -> VirtualTerminal {
    terminal(|options: &mut Options| {
        options.listen = listen;
        options.serial = Some(serial.to_owned());
        options.records = records(10);
    })
}

#[tokio::test(start_paused = true)]
async fn another_terminal_at_the_address_is_named_and_not_read() {
    let site = Site::quiet(terminal(|options| options.records = records(10)))
        .with("serial", Value::Text("CJ9D0001".into()))
        .start();
    site.says(Condition::Fault, &["VT00000001", "CJ9D0001", "nothing was read", "serial"]).await;
    sleep(Duration::from_secs(600)).await;
    assert!(site.bench.readings().is_empty() && site.bench.contacts().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_serial_number_once_learnt_is_expected_again() {
    let mut site = Site::quiet(terminal(|options| options.records = records(10))).start();
    site.arrive(10).await;
    site.works().await;
    site.stop().await;
    let address = site.terminal.address();
    // The old terminal goes before the new one takes its address.
    site.terminal = terminal(|_| {});
    sleep(Duration::from_millis(10)).await;
    site.terminal = at(address, "OTHER001");
    site.go_on();
    site.says(Condition::Fault, &["OTHER001", "VT00000001"]).await;
    assert_eq!(site.bench.readings().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_terminal_that_moved_is_found_in_the_networks_named_and_remembered_there() {
    let (a, b) = (fastrand::u8(1..), fastrand::u8(..));
    let old = at(([127, a, b, 2], 0).into(), "CJ9D0001");
    let port = old.address().port();
    let network = Value::Texts(vec![format!("127.{a}.{b}.0/28")]);
    let mut site = Site::quiet(old).with("subnets", network).start();
    site.arrive(10).await;
    site.works().await;
    // DHCP gives its address to another terminal, and it comes back elsewhere.
    let moved: SocketAddr = ([127, a, b, 11], port).into();
    site.terminal = at(moved, "CJ9D0001");
    sleep(Duration::from_millis(10)).await;
    let _stranger = at(([127, a, b, 2], port).into(), "OTHER001");
    site.terminal.punch_now("1001");
    site.arrive(11).await;
    let there = |bench: &Bench| bench.contacts().last().is_some_and(|c| c.address == Some(moved.to_string()));
    assert!(site.bench.until(Duration::from_secs(60), there).await, "{:?}", site.bench.contacts().last());
    site.works().await;
    site.stop().await;
    let before = site.bench.contacts().len();
    site.go_on();
    sleep(Duration::from_secs(5)).await;
    let later = site.bench.contacts().split_off(before);
    assert!(later.iter().any(|contact| contact.address == Some(moved.to_string())), "no new search is needed");
}

#[tokio::test(start_paused = true)]
async fn a_terminal_that_speaks_only_datagrams_is_found_by_trying_and_remembered() {
    let mut site = Site::quiet(terminal(|o| (o.listens, o.records) = (Listens::Udp, records(10)))).start();
    site.arrive(10).await;
    site.works().await;
    assert!(site.bench.cursor_now().unwrap().0.contains("\"wire\":\"udp\""));
    site.stop().await;
    site.terminal.punch_now("1001");
    site.go_on();
    site.arrive(11).await;
}

#[tokio::test(start_paused = true)]
async fn firmware_without_a_serial_number_is_read_all_the_same() {
    let site = Site::quiet(terminal(|options| (options.serial, options.records) = (None, records(10)))).start();
    site.arrive(10).await;
}
