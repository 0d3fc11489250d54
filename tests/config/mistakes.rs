//! Every mistake is named, at its line, with what would be right.

use proptest::prelude::*;

use crate::site::{Site, assert_one, small};

#[test]
fn all_mistakes_of_all_files_are_reported_at_once_in_order() {
    let site = Site::new(
        r#"langage = "zh"
[gateway]
zone = "Asia/Shangai"
log = "loud"
data = 5
[[device]]
name = "gate 1"
kind = "lantern-pul"
[[device]]
name = "gate-2"
kind = "lantern-pull"
adress = "10.0.0.8"
every = "30"
"#,
    )
    .file("conf.d/20-more.toml", "[retention]\nreadings = \"400\"\n[gateway]\nlog = \"info\"\n")
    .file("conf.d/10-people.toml", "[[person]]\nuserid = \"张三\"\nname = \"张三\"\n")
    .file("conf.d/ignored.toml~", "no = toml = at all");
    let lines = site.mistakes();
    assert_one(&lines, "punchd.toml:1:1: ", "did you mean `language`?");
    assert_one(&lines, "punchd.toml:3:8: ", "did you mean \"Asia/Shanghai\"?");
    assert_one(&lines, "punchd.toml:4:7: ", "\"info\"");
    assert_one(&lines, "punchd.toml:5:8: ", "a text in quotes");
    assert_one(&lines, "punchd.toml:7:1: ", "gate-1");
    assert_one(&lines, "punchd.toml:8:8: ", "did you mean \"lantern-pull\"?");
    assert_one(&lines, "punchd.toml:9:1: ", "needs `address`");
    assert_one(&lines, "punchd.toml:12:1: ", "did you mean `address`?");
    assert_one(&lines, "punchd.toml:13:9: ", "\"5s\"");
    assert_one(&lines, "conf.d/10-people.toml:2:1: ", "userid");
    assert_one(&lines, "conf.d/20-more.toml:2:12: ", "1d");
    assert_one(&lines, "conf.d/20-more.toml:4:1: ", "the first is in punchd.toml:4:1");
    assert_eq!(lines.len(), 12, "{}", lines.join("\n"));
    let files: Vec<usize> = ["punchd.toml", "conf.d/10", "conf.d/20"]
        .into_iter()
        .map(|file| lines.iter().position(|line| line.starts_with(file)).unwrap())
        .collect();
    assert!(files.is_sorted());
}

#[test]
fn syntax_errors_of_every_file_are_reported_beside_other_mistakes() {
    let site = Site::new("[gateway]\nzone = \"Asia/Shanghai\nlgo = \"info\"\nname = \nlog = = 5\n")
        .file("conf.d/a.toml", "[[device]\nname = \n[[person]]\nusrid = \"a\"\n")
        .file("conf.d/b.toml", b"name = \"\xff\"");
    let lines = site.mistakes();
    assert_one(&lines, "punchd.toml:2:", "not TOML");
    assert_one(&lines, "punchd.toml:3:1: ", "did you mean `log`?");
    assert_one(&lines, "punchd.toml:4:", "not TOML");
    assert_one(&lines, "punchd.toml:5:", "not TOML");
    assert!(lines.iter().any(|line| line.starts_with("conf.d/a.toml:1:")), "{lines:?}");
    assert_one(&lines, "conf.d/a.toml:4:1: ", "did you mean `userid`?");
    assert_one(&lines, "conf.d/b.toml:1:9: ", "UTF-8");
    assert!(!lines.iter().any(|line| line.contains("second time")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("needs")), "what was lost is not called missing: {lines:?}");
}

#[test]
fn a_file_that_is_not_there_or_too_long_is_a_mistake() {
    let site = Site::new("");
    std::fs::remove_file(site.path("punchd.toml")).unwrap();
    assert_one(&site.mistakes(), "punchd.toml:1:1: ", "cannot be read");
    let long = Site::new(&"#".repeat(1024 * 1024 + 1));
    assert_one(&long.mistakes(), "punchd.toml:1:1: ", "1 MiB");
    let folder = Site::new("").file("conf.d/x.toml/y", "");
    assert_one(&folder.mistakes(), "conf.d/x.toml:1:1: ", "not a regular file");
}

#[test]
fn names_given_twice_name_both_places() {
    let site = small("").file(
        "conf.d/a.toml",
        "[[device]]\nname = \"gate-1\"\nkind = \"lantern-pull\"\naddress = \"10.0.0.9\"\n[[destination]]\nname = \"wecom\"\n",
    );
    let lines = site.mistakes();
    assert_one(&lines, "conf.d/a.toml:2:8: ", "the first is in punchd.toml:5:8");
    assert_one(&lines, "conf.d/a.toml:6:8: ", "the first is in punchd.toml:9:8");
}

#[test]
fn two_blocks_for_one_terminal_are_a_mistake() {
    let site = small("[[device]]\nname = \"gate-2\"\nkind = \"lantern-pull\"\naddress = \"10.0.0.8:4370\"\n");
    assert_one(&site.mistakes(), "punchd.toml:14:1: ", "same `address` (10.0.0.8:4370)");
}

#[test]
fn settings_that_do_not_go_together_are_named() {
    let device = |more: &str| {
        let site = small("[[device]]\nname = \"gate-2\"\nkind = \"lantern-pull\"\naddress = \"10.0.0.9\"\n");
        let main = std::fs::read_to_string(site.path("punchd.toml")).unwrap() + more + "\n";
        site.file("punchd.toml", main).mistakes()
    };
    assert_one(&device("user_id_prefix = \"F1-\""), "punchd.toml:17:1: ", "user_ids = \"prefixed\"");
    assert_one(&device("user_ids = \"prefixed\""), "punchd.toml:17:1: ", "needs `user_id_prefix`");
    assert_one(&device("latitude = 31.2"), "punchd.toml:17:1: ", "`longitude`, `datum`");
    assert_one(&device("latitude = 91\nlongitude = 1\ndatum = \"wgs84\""), "punchd.toml:17:12: ", "-90 to 90");
    assert_one(&device("transport = \"udp\""), "punchd.toml:17:1: ", "live events need tcp");
    assert_one(&device("organisations = [\"mian\"]"), "punchd.toml:17:1: ", "did you mean \"main\"?");
    assert_one(&device("organisations = []"), "punchd.toml:17:1: ", "at least one");
    assert_one(&device("device_detail = \"中控智慧科技股份有限公司考勤机\""), "punchd.toml:17:1: ", "40 bytes");
    assert_one(&device("count_from = \"2026-11-01\""), "punchd.toml:17:14: ", "without quotes");
    assert_one(&device("count_from = 2026-11-01T00:00:00"), "punchd.toml:17:14: ", "without quotes");
    assert_one(&device("device_type = 4"), "punchd.toml:17:15: ", "from 1 to 3");
}

#[test]
fn with_several_organisations_everything_says_whose_it_is() {
    let site = small("[[organisation]]\nname = \"acme\"\n[[organisation]]\nname = \"beta\"\n");
    let lines = site.mistakes();
    assert_one(&lines, "punchd.toml:4:1: ", "needs `organisations`");
    assert_one(&lines, "punchd.toml:8:1: ", "needs `organisation`");
}

#[test]
fn a_device_without_any_zone_is_told_where_to_set_it() {
    let site = Site::new("[[device]]\nname = \"a\"\nkind = \"lantern-pull\"\naddress = \"h\"\n");
    assert_one(&site.mistakes(), "punchd.toml:1:1: ", "in [gateway]");
}

#[test]
fn sections_in_the_wrong_brackets_are_named() {
    let lines = Site::new("device = 1\n[organisation]\nname = \"a\"\n[[gateway]]\n").mistakes();
    assert_one(&lines, "punchd.toml:1:1: ", "[[device]]");
    assert_one(&lines, "punchd.toml:2:2: ", "[[organisation]]");
    assert_one(&lines, "punchd.toml:4:3: ", "[gateway]");
}

#[test]
fn people_cannot_share_an_account_or_a_card() {
    let person =
        |userid: &str, card: &str| format!("[[person]]\nuserid = \"{userid}\"\nname = \"n\"\ncards = [\"{card}\"]\n");
    let lines = small(&format!(
        "{}{}{}{}",
        person("a", "04A1B2C3"),
        person("b", "04:a1:b2:c3"),
        person("A", "01020A"),
        person("d", "77705923")
    ))
    .mistakes();
    assert_one(&lines, "punchd.toml:18:1: ", "already belongs to the person in punchd.toml:14:1");
    assert_one(&lines, "punchd.toml:22:1: ", "already in punchd.toml:14:1");
    assert_one(&lines, "punchd.toml:28:1: ", "04A1B2C3");
}

#[test]
fn addresses_of_a_destination_are_checked() {
    let with = |more: &str| small(more).mistakes();
    assert_one(&with("base_url = \"qyapi\""), "punchd.toml:13:1: ", "https://");
    assert_one(&with("proxy_password = { file = \"secret\" }"), "punchd.toml:13:1: ", "goes with `proxy`");
    assert_one(&with("proxy = \"http://u@10.0.0.1:3128\""), "punchd.toml:13:1: ", "proxy_password");
    assert_one(&with("ca_file = \"nowhere.pem\""), "punchd.toml:13:1: ", "there is no file");
    assert_one(&with("calls_per_minute = 61"), "punchd.toml:13:20: ", "from 1 to 60");
}

#[test]
fn mistakes_are_said_in_the_language_of_the_file() {
    let site = Site::new("language = \"zh\"\n[gatway]\n");
    let said = site.load().unwrap_err().to_string();
    assert!(said.starts_with("punchd.toml:2:2: ") && said.contains("是不是 `gateway`？"), "{said}");
    assert!(!said.contains("did you mean"));
}

#[test]
fn a_flood_of_mistakes_is_cut() {
    let site = Site::new(&(0..5000).map(|n| format!("x{n} = 1\n")).collect::<String>());
    assert_eq!(site.load().unwrap_err().more, 4800);
    assert_eq!(site.mistakes().len(), 201);
}

#[test]
fn more_devices_than_a_gateway_serves_are_a_mistake() {
    let devices = |count: usize| -> String {
        let device = |n| format!("[[device]]\nname = \"d{n}\"\nkind = \"lantern-pull\"\naddress = \"h{n}\"\n");
        (0..count).map(device).collect()
    };
    assert_eq!(Site::new(&format!("[gateway]\nzone = \"UTC\"\n{}", devices(1000))).config().devices.len(), 1000);
    let lines = Site::new(&format!("[gateway]\nzone = \"UTC\"\n{}", devices(1001))).mistakes();
    assert_one(&lines, "punchd.toml:4003:1: ", "at most 1000");
    assert_eq!(lines.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_file_makes_the_check_panic(text in "([\\[\\]{}=\"'a-z0-9.,:#\n -]|gateway|device|zone|secret|kind = \"wecom\"|\\[\\[device\\]\\]\n|2026-11-01){0,60}") {
        let _ = Site::new(&text).load();
    }
}

#[test]
fn two_devices_cannot_share_a_line_whatever_kinds_they_are_and_modules_may_have_equal_addresses() {
    let at = |name: &str, kind: &str, port: &str| {
        format!("[[device]]\nname = \"{name}\"\nkind = \"{kind}\"\nport = \"{port}\"\n")
    };
    let load = |devices: String| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("punchd.toml");
        std::fs::write(&file, format!("[gateway]\nzone = \"Asia/Shanghai\"\ndata = \".\"\n{devices}")).unwrap();
        punchd::config::Config::load_without_secrets(&file, punchd::intake::registry::DRIVERS).map(|_| ())
    };
    let wrong = load(at("a", "fingerprint", "/dev/ttyUSB0") + &at("b", "pn532", "/dev/ttyUSB0")).unwrap_err();
    assert!(wrong.to_string().contains("same `port` (/dev/ttyUSB0)"), "{wrong}");
    load(at("a", "fingerprint", "/dev/ttyUSB0") + &at("b", "fingerprint", "/dev/ttyUSB1")).unwrap();
}

#[test]
fn a_name_that_the_kernel_gives_anew_is_warned_of_where_it_stands_and_one_that_stays_is_not() {
    let warned = |setting: &str| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("punchd.toml");
        let device = format!("[[device]]\nname = \"in\"\n{setting}\n");
        std::fs::write(&file, format!("[gateway]\nzone = \"Asia/Shanghai\"\ndata = \".\"\n{device}")).unwrap();
        let loaded = punchd::config::Config::load_without_secrets(&file, punchd::intake::registry::DRIVERS);
        let (_, warnings) = loaded.unwrap();
        let of_names: Vec<_> = warnings.iter().filter(|warning| warning.text.en.contains("kernel gives")).collect();
        of_names.iter().map(|warning| (warning.spot.line, warning.text.en.clone())).collect::<Vec<_>>()
    };
    let port = |port: &str| format!("kind = \"pn532\"\nport = \"{port}\"");
    for (setting, line, instead) in [
        (port("/dev/ttyUSB0"), 7, "/dev/serial/by-path"),
        (port("/dev/ttyACM1"), 7, "/dev/serial/by-path"),
        ("kind = \"keyboard\"\ndevice = \"/dev/input/event3\"".into(), 7, "/dev/input/by-path"),
        ("kind = \"wiegand\"\ndata0 = 17\ndata1 = 18\nchip = \"gpiochip4\"".into(), 9, "pinctrl-rp1"),
        ("kind = \"ble\"\ndevice = \"C0:00:00:00:00:01\"\nadapter = \"hci1\"".into(), 8, "leave `adapter` out"),
    ] {
        let found = warned(&setting);
        assert!(matches!(&found[..], [(at, text)] if *at == line && text.contains(instead)), "{setting}: {found:?}");
    }
    for setting in [
        port("/dev/serial/by-path/platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.2:1.0-port0"),
        port("/dev/ttyAMA0"),
        port("tcp://10.0.0.9:4001"),
        "kind = \"wiegand\"\ndata0 = 17\ndata1 = 18".into(),
    ] {
        assert_eq!(warned(&setting), [], "{setting}");
    }
}
