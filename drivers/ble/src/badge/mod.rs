//! Badges that advertise: who is near, by how strong a badge is heard. The weakest evidence there is: near is not here, a badge can be carried
//! for somebody, and a number that does not change can be sent by anybody (facts/readers.md D.1). Every reading is marked so
//! ([`Method::Proximity`](punchd_contract::Method::Proximity)).

mod driver;
mod settings;

use std::marker::PhantomData;

use punchd_contract::{Declaration, DriverError, Found, Kind, Member, Mistake, Search, Values};

use crate::bluez::System;
use crate::discover;
use crate::radio::Source;

pub use settings::Settings;

/// The kind `ble-badge`, over Bluetooth from this source.
#[derive(Debug)]
pub struct BleBadgeOver<S>(PhantomData<S>);

/// The kind `ble-badge`, over the Bluetooth of this machine.
pub type BleBadge = BleBadgeOver<System>;

impl<S: Source> Kind for BleBadgeOver<S> {
    const DECLARATION: Declaration = settings::DECLARATION;
    type Settings = Settings;

    fn settings(values: &Values) -> Result<Settings, Vec<Mistake>> {
        settings::parse(values)
    }

    async fn discover(_search: &Search) -> Vec<Found> {
        discover::badges::<S>().await
    }

    async fn run(members: Vec<Member<Settings>>) -> Result<(), DriverError> {
        driver::run::<S>(members).await
    }
}
