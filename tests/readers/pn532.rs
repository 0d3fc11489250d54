//! An NFC reader at a serial port.

use std::time::Duration;

use punchd_contract::Condition;
use punchd_pn532::virtual_device::cards::Card;
use punchd_pn532::virtual_device::{Disturbance, Options, VirtualPn532};
use punchd_sim::pty::Pty;
use tokio::time::sleep;

use super::site::{Site, person};

/// A card held to a reader as people do.
const HELD: Duration = Duration::from_millis(700);

fn cards() -> Vec<(Card, &'static str)> {
    vec![
        (Card::Classic(vec![0x01, 0x02, 0x03, 0x04]), "01020304"),
        (Card::Ntag(vec![0x04, 0xA1, 0xB2, 0xC3, 0xD4, 0xE5, 0x80]), "04A1B2C3D4E580"),
        (Card::Plain(vec![0x04, 1, 2, 3, 4, 5, 6, 7, 8, 9]), "04010203040506070809"),
        (Card::B([0x11, 0x22, 0x33, 0x44]), "11223344"),
        (Card::Felica([1, 2, 3, 4, 5, 6, 7, 8]), "0102030405060708"),
    ]
}

async fn hold(chip: &VirtualPn532, card: &Card) {
    chip.present(card.clone());
    sleep(HELD).await;
    chip.remove();
    // Gone for as long as it takes to be believed.
    sleep(Duration::from_millis(900)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_card_is_read_once_and_delivered_though_the_chip_loses_power_and_the_cable_is_pulled() {
    let folder = tempfile::tempdir().unwrap();
    let chip = VirtualPn532::new(Options::default());
    let served = chip.clone();
    let pty = Pty::to(Some(folder.path().join("nfc")), move |line| {
        let chip = served.clone();
        async move { chip.serve(line).await }
    })
    .unwrap();
    let device = "[[device]]\nname = \"nfc\"\nkind = \"pn532\"\nport = \"{folder}/nfc\"\n\n".to_owned();
    let people = cards().into_iter().map(|(_, hex)| person(&format!("w{hex}"), &format!("cards = [\"hex:{hex}\"]")));
    let site = Site::start_in(folder, &(device + &people.collect::<String>())).await;
    site.until("nfc", Condition::Working).await;
    let mut wanted = 0;
    for (round, trouble) in ["none", "brown-out", "cable", "noise", "cut"].into_iter().enumerate() {
        match trouble {
            "brown-out" => chip.brown_out(),
            "cable" => {
                pty.unplug();
                site.until("nfc", Condition::Fault).await;
                pty.replug().unwrap();
            }
            "noise" => {
                chip.noise(&[0x00, 0x00, 0xFF, 0x03, 0x55]);
                chip.disturb(Disturbance::NoiseBefore(vec![0xFF; 20]));
                chip.disturb(Disturbance::Corrupt);
            }
            "cut" => {
                chip.disturb(Disturbance::Cut(4));
                chip.disturb(Disturbance::LoseAck);
            }
            _ => {}
        }
        if round > 0 {
            sleep(Duration::from_secs(3)).await;
            site.until("nfc", Condition::Working).await;
        }
        for (card, _) in cards() {
            hold(&chip, &card).await;
            wanted += 1;
            site.until_read(wanted).await;
            assert_eq!(site.readings(), wanted, "{trouble}: {card:?} was read more than once");
        }
    }
    site.until_delivered(25).await;
    let read = site.read();
    assert!(cards().iter().all(|(_, hex)| read[*hex] == 5), "{read:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_cards_at_once_and_a_phone_s_made_up_number_are_nobodys_punch() {
    let folder = tempfile::tempdir().unwrap();
    let chip = VirtualPn532::new(Options::default());
    let served = chip.clone();
    let _pty = Pty::to(Some(folder.path().join("nfc")), move |line| {
        let chip = served.clone();
        async move { chip.serve(line).await }
    })
    .unwrap();
    let site =
        Site::start_in(folder, "[[device]]\nname = \"nfc\"\nkind = \"pn532\"\nport = \"{folder}/nfc\"\n\n").await;
    site.until("nfc", Condition::Working).await;
    chip.present(Card::Classic(vec![1, 2, 3, 4]));
    chip.present(Card::Classic(vec![5, 6, 7, 8]));
    sleep(HELD * 2).await;
    chip.remove();
    sleep(Duration::from_secs(1)).await;
    hold(&chip, &Card::Phone(Vec::new())).await;
    assert_eq!(site.readings(), 0, "{:?}", site.read());
    hold(&chip, &Card::Classic(vec![1, 2, 3, 4])).await;
    site.until_read(1).await;
    assert_eq!(site.read().keys().collect::<Vec<_>>(), ["01020304"]);
}
