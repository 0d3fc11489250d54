//! The push driver on a bench, for peers that others wrote: prints what it takes, one line each, until it is ended.
//!
//! `push_bench LISTEN SERIAL NOW`, such as `push_bench 127.0.0.1:8081 SIM0001 2026-01-05T00:00:00Z`.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use punchd_contract::conformance::Bench;
use punchd_contract::{DeviceName, Endpoint, Kind, Member, Value, Values};
use punchd_zkteco::ZktecoPush;

fn wrong(what: impl std::fmt::Debug) -> Box<dyn std::error::Error> {
    format!("push_bench LISTEN SERIAL NOW: {what:?}").into()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(listen), Some(serial), Some(now)) = (words.next(), words.next(), words.next()) else {
        return Err(wrong("three words are wanted"));
    };
    let (host, port) = listen.rsplit_once(':').ok_or_else(|| wrong("no port"))?;
    let endpoint = Endpoint { host: host.into(), port: port.parse()? };
    let values = Values::new().with("serial", Value::Text(serial)).with("listen", Value::Endpoint(endpoint));
    let (bench, port) = Bench::new(now.parse()?);
    let member = Member {
        device: DeviceName::new("peer").map_err(wrong)?,
        zone: TimeZone::get("Asia/Shanghai")?,
        settings: Arc::new(ZktecoPush::settings(&values).map_err(wrong)?),
        port,
    };
    let printing = async {
        let (mut readings, mut repeated, mut health, mut alerts, mut users) = (0, 0, 0, 0, 0);
        loop {
            for reading in bench.readings().iter().skip(readings) {
                readings += 1;
                println!("reading {:?} {:?} {:?}", reading.credential, reading.happened, reading.origin);
            }
            if bench.repeated() > repeated {
                repeated = bench.repeated();
                println!("repeated {repeated}");
            }
            for state in bench.health_history().iter().skip(health) {
                health += 1;
                println!("health {:?} {}", state.condition, state.text.en);
            }
            for alert in bench.alerts().iter().skip(alerts) {
                alerts += 1;
                println!("alert {:?} {}", alert.kind, alert.text.en);
            }
            if bench.users().len() != users {
                users = bench.users().len();
                println!("users {users}");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        ended = ZktecoPush::run(vec![member]) => ended.map_err(Into::into),
        () = printing => Ok(()),
    }
}
