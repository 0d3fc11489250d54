//! Telling readers from the keyboards that people type on: by what they are, what they call themselves, or how few keys they have.

use std::collections::BTreeSet;

use punchd_contract::{Found, Text};

use crate::source::inputs::{Input, Roots, list, place};

/// Readers that call themselves nothing that tells it, as public projects list them.
const READERS: &[(u16, u16)] = &[(0xFFFF, 0x0035), (0x08FF, 0x0009), (0x413D, 0x2107)];
/// Makers of scanners and card readers that make no keyboards: Honeywell and Metrologic, Symbol and Zebra, Datalogic, Newland, RF IDeas.
const MAKERS: &[u16] = &[0x0C2E, 0x05E0, 0x05F9, 0x1EAB, 0x0C27];
/// Words in the names of readers.
const WORDS: &[&str] =
    &["rfid", "nfc", "reader", "scanner", "barcode", "bar code", "qr code", "em4100", "mifare", "card"];
/// A keyboard for typing has more keys than this; a reader of this kind has digits, letters perhaps, and Enter.
const FEW_KEYS: u32 = 60;

/// What looks like a reader, each once, with the port that it is plugged into.
pub fn readers_among(roots: &Roots) -> Vec<Found> {
    let inputs = list(roots);
    let mut readers: Vec<_> = inputs.iter().filter(|input| input.types_numbers() && is_reader(input)).collect();
    let mut ports = BTreeSet::new();
    readers.retain(|input| ports.insert(input.port()));
    let found = |input: &Input| {
        let place = place(roots, input);
        let says = input.says();
        Found {
            kind: "keyboard",
            settings: vec![("device", format!("{place:?}"))],
            place,
            says: Text::new(format!("types like a keyboard: {says}"), format!("键盘口读头：{says}")),
        }
    };
    readers.into_iter().map(found).collect()
}

fn is_reader(input: &Input) -> bool {
    let name = input.name.to_lowercase();
    READERS.contains(&input.ids)
        || MAKERS.contains(&input.ids.0)
        || WORDS.iter().any(|word| name.contains(word))
        || input.key_count() <= FEW_KEYS
}
