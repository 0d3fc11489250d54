//! Where a device stands: from what a GPS receiver says to what WeCom wants.
//!
//! WeCom takes GCJ-02, the shifted datum of Chinese maps, in millionths of a degree (facts/wecom-api.md 1.2). A point in
//! WGS-84 sent as it is would lie some 300 to 700 metres off, outside of most punch fences.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

/// Semi-major axis and squared eccentricity of the Krasovsky 1940 ellipsoid, on which the shift is defined.
const AXIS: f64 = 6_378_245.0;
const ECCENTRICITY_SQUARED: f64 = 0.006_693_421_622_965_943;

/// A point as GPS receivers and most of the world's maps give it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "(f64, f64)", into = "(f64, f64)")]
pub struct Wgs84(Point);

/// A point as Tencent's and AutoNavi's maps give it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "(f64, f64)", into = "(f64, f64)")]
pub struct Gcj02(Point);

/// A point of GCJ-02 in millionths of a degree, as it goes over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MicroDegrees {
    /// −90 000 000 … 90 000 000.
    lat: i32,
    /// −180 000 000 … 180 000 000.
    lng: i32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Point {
    lat: f64,
    lng: f64,
}

/// Why two numbers are no point on the earth.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CoordinateError {
    /// Not in −90 … 90.
    #[error("a latitude lies between -90 and 90 degrees, not {0}: latitude comes first")]
    Latitude(f64),
    /// Not in −180 … 180.
    #[error("a longitude lies between -180 and 180 degrees, not {0}")]
    Longitude(f64),
}

impl Point {
    fn new(lat: f64, lng: f64) -> Result<Self, CoordinateError> {
        if !(-90.0..=90.0).contains(&lat) {
            return Err(CoordinateError::Latitude(lat));
        }
        if !(-180.0..=180.0).contains(&lng) {
            return Err(CoordinateError::Longitude(lng));
        }
        Ok(Self { lat, lng })
    }
}

macro_rules! datum {
    ($name:ident) => {
        impl $name {
            /// Degrees, north and east positive.
            pub fn new(lat: f64, lng: f64) -> Result<Self, CoordinateError> {
                Point::new(lat, lng).map(Self)
            }
            /// Latitude in degrees.
            pub fn lat(self) -> f64 {
                self.0.lat
            }
            /// Longitude in degrees.
            pub fn lng(self) -> f64 {
                self.0.lng
            }
        }
        impl TryFrom<(f64, f64)> for $name {
            type Error = CoordinateError;
            fn try_from((lat, lng): (f64, f64)) -> Result<Self, CoordinateError> {
                Self::new(lat, lng)
            }
        }
        impl From<$name> for (f64, f64) {
            fn from(point: $name) -> (f64, f64) {
                (point.0.lat, point.0.lng)
            }
        }
    };
}

datum!(Wgs84);
datum!(Gcj02);

impl Wgs84 {
    /// The same place in GCJ-02. Outside of the rectangle 0.8293–55.8271° N, 72.004–137.8347° E the two are one.
    ///
    /// The rectangle is the customary one and wider than China: a site in it but abroad gives its place as GCJ-02 directly.
    pub fn to_gcj02(self) -> Gcj02 {
        let Point { lat, lng } = self.0;
        if !(0.8293..=55.8271).contains(&lat) || !(72.004..=137.8347).contains(&lng) {
            return Gcj02(self.0);
        }
        let (north, east) = shift_in_metres(lng - 105.0, lat - 35.0);
        let phi = lat.to_radians();
        let w = 1.0 - ECCENTRICITY_SQUARED * phi.sin().powi(2);
        let meridian_radius = AXIS * (1.0 - ECCENTRICITY_SQUARED) / (w * w.sqrt());
        let parallel_radius = AXIS / w.sqrt() * phi.cos();
        Gcj02(Point {
            lat: lat + (north / meridian_radius).to_degrees(),
            lng: lng + (east / parallel_radius).to_degrees(),
        })
    }
}

/// The shift north and east, by the published series in degrees from 35° N 105° E.
fn shift_in_metres(x: f64, y: f64) -> (f64, f64) {
    let wave = |amplitude: f64, argument: f64| amplitude * (argument * PI).sin() * 2.0 / 3.0;
    let common = wave(20.0, 6.0 * x) + wave(20.0, 2.0 * x);
    let root = x.abs().sqrt();
    let north = -100.0
        + 2.0 * x
        + 3.0 * y
        + 0.2 * y * y
        + 0.1 * x * y
        + 0.2 * root
        + common
        + wave(20.0, y)
        + wave(40.0, y / 3.0)
        + wave(160.0, y / 12.0)
        + wave(320.0, y / 30.0);
    let east = 300.0
        + x
        + 2.0 * y
        + 0.1 * x * x
        + 0.1 * x * y
        + 0.1 * root
        + common
        + wave(20.0, x)
        + wave(40.0, x / 3.0)
        + wave(150.0, x / 12.0)
        + wave(300.0, x / 30.0);
    (north, east)
}

impl Gcj02 {
    /// Rounded to millionths of a degree (about 0.1 m).
    pub fn to_micro_degrees(self) -> MicroDegrees {
        // Inside ±180 000 000 by construction, so the conversion is exact.
        let micro = |degrees: f64| (degrees * 1e6).round() as i32;
        MicroDegrees { lat: micro(self.0.lat), lng: micro(self.0.lng) }
    }
}

impl MicroDegrees {
    /// Checks the ranges; for what comes from outside.
    pub fn new(lat: i64, lng: i64) -> Result<Self, CoordinateError> {
        let (Ok(lat32), Ok(lng32)) = (i32::try_from(lat), i32::try_from(lng)) else {
            return Err(CoordinateError::Latitude(lat as f64 / 1e6));
        };
        Point::new(f64::from(lat32) / 1e6, f64::from(lng32) / 1e6)?;
        Ok(Self { lat: lat32, lng: lng32 })
    }

    /// Latitude × 1 000 000.
    pub fn lat(self) -> i32 {
        self.lat
    }

    /// Longitude × 1 000 000.
    pub fn lng(self) -> i32 {
        self.lng
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn converted(lat: f64, lng: f64) -> (i32, i32) {
        let micro = Wgs84::new(lat, lng).unwrap().to_gcj02().to_micro_degrees();
        (micro.lat(), micro.lng())
    }

    /// Pairs that several independent implementations of the shift test themselves against; they were first published with
    /// github.com/googollee/eviltransform (MIT): Shanghai, Shenzhen, Beijing.
    #[test]
    fn known_points_of_three_cities_are_shifted_as_everybody_shifts_them() {
        assert_eq!(converted(31.1774276, 121.5272106), (31_175_304, 121_531_542));
        assert_eq!(converted(22.543847, 113.912316), (22_540_796, 113_917_176));
        assert_eq!(converted(39.911954, 116.377817), (39_913_345, 116_384_047));
    }

    #[test]
    fn points_outside_of_china_are_left_alone() {
        for (lat, lng) in [(39.7392, -104.9903), (-27.4698, 153.0251), (-22.9068, -43.1729), (35.6812, 139.7671)] {
            let there = Wgs84::new(lat, lng).unwrap();
            assert_eq!(there.to_gcj02(), Gcj02::new(lat, lng).unwrap());
        }
    }

    #[test]
    fn swapped_and_impossible_degrees_are_refused() {
        assert_eq!(Wgs84::new(121.5, 31.2).unwrap_err(), CoordinateError::Latitude(121.5));
        assert_eq!(Gcj02::new(31.2, 181.0).unwrap_err(), CoordinateError::Longitude(181.0));
        assert!(Wgs84::new(f64::NAN, 0.0).is_err());
        assert!(MicroDegrees::new(i64::MAX, 0).is_err());
        assert!(MicroDegrees::new(90_000_001, 0).is_err());
    }

    proptest! {
        #[test]
        fn the_shift_inside_the_rectangle_is_below_two_kilometres(lat in 0.83f64..55.82, lng in 72.01f64..137.83) {
            let to = Wgs84::new(lat, lng).unwrap().to_gcj02();
            prop_assert!((to.lat() - lat).abs() < 0.02 && (to.lng() - lng).abs() < 0.03);
        }
    }
}
