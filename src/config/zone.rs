//! A time zone by its name in the database that is built into the program; the host's is never used.

use std::sync::LazyLock;

use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::nearest::nearest;

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A zone and its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// Such as `Asia/Shanghai`, as the database writes it.
    pub name: String,
    /// The rules.
    pub rules: TimeZone,
}

impl Zone {
    /// Finds a zone; if there is none of this name, answers with the nearest name.
    pub fn find(name: &str) -> Result<Self, Option<String>> {
        match DATABASE.get(name) {
            Ok(rules) => {
                let name = rules.iana_name().unwrap_or(name).to_owned();
                Ok(Self { name, rules })
            }
            Err(_) => {
                let names: Vec<String> = DATABASE.available().map(|name| name.to_string()).collect();
                // The one people mean most often and the database does not know.
                if ["beijing", "asia/beijing", "prc", "cst"].contains(&name.to_lowercase().as_str()) {
                    return Err(Some("Asia/Shanghai".to_owned()));
                }
                let city = |known: &&str| known.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(name));
                let known = || names.iter().map(String::as_str);
                Err(known().find(city).or_else(|| nearest(name, known())).map(str::to_owned))
            }
        }
    }
}

impl std::fmt::Display for Zone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_zone_names_the_nearest() {
        assert_eq!(Zone::find("asia/shanghai").unwrap().name, "Asia/Shanghai");
        assert_eq!(Zone::find("Asia/Shangai").unwrap_err().as_deref(), Some("Asia/Shanghai"));
        assert_eq!(Zone::find("Urumqi").unwrap_err().as_deref(), Some("Asia/Urumqi"));
        assert_eq!(Zone::find("Asia/Beijing").unwrap_err().as_deref(), Some("Asia/Shanghai"));
        assert!(Zone::find("").is_err());
    }
}
