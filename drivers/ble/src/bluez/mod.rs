//! The radio over BlueZ: devices and their characteristics through btleplug, the adapter and everything that is watched through a small D-Bus
//! connection of our own.
//!
//! Why two: btleplug does not tell when the daemon leaves the bus, when a device is forgotten, and has no word for switching the adapter off or for forgetting
//! a device; and it asks for all properties of a device at each of its advertisements (facts/readers.md D.3). Our connection is made anew at every
//! opening and closed with it. btleplug's cannot be closed, so there is one a process, used again for as long as the bus lives: it addresses the daemon by
//! name, and the objects on it are looked up anew at every connect.

mod adapter;
mod bus;
mod gatt;
mod objects;

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::radio::Trouble;
use crate::radio::air::{Air, Opened};
use crate::radio::{Radios, Source};

/// The Bluetooth of this machine.
#[derive(Clone, Copy, Debug)]
pub struct System;

static RADIOS: Radios = Radios::new();

impl Source for System {
    fn air(adapter: Option<&str>) -> Arc<dyn Air> {
        Arc::new(Bluez { adapter: adapter.map(str::to_owned) })
    }

    fn radios() -> &'static Radios {
        &RADIOS
    }
}

struct Bluez {
    adapter: Option<String>,
}

impl Air for Bluez {
    fn open(&self) -> BoxFuture<'_, Result<Opened, Trouble>> {
        adapter::open(self.adapter.as_deref()).boxed()
    }
}
