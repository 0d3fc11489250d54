//! Looking for modules at serial ports that nobody uses.

use std::time::Duration;

use punchd_contract::{Found, Mode, Place, Search, Text};
use tokio::time::{Instant, timeout_at};

use crate::protocol::{Address, Ask, Code, Decoder, Parameters, Pid};
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
    let (greeted, _) = exchange(line, Ask::VfyPwd { password: 0 }).await?;
    let told = exchange(line, Ask::ReadSysPara).await.and_then(|(_, params)| Parameters::parse(&params));
    Some(match told {
        Some(Parameters { capacity, .. }) => {
            Text::new(format!("a fingerprint module with {capacity} slots"), format!("指纹模块，{capacity} 个存储位"))
        }
        None if greeted == Code::WrongPassword => {
            Text::new("a fingerprint module that wants its password", "需要密码的指纹模块")
        }
        None => Text::new(
            "a fingerprint module that does not tell its parameters (such as an R308)",
            "不提供参数的指纹模块（如 R308）",
        ),
    })
}

/// The code of the answer, and what follows it.
async fn exchange(line: &mut punchd_contract::Line, ask: Ask) -> Option<(Code, Vec<u8>)> {
    line.write(&ask.packet(Address::default()).encode()).await.ok()?;
    let end = Instant::now() + WAITS;
    let mut decoder = Decoder::default();
    loop {
        match decoder.next_packet() {
            Some(Ok(packet)) if packet.pid == Pid::Answer => {
                let (code, params) = packet.content.split_first()?;
                return Some((Code::of(*code), params.to_vec()));
            }
            Some(_) => {}
            None => {
                let mut piece = Vec::new();
                timeout_at(end, line.read(&mut piece)).await.ok()?.ok()?;
                decoder.push(&piece);
            }
        }
    }
}
