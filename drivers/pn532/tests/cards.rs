//! What lies on the reader and what becomes of it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test, a failure is to be seen")]

mod common;

use std::time::Duration;

use common::gate::Gate;
use punchd_contract::{Command, CommandError, Tone};
use punchd_pn532::virtual_device::cards::{Application, Card};
use tokio::time::sleep;

const AID: &str = "F001020304";

fn app(selected: &[u8]) -> Application {
    Application { aid: vec![0xF0, 1, 2, 3, 4], selected: selected.to_vec(), answers: Vec::new() }
}

fn owned(read: &[(&str, &str)]) -> Vec<(String, String)> {
    read.iter().map(|(number, profile)| ((*number).to_owned(), (*profile).to_owned())).collect()
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_card_is_read_with_its_number_in_air_order() {
    let gate = Gate::with(&[]).await;
    for (card, number, profile) in [
        (Card::Classic(vec![1, 2, 3, 4]), "01020304", "iso14443a"),
        (Card::Ntag(vec![4, 0xA1, 0xB2, 0xC3, 0xD4, 0xE5, 0x80]), "04A1B2C3D4E580", "iso14443a"),
        (Card::Plain((1..=10).collect()), "0102030405060708090A", "iso14443a"),
        (Card::IsoDep { uid: vec![4, 1, 2, 3, 4, 5, 6], applications: vec![] }, "04010203040506", "iso14443a"),
        (Card::B([0x11, 0x22, 0x33, 0x44]), "11223344", "iso14443b"),
        (Card::Felica([1, 2, 3, 4, 5, 6, 7, 8]), "0102030405060708", "felica"),
    ] {
        gate.tap(&card).await;
        assert_eq!(gate.read().last(), owned(&[(number, profile)]).last(), "{card:?}");
        assert_eq!(gate.shown(), Some(Tone::Accepted), "{card:?}");
    }
    assert_eq!(gate.read().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_card_held_on_the_reader_is_one_reading() {
    let gate = Gate::with(&[]).await;
    for card in [
        Card::Classic(vec![1, 2, 3, 4]),
        Card::IsoDep { uid: vec![4, 1, 2, 3, 4, 5, 6], applications: vec![] },
        Card::B([1, 2, 3, 4]),
        Card::Felica([1; 8]),
    ] {
        let before = gate.read().len();
        gate.tap_for(&[card], Duration::from_secs(120)).await;
        sleep(Duration::from_secs(5)).await;
        assert_eq!(gate.read().len(), before + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_tap_is_read_whenever_it_comes() {
    let gate = Gate::with(&[]).await;
    for millis in (0..260).step_by(7) {
        let before = gate.read().len();
        gate.tap_for(&[Card::Ntag(vec![4, 1, 2, 3, 4, 5, 6])], Duration::from_millis(300)).await;
        sleep(Duration::from_millis(3000 + millis)).await;
        assert_eq!(gate.read().len(), before + 1, "{millis}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_cards_at_once_are_refused_whatever_their_kinds() {
    let gate = Gate::with(&[]).await;
    let first = Card::Classic(vec![1, 2, 3, 4]);
    for second in [Card::Classic(vec![1, 2, 3, 5]), Card::Felica([1; 8]), Card::B([1, 2, 3, 4])] {
        // At every moment of a look.
        for millis in (0..260).step_by(3) {
            gate.tap_for(&[first.clone(), second.clone()], Duration::from_secs(3)).await;
            sleep(Duration::from_millis(3000 + millis)).await;
            assert_eq!(gate.read(), [], "{second:?} {millis}");
            assert_eq!(gate.shown(), Some(Tone::Refused), "{second:?} {millis}");
        }
    }
    gate.tap(&first).await;
    assert_eq!(gate.read().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_wallet_does_not_give_one_of_its_cards_when_the_other_slips_out_of_reach() {
    let gate = Gate::with(&[]).await;
    let (first, second) = (Card::Classic(vec![1, 2, 3, 4]), Card::Classic(vec![1, 2, 3, 5]));
    gate.chip().present(first.clone());
    sleep(Duration::from_secs(1)).await;
    gate.tap_for(&[second], Duration::from_secs(1)).await;
    sleep(Duration::from_secs(5)).await;
    assert_eq!(gate.read().len(), 1, "the one that lay there alone before");
    gate.chip().take(&first);
    gate.tap_for(&[first.clone(), Card::Classic(vec![9; 4])], Duration::from_secs(1)).await;
    gate.chip().present(first);
    sleep(Duration::from_secs(5)).await;
    assert_eq!(gate.read().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn phones_and_cards_with_made_up_numbers_are_refused_once_and_leave_no_reading() {
    let gate = Gate::with(&[]).await;
    for card in [Card::Phone(vec![]), Card::RandomB, Card::Felica([0x01, 0xFE, 3, 4, 5, 6, 7, 8])] {
        gate.tap_for(std::slice::from_ref(&card), Duration::from_secs(20)).await;
        sleep(Duration::from_secs(3)).await;
        assert_eq!(gate.shown(), Some(Tone::Refused), "{card:?}");
    }
    assert_eq!(gate.read(), []);
}

#[tokio::test(start_paused = true)]
async fn a_phone_with_the_application_has_a_number_that_stays_the_same() {
    let gate = Gate::with(&[("aid", AID)]).await;
    let phone = Card::Phone(vec![app(&[0x10, 0x20, 0x30, 0x40, 0x50])]);
    for _ in 0..2 {
        gate.tap_for(std::slice::from_ref(&phone), Duration::from_secs(10)).await;
        sleep(Duration::from_secs(4)).await;
        assert_eq!(gate.shown(), Some(Tone::Accepted));
    }
    assert_eq!(gate.read(), owned(&[("1020304050", "aid:F001020304"); 2]));
    let raw = gate.bench.readings().pop().unwrap().raw;
    assert!(raw.ends_with(&[0x10, 0x20, 0x30, 0x40, 0x50, 0x90, 0x00]), "{raw:02X?}");
}

#[tokio::test(start_paused = true)]
async fn with_an_application_configured_other_cards_keep_their_own_numbers_and_other_phones_are_refused() {
    let gate = Gate::with(&[("aid", AID)]).await;
    for card in [Card::IsoDep { uid: vec![4, 1, 2, 3, 4, 5, 6], applications: vec![] }, Card::Classic(vec![1, 2, 3, 4])]
    {
        gate.tap(&card).await;
        assert_eq!(gate.shown(), Some(Tone::Accepted));
    }
    assert_eq!(gate.read(), owned(&[("04010203040506", "iso14443a"), ("01020304", "iso14443a")]));
    gate.tap(&Card::Phone(vec![])).await;
    assert_eq!((gate.read().len(), gate.shown()), (2, Some(Tone::Refused)));
}

#[tokio::test(start_paused = true)]
async fn an_application_can_be_asked_for_its_number() {
    let gate = Gate::with(&[("aid", AID), ("aid_read", "00CA000000")]).await;
    let mut application = app(&[0x6F, 0x02, 0x84, 0x00]);
    application.answers = vec![(vec![0x00, 0xCA, 0x00, 0x00, 0x00], b"P-000123".to_vec())];
    gate.tap(&Card::Phone(vec![application])).await;
    assert_eq!(gate.read(), owned(&[("502D303030313233", "aid:F001020304")]));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_the_same_for_everybody_is_no_number() {
    let gate = Gate::with(&[("aid", AID)]).await;
    for answer in [&[][..], &[1, 2, 3], &[0; 8], &[7; 17], &[0x6F, 3, 0x84, 1, 9]] {
        gate.tap(&Card::Phone(vec![app(answer)])).await;
        assert_eq!(gate.shown(), Some(Tone::Refused), "{answer:?}");
    }
    assert_eq!(gate.read(), []);
}

#[tokio::test(start_paused = true)]
async fn the_next_card_is_read_while_the_answer_to_the_last_one_is_awaited() {
    let gate = Gate::with(&[]).await;
    gate.bench.delay(Duration::from_millis(1900));
    for user in 1..=3 {
        gate.tap_for(&[Card::Classic(vec![user; 4])], Duration::from_millis(400)).await;
    }
    sleep(Duration::from_secs(3)).await;
    assert_eq!(gate.read().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn only_the_kinds_of_cards_that_are_wanted_are_looked_for() {
    let wired = common::Wired::new();
    let values =
        wired.values().with("cards", punchd_contract::Value::Texts(vec!["felica-424".into(), "felica".into()]));
    let gate = Gate::with_values(wired, values);
    sleep(Duration::from_secs(1)).await;
    gate.tap(&Card::Classic(vec![1, 2, 3, 4])).await;
    assert_eq!(gate.read(), []);
    // It answers at both speeds and is one card.
    gate.tap(&Card::Felica([1, 2, 3, 4, 5, 6, 7, 8])).await;
    assert_eq!(gate.read(), owned(&[("0102030405060708", "felica")]));
}

#[tokio::test(start_paused = true)]
async fn an_idle_reader_is_asked_no_more_than_fourteen_times_a_second() {
    let gate = Gate::with(&[]).await;
    sleep(Duration::from_secs(10)).await;
    let before = gate.chip().commands();
    sleep(Duration::from_secs(100)).await;
    let asked = gate.chip().commands() - before;
    assert!((900..1400).contains(&asked), "{asked}");
}

#[tokio::test(start_paused = true)]
async fn a_reader_makes_itself_known_by_its_lights_where_it_has_some() {
    let gate = Gate::with(&[]).await;
    gate.bench.command(Command::Identify).await.unwrap();
    sleep(Duration::from_secs(5)).await;
    assert!(gate.chip().pins_history().len() >= 6);
    assert_eq!(gate.bench.command(Command::Unlock).await.unwrap_err(), CommandError::Unsupported);

    let wired = common::Wired::new();
    let values = wired.values();
    let dark = Gate::with_values(wired, values);
    sleep(Duration::from_secs(1)).await;
    assert!(matches!(dark.bench.command(Command::Identify).await, Err(CommandError::Failed(_))));
    dark.tap(&Card::Classic(vec![1, 2, 3, 4])).await;
    assert_eq!((dark.read().len(), dark.chip().pins_history().len()), (1, 0));
}
