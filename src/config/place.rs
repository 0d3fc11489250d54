//! Where a device stands: the words and the coordinates that WeCom shows.

use super::check::{Check, Section};

/// The longest text of a place, in bytes; WeCom says characters, which may mean bytes (facts/wecom-api.md 1.2).
const MAX_PLACE: usize = 1024;

/// What WeCom shows as the place of a punch.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// Never empty.
    pub title: String,
    /// Never empty.
    pub detail: String,
    /// If they are known.
    pub coordinates: Option<Coordinates>,
}

/// A point on the earth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coordinates {
    /// Degrees north, from -90 to 90.
    pub latitude: f64,
    /// Degrees east, from -180 to 180.
    pub longitude: f64,
    /// What they are measured against.
    pub datum: Datum,
}

/// What coordinates are measured against. WeCom wants GCJ-02 (facts/wecom-api.md 1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datum {
    /// As GPS gives them.
    Wgs84,
    /// As Chinese maps give them.
    Gcj02,
}

pub(super) fn coordinates(check: &mut Check<'_>, section: &Section) -> Option<Coordinates> {
    let written: Vec<&str> =
        ["latitude", "longitude", "datum"].into_iter().filter(|key| section.is_written(key)).collect();
    let missing: Vec<&str> =
        ["latitude", "longitude", "datum"].into_iter().filter(|key| !section.is_written(key)).collect();
    if let (Some(first), false) = (written.first(), missing.is_empty()) {
        let missing = missing.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
        check.findings.missing(
            section.place(first),
            format!("`{first}` goes with {missing}: give all three, such as latitude = 31.2304, longitude = 121.4737, datum = \"gcj02\" (from a Chinese map) or \"wgs84\" (from GPS), or none"),
            format!("`{first}` 须与 {missing} 一起设置，如 latitude = 31.2304、longitude = 121.4737、datum = \"gcj02\"（国内地图）或 \"wgs84\"（GPS）；或都不设"),
        );
    }
    Some(Coordinates {
        latitude: section.degrees("latitude")?,
        longitude: section.degrees("longitude")?,
        datum: if section.text("datum")? == "wgs84" { Datum::Wgs84 } else { Datum::Gcj02 },
    })
}

pub(super) fn lengths(check: &mut Check<'_>, section: &Section) {
    for key in ["location_title", "location_detail"] {
        if section.text(key).is_some_and(|text| text.len() > MAX_PLACE) {
            check.findings.mistake(
                section.place(key),
                format!("`{key}` is longer than the {MAX_PLACE} bytes that WeCom takes: shorten it"),
                format!("`{key}` 超过企业微信允许的 {MAX_PLACE} 字节：请缩短"),
            );
        }
    }
}
