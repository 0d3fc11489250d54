//! A driver at work on a virtual PN532, with the agent's side on a bench.

use std::sync::Arc;
use std::time::Duration;

use punchd_contract::conformance::{Bench, EPOCH};
use punchd_contract::{Condition, Credential, DeviceName, Kind, Member, Tone, Value, Values};
use punchd_pn532::Pn532;
use punchd_pn532::virtual_device::VirtualPn532;
use punchd_pn532::virtual_device::cards::Card;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{Wired, tone};

pub struct Gate {
    pub wired: Wired,
    pub bench: Bench,
    _driver: JoinSet<()>,
}

impl Gate {
    /// With lights, and these settings besides.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        let gate = Self::at(Wired::new(), settings);
        assert!(gate.bench.until(Duration::from_secs(10), works).await, "{:?}", gate.bench.health_now());
        gate
    }

    /// At a cable to anything, working or not.
    pub fn at(wired: Wired, settings: &[(&str, &str)]) -> Self {
        let lights = [("green_pin", "p30"), ("red_pin", "p31"), ("buzzer_pin", "p72")];
        let values = lights
            .iter()
            .chain(settings)
            .fold(wired.values(), |values: Values, (key, text)| values.with(key, Value::Text((*text).to_owned())));
        Self::with_values(wired, values)
    }

    /// With these settings alone.
    pub fn with_values(wired: Wired, values: Values) -> Self {
        let (bench, port) = Bench::with_lines(EPOCH, Arc::new(wired.cable.clone()));
        let member = Member {
            device: DeviceName::new("gate").unwrap(),
            zone: jiff::tz::TimeZone::UTC,
            settings: Arc::new(Pn532::settings(&values).unwrap()),
            port,
        };
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            let ended = Pn532::run(vec![member]).await;
            panic!("the driver gave up: {ended:?}");
        });
        Self { wired, bench, _driver: driver }
    }

    pub fn chip(&self) -> &VirtualPn532 {
        &self.wired.chip
    }

    /// Lays these on it together, for so long.
    pub async fn tap_for(&self, cards: &[Card], time: Duration) {
        for card in cards {
            self.chip().present(card.clone());
        }
        sleep(time).await;
        for card in cards {
            self.chip().take(card);
        }
    }

    /// Taps as people do, and goes away.
    pub async fn tap(&self, card: &Card) {
        self.tap_for(std::slice::from_ref(card), Duration::from_millis(400)).await;
        sleep(Duration::from_secs(4)).await;
    }

    /// Everything read so far: number in hexadecimal, and profile.
    pub fn read(&self) -> Vec<(String, String)> {
        let number = |credential: &Credential| match credential {
            Credential::Card(_) => credential.value(),
            other => panic!("no card: {other:?}"),
        };
        let readings = self.bench.readings();
        readings.iter().map(|reading| (number(&reading.credential), reading.profile.clone().unwrap())).collect()
    }

    /// What was shown last; forgotten when told.
    pub fn shown(&self) -> Option<Tone> {
        let tone = tone(self.chip());
        self.chip().forget_pins();
        tone
    }

    /// What the health says, in English, once it is like this.
    pub async fn says(&self, condition: Condition) -> String {
        let like_this = |bench: &Bench| bench.health_now().is_some_and(|health| health.condition == condition);
        assert!(self.bench.until(Duration::from_secs(60), like_this).await, "{:?}", self.bench.health_now());
        let text = self.bench.health_now().unwrap().text;
        assert!(!text.zh.is_empty());
        text.en
    }
}

pub fn works(bench: &Bench) -> bool {
    bench.health_now().is_some_and(|health| health.condition == Condition::Working)
}
