//! A virtual PN532 at a cable, and what its lights say.
#![allow(dead_code, reason = "each test file uses its part of it")]
#![allow(clippy::panic, clippy::unwrap_used, reason = "in a test, a failure is to be seen")]

pub mod gate;

use std::time::Duration;

use punchd_contract::conformance::Cable;
use punchd_contract::{Tone, Value, Values};
use punchd_pn532::protocol::command::Pins;
use punchd_pn532::virtual_device::{Options, VirtualPn532};

/// A chip at the end of a cable.
pub struct Wired {
    pub chip: VirtualPn532,
    pub cable: Cable,
}

impl Wired {
    pub fn new() -> Self {
        let chip = VirtualPn532::new(Options::default());
        let served = chip.clone();
        let cable = Cable::to(move |line| {
            let chip = served.clone();
            async move { chip.serve(line).await }
        });
        Self { chip, cable }
    }

    pub fn values(&self) -> Values {
        Values::new().with("port", Value::Line(self.cable.place()))
    }
}

/// What a person sees and hears: green at P30, red at P31, a buzzer at P72, lit when low. `None` before it is over.
pub fn tone(chip: &VirtualPn532) -> Option<Tone> {
    let lit = |pins: Pins| (pins.p3 & 0x01 == 0, pins.p3 & 0x02 == 0, pins.p7 & 0x04 == 0);
    let changes = chip.pins_history();
    let mut flashes = Vec::new();
    for two in changes.windows(2) {
        let [(from, pins), (to, _)] = two else { continue };
        if *pins != Pins::HIGH {
            flashes.push((lit(*pins), *to - *from));
        }
    }
    let (last, pins) = changes.last()?;
    let over = *pins == Pins::HIGH && last.elapsed() > Duration::from_millis(500);
    let ((green, red, buzzer), length) = *flashes.first().filter(|_| over)?;
    assert!(buzzer, "a light without its beep");
    assert!(flashes.iter().all(|(colours, _)| *colours == (green, red, true)), "two signs at once: {flashes:?}");
    let long = length > Duration::from_millis(400);
    let very_long = length > Duration::from_millis(1500);
    Some(match (green, red, flashes.len(), long, very_long) {
        (true, false, 1, true, false) => Tone::Accepted,
        (true, false, 2, false, _) => Tone::Already,
        (true, true, 3, false, _) => Tone::Unknown,
        (false, true, 3, false, _) => Tone::Refused,
        (false, true, 1, _, true) => Tone::OutOfOrder,
        other => panic!("no sign looks like this: {other:?}"),
    })
}
