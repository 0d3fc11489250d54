//! From the configuration to what the journal keeps of it.

use std::collections::HashMap;

use punchd_contract::Value;
use rusqlite::Connection;
use serde::Serialize;

use crate::attendance::DeviceRules;
use crate::config::{self, Config, Coordinates, Datum, DeviceConfig};
use crate::delivery::DevicePlace;
use crate::journal::{DestinationEntry, DeviceEntry, DeviceId, History, JournalError, OrganisationEntry, Registry};
use crate::wecom::{Gcj02, MicroDegrees, Wgs84};

/// What attendance and delivery need of a device, in one JSON text; each reads its own part.
#[derive(Serialize)]
struct Settings {
    #[serde(flatten)]
    rules: DeviceRules,
    place: DevicePlace,
}

/// Everything that is configured, as the journal keeps it.
pub fn registry(config: &Config) -> Registry {
    let seconds = |length: std::time::Duration| i64::try_from(length.as_secs()).unwrap_or(i64::MAX);
    Registry {
        organisations: config
            .organisations
            .iter()
            .map(|organisation| OrganisationEntry {
                name: organisation.name.to_string(),
                merge_window_s: seconds(organisation.merge_window),
            })
            .collect(),
        devices: config.devices.iter().map(|device| entry(config, device)).collect(),
        destinations: config
            .destinations
            .iter()
            .map(|destination| DestinationEntry {
                name: destination.name.to_string(),
                kind: destination.declaration.kind.to_owned(),
                identity: destination.settings.identity().to_owned(),
                organisation: destination.organisation.to_string(),
                history: history(config, destination.history),
            })
            .collect(),
    }
}

fn entry(config: &Config, device: &DeviceConfig) -> DeviceEntry {
    let point = device.place.coordinates.and_then(gcj02);
    let settings = Settings {
        rules: DeviceRules {
            zone: device.zone.name.clone(),
            user_ids: device.user_ids.clone(),
            count_from: device.count_from,
            clock_tolerance: device.clock_tolerance,
            wrong_clock: device.wrong_clock,
            trusted_within: config.clock.trusted_within,
        },
        place: DevicePlace {
            title: device.place.title.clone(),
            detail: device.place.detail.clone(),
            lat: point.map(MicroDegrees::lat),
            lng: point.map(MicroDegrees::lng),
            device_type: device.device_type.number(),
            device_detail: device.device_detail.clone(),
        },
    };
    DeviceEntry {
        name: device.name.to_string(),
        kind: device.driver.declaration().kind.to_owned(),
        // Plain data of ours: it always becomes JSON.
        settings: serde_json::to_string(&settings).unwrap_or_default(),
        organisations: device.organisations.iter().map(ToString::to_string).collect(),
        identity: identity(device),
    }
}

/// By what the configuration finds the device.
fn identity(device: &DeviceConfig) -> Option<String> {
    ["serial", "serial_number", "address", "device", "port"].into_iter().find_map(|key| {
        Some(match device.values.get(key)? {
            Value::Text(text) => text.clone(),
            Value::Line(line) => line.to_string(),
            Value::Endpoint(endpoint) => endpoint.to_string(),
            _ => return None,
        })
    })
}

/// Days are those of the gateway's zone.
fn history(config: &Config, history: config::History) -> History {
    match history {
        config::History::None => History::None,
        config::History::All => History::All,
        config::History::From(day) => History::From(first_second(config, day)),
    }
}

/// The first second of a day where the gateway is.
pub(super) fn first_second(config: &Config, day: jiff::civil::Date) -> i64 {
    let zone = config.gateway.zone.as_ref().or_else(|| config.devices.first().map(|device| &device.zone));
    let zone = zone.map_or(jiff::tz::TimeZone::UTC, |zone| zone.rules.clone());
    // A day at the end of all time has no first second there.
    zone.to_zoned(day.to_datetime(jiff::civil::Time::midnight()))
        .map_or(i64::MAX, |start| start.timestamp().as_second())
}

fn gcj02(coordinates: Coordinates) -> Option<MicroDegrees> {
    let Coordinates { latitude, longitude, datum } = coordinates;
    // The config check has made sure of the range; a point outside is left out rather than told wrong.
    let point = match datum {
        Datum::Wgs84 => Wgs84::new(latitude, longitude).ok()?.to_gcj02(),
        Datum::Gcj02 => Gcj02::new(latitude, longitude).ok()?,
    };
    Some(point.to_micro_degrees())
}

/// The numbers of all devices by name.
pub(super) fn device_ids(sql: &Connection) -> Result<HashMap<String, DeviceId>, JournalError> {
    let mut select = sql.prepare("SELECT name, device FROM device WHERE active = 1")?;
    Ok(select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
}
