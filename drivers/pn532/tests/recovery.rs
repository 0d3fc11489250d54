//! What goes wrong between the driver and the chip, and how soon cards are read again.

#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test, a failure is to be seen")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::Wired;
use common::gate::{Gate, works};
use punchd_contract::conformance::Cable;
use punchd_contract::{Condition, Kind, Place, Search};
use punchd_pn532::Pn532;
use punchd_pn532::protocol::frame::Frame;
use punchd_pn532::virtual_device::cards::Card;
use punchd_pn532::virtual_device::{Disturbance, Options, VirtualPn532};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::{Instant, sleep, timeout};

fn card() -> Card {
    Card::Ntag(vec![4, 1, 2, 3, 4, 5, 6])
}

/// The next tap is read, within the time that a person needs to try again.
async fn the_next_tap_is_read(gate: &Gate) {
    let before = gate.read().len();
    sleep(Duration::from_secs(3)).await;
    gate.tap(&card()).await;
    assert_eq!(gate.read().len(), before + 1, "{:?}", gate.bench.health_now());
}

#[tokio::test(start_paused = true)]
async fn a_brown_out_costs_no_more_than_a_moment() {
    let gate = Gate::with(&[]).await;
    gate.tap(&card()).await;
    for _ in 0..2 {
        gate.chip().brown_out();
        the_next_tap_is_read(&gate).await;
        assert!(works(&gate.bench), "{:?}", gate.bench.health_now());
    }
}

#[tokio::test(start_paused = true)]
async fn a_brown_out_while_a_card_lies_there_does_not_read_it_twice() {
    let gate = Gate::with(&[]).await;
    gate.chip().present(card());
    sleep(Duration::from_secs(2)).await;
    gate.chip().brown_out();
    sleep(Duration::from_secs(10)).await;
    assert_eq!(gate.read().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_chip_that_has_to_be_woken_again_and_again_wants_a_look_at_its_supply() {
    let gate = Gate::with(&[]).await;
    for _ in 0..4 {
        gate.chip().brown_out();
        the_next_tap_is_read(&gate).await;
    }
    assert!(gate.says(Condition::Warning).await.contains("supply"));
    sleep(Duration::from_secs(700)).await;
    assert!(works(&gate.bench), "{:?}", gate.bench.health_now());
}

#[tokio::test(start_paused = true)]
async fn one_disturbed_answer_is_asked_for_again_and_costs_no_card() {
    let gate = Gate::with(&[]).await;
    for disturbance in [
        Disturbance::NoiseBefore(vec![0x00, 0xFF, 0x10, 0xF0, 0xD5, 0x4B, 0x00, 0x00, 0xFF]),
        Disturbance::NoiseBefore(vec![0x00; 40]),
        Disturbance::Corrupt,
        Disturbance::Cut(1),
        Disturbance::Cut(8),
        Disturbance::Twice,
        Disturbance::LoseAck,
    ] {
        gate.chip().disturb(disturbance.clone());
        the_next_tap_is_read(&gate).await;
        assert!(works(&gate.bench), "{disturbance:?}: {:?}", gate.bench.health_now());
    }
    assert_eq!(gate.read().len(), 7);
}

/// The card lies there for as long as people hold it, and its answer is the one that arrives broken: wherever it is broken.
#[tokio::test(start_paused = true)]
async fn a_broken_answer_is_asked_for_again_while_the_card_is_still_there() {
    let gate = Gate::with(&[]).await;
    let changed = (0..32).flat_map(|at| [0x01, 0x5A, 0xFF].map(|bits| Disturbance::Change { at, bits }));
    let broken = changed.chain((0..24).map(Disturbance::Cut)).chain([Disturbance::LoseAck, Disturbance::Corrupt]);
    for (count, disturbance) in (1..).zip(broken) {
        gate.chip().present(card());
        gate.chip().disturb(disturbance.clone());
        sleep(Duration::from_millis(800)).await;
        gate.chip().take(&card());
        sleep(Duration::from_secs(4)).await;
        assert_eq!(gate.read().len(), count, "{disturbance:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_arrive_broken_again_and_again_are_counted_and_told() {
    let gate = Gate::with(&[]).await;
    for _ in 0..5 {
        gate.chip().disturb(Disturbance::Corrupt);
        sleep(Duration::from_secs(5)).await;
    }
    assert!(gate.says(Condition::Warning).await.contains("5 answers in ten minutes arrived broken"));
    sleep(Duration::from_secs(700)).await;
    assert!(works(&gate.bench), "{:?}", gate.bench.health_now());
}

#[tokio::test(start_paused = true)]
async fn a_storm_of_noise_ends_and_cards_are_read_again() {
    let gate = Gate::with(&[]).await;
    let mut byte = 7_u8;
    for _ in 0..300 {
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            byte = byte.wrapping_mul(37).wrapping_add(11);
            // Start codes among it.
            match byte % 5 {
                0 => 0x00,
                1 => 0xFF,
                _ => byte,
            }
        })
        .take(100)
        .collect();
        gate.chip().noise(&noise);
        sleep(Duration::from_millis(50)).await;
    }
    sleep(Duration::from_secs(15)).await;
    the_next_tap_is_read(&gate).await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_is_plugged_in_again_works_within_15_seconds() {
    let gate = Gate::with(&[]).await;
    for away in [0, 1, 7, 3600] {
        gate.wired.cable.unplug();
        assert!(gate.says(Condition::Fault).await.contains("check the plug"));
        sleep(Duration::from_secs(away)).await;
        gate.chip().brown_out();
        gate.wired.cable.replug();
        assert!(gate.bench.until(Duration::from_secs(15), works).await, "{:?}", gate.bench.health_now());
        the_next_tap_is_read(&gate).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_chip_that_another_program_left_polling_or_asleep_is_woken() {
    for left_by_another in [
        // An endless search for cards.
        &[0x4A, 0x01, 0x00][..],
        // PowerDown, as libnfc ends.
        &[0x16, 0xF0],
    ] {
        let wired = Wired::new();
        let (mut ours, theirs) = tokio::io::duplex(4096);
        let chip = wired.chip.clone();
        let other = tokio::spawn(async move { chip.serve(theirs).await });
        let mut bytes = vec![0x55, 0x55, 0, 0, 0, 0, 0, 0];
        bytes.extend(Frame::Command(vec![0x14, 0x01]).encode());
        ours.write_all(&bytes).await.unwrap();
        sleep(Duration::from_millis(100)).await;
        ours.write_all(&Frame::Command(left_by_another.to_vec()).encode()).await.unwrap();
        sleep(Duration::from_millis(100)).await;
        drop(ours);
        other.await.unwrap();
        let gate = Gate::at(wired, &[]);
        the_next_tap_is_read(&gate).await;
    }
}

/// A cable to something that is no PN532.
fn foreign<F: Future<Output = ()> + Send + 'static>(serve: impl Fn(DuplexStream) -> F + Send + 'static) -> Wired {
    Wired { chip: VirtualPn532::new(Options::default()), cable: Cable::to(serve) }
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_the_wiring_is_told() {
    let silent = foreign(|line| async move {
        let _line = line;
        std::future::pending().await
    });
    let echo = foreign(|mut line| async move {
        let mut byte = [0];
        while line.read_exact(&mut byte).await.is_ok() && line.write_all(&byte).await.is_ok() {}
    });
    let console = foreign(|mut line| async move {
        while line.write_all(b"\r\nraspberrypi login: ").await.is_ok() {
            sleep(Duration::from_millis(100)).await;
        }
    });
    let options = Options { firmware: [0x33, 2, 7, 7], ..Options::default() };
    let relative = VirtualPn532::new(options);
    let served = relative.clone();
    let relative = Wired {
        chip: relative,
        cable: Cable::to(move |line| {
            let chip = served.clone();
            async move { chip.serve(line).await }
        }),
    };
    for (wired, words) in [
        (silent, "switches to HSU"),
        (echo, "sends back"),
        (console, "not like a PN532"),
        (relative, "PN533 firmware 2.7"),
    ] {
        let gate = Gate::at(wired, &[]);
        let said = gate.says(Condition::Fault).await;
        assert!(said.contains(words), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_is_switched_off_is_told_within_ten_seconds() {
    // The adapter stays, the board behind it has no power.
    let gate = Gate::with(&[]).await;
    for _ in 0..2000 {
        gate.chip().disturb(Disturbance::Cut(0));
    }
    let fails = |bench: &punchd_contract::conformance::Bench| {
        bench.health_now().is_some_and(|health| health.condition == Condition::Fault)
    };
    assert!(gate.bench.until(Duration::from_secs(10), fails).await, "{:?}", gate.bench.health_now());
}

#[tokio::test(start_paused = true)]
async fn discovery_names_the_firmware_and_the_port_and_leaves_other_ports_soon() {
    let wired = Wired::new();
    let (there, nowhere) = (wired.cable.place(), Place::Serial("/dev/ttyS9".into()));
    let search = Search { ports: vec![nowhere, there.clone()], lines: Arc::new(wired.cable.clone()), subnets: vec![] };
    let found = Pn532::discover(&search).await;
    let [found] = &found[..] else { panic!("{found:?}") };
    assert_eq!(found.says.en, "PN532 firmware 1.6, reads ISO 14443 A, ISO 14443 B, FeliCa");
    assert_eq!(found.settings, [("port", format!("\"{there}\""))]);

    let silent = foreign(|line| async move {
        let _line = line;
        std::future::pending().await
    });
    let search = Search { ports: vec![silent.cable.place()], lines: Arc::new(silent.cable.clone()), subnets: vec![] };
    let started = Instant::now();
    assert_eq!(timeout(Duration::from_secs(5), Pn532::discover(&search)).await, Ok(vec![]));
    assert!(started.elapsed() > Duration::from_secs(1), "a first ACK may take 1.5 s through an adapter");
}

#[tokio::test(start_paused = true)]
async fn a_reader_behind_an_adapter_that_sits_on_bytes_works() {
    let gate = Gate::at(Wired::new(), &[]);
    gate.chip().slow(Duration::from_millis(250));
    assert!(gate.bench.until(Duration::from_secs(30), works).await, "{:?}", gate.bench.health_now());
    gate.tap_for(&[card()], Duration::from_secs(5)).await;
    sleep(Duration::from_secs(5)).await;
    assert_eq!(gate.read().len(), 1);
}
