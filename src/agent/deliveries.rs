//! What operators can have done about deliveries: try parked ones again, drop some with a reason, pause a destination.

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::operations::{OperationError, Operations};
use crate::delivery::{self, Chosen, Decided, Matching, Order, Retry};
use crate::journal::{DeliveryId, DestinationId, DeviceId, JournalError};

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

/// Many deliveries are not to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropMany {
    /// To this destination; absent: to every one.
    pub destination: Option<String>,
    /// Of punches before this day, in the gateway's zone.
    pub before: Option<jiff::civil::Date>,
    /// Of this device.
    pub device: Option<String>,
    /// Why.
    pub reason: String,
    /// Who wants it.
    pub by: String,
}

/// An order about a destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderDestination {
    /// Its name; absent: all of them.
    pub destination: Option<String>,
    /// What.
    pub order: Order,
    /// Why.
    #[serde(default)]
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

    /// Drops everything that is meant and waits or is parked, in portions. What is left may have arrived.
    pub async fn drop_many(&self, wish: DropMany) -> Result<DeliveriesDecided, OperationError> {
        if wish.reason.trim().is_empty() {
            return Err(OperationError::Refused("say why: dropped punches are kept with the reason".into()));
        }
        let (now, DropMany { destination, device, reason, by, .. }) = (self.clock.now().time, wish.clone());
        let before_s = wish.before.map(|day| super::registry::first_second(&self.config, day));
        let matching = self
            .journal
            .read(move |sql| {
                let destination = destination.map(|name| destination_of(sql, &name)).transpose()?;
                let device = device.map(|name| device_of(sql, &name)).transpose()?;
                Ok(Matching { destination, before_s, device })
            })
            .await?;
        let (mut decided, mut after) = (DeliveriesDecided::default(), Some(DeliveryId(0)));
        while let Some(from) = after {
            let (reason, by) = (reason.clone(), by.clone());
            let portion = self
                .journal
                .write(move |write| delivery::drop_portion(write, matching, from, &reason, &by, now))
                .await?;
            decided.changed += portion.0;
            after = portion.1;
        }
        let dropped = decided.changed;
        let left = self
            .journal
            .write(move |write| {
                delivery::note_drop(write, matching, dropped, &reason, &by, now)?;
                delivery::under_way(write.sql(), matching)
            })
            .await?;
        decided.left = usize::try_from(left).unwrap_or(usize::MAX);
        self.punched.notify_one();
        Ok(decided)
    }

    /// Carries out an order about one destination or all of them.
    pub async fn order_destination(&self, wish: OrderDestination) -> Result<DeliveriesDecided, OperationError> {
        let now = self.clock.now().time;
        let decided = self
            .journal
            .write(move |write| {
                let mut decided = DeliveriesDecided::default();
                let OrderDestination { destination, order, reason, by } = &wish;
                for destination in destinations(write.sql(), destination.as_deref())? {
                    match delivery::order(write, destination, *order, reason, by, now)? {
                        true => decided.changed += 1,
                        false => decided.left += 1,
                    }
                }
                Ok(decided)
            })
            .await?;
        self.punched.notify_one();
        Ok(decided)
    }
}

/// The destination of this name, or all that are configured.
fn destinations(sql: &Connection, name: Option<&str>) -> Result<Vec<DestinationId>, JournalError> {
    if let Some(name) = name {
        return Ok(vec![destination_of(sql, name)?]);
    }
    let mut select = sql.prepare_cached("SELECT destination FROM destination WHERE active = 1 ORDER BY name")?;
    Ok(select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// The destination that is called so now, or that was last.
fn destination_of(sql: &Connection, name: &str) -> Result<DestinationId, JournalError> {
    let mut select =
        sql.prepare_cached("SELECT destination, name FROM destination ORDER BY active DESC, destination DESC")?;
    let all: Vec<(DestinationId, String)> =
        select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    named(&all, name, "destination")
}

fn device_of(sql: &Connection, name: &str) -> Result<DeviceId, JournalError> {
    let mut select = sql.prepare_cached("SELECT device, name FROM device ORDER BY name")?;
    let all: Vec<(DeviceId, String)> =
        select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    named(&all, name, "device")
}

fn named<I: Copy>(all: &[(I, String)], name: &str, what: &str) -> Result<I, JournalError> {
    all.iter().find(|(_, known)| known == name).map(|(id, _)| *id).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|(_, name)| name.as_str()).collect();
        JournalError::Refused(format!("no {what} {name:?}; there are: {}", names.join(", ")))
    })
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
