//! A scanner at a serial port.

use std::time::Duration;

use punchd_contract::Condition;
use punchd_serial_line::virtual_device::{Obeys, Options, Sends, VirtualReader};
use punchd_sim::pty::Pty;
use tokio::time::{sleep, timeout};

use super::site::{Site, person};

const PEOPLE: [&str; 4] = ["04A1B2C3", "04A1B2C4", "0100745A70", "04112233445566"];

fn config() -> String {
    let device = "[[device]]\nname = \"scanner\"\nkind = \"serial_line\"\nport = \"{folder}/scanner\"\ncredential = \"card\"\nnumber = \"hex\"\nanswers = \"text\"\nrepeat = \"1s\"\n\n";
    let people =
        PEOPLE.iter().enumerate().map(|(n, card)| person(&format!("worker{n}"), &format!("cards = [\"hex:{card}\"]")));
    device.to_owned() + &people.collect::<String>()
}

fn reader() -> VirtualReader {
    VirtualReader::new(Options {
        sends: Sends::Text { before: Vec::new(), after: b"\r\n".to_vec() },
        obeys: Obeys::Nothing,
    })
}

async fn answer(reader: &VirtualReader) -> String {
    timeout(Duration::from_secs(10), reader.answer()).await.expect("the person is answered")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_card_is_read_answered_and_delivered_once_though_the_cable_is_pulled_and_the_line_is_noisy() {
    let folder = tempfile::tempdir().unwrap();
    let reader = reader();
    let served = reader.clone();
    let pty = Pty::to(Some(folder.path().join("scanner")), move |line| {
        let reader = served.clone();
        async move { reader.serve(line).await }
    })
    .unwrap();
    let site = Site::start_in(folder, &config()).await;
    site.until("scanner", Condition::Working).await;
    let mut presented = 0;
    for round in 0..3 {
        for card in PEOPLE {
            reader.present(card.as_bytes());
            presented += 1;
            let said = answer(&reader).await;
            assert!(said.contains("先生"), "{said}");
            site.until_read(presented).await;
            // The merge window is a second: each of these is a punch of its own.
            sleep(Duration::from_millis(600)).await;
        }
        if round == 0 {
            pty.unplug();
            site.until("scanner", Condition::Fault).await;
            sleep(Duration::from_millis(500)).await;
            pty.replug().unwrap();
            site.until("scanner", Condition::Working).await;
        } else {
            reader.noise(&[0xFF, 0x00, 0x9C, b'\r', b'\n']);
            sleep(Duration::from_millis(500)).await;
            presented = site.readings();
        }
    }
    reader.present(b"0badc0de");
    assert!(!answer(&reader).await.contains("先生"));
    site.until_delivered(12).await;
    let read = site.read();
    assert!(PEOPLE.iter().all(|card| read[*card] == 3), "{read:?}");
    assert_eq!(read["0BADC0DE"], 1);
}
