//! Looking for modules at serial ports that nobody uses.

use std::time::Duration;

use punchd_contract::{Found, Mode, Place, Search, Text};
use tokio::time::{Instant, timeout_at};

use crate::protocol::{Address, Ask, Decoder, Parameters, Pid};
use crate::settings::{BAUD, DECLARATION};

/// The speeds that modules are found with, the most likely first.
const BAUDS: [u32; 5] = [BAUD, 9600, 19_200, 38_400, 115_200];
/// How long each may take to answer.
const WAITS: Duration = Duration::from_millis(400);

/// Every module of the default address. One with a password says no more than that it is there.
pub async fn find(search: &Search) -> Vec<Found> {
    let mut found = Vec::new();
    for place in &search.ports {
        for baud in BAUDS {
            let Ok(mut line) = search.lines.open(place.clone(), Mode::at(baud)).await else { break };
            if let Some(says) = answers(&mut line).await {
                found.push(told(place, baud, says));
                break;
            }
            // A serial server has one speed, which is not ours to set.
            if !matches!(place, Place::Serial(_)) {
                break;
            }
        }
    }
    found
}

fn told(place: &Place, baud: u32, says: Text) -> Found {
    let mut settings = vec![("port", format!("{:?}", place.to_string()))];
    if baud != BAUD {
        settings.push(("baud", baud.to_string()));
    }
    Found { kind: DECLARATION.kind, place: place.to_string(), says, settings }
}

async fn answers(line: &mut punchd_contract::Line) -> Option<Text> {
    line.drain(Duration::from_millis(20)).await.ok()?;
    exchange(line, Ask::VfyPwd { password: 0 }).await?;
    let parameters = exchange(line, Ask::ReadSysPara).await.and_then(|params| Parameters::parse(&params));
    Some(match parameters {
        Some(Parameters { capacity, .. }) => {
            Text::new(format!("a fingerprint module with {capacity} slots"), format!("指纹模块，{capacity} 个存储位"))
        }
        None => Text::new("a fingerprint module that wants its password", "需要密码的指纹模块"),
    })
}

/// What follows the code of the answer.
async fn exchange(line: &mut punchd_contract::Line, ask: Ask) -> Option<Vec<u8>> {
    line.write(&ask.packet(Address::default()).encode()).await.ok()?;
    let end = Instant::now() + WAITS;
    let mut decoder = Decoder::default();
    loop {
        match decoder.next_packet() {
            Some(Ok(packet)) if packet.pid == Pid::Answer => return packet.content.get(1..).map(<[u8]>::to_vec),
            Some(_) => {}
            None => {
                let mut piece = Vec::new();
                timeout_at(end, line.read(&mut piece)).await.ok()?.ok()?;
                decoder.push(&piece);
            }
        }
    }
}
