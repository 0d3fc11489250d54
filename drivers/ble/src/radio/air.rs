//! The seam: what a Bluetooth stack does for the radio.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;

use super::Trouble;
use crate::protocol::address::Address;
use crate::protocol::badge::Told;
use crate::protocol::uuid::{PIPES, Pipe, Uuid};

/// A Bluetooth stack.
pub trait Air: Send + Sync + 'static {
    /// Gets to the adapter and switches it on. Whatever an earlier opening gave is dead by then.
    fn open(&self) -> BoxFuture<'_, Result<Opened, Trouble>>;
}

/// An adapter that is on.
pub struct Opened {
    /// The adapter.
    pub adapter: Arc<dyn Adapter>,
    /// What happens. Need not end when things go wrong.
    pub events: BoxStream<'static, Event>,
}

/// An adapter. Every call is bounded by the caller; dropping a call gives it up.
pub trait Adapter: Send + Sync {
    /// Its id, such as `hci0`.
    fn id(&self) -> &str;
    /// Listens for devices that name one of these services in their advertisements; for all if there are none.
    fn scan(&self, services: Vec<Uuid>) -> BoxFuture<'_, Result<(), Trouble>>;
    /// Listens no more.
    fn stop_scan(&self) -> BoxFuture<'_, Result<(), Trouble>>;
    /// Whether it is on.
    fn powered(&self) -> BoxFuture<'_, Result<bool, Trouble>>;
    /// Switches it on or off.
    fn power(&self, on: bool) -> BoxFuture<'_, Result<(), Trouble>>;
    /// The devices that it is connected to: a connected device does not advertise.
    fn connected(&self) -> BoxFuture<'_, Result<Vec<Known>, Trouble>>;
    /// Connects, finds the pipe and subscribes to it.
    fn connect(&self, address: Address, gatt: Gatt) -> BoxFuture<'_, Result<Connection, Trouble>>;
    /// Makes the stack forget devices that are not paired, trusted, connected or among these, if it knows very many. Answers how many it forgot.
    fn tidy(&self, keep: Vec<Address>) -> BoxFuture<'_, Result<usize, Trouble>>;
}

/// A device that an adapter knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Where.
    pub address: Address,
    /// What it calls itself.
    pub name: Option<String>,
}

/// What happens around an adapter.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A device advertised.
    Heard(Advertisement),
    /// A device disconnected, or the stack forgot it.
    Left(Address),
    /// The adapter may have been switched on or off.
    Power,
    /// The stack is gone: everything of this opening is dead.
    Lost(Trouble),
}

/// What a device advertises.
#[derive(Clone, Debug, PartialEq)]
pub struct Advertisement {
    /// Whose.
    pub address: Address,
    /// What it calls itself.
    pub name: Option<String>,
    /// How strong it was heard, in dBm.
    pub rssi: Option<i16>,
    /// The services that it names.
    pub services: Vec<Uuid>,
    /// The data that it tells.
    pub told: Told,
}

/// Which pipe of a device to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gatt {
    /// The first of the known ones that it has.
    Known,
    /// This one.
    Named {
        /// The service.
        service: Uuid,
        /// What the device notifies on.
        notify: Uuid,
        /// What is written to; absent: nothing is.
        write: Option<Uuid>,
    },
}

impl Gatt {
    /// The services to look for.
    pub fn services(&self) -> Vec<Uuid> {
        match self {
            Self::Known => PIPES.iter().map(|pipe| pipe.service).collect(),
            Self::Named { service, .. } => vec![*service],
        }
    }

    /// What is to be found on a device, best first: service, notify, write, and what a reading over it is marked with.
    pub fn choices(&self) -> Vec<(Uuid, Uuid, Option<Uuid>, String)> {
        match self {
            Self::Known => {
                let known =
                    |Pipe { name, service, notify, write }: Pipe| (service, notify, Some(write), name.to_owned());
                PIPES.map(known).to_vec()
            }
            Self::Named { service, notify, write } => {
                let known = PIPES.iter().find(|pipe| pipe.service == *service).map(|pipe| pipe.name.to_owned());
                let name =
                    known.unwrap_or_else(|| service.as_short().map_or("gatt".into(), |short| format!("{short:04x}")));
                vec![(*service, *notify, *write, name)]
            }
        }
    }
}

/// A device that is connected and notifies.
pub struct Connection {
    /// The device.
    pub peer: Arc<dyn Peer>,
    /// What it notifies. Never ends by itself.
    pub notifications: BoxStream<'static, Vec<u8>>,
    /// How many bytes one write takes.
    pub room: usize,
    /// Which pipe it is.
    pub pipe: String,
}

/// A connected device. Every call is bounded by the caller.
pub trait Peer: Send + Sync {
    /// Writes at most as many bytes as there is room for.
    fn write(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), Trouble>>;
    /// Asks the stack whether it is still connected.
    fn connected(&self) -> BoxFuture<'_, Result<bool, Trouble>>;
    /// Ends the connection.
    fn disconnect(&self) -> BoxFuture<'_, Result<(), Trouble>>;
}
