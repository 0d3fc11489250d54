//! What the rest of the program gets.

use std::time::Duration;

use punchd::attendance::{UserIdRule, WrongClock};
use punchd::config::{Coordinates, Datum, DestinationSettings, DeviceType, Language, LogLevel};

use crate::site::{Site, assert_one, small};

#[test]
fn what_is_not_written_has_its_default() {
    let site = small("");
    let config = site.config();
    assert_eq!(config.language, Language::Both);
    assert_eq!(config.gateway.log, LogLevel::Info);
    assert_eq!(config.gateway.data, site.path("data"));
    assert_eq!(config.gateway.socket, site.path("data/punchd.sock"));
    assert_eq!(config.retention.readings, Duration::from_secs(400 * 86_400));
    assert_eq!(config.clock.trusted_within, Duration::from_secs(30));
    assert_eq!(config.organisations.len(), 1);
    assert_eq!(config.organisations[0].merge_window, Duration::from_secs(300));

    let device = &config.devices[0];
    assert_eq!(device.driver.declaration().kind, "lantern-pull");
    assert_eq!(device.zone.name, "Asia/Shanghai");
    assert_eq!(device.organisations[0].as_str(), "main");
    assert_eq!(device.user_ids, UserIdRule::Mapped);
    assert_eq!(device.wrong_clock, WrongClock::Hold);
    assert_eq!(device.device_type, DeviceType::AttendanceMachine);
    assert_eq!((device.place.title.as_str(), device.place.detail.as_str()), ("punchd", "gate-1"));
    assert_eq!(device.device_detail, "lantern-pull");
    assert_eq!(device.values.endpoint("address").unwrap().to_string(), "10.0.0.8:4370");
    assert_eq!(device.values.duration("every"), Some(Duration::from_secs(30)));
    assert_eq!(device.values.text("transport"), Some("tcp"));
    assert_eq!(device.values.integer("retries"), Some(3));
    assert!(device.values.boolean("live"));

    let DestinationSettings::Wecom(wecom) = &config.destinations[0].settings;
    assert_eq!(wecom.base_url, "https://qyapi.weixin.qq.com");
    assert_eq!(wecom.calls_per_minute.get(), 20);
    assert_eq!(wecom.settle, Duration::from_secs(600));
    assert_eq!(wecom.confirm_after, Some(Duration::from_secs(3600)));
    assert_eq!(wecom.secret.reveal(), "s3cr3t-of-the-app");
}

#[test]
fn everything_can_be_written() {
    let site = Site::new(
        r#"language = "zh"
[gateway]
name = "north-gate"
zone = "Asia/Shanghai"
data = "/var/lib/punchd"
socket = "/run/punchd/punchd.sock"
log = "debug"
[retention]
readings = "800d"
uploads = "7d"
[attendance]
merge_window = "0s"
[clock]
trusted_within = "10s"
[[organisation]]
name = "acme"
merge_window = "2m"
[[organisation]]
name = "beta"
[people]
file = "people.csv"
"#,
    )
    .file("people.csv", "")
    .file(
        "conf.d/devices.toml",
        r#"[[device]]
name = "gate-1"
kind = "lantern-pull"
address = "gate.lan:99"
zone = "Asia/Urumqi"
organisations = ["beta", "acme"]
user_ids = "prefixed"
user_id_prefix = "F1-"
count_from = 2026-11-01
clock_tolerance = "2m"
wrong_clock = "correct"
location_title = "North gate"
location_detail = "by the river"
latitude = 31
longitude = 121.5
datum = "wgs84"
device_type = 1
device_detail = "Paper K20"
"#,
    )
    .file(
        "conf.d/rest.toml",
        r#"[[person]]
userid = "zhangsan"
name = "张三"
organisation = "acme"
user_ids = ["1001", "01"]
cards = ["04a1b2c3"]
[[destination]]
name = "wecom"
kind = "wecom"
organisation = "acme"
corp_id = "ww1"
secret = { env = "S" }
base_url = "http://127.0.0.1:8080/"
proxy = "http://user@10.0.0.1:3128"
proxy_password = { env = "P" }
confirm = false
"#,
    )
    .variable("S", "one")
    .variable("P", "two");
    let config = site.config();
    assert_eq!(config.language, Language::Chinese);
    assert_eq!(config.files.len(), 3);
    assert_eq!(config.organisations[0].merge_window, Duration::from_secs(120));
    assert_eq!(config.organisations[1].merge_window, Duration::ZERO);
    assert_eq!(config.people_file, Some(site.path("people.csv")));
    let device = &config.devices[0];
    assert_eq!(device.organisations.len(), 2);
    assert_eq!(device.user_ids, UserIdRule::Prefixed("F1-".into()));
    assert_eq!(device.count_from, Some(jiff::civil::date(2026, 11, 1)));
    let point = Coordinates { latitude: 31.0, longitude: 121.5, datum: Datum::Wgs84 };
    assert_eq!(device.place.coordinates, Some(point));
    assert_eq!(device.device_type.number(), 1);
    let person = &config.people[0];
    assert_eq!((person.userid.as_str(), person.cards[0].hex()), ("zhangsan", "04A1B2C3".to_owned()));
    let DestinationSettings::Wecom(wecom) = &config.destinations[0].settings;
    assert_eq!(wecom.base_url, "http://127.0.0.1:8080");
    let proxy = wecom.proxy.as_ref().unwrap();
    assert_eq!(proxy.url, "http://10.0.0.1:3128/");
    let (user, password) = proxy.login.as_ref().unwrap();
    assert_eq!((user.as_str(), password.reveal()), ("user", "two"));
    assert_eq!(wecom.confirm_after, None);
    assert_one(&site.warnings(), "punchd.toml:19:", "no destination");
}

#[test]
fn what_works_but_is_hardly_meant_is_a_warning() {
    assert_one(&Site::new("").warnings(), "punchd.toml:1:1: ", "no device");
    assert_one(&Site::new("").warnings(), "punchd.toml:1:1: ", "no destination");
    assert_one(&small("base_url = \"http://10.0.0.1\"").warnings(), "punchd.toml:13:1: ", "unencrypted");
    assert_one(&small("[people]\nfile = \"later.csv\"").warnings(), "punchd.toml:14:1: ", "no file");
}
