//! Looking for readers that send lines: a scanner says nothing by itself, so one that answers a harmless question is asked.

use std::time::Duration;

use punchd_contract::{Found, Line, Mode, Place, Search, Text};
use tokio::time::{Instant, timeout_at};

use crate::protocol::decoder::{Decoder, Heard};
use crate::protocol::gm65;
use crate::protocol::lines::{End, Lines};

/// How long an answer may take; a tag that lies on a reader is told again within it as well.
const ANSWERS: Duration = Duration::from_millis(400);
/// The speeds that these readers leave their factories with.
const SPEEDS: [u32; 2] = [9600, 115_200];

/// Asks at every serial port.
pub async fn discover(search: &Search) -> Vec<Found> {
    let mut found = Vec::new();
    for place in search.ports.iter().filter(|place| matches!(place, Place::Serial(_))) {
        for baud in SPEEDS {
            let Ok(line) = search.lines.open(place.clone(), Mode::at(baud)).await else { break };
            if let Some((says, format)) = listen(line).await {
                let mut settings = vec![("port", format!("{:?}", place.to_string()))];
                settings.extend((baud != 9600).then(|| ("baud", baud.to_string())));
                settings.extend(format.map(|format| ("format", format!("{format:?}"))));
                found.push(Found { kind: "serial_line", place: place.to_string(), says, settings });
                break;
            }
        }
    }
    found
}

/// What is at the other end, with the format that it sends if that is not text.
async fn listen(mut line: Line) -> Option<(Text, Option<&'static str>)> {
    line.write(gm65::ASK_BAUD).await.ok()?;
    let end = Instant::now() + ANSWERS;
    let mut scanner = Decoder::answering(Lines::new(End::Auto, ANSWERS), ANSWERS);
    let mut tags = Decoder::rdm6300();
    let (mut bytes, mut heard) = (Vec::new(), Vec::new());
    while let Ok(Ok(_)) = timeout_at(end, line.read(&mut bytes)).await {
        scanner.push(&bytes, Duration::ZERO, &mut heard);
        if heard.contains(&Heard::Acknowledged) {
            let (en, zh) = ("a scanner of the GM65 family", "GM65 系列扫码器");
            return Some((Text::new(en, zh), None));
        }
        heard.clear();
        tags.push(&bytes, Duration::ZERO, &mut heard);
        if heard.iter().any(|heard| matches!(heard, Heard::Card(_))) {
            let (en, zh) = ("a reader of 125 kHz cards (RDM6300, ID-12)", "125 kHz 读卡器（RDM6300、ID-12）");
            return Some((Text::new(en, zh), Some("rdm6300")));
        }
        heard.clear();
        bytes.clear();
    }
    None
}
