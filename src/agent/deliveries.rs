//! What operators can have done about deliveries: try parked ones again, or drop some with a reason.

use serde::{Deserialize, Serialize};

use super::operations::{OperationError, Operations};
use crate::delivery::{self, Chosen, Decided, Retry};
use crate::journal::{DeliveryId, DestinationId, JournalError};

/// Which deliveries are meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meant {
    /// These.
    These(Vec<DeliveryId>),
    /// All that are parked, at one destination or at every one.
    AllParked {
        /// Its name.
        destination: Option<String>,
    },
}

/// Parked deliveries are to be tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryDeliveries {
    /// Which.
    pub meant: Meant,
    /// Send again also what may have arrived.
    pub even_twice: bool,
    /// Who wants it.
    pub by: String,
}

/// Deliveries are not to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropDeliveries {
    /// Which.
    pub meant: Meant,
    /// Why.
    pub reason: String,
    /// Who wants it.
    pub by: String,
}

/// What became of the wish.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveriesDecided {
    /// So many were changed.
    pub changed: usize,
    /// So many are in a state in which this cannot be done, or do not exist.
    pub left: usize,
}

impl DeliveriesDecided {
    fn add(&mut self, one: Decided) {
        self.changed += one.changed;
        self.left += one.left;
    }
}

impl Operations {
    /// Gives parked deliveries another try.
    pub async fn retry_deliveries(&self, wish: RetryDeliveries) -> Result<DeliveriesDecided, OperationError> {
        let now = self.clock.now().time;
        let how = if wish.even_twice { Retry::EvenTwice } else { Retry::Carefully };
        let decided = self
            .journal
            .write(move |write| {
                let mut decided = DeliveriesDecided::default();
                for chosen in chosen(write.sql(), &wish.meant)? {
                    decided.add(delivery::retry(write, &chosen, how, &wish.by, now)?);
                }
                Ok(decided)
            })
            .await?;
        self.punched.notify_one();
        Ok(decided)
    }

    /// Drops deliveries that are parked or wait.
    pub async fn drop_deliveries(&self, wish: DropDeliveries) -> Result<DeliveriesDecided, OperationError> {
        let now = self.clock.now().time;
        let work = move |write: &mut crate::journal::Write<'_>| {
            let mut decided = DeliveriesDecided::default();
            for chosen in chosen(write.sql(), &wish.meant)? {
                decided.add(delivery::drop(write, &chosen, &wish.reason, &wish.by, now)?);
            }
            Ok(decided)
        };
        Ok(self.journal.write(work).await?)
    }
}

fn chosen(sql: &rusqlite::Connection, meant: &Meant) -> Result<Vec<Chosen>, JournalError> {
    let destination = match meant {
        Meant::These(deliveries) => return Ok(vec![Chosen::These(deliveries.clone())]),
        Meant::AllParked { destination } => destination,
    };
    let mut select = sql.prepare_cached("SELECT destination, name FROM destination ORDER BY name")?;
    let all: Vec<(DestinationId, String)> =
        select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let wanted: Vec<Chosen> = all
        .iter()
        .filter(|(_, name)| destination.as_ref().is_none_or(|wanted| wanted == name))
        .map(|(id, _)| Chosen::AllParked(*id))
        .collect();
    if let (Some(wanted), []) = (destination, wanted.as_slice()) {
        let names: Vec<&str> = all.iter().map(|(_, name)| name.as_str()).collect();
        return Err(JournalError::Refused(format!("no destination {wanted:?}; there are: {}", names.join(", "))));
    }
    Ok(wanted)
}
