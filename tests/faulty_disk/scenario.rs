//! What the gateway goes through in these tests, step by step, and what it holds after each step on a disk that works.

use std::sync::Arc;

use punchd::journal::{DeviceId, JournalError};
use punchd_contract::{Batch, Contact, Credential, Cursor, Reading, Upload};
use tempfile::TempDir;

use crate::common::{at, person, reading};
use crate::disk::Disk;
use crate::gateway::Gateway;

/// How many steps there are.
pub const STEPS: usize = 11;

const FIRST: DeviceId = DeviceId(1);
const SECOND: DeviceId = DeviceId(2);

/// Does one step. Each is one transaction of the journal, but for the starts.
pub async fn step(gateway: &mut Gateway, number: usize) -> Result<(), JournalError> {
    match number {
        0 => gateway.start().await,
        1 => gateway.people(vec![person("zhangsan", &["1001"]), person("lisi", &["1002"])]).await,
        2 => {
            submit(
                gateway,
                FIRST,
                3,
                [reading("1001", at(10), 1), reading("1002", at(11), 1), reading("1001", at(12), 1)],
            )
            .await
        }
        3 => submit(gateway, SECOND, 1, [reading("1001", at(14), 1)]).await,
        // Earlier than what is there, and not yet gone out: it takes the place of a punch.
        4 => submit(gateway, SECOND, 2, [reading("1001", at(9), 1)]).await,
        5 => submit(gateway, FIRST, 4, [unknown(at(20))]).await,
        // Somebody maps the unknown card.
        6 => {
            let mut lisi = person("lisi", &["1002"]);
            lisi.credentials.push(("card".into(), "04A1B2C3".into()));
            gateway.people(vec![lisi]).await
        }
        // A restart in good order folds the log in.
        7 => {
            gateway.stop().await;
            gateway.start().await
        }
        8 => gateway.sql("UPDATE delivery SET state = 1, attempts = 1 WHERE state = 0 AND time_s < 1793580600").await,
        9 => {
            let contact = Contact { firmware: Some("Ver 6.60".into()), ..Contact::default() };
            let upload = Upload { table: "ATTLOG".into(), body: vec![b'x'; 9000], understood: true };
            let readings = (0..5).map(|n| reading("1002", at(30 + n * 4), 1)).collect();
            let batch =
                Batch { readings, cursor: cursor(9), contact: Some(contact), upload: Some(upload), ..Batch::default() };
            gateway.submit(FIRST, batch).await.map(drop)
        }
        10 => {
            // The same log again with one new record: how a terminal is read after a lost cursor.
            let mut readings: Vec<_> = (0..5).map(|n| reading("1002", at(30 + n * 4), 1)).collect();
            readings.push(reading("1001", at(60), 1));
            let batch = Batch { readings, cursor: cursor(10), ..Batch::default() };
            gateway.submit(FIRST, batch).await.map(drop)
        }
        _ => unreachable!("there are {STEPS} steps"),
    }
}

fn cursor(records: u32) -> Option<Cursor> {
    Some(Cursor(records.to_string()))
}

async fn submit<const N: usize>(
    gateway: &Gateway,
    device: DeviceId,
    records: u32,
    readings: [Reading; N],
) -> Result<(), JournalError> {
    let batch = Batch { readings: readings.into(), cursor: cursor(records), ..Batch::default() };
    gateway.submit(device, batch).await.map(drop)
}

fn unknown(when: jiff::civil::DateTime) -> Reading {
    Reading { credential: Credential::Card(vec![0x04, 0xA1, 0xB2, 0xC3]), ..reading("card", when, 1) }
}

/// What it holds after each step.
pub struct Expected(Vec<String>);

impl Expected {
    pub async fn on_a_good_disk(folder: &Arc<TempDir>) -> Self {
        let mut gateway = Gateway::with(folder, &Disk::new());
        let mut held = Vec::new();
        for number in 0..STEPS {
            step(&mut gateway, number).await.unwrap();
            held.push(gateway.holds().await);
        }
        gateway.stop().await;
        Self(held)
    }

    /// After so many steps were answered, and the next may or may not have been done.
    pub fn check(&self, answered: usize, holds: &str, when: &str) {
        let known = &self.0[answered.saturating_sub(1)];
        let next = self.0.get(answered);
        assert!(
            holds == known || next.is_some_and(|next| holds == next),
            "{when}: after {answered} answered steps it holds\n{holds}\nbut should hold\n{known}"
        );
    }

    /// After everything.
    pub fn check_end(&self, holds: &str, when: &str) {
        assert_eq!(holds, self.0[STEPS - 1], "{when}");
    }
}

/// Goes on from a step as far as it gets. Answers how many steps are done, and what stopped it.
pub async fn go_on(gateway: &mut Gateway, from: usize) -> (usize, Option<JournalError>) {
    for number in from..STEPS {
        if let Err(error) = step(gateway, number).await {
            return (number, Some(error));
        }
    }
    (STEPS, None)
}
