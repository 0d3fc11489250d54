//! What WeCom is told about where a punch was made: place, coordinates and kind of device, from the device's configuration.

use std::collections::HashMap;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use crate::attendance::UserId;
use crate::journal::{DeviceId, JournalError};
use crate::wecom::{CheckinRecord, DeviceDetail, DeviceType, MicroDegrees, Place, UnixSeconds};

/// The key `place` of a device's settings in the journal. What is missing becomes what WeCom takes for "not given".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DevicePlace {
    /// The place's name.
    pub title: String,
    /// The place in more words.
    pub detail: String,
    /// Millionths of a degree north, GCJ-02.
    pub lat: Option<i32>,
    /// Millionths of a degree east, GCJ-02.
    pub lng: Option<i32>,
    /// 1 access control, 2 attendance machine, 3 other (facts/wecom-api.md 1.2).
    pub device_type: u8,
    /// The brand of the device.
    pub device_detail: String,
}

/// The places of all devices, read once: they change only with the configuration.
#[derive(Clone, Debug, Default)]
pub(super) struct Places(HashMap<DeviceId, DevicePlace>);

impl DevicePlace {
    /// The record of a punch that was made here.
    pub fn record(&self, userid: UserId, time: UnixSeconds) -> CheckinRecord {
        CheckinRecord {
            location_title: Place::cut(&self.title),
            location_detail: Place::cut(&self.detail),
            coordinates: self.lat.zip(self.lng).and_then(|(lat, lng)| MicroDegrees::new(lat.into(), lng.into()).ok()),
            device_type: match self.device_type {
                1 => DeviceType::AccessControl,
                3 => DeviceType::Other,
                _ => DeviceType::AttendanceMachine,
            },
            device_detail: DeviceDetail::cut(&self.device_detail),
            ..CheckinRecord::new(userid, time)
        }
    }
}

impl Places {
    /// Reads all devices, also those that are no longer configured: their punches may still wait.
    pub(super) fn load(sql: &Connection) -> Result<Self, JournalError> {
        #[derive(Deserialize)]
        struct Settings {
            #[serde(default)]
            place: DevicePlace,
        }
        let mut places = HashMap::new();
        let mut select = sql.prepare("SELECT device, name, settings FROM device")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let (device, name, settings): (DeviceId, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            match serde_json::from_str::<Settings>(&settings) {
                Ok(Settings { place }) => {
                    places.insert(device, place);
                }
                // A punch without its place is worth more than none.
                Err(error) => tracing::warn!(device = name, %error, "the device's place is left out of its punches"),
            }
        }
        Ok(Self(places))
    }

    /// The place of a device; of one that is not known, nothing.
    pub(super) fn of(&self, device: Option<DeviceId>) -> DevicePlace {
        device.and_then(|device| self.0.get(&device)).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(place: &DevicePlace) -> CheckinRecord {
        place.record(UserId::new("zhangsan").unwrap(), UnixSeconds::new(1_793_620_800).unwrap())
    }

    #[test]
    fn a_device_that_says_nothing_of_its_place_gives_a_record_that_wecom_takes() {
        let plain = CheckinRecord::new(UserId::new("zhangsan").unwrap(), UnixSeconds::new(1_793_620_800).unwrap());
        assert_eq!(record(&DevicePlace::default()), plain);
    }

    #[test]
    fn what_the_configuration_says_goes_into_the_record() {
        let place: DevicePlace = serde_json::from_str(
            r#"{"title":"一号门","detail":"北","lat":31230400,"lng":121473700,"device_type":1,"device_detail":"ZKTeco"}"#,
        )
        .unwrap();
        let record = record(&place);
        assert_eq!((record.location_title.as_str(), record.device_type), ("一号门", DeviceType::AccessControl));
        assert_eq!(record.coordinates, Some(MicroDegrees::new(31_230_400, 121_473_700).unwrap()));
        assert_eq!(record.device_detail.as_str(), "ZKTeco");
    }
}
