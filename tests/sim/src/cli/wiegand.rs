//! `punchd-sim device wiegand`: what a wall reader does on its two wires, as edges for a script or a logic generator.

use std::time::Duration;

use clap::Args;
use punchd_wiegand::protocol::bits::Bits;
use punchd_wiegand::protocol::card::{Card, Format};
use punchd_wiegand::protocol::frames::{Wire, edges};
use punchd_wiegand::protocol::keypad::Key;
use serde::Serialize;

use super::{Failure, ready};

/// Show what a wall reader does on its two wires. Nothing on a usual kernel stands in for GPIO lines, so no driver can be connected to it:
/// it prints one line of JSON for each pulse, with the wire and the nanosecond at which it begins, and ends.
#[derive(Debug, Args)]
pub(super) struct Wiegand {
    /// Cards that are presented, one after the other, a second apart: the bytes that the reader sends, in hexadecimal (26 bits: 3,
    /// 34 bits: 4, 37 bits: 5, of which the first is at most 07).
    #[arg(value_name = "HEX", required_unless_present = "keys")]
    cards: Vec<String>,
    /// Bits of a frame.
    #[arg(long, value_name = "BITS", default_value = "34", value_parser = ["26", "34", "37"])]
    format: String,
    /// Then keys are pressed, half a second apart: 0 to 9, * and #.
    #[arg(long, value_name = "KEYS", value_parser = keys)]
    keys: Option<String>,
    /// From one bit to the next.
    #[arg(long, value_name = "MICROSECONDS", default_value = "2000", value_parser = clap::value_parser!(u64).range(200..=20_000))]
    period: u64,
    /// The two data wires are swapped.
    #[arg(long)]
    swapped: bool,
}

fn keys(text: &str) -> Result<String, String> {
    let good = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || matches!(c, '*' | '#'));
    good.then(|| text.to_owned()).ok_or_else(|| "keys from 0 to 9, * and #".to_owned())
}

#[derive(Serialize)]
struct Pulse {
    wire: &'static str,
    at_ns: u64,
    seq: u32,
}

impl Wiegand {
    pub(super) fn run(self) -> Result<(), Failure> {
        let format = match self.format.as_str() {
            "26" => Format::W26,
            "37" => Format::W37,
            _ => Format::W34,
        };
        let (mut at, mut seq) = (0, 1);
        let mut frames = Vec::new();
        for card in &self.cards {
            frames.push((frame(format, card)?, Duration::from_secs(1)));
        }
        for key in self.keys.unwrap_or_default().chars() {
            let key = match key {
                '*' => Key::Star,
                '#' => Key::Hash,
                digit => Key::Digit(digit.to_digit(10).and_then(|digit| u8::try_from(digit).ok()).unwrap_or_default()),
            };
            frames.push((key.encode(false), Duration::from_millis(500)));
        }
        for (frame, apart) in frames {
            let frame = if self.swapped { frame.inverted() } else { frame };
            for edge in edges(frame, at, self.period * 1000, seq) {
                let wire = if edge.wire == Wire::Data0 { "data0" } else { "data1" };
                ready::line(&Pulse { wire, at_ns: edge.at, seq: edge.seq })?;
                seq = edge.seq.wrapping_add(1);
            }
            at += u64::try_from(apart.as_nanos()).unwrap_or_default();
        }
        Ok(())
    }
}

fn frame(format: Format, card: &str) -> Result<Bits, Failure> {
    let usage = || {
        let (bits, digits) = (format.bits(), usize::from(format.bits() - 2).div_ceil(8) * 2);
        Failure::Usage(format!("{card:?} is no card of {bits} bits: give {digits} hexadecimal digits"))
    };
    let digits = usize::from(format.bits() - 2).div_ceil(8) * 2;
    let hexadecimal = card.len() == digits && card.bytes().all(|byte| byte.is_ascii_hexdigit());
    let data = u64::from_str_radix(card, 16).ok().filter(|_| hexadecimal);
    let data = data.filter(|data| data >> (format.bits() - 2) == 0).ok_or_else(usage)?;
    Ok(Card { format, data }.encode())
}
