//! The demo's people at the local readers: two give a finger, then they and others tap and touch until the gate closes.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use punchd_sim::gate::{FINGER_DEVICE, Gate};
use punchd_sim::people::Person;
use punchd_sim::site::Site;
use tokio::time::{Instant, sleep};

use super::DemoError;
use super::agent::AgentProcess;
use crate::agent::Enrol;
use crate::console::{Client, ClientError, Line};

/// How many people give a finger.
const FINGERS: usize = 2;
/// How long an enrolment may be tried; an emulator needs most of it.
const ENROLS_WITHIN: Duration = Duration::from_secs(20);
const ENROLS_WITHIN_SLOW: Duration = Duration::from_secs(120);
const TRIES_EVERY: Duration = Duration::from_millis(500);

/// The readers and who stands there.
pub(super) struct Readers<'a> {
    site: &'a Site,
    agent: Client,
    log: PathBuf,
    patience: Duration,
    open: AtomicBool,
}

impl<'a> Readers<'a> {
    pub fn new(site: &'a Site, slow: bool, agent: &AgentProcess) -> Self {
        let patience = if slow { ENROLS_WITHIN_SLOW } else { ENROLS_WITHIN };
        Self { site, agent: Client::new(&agent.socket()), log: agent.log(), patience, open: AtomicBool::new(true) }
    }

    /// Nobody comes any more; who stands there finishes.
    pub fn close(&self) {
        self.open.store(false, Ordering::SeqCst);
    }

    /// People come until the gate closes.
    pub async fn go_on(&self) -> Result<(), DemoError> {
        let Some(gate) = &self.site.gate else { return Ok(()) };
        let (_, enrolled) = tokio::join!(self.taps(gate), self.touches(gate));
        enrolled
    }

    async fn taps(&self, gate: &Gate) {
        while self.open.load(Ordering::SeqCst) {
            gate.tap(&self.site.people[fastrand::usize(..self.site.people.len())]).await;
        }
    }

    async fn touches(&self, gate: &Gate) -> Result<(), DemoError> {
        let people = self.site.people.get(..FINGERS).unwrap_or_default();
        for person in people {
            tokio::select! {
                enrolled = self.enrol(person) => enrolled?,
                () = gate.give_finger(person) => {}
            }
            gate.step_back();
            // The last finger has to be believed gone before the next one counts.
            sleep(TRIES_EVERY * 2).await;
        }
        while self.open.load(Ordering::SeqCst) {
            gate.touch(&people[fastrand::usize(..people.len())]).await;
        }
        Ok(())
    }

    /// Has the person give a finger, as `punchd fingers enrol` does. The module may not have been found yet.
    async fn enrol(&self, person: &Person) -> Result<(), DemoError> {
        let end = Instant::now() + self.patience;
        loop {
            match self.try_to_enrol(person).await {
                Ok(()) => return Ok(()),
                Err(why) if Instant::now() > end => {
                    return Err(DemoError::Enrolment { why, log: self.log.clone() });
                }
                Err(_) => sleep(TRIES_EVERY).await,
            }
        }
    }

    async fn try_to_enrol(&self, person: &Person) -> Result<(), String> {
        let enrol = Enrol {
            device: FINGER_DEVICE.to_owned(),
            userid: person.userid.clone(),
            organisation: None,
            by: "demo".to_owned(),
        };
        let said = |error: ClientError| error.to_string();
        let mut lines = self.agent.carry_out::<serde_json::Value>("/v1/fingers/enrol", &enrol).await.map_err(said)?;
        loop {
            match lines.next().await.map_err(said)? {
                Some(Line::Step(_)) => {}
                Some(Line::Done(_)) => return Ok(()),
                Some(Line::Error(text)) => return Err(text.en),
                None => return Err("the agent went away".to_owned()),
            }
        }
    }
}
