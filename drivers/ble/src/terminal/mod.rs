//! Devices that notify what is presented over a GATT characteristic, and are told back what became of it.

mod conversation;
mod driver;
mod settings;

use std::marker::PhantomData;

use punchd_contract::{Declaration, DriverError, Found, Kind, Member, Mistake, Search, Values};

use crate::bluez::System;
use crate::discover;
use crate::radio::Source;

pub use settings::Settings;
pub(crate) use settings::{adapter, gatt, is_adapter};

/// The kind `ble`, over Bluetooth from this source.
#[derive(Debug)]
pub struct BleOver<S>(PhantomData<S>);

/// The kind `ble`, over the Bluetooth of this machine.
pub type Ble = BleOver<System>;

impl<S: Source> Kind for BleOver<S> {
    const DECLARATION: Declaration = settings::DECLARATION;
    type Settings = Settings;

    fn settings(values: &Values) -> Result<Settings, Vec<Mistake>> {
        settings::parse(values)
    }

    async fn discover(_search: &Search) -> Vec<Found> {
        discover::terminals::<S>().await
    }

    async fn run(members: Vec<Member<Settings>>) -> Result<(), DriverError> {
        driver::run::<S>(members).await
    }
}
