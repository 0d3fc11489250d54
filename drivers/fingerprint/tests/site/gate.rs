//! A gate with a module, a driver and an agent; the module can be exchanged for another.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::tz::TimeZone;
use punchd_contract::conformance::{Bench, Cable, EPOCH};
use punchd_contract::{
    Command, CommandError, Condition, Credential, DeviceName, Done, FingerModule, FingerName, Kind, Member, Port, Tone,
    Value, Values,
};
use punchd_fingerprint::Fingerprint;
use punchd_fingerprint::protocol::{Aura, Control};
use punchd_fingerprint::virtual_device::{Options, Shine, VirtualModule};
use tokio::task::JoinSet;
use tokio::time::sleep;

pub struct Gate {
    pub bench: Bench,
    pub cable: Cable,
    plugged: Arc<Mutex<VirtualModule>>,
    values: Values,
    port: Port,
    driver: JoinSet<()>,
}

impl Gate {
    /// A gate with this module, at which the driver works.
    pub async fn with(options: Options) -> Self {
        Self::set(options, Values::new()).await
    }

    /// The same, with these settings besides the port.
    pub async fn set(options: Options, values: Values) -> Self {
        let mut gate = Self::idle(options, values);
        gate.start();
        gate.works().await;
        gate
    }

    /// The driver is not running yet.
    pub fn idle(options: Options, values: Values) -> Self {
        let plugged = Arc::new(Mutex::new(VirtualModule::new(options)));
        let socket = plugged.clone();
        let cable = Cable::to(move |line| {
            let module = socket.lock().unwrap().clone();
            async move { module.serve(line).await }
        });
        let (bench, port) = Bench::with_lines(EPOCH, Arc::new(cable.clone()));
        let values = values.with("port", Value::Line(cable.place()));
        Self { bench, cable, plugged, values, port, driver: JoinSet::new() }
    }

    pub fn start(&mut self) {
        let settings = Arc::new(Fingerprint::settings(&self.values).unwrap());
        let device = DeviceName::new("gate").unwrap();
        let member = Member { device, zone: TimeZone::UTC, settings, port: self.port.clone() };
        self.driver.spawn(async move {
            Fingerprint::run(vec![member]).await.unwrap();
        });
    }

    pub async fn stop(&mut self) {
        self.driver.shutdown().await;
    }

    pub async fn restart(&mut self) {
        self.stop().await;
        self.start();
        sleep(Duration::from_secs(20)).await;
        self.works().await;
    }

    pub fn module(&self) -> VirtualModule {
        self.plugged.lock().unwrap().clone()
    }

    /// The cable is pulled, this module is put in, and the cable is put back. Answers the one that was in.
    pub async fn exchange(&self, module: VirtualModule) -> VirtualModule {
        self.cable.unplug();
        sleep(Duration::from_secs(30)).await;
        let old = std::mem::replace(&mut *self.plugged.lock().unwrap(), module);
        self.cable.replug();
        sleep(Duration::from_secs(30)).await;
        self.works().await;
        old
    }

    pub async fn works(&self) {
        let works = |bench: &Bench| {
            bench.health_now().is_some_and(|health| matches!(health.condition, Condition::Working | Condition::Warning))
        };
        assert!(self.bench.until(Duration::from_secs(120), works).await, "{:?}", self.bench.health_now());
    }

    /// What the driver says in a minute from now on.
    pub async fn says(&self, condition: Condition, words: &str) {
        let said = |bench: &Bench| {
            bench.health_now().is_some_and(|health| health.condition == condition && health.text.en.contains(words))
        };
        assert!(self.bench.until(Duration::from_secs(150), said).await, "{:?}", self.bench.health_now());
    }

    pub fn holds(&self) -> FingerModule {
        self.bench.fingers().unwrap()
    }

    /// Somebody touches for a second; the name that was read, if one was.
    pub async fn touch(&self, finger: &str) -> Option<FingerName> {
        let before = self.bench.readings().len();
        self.module().touch(finger);
        sleep(Duration::from_secs(1)).await;
        self.module().lift();
        sleep(Duration::from_secs(3)).await;
        let readings = self.bench.readings();
        assert!(readings.len() <= before + 1, "read more than once");
        match readings.get(before).map(|reading| reading.credential.clone()) {
            Some(Credential::Finger(name)) => Some(name),
            Some(other) => panic!("{other:?}"),
            None => None,
        }
    }

    /// Enrols a finger as a person does who follows what is told.
    pub async fn enrol(&self, finger: &str) -> Result<Done, CommandError> {
        let module = self.module();
        let done = self.bench.command_with_steps(Command::EnrolFinger, |step| match step.en.as_str() {
            text if text.contains("lay") => module.touch(finger),
            _ => module.lift(),
        });
        let done = done.await;
        self.module().lift();
        sleep(Duration::from_secs(2)).await;
        done
    }

    /// What the ring of seven colours has said since the last time.
    pub fn tones(&self) -> Vec<Tone> {
        let tone = |shine: Shine| match shine {
            Shine::Ring(Aura { control: Control::On, colour: 4, .. }) => Some(Tone::Accepted),
            Shine::Ring(Aura { control: Control::Flash, colour: 5, count: 3, .. }) => Some(Tone::Unknown),
            Shine::Ring(Aura { control: Control::Flash, colour: 1, count: 3, .. }) => Some(Tone::Refused),
            Shine::Ring(Aura { control: Control::On, colour: 1, .. }) => Some(Tone::OutOfOrder),
            _ => None,
        };
        self.module().take_shone().into_iter().filter_map(tone).collect()
    }
}

/// The name of the finger that was stored.
pub fn name_of(done: Result<Done, CommandError>) -> FingerName {
    done.unwrap().finger.unwrap().name
}

/// Why it failed.
pub fn why(done: Result<Done, CommandError>) -> String {
    match done {
        Err(CommandError::Failed(text)) => text.en,
        other => panic!("{other:?}"),
    }
}
