//! The configuration comes first: with one mistake nothing is opened.

use crate::site::{QUIET, Site};

const WRONG: &str =
    "[gateway]\nzone = \"Asia/Beijng\"\ndata = \"data\"\nlgo = \"info\"\n[retention]\nreadings = \"1x\"\n";

#[test]
fn a_configuration_with_mistakes_ends_64_with_all_of_them_and_nothing_is_opened() {
    for command in ["run", "check", "status", "people"] {
        let site = Site::new(WRONG);
        let answer = site.punchd(&[command]).exits(64);
        for (line, word) in [("punchd.toml:2:", "zone"), ("punchd.toml:4:", "log"), ("punchd.toml:6:", "readings")] {
            let said = format!("{}{}", answer.out, answer.err);
            assert!(
                said.lines().any(|said| said.contains(line) && said.contains(word)),
                "{command}: {line} {word}\n{said}"
            );
        }
        assert_eq!(site.names(), ["punchd.toml"], "{command}");
    }
}

#[test]
fn mistakes_are_data_for_programs() {
    let answer = Site::new(WRONG).punchd(&["check", "--json"]).exits(64);
    let (right, mistakes) = (answer.json()["right"].clone(), answer.json()["mistakes"].as_array().unwrap().len());
    assert_eq!((right, mistakes), (false.into(), 3));
}

#[test]
fn check_says_in_plain_words_what_will_happen_and_opens_nothing() {
    let site = Site::new(QUIET);
    let answer = site.punchd(&["check"]).exits(0).says("Gateway north gate").says("no device is configured");
    assert!(!answer.out.contains("网关"), "LANG asks for English");
    site.punchd(&["check", "--lang", "zh"]).exits(0).says("网关 north gate").says("配置正确");
    assert_eq!(site.punchd(&["check", "--json"]).exits(0).json()["right"], true);
    assert_eq!(site.names(), ["punchd.toml"]);
}

#[test]
fn the_language_of_the_configuration_is_stronger_than_that_of_the_surroundings() {
    let site = Site::new(&format!("language = \"zh\"\n{QUIET}"));
    site.punchd(&["check"]).exits(0).says("配置正确");
    site.punchd(&["status"]).exits(69).says("尚无日志库");
}

#[test]
fn a_file_that_is_not_there_is_a_mistake_in_plain_words() {
    let site = Site::new(QUIET);
    std::fs::remove_file(site.path("punchd.toml")).unwrap();
    site.punchd(&["run"]).exits(64).says("cannot be read");
}

#[test]
fn commands_that_need_no_secret_do_not_ask_for_it() {
    let secret =
        "[[destination]]\nname = \"wecom\"\nkind = \"wecom\"\ncorp_id = \"ww1\"\nsecret = { credential = \"app\" }\n";
    let site = Site::new(&format!("{QUIET}{secret}"));
    site.punchd(&["run"]).exits(64).says("credential app");
    site.punchd(&["status"]).exits(69).says("there is no journal yet");
}

#[test]
fn arguments_that_make_no_sense_end_64_and_help_tells_the_codes() {
    let site = Site::new(QUIET);
    site.punchd(&["fly"]).exits(64);
    site.punchd(&["punches", "decide", "1", "--refuse"]).exits(64).says("--reason");
    site.punchd(&["punches", "decide", "1", "--reason", "x"]).exits(64).says("--as-recorded");
    site.punchd(&["punches", "--limit", "0"]).exits(64);
    site.punchd(&["--help"]).exits(0).says("64  the arguments or the configuration are wrong").says("status");
    site.punchd(&["--version"]).exits(0);
}

#[test]
fn the_kinds_of_devices_are_listed_with_their_settings() {
    let site = Site::new(QUIET);
    site.punchd(&["devices", "kinds"]).exits(0).says("kind = \"zkteco-pull\"").says("address");
    let kinds = site.punchd(&["devices", "kinds", "--json"]).exits(0).json();
    let address = kinds[0]["settings"].as_array().unwrap().iter().find(|setting| setting["key"] == "address").unwrap();
    assert_eq!((&kinds[0]["kind"], &address["required"]), (&"zkteco-pull".into(), &true.into()));
}
