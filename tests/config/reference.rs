//! The checked-in reference is the one that the declarations give.

use punchd::config::reference;
use punchd::intake::registry::DRIVERS;

#[test]
fn docs_config_md_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/config.md");
    let made = reference(DRIVERS);
    if std::env::var_os("PUNCHD_BLESS").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == made, "docs/config.md is out of date: run this test once with PUNCHD_BLESS=1");
}

#[test]
fn the_reference_names_every_setting_of_a_kind() {
    let made = reference(&crate::site::drivers());
    for word in
        ["### `kind = \"lantern-pull\"`", "`comm_key`", "`calls_per_minute`", "## `[[organisation]]`", "`\"30s\"`"]
    {
        assert!(made.contains(word), "{word}");
    }
}
