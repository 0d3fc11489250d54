//! What goes wrong with Bluetooth without anybody saying so, and what the radio does about it; in virtual time.

use std::sync::Arc;
use std::time::Duration;

use punchd_ble::open_pipe_over;
use punchd_ble::protocol::address::{Address, Target};
use punchd_ble::protocol::badge::Told;
use punchd_ble::protocol::uuid::{HM10, NUS, Pipe, Uuid};
use punchd_ble::radio::air::Gatt;
use punchd_ble::radio::{Radio, State, Trouble, Wanted};
use punchd_ble::virtual_device::{Call, Rehearsed, VirtualAir};
use punchd_contract::{Line, LineError, Place};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};

const AT: Address = Address([0xC0, 0, 0, 0, 0, 1]);
const SILENCE: Duration = Duration::from_secs(600);

fn wanted() -> Wanted {
    Wanted { target: Target::Address(AT), gatt: Gatt::Known, silence: SILENCE, check: Duration::from_secs(20) }
}

fn air_with(pipe: Pipe) -> (VirtualAir, Arc<Radio>) {
    let air = VirtualAir::new();
    air.add(AT, "Gate", pipe, 20);
    let radio = Radio::of::<Rehearsed>(Some(air.adapter()));
    (air, radio)
}

#[expect(clippy::expect_used, reason = "this is how a test fails")]
async fn within<T>(seconds: u64, wait: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(seconds), wait).await.expect("it takes too long")
}

#[tokio::test(start_paused = true)]
async fn a_device_that_vanishes_without_a_word_is_noticed_by_asking() {
    let (air, radio) = air_with(NUS);
    let mut link = radio.link(&wanted()).await.unwrap();
    assert!(air.notify(AT, b"before"));
    air.gone(AT, true);
    // What came before the end is still told.
    assert_eq!(link.read().await.unwrap(), b"before");
    assert_eq!(within(31, link.read()).await, Err(Trouble::Broken(AT.to_string())));
    assert_eq!(link.write(b"x").await, Err(Trouble::Broken(AT.to_string())));
    drop(link);
    assert_eq!(radio.link(&wanted()).await.err(), Some(Trouble::NotHeard(AT.to_string())));
    air.gone(AT, false);
    within(5, radio.link(&wanted())).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_restarted_service_ends_links_at_once_and_everything_is_made_anew() {
    let (air, radio) = air_with(NUS);
    let mut link = radio.link(&wanted()).await.unwrap();
    air.stop_service(true);
    assert_eq!(within(1, link.read()).await, Err(Trouble::NoService));
    drop(link);
    assert_eq!(radio.link(&wanted()).await.err(), Some(Trouble::NoService));
    sleep(Duration::from_secs(60)).await;
    air.stop_service(false);
    let mut state = radio.state();
    within(16, state.wait_for(|state| matches!(state, State::Open(_)))).await.unwrap();
    let mut link = within(5, radio.link(&wanted())).await.unwrap();
    air.notify(AT, b"again");
    assert_eq!(link.read().await.unwrap(), b"again");
}

#[tokio::test(start_paused = true)]
async fn an_adapter_that_is_switched_off_is_switched_on_again() {
    let (air, radio) = air_with(NUS);
    let mut link = radio.link(&wanted()).await.unwrap();
    air.switch_off(true);
    assert_eq!(within(1, link.read()).await, Err(Trouble::Off));
    drop(link);
    let mut state = radio.state();
    within(3, state.wait_for(|state| matches!(state, State::Open(_)))).await.unwrap();
    within(5, radio.link(&wanted())).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_scan_that_hears_nothing_is_started_anew_then_the_adapter_switched_and_then_it_is_told() {
    let (air, radio) = air_with(NUS);
    air.deafen(true);
    let mut listener = radio.listen(Vec::new(), SILENCE);
    sleep(SILENCE / 2).await;
    assert_eq!(air.calls(), [Call::Open, Call::Scan(Vec::new())]);
    sleep(SILENCE).await;
    assert_eq!(air.calls(), [Call::StopScan, Call::Scan(Vec::new())]);
    sleep(SILENCE).await;
    let calls: Vec<Call> = air.calls().into_iter().filter(|call| *call != Call::Tidy).collect();
    assert_eq!(calls, [Call::StopScan, Call::Power(false), Call::Power(true), Call::Scan(Vec::new())]);
    assert!(!*radio.silent().borrow());
    sleep(SILENCE).await;
    assert!(*radio.silent().borrow());
    // A lonely site is left alone for a while.
    sleep(SILENCE * 5).await;
    assert!(air.calls().iter().all(|call| *call == Call::Tidy));
    air.deafen(false);
    within(1, listener.next()).await;
    assert!(!*radio.silent().borrow());
}

#[tokio::test(start_paused = true)]
async fn the_adapter_is_not_switched_while_a_link_may_work() {
    let (air, radio) = air_with(NUS);
    let link = radio.link(&wanted()).await.unwrap();
    let _listener = radio.listen(Vec::new(), SILENCE);
    air.calls();
    sleep(SILENCE * 4).await;
    let calls = air.calls();
    assert!(calls.contains(&Call::StopScan), "{calls:?}");
    assert!(!calls.contains(&Call::Power(false)), "{calls:?}");
    link.write(b"still there").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nobody_listening_means_no_scan_and_everybody_shares_one() {
    let (air, radio) = air_with(NUS);
    assert!(radio.opens(Duration::from_secs(1)).await);
    sleep(SILENCE * 3).await;
    assert_eq!(air.scan(), None);
    let again = Radio::of::<Rehearsed>(Some(air.adapter()));
    assert!(Arc::ptr_eq(&radio, &again));
    let settle = Duration::from_millis(10);
    let one = radio.listen(vec![NUS.service], SILENCE);
    let other = again.listen(vec![HM10.service], SILENCE);
    sleep(settle).await;
    let mut both = vec![NUS.service, HM10.service];
    both.sort();
    assert_eq!(air.scan(), Some(both));
    let all = radio.listen(Vec::new(), SILENCE);
    sleep(settle).await;
    assert_eq!(air.scan(), Some(Vec::new()));
    drop((one, all));
    sleep(settle).await;
    assert_eq!(air.scan(), Some(vec![HM10.service]));
    drop(other);
    sleep(settle).await;
    assert_eq!(air.scan(), None);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_does_not_name_its_service_is_found_all_the_same() {
    let strange = Pipe { service: Uuid::short(0x1234), notify: Uuid::short(0x1235), ..NUS };
    let (_air, radio) = air_with(strange);
    let gatt = Gatt::Named { service: NUS.service, notify: NUS.notify, write: None };
    let found = radio.link(&Wanted { gatt, ..wanted() }).await;
    // Found by its address, and told what it has.
    assert!(matches!(&found, Err(Trouble::NoPipe { has, .. }) if has == "1234"), "{:?}", found.err());
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_still_connected_from_before_is_not_looked_for() {
    let (air, radio) = air_with(NUS);
    let link = radio.link(&wanted()).await.unwrap();
    // As after a crash: the daemon keeps the connection, and the device does not advertise.
    std::mem::forget(link);
    let (adapter, name) = (air.adapter().to_owned(), Target::Named("Gate".into()));
    assert!(air.is_connected(AT));
    let taken = radio.link(&Wanted { target: name, ..wanted() }).await;
    assert_eq!(taken.err(), Some(Trouble::Taken("Gate".into())), "{adapter}");
}

#[tokio::test(start_paused = true)]
async fn letting_go_of_a_link_disconnects_and_the_next_user_gets_it() {
    let (air, radio) = air_with(HM10);
    let link = radio.link(&wanted()).await.unwrap();
    assert_eq!(link.pipe(), "ffe0");
    air.slow(Duration::from_millis(700));
    drop(link);
    let link = radio.link(&wanted()).await.unwrap();
    air.slow(Duration::ZERO);
    sleep(Duration::from_secs(10)).await;
    assert!(air.is_connected(AT));
    link.write(b"x").await.unwrap();
    drop(link);
    sleep(Duration::from_secs(1)).await;
    assert!(!air.is_connected(AT));
}

#[tokio::test(start_paused = true)]
async fn a_device_that_floods_does_not_fill_the_memory() {
    let (air, radio) = air_with(NUS);
    let mut link = radio.link(&wanted()).await.unwrap();
    air.notify(AT, &[7; 20 * 5000]);
    sleep(Duration::from_secs(1)).await;
    let mut read = 0;
    let end = loop {
        match link.read().await {
            Ok(bytes) => read += bytes.len(),
            Err(trouble) => break trouble,
        }
    };
    assert_eq!(end, Trouble::Flood(AT.to_string()));
    assert!(read <= 20 * 1024, "{read}");
}

#[tokio::test(start_paused = true)]
async fn a_pipe_carries_bytes_both_ways_and_ends_with_its_device() {
    let (air, _radio) = air_with(NUS);
    let place = format!("{AT}?adapter={}", air.adapter());
    let mut pipe = open_pipe_over::<Rehearsed>(&place).await.unwrap();
    let command: Vec<u8> = (0..=255).cycle().take(700).collect();
    pipe.write_all(&command).await.unwrap();
    pipe.flush().await.unwrap();
    assert_eq!(air.written(AT), (command.clone(), 700_usize.div_ceil(20) + 1));
    air.notify(AT, &command);
    let mut read = vec![0; 700];
    pipe.read_exact(&mut read).await.unwrap();
    assert_eq!(read, command);
    air.gone(AT, true);
    // As a line sees it.
    let mut line = Line::new(Place::Ble(place.clone()), pipe);
    let mut rest = Vec::new();
    assert_eq!(within(31, line.read(&mut rest)).await, Err(LineError::Gone(Place::Ble(place.clone()))));
    assert_eq!(line.write(b"x").await, Err(LineError::Gone(Place::Ble(place.clone()))));
    drop(line);
    let start = Instant::now();
    let error = open_pipe_over::<Rehearsed>(&place).await.unwrap_err();
    assert_eq!(error, LineError::NotThere(Place::Ble(place)));
    assert!(start.elapsed() <= Duration::from_secs(45));
}

#[tokio::test(start_paused = true)]
async fn without_an_adapter_that_is_told_within_a_moment() {
    let radio = Radio::of::<Rehearsed>(Some("none"));
    let mut state = radio.state();
    let closed = within(1, state.wait_for(|state| matches!(state, State::Closed(_)))).await.unwrap().clone();
    assert!(matches!(closed, State::Closed(Trouble::NoAdapter(_))));
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_is_busy_loses_the_oldest_and_goes_on() {
    let (air, radio) = air_with(NUS);
    air.gone(AT, true);
    let mut listener = radio.listen(Vec::new(), SILENCE);
    sleep(Duration::from_secs(1)).await;
    for number in 0..2000_u16 {
        let [high, low] = number.to_be_bytes();
        air.advertise(Address([0xC3, 0, 0, 0, high, low]), -50, Told::default());
        if number % 100 == 0 {
            sleep(Duration::from_millis(1)).await;
        }
    }
    sleep(Duration::from_millis(10)).await;
    let mut heard = Vec::new();
    while let Ok(advertisement) = timeout(Duration::from_millis(1), listener.next()).await {
        heard.push(advertisement.address);
    }
    assert!((500..=512).contains(&heard.len()), "{}", heard.len());
    assert_eq!(heard.last(), Some(&Address([0xC3, 0, 0, 0, 7, 0xCF])));
}
