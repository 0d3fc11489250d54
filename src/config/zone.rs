//! A time zone by its name in the database that is built into the program; the host's is never used.

use std::sync::LazyLock;

use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::nearest::nearest;
use super::odd::Odd;

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// What people call the one zone of China that the database calls Asia/Shanghai.
const CHINA: [&str; 26] = [
    "china",
    "china standard time",
    "prc",
    "cst",
    "cn",
    "beijing",
    "peking",
    "beijing time",
    "shenzhen",
    "guangzhou",
    "canton",
    "tianjin",
    "nanjing",
    "wuhan",
    "chengdu",
    "hangzhou",
    "suzhou",
    "xian",
    "dongguan",
    "foshan",
    "qingdao",
    "北京",
    "北京时间",
    "上海",
    "中国",
    "中国标准时间",
];

/// Places whose clocks have stood at this many minutes ahead of UTC for decades, all year round. Where clocks change in summer, a
/// number of hours names no place, and none is proposed.
const FIXED: [(i32, &str); 12] = [
    (0, "UTC"),
    (180, "Asia/Riyadh"),
    (240, "Asia/Dubai"),
    (270, "Asia/Kabul"),
    (330, "Asia/Kolkata"),
    (345, "Asia/Kathmandu"),
    (360, "Asia/Dhaka"),
    (390, "Asia/Yangon"),
    (420, "Asia/Bangkok"),
    (480, "Asia/Shanghai"),
    (540, "Asia/Tokyo"),
    (600, "Australia/Brisbane"),
];

/// A zone and its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// Such as `Asia/Shanghai`, as the database writes it.
    pub name: String,
    /// The rules.
    pub rules: TimeZone,
}

impl Zone {
    /// Finds a zone; if there is none of this name, answers with the name that was meant, where that is sure enough.
    pub fn find(name: &str) -> Result<Self, Option<String>> {
        match DATABASE.get(name) {
            Ok(rules) => {
                let name = rules.iana_name().unwrap_or(name).to_owned();
                Ok(Self { name, rules })
            }
            Err(_) => Err(meant(name)),
        }
    }
}

/// A place is proposed only where it keeps the time that was written. Above all, a sign is never taken over into `Etc/GMT+8`, which counts
/// the other way round.
fn meant(written: &str) -> Option<String> {
    if written.len() > 80 {
        return None;
    }
    let plain: String = written
        .chars()
        .filter_map(|c| Odd::of(c).map_or(Some(c), |odd| odd.right))
        .collect::<String>()
        .trim()
        .to_lowercase();
    // As Windows lists it: "(UTC+08:00) Beijing, Chongqing, Hong Kong, Urumqi".
    let plain = plain
        .strip_prefix('(')
        .and_then(|rest| rest.split_once(')'))
        .map_or(plain.clone(), |(offset, _)| offset.to_owned());
    // POSIX counts the other way round, and in China that is written all over: TZ=CST-8.
    if plain == "cst-8" {
        return Some("Asia/Shanghai".to_owned());
    }
    if let Some(minutes) = ahead_of_utc(&plain) {
        return FIXED.iter().find(|(known, _)| *known == minutes).map(|(_, place)| (*place).to_owned());
    }
    let place = plain.rsplit('/').next().unwrap_or_default().replace('_', " ");
    if CHINA.contains(&place.trim()) {
        return Some("Asia/Shanghai".to_owned());
    }
    // Whatever else has digits is an offset or a rule that cannot be read; every near name would keep another time.
    if plain.is_empty() || plain.contains(|c: char| c.is_ascii_digit() || c == '+') {
        return None;
    }
    let places: Vec<String> =
        DATABASE.available().map(|name| name.to_string()).filter(|name| is_a_place(name)).collect();
    let known = || places.iter().map(String::as_str);
    let as_written = known().find(|known| known.eq_ignore_ascii_case(plain.replace(' ', "_").as_str()));
    let city = |known: &&str| {
        known.rsplit('/').next().is_some_and(|city| city.replace('_', " ").eq_ignore_ascii_case(place.trim()))
    };
    // Without a continent, near names are those of cities at the other end of the world.
    let near = || nearest(&plain, known()).filter(|_| plain.contains('/'));
    let near_city = || {
        let last = |known: &str| known.rsplit('/').next().unwrap_or_default().to_lowercase();
        let mut fitting = known().filter(|known| strsim::osa_distance(&last(known), place.trim()) <= 1);
        fitting.next().filter(|_| fitting.next().is_none() && place.trim().len() > 4)
    };
    as_written.or_else(|| known().find(city)).or_else(near).or_else(near_city).map(str::to_owned)
}

fn is_a_place(name: &str) -> bool {
    name.contains('/') && !name.starts_with("Etc/") && !name.starts_with("SystemV/") && !name.starts_with("posix/")
}

/// The minutes ahead of UTC that `GMT+8`, `utc +08:00`, `+0800`, `Z` mean.
fn ahead_of_utc(plain: &str) -> Option<i32> {
    let plain: String = plain.chars().filter(|c| !c.is_whitespace()).collect();
    let rest = ["etc/gmt", "etc/utc", "gmt", "utc", "cst", "东"]
        .into_iter()
        .find_map(|prefix| plain.strip_prefix(prefix))
        .unwrap_or(plain.as_str());
    if rest.is_empty() || rest == "z" {
        return (plain != "cst").then_some(0).filter(|_| !plain.is_empty());
    }
    if plain.starts_with('东') {
        return ["八区", "8区"].contains(&rest).then_some(480);
    }
    let (sign, digits) = match rest.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some((hours, minutes)) => (hours, minutes),
        None if digits.len() == 4 => digits.split_at_checked(2)?,
        None => (digits, "0"),
    };
    let number = |text: &str, most| {
        let short = (1..=2).contains(&text.len()) && text.chars().all(|c| c.is_ascii_digit());
        text.parse::<i32>().ok().filter(|number| short && *number <= most)
    };
    Some(sign * (number(hours, 14)? * 60 + number(minutes, 59)?))
}

impl std::fmt::Display for Zone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn meant_by(name: &str) -> Option<String> {
        Zone::find(name).unwrap_err()
    }

    #[test]
    fn a_mistyped_zone_names_the_nearest() {
        assert_eq!(Zone::find("asia/shanghai").unwrap().name, "Asia/Shanghai");
        assert_eq!(meant_by("Asia/Shangai").as_deref(), Some("Asia/Shanghai"));
        assert_eq!(meant_by("Urumqi").as_deref(), Some("Asia/Urumqi"));
        assert_eq!(meant_by("Asia/Hongkong").as_deref(), Some("Asia/Hong_Kong"));
        assert_eq!(meant_by("New York").as_deref(), Some("America/New_York"));
        assert!(Zone::find("").is_err());
    }

    #[test]
    fn every_way_to_write_the_time_of_china_means_shanghai() {
        for written in [
            "GMT+8",
            "UTC+8",
            "UTC+08:00",
            "GMT+08:00",
            "gmt +8",
            "+08:00",
            "+8",
            "+0800",
            "UTC+0800",
            "CST",
            "CST+8",
            "Beijing",
            "Asia/Beijing",
            "China",
            "China Standard Time",
            "北京时间",
            "东八区",
            "GMT＋8",
            "UTC+８",
            "Asia/Shenzhen",
            " Beijing ",
            "CST-8",
            "(UTC+08:00) Beijing, Chongqing, Hong Kong, Urumqi",
        ] {
            assert_eq!(meant_by(written).as_deref(), Some("Asia/Shanghai"), "{written}");
        }
    }

    #[test]
    fn hours_without_a_place_that_keeps_them_all_year_propose_none() {
        for written in ["GMT-5", "UTC-8", "UTC+1", "+13:00", "UTC+99", "UTC8", "CST6", "GMT+8 Etc"] {
            assert_eq!(meant_by(written), None, "{written}");
        }
    }

    proptest! {
        #[test]
        fn a_proposed_place_exists_and_keeps_the_time_that_was_written(
            prefix in "(UTC|GMT|utc|gmt|Etc/UTC|)", blank in "( |)", minus in any::<bool>(), hours in 0i32..15, minutes in 0i32..60,
            form in 0..4,
        ) {
            let sign = if minus { '-' } else { '+' };
            let (written, minutes) = match form {
                0 => (format!("{prefix}{blank}{sign}{hours}"), 0),
                1 => (format!("{prefix}{blank}{sign}{hours:02}:{minutes:02}"), minutes),
                2 => (format!("{prefix}{sign}{hours:02}{minutes:02}"), minutes),
                _ => (format!("{prefix}{sign}{hours}:{minutes:02}"), minutes),
            };
            let seconds = (hours * 60 + minutes) * 60 * if minus { -1 } else { 1 };
            let Err(Some(proposed)) = Zone::find(&written) else { return Ok(()) };
            let zone = Zone::find(&proposed).unwrap();
            for moment in ["2026-01-15T00:00:00Z", "2026-07-15T00:00:00Z"] {
                let offset = zone.rules.to_offset(moment.parse::<Timestamp>().unwrap()).seconds();
                prop_assert_eq!(offset, seconds, "{} -> {}", written, proposed);
            }
        }

        #[test]
        fn whatever_is_proposed_for_any_text_is_a_place_that_exists(written in "\\PC{0,24}") {
            if let Err(Some(proposed)) = Zone::find(&written) {
                prop_assert!(Zone::find(&proposed).is_ok() && !proposed.starts_with("Etc/"), "{written} -> {proposed}");
            }
        }

        #[test]
        fn a_slip_in_a_name_proposes_a_place_that_exists(at in 0usize..600, slip in 0usize..30, letter in "[a-z+0-9]") {
            let names: Vec<String> = DATABASE.available().map(|name| name.to_string()).collect();
            let mut written: Vec<char> = names[at % names.len()].chars().collect();
            let slip = slip % written.len();
            written[slip] = letter.chars().next().unwrap();
            let written: String = written.into_iter().collect();
            if let Err(Some(proposed)) = Zone::find(&written) {
                prop_assert!(Zone::find(&proposed).is_ok() && !proposed.starts_with("Etc/"), "{written} -> {proposed}");
            }
        }
    }
}
