//! A punch as `add_checkin_record` takes it; every field is inside its limit by its type.

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use crate::attendance::UserId;
use crate::wecom::coordinates::MicroDegrees;
use crate::wecom::line::Line;
use crate::wecom::seconds::UnixSeconds;

/// A place name, a place's address, notes, or a Wi-Fi's name.
pub type Place = Line<1024>;

/// The brand of the device, free text.
pub type DeviceDetail = Line<40>;

/// One punch to be written (facts/wecom-api.md 1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckinRecord {
    /// Who.
    pub userid: UserId,
    /// When.
    pub checkin_time: UnixSeconds,
    /// The place's name.
    pub location_title: Place,
    /// The place in more words.
    pub location_detail: Place,
    /// A note; an empty text is sent for `None`, as the official sample does.
    pub notes: Option<Place>,
    /// The Wi-Fi of the place.
    pub wifi: Option<Wifi>,
    /// One photo, uploaded at most 3 days before.
    pub photo: Option<MediaId>,
    /// Where.
    pub coordinates: Option<MicroDegrees>,
    /// What kind of device.
    pub device_type: DeviceType,
    /// Which brand of device.
    pub device_detail: DeviceDetail,
}

impl CheckinRecord {
    /// A record that says who and when, and nothing else: dashes where WeCom wants a text, an attendance machine as device.
    pub fn new(userid: UserId, checkin_time: UnixSeconds) -> Self {
        Self {
            userid,
            checkin_time,
            location_title: Place::cut(""),
            location_detail: Place::cut(""),
            notes: None,
            wifi: None,
            photo: None,
            coordinates: None,
            device_type: DeviceType::AttendanceMachine,
            device_detail: DeviceDetail::cut(""),
        }
    }
}

/// What kind of device took the punch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceType {
    /// A door's device (门禁).
    AccessControl,
    /// A face or fingerprint machine (考勤机).
    AttendanceMachine,
    /// Anything else.
    Other,
}

impl DeviceType {
    /// The number on the wire.
    pub fn number(self) -> u8 {
        match self {
            Self::AccessControl => 1,
            Self::AttendanceMachine => 2,
            Self::Other => 3,
        }
    }
}

/// A Wi-Fi; WeCom takes the address only together with the name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wifi {
    /// Its name.
    pub name: Place,
    /// Its address.
    pub mac: Option<WifiMac>,
}

/// Six pairs of hexadecimal digits joined by colons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WifiMac(String);

/// A text that is no Wi-Fi address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write it as six pairs of hexadecimal digits joined by colons, such as a2:8b:7f:c0:27:4b")]
pub struct WifiMacError;

impl WifiMac {
    /// Checks and wraps.
    pub fn new(text: impl Into<String>) -> Result<Self, WifiMacError> {
        let text = text.into();
        let pair = |pair: &str| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit());
        if text.split(':').count() == 6 && text.split(':').all(pair) { Ok(Self(text)) } else { Err(WifiMacError) }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for WifiMac {
    type Error = WifiMacError;
    fn try_from(text: String) -> Result<Self, WifiMacError> {
        Self::new(text)
    }
}

impl From<WifiMac> for String {
    fn from(mac: WifiMac) -> String {
        mac.0
    }
}

/// The id that an upload gave for a photo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaId(String);

/// A text that no upload gives.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a media_id has 1 to 1024 printable ASCII characters")]
pub struct MediaIdError;

impl MediaId {
    /// Checks and wraps.
    pub fn new(text: impl Into<String>) -> Result<Self, MediaIdError> {
        let text = text.into();
        let fitting = (1..=1024).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if fitting { Ok(Self(text)) } else { Err(MediaIdError) }
    }
}

impl Serialize for CheckinRecord {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("userid", self.userid.as_str())?;
        map.serialize_entry("checkin_time", &self.checkin_time.get())?;
        map.serialize_entry("location_title", self.location_title.as_str())?;
        map.serialize_entry("location_detail", self.location_detail.as_str())?;
        if let Some(photo) = &self.photo {
            map.serialize_entry("mediaids", &[&photo.0])?;
        }
        map.serialize_entry("notes", self.notes.as_ref().map_or("", Place::as_str))?;
        map.serialize_entry("device_type", &self.device_type.number())?;
        if let Some(at) = self.coordinates {
            map.serialize_entry("lat", &at.lat())?;
            map.serialize_entry("lng", &at.lng())?;
        }
        map.serialize_entry("device_detail", self.device_detail.as_str())?;
        if let Some(wifi) = &self.wifi {
            map.serialize_entry("wifiname", wifi.name.as_str())?;
            if let Some(mac) = &wifi.mac {
                map.serialize_entry("wifimac", mac.as_str())?;
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn record() -> CheckinRecord {
        CheckinRecord::new(UserId::new("userId").unwrap(), UnixSeconds::new(1_705_899_000).unwrap())
    }

    #[test]
    fn a_full_record_is_written_like_the_vendors_sample() {
        let sample: Value =
            serde_json::from_str(include_str!("../../../tests/fixtures/wecom/add_checkin_record.request.json"))
                .unwrap();
        let full = CheckinRecord {
            location_title: Place::new("1234").unwrap(),
            location_detail: Place::new("1234").unwrap(),
            wifi: Some(Wifi {
                name: Place::new("Tencent-WiFi").unwrap(),
                mac: Some(WifiMac::new("a2:8b:7f:c0:27:4b").unwrap()),
            }),
            photo: Some(MediaId::new("mediaId").unwrap()),
            coordinates: Some(MicroDegrees::new(22_234_233, 1_233_123).unwrap()),
            device_type: DeviceType::AccessControl,
            device_detail: DeviceDetail::new("device_detail_test").unwrap(),
            ..record()
        };
        assert_eq!(json!({ "records": [full] }), sample);
    }

    #[test]
    fn a_record_of_who_and_when_alone_has_dashes_and_no_empty_lists() {
        assert_eq!(
            serde_json::to_value(record()).unwrap(),
            json!({"userid": "userId", "checkin_time": 1_705_899_000, "location_title": "-", "location_detail": "-",
                "notes": "", "device_type": 2, "device_detail": "-"})
        );
    }

    #[test]
    fn chinese_and_emoji_go_as_utf_8_and_never_as_escapes() {
        let nasty = CheckinRecord { location_title: Place::cut("一号门\u{1b}😀\\u4e2d\t\u{7f}北"), ..record() };
        let text = serde_json::to_string(&nasty).unwrap();
        assert!(text.contains("一号门 😀/u4e2d") && !text.contains("\\u"), "{text}");
    }

    #[test]
    fn only_colons_join_a_wifi_address() {
        for good in ["a2:8b:7f:c0:27:4b", "A2:8B:7F:C0:27:4B"] {
            assert_eq!(WifiMac::new(good).unwrap().as_str(), good);
        }
        for bad in ["a2-8b-7f-c0-27-4b", "a2:8b:7f:c0:27", "a2:8b:7f:c0:27:4b:00", "a2:8b:7f:c0:27:4", "", "::::::"] {
            assert_eq!(WifiMac::new(bad), Err(WifiMacError), "{bad}");
        }
    }
}
