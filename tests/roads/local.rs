//! A reader that keeps no time, at a gateway that does not know it either.

use std::sync::Arc;
use std::time::Duration;

use punchd::clock::{UnixMillis, VirtualClock};
use punchd_serial_line::virtual_device::{Obeys, Options, Sends, VirtualReader};
use punchd_sim::pty::Pty;

use crate::gateway::{Gateway, NOON};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_at_a_gateway_without_the_time_waits_for_it_and_is_dated_to_the_second() {
    let clock = Arc::new(VirtualClock::at(UnixMillis(NOON * 1000)));
    clock.reboot("b", UnixMillis(1000));
    let folder = tempfile::tempdir().unwrap();
    let reader = VirtualReader::new(Options {
        sends: Sends::Text { before: Vec::new(), after: b"\r\n".to_vec() },
        obeys: Obeys::Nothing,
    });
    let served = reader.clone();
    let pty = Pty::to(Some(folder.path().join("scanner")), move |line| {
        let reader = served.clone();
        async move { reader.serve(line).await }
    })
    .unwrap();
    let device = "kind = \"serial_line\"\nport = \"{folder}/scanner\"\ncredential = \"card\"\nnumber = \"hex\"\nanswers = \"text\"\n";
    let gateway = Gateway::over(clock, folder, device, vec![Box::new(pty)]).await;
    // What comes before the line is known to be quiet is nobody's.
    gateway.works().await;
    reader.present(b"04A1B2C3");
    gateway.settles("untrusted", 1).await;
    let held = gateway.held();
    assert!(held.len() == 1 && held[0].contains("\"clock_untrusted\""), "{:?}", gateway.verdicts());
    assert!(gateway.came().is_empty());
    // A quarter of an hour later the time server answers: the punch was at noon.
    let quarter = Duration::from_secs(900);
    gateway.clock.advance(quarter);
    gateway.truth.advance(quarter);
    gateway.clock.synchronised(Some(Duration::from_millis(20)));
    gateway.clock.step(UnixMillis((NOON + 900) * 1000));
    let came = gateway.arrives(1).await;
    // Its bytes arrived in the last moments before it was read.
    assert!((NOON - 3..=NOON).contains(&came[0]), "{came:?}");
}
