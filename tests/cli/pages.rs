//! Pages that are made from the commands' declarations.

use crate::site::{QUIET, Site};

#[test]
fn docs_cli_md_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/cli.md");
    let made = punchd::cli::reference();
    if std::env::var_os("PUNCHD_BLESS").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == made, "docs/cli.md is out of date: run this test once with PUNCHD_BLESS=1");
}

#[test]
fn the_reference_names_commands_arguments_and_codes() {
    let made = punchd::cli::reference();
    for word in ["## `punchd run`", "### `punchd people import`", "`--head SEQ:DIGEST`", "| 77 |", "PUNCHD_CONFIG"] {
        assert!(made.contains(word), "{word}\n{made}");
    }
}

#[test]
fn completions_and_manual_pages_need_no_configuration() {
    let site = Site::new(QUIET);
    std::fs::remove_file(site.path("punchd.toml")).unwrap();
    for shell in ["bash", "zsh", "fish"] {
        site.punchd(&["completions", shell]).exits(0).says("set-clock");
    }
    site.punchd(&["man"]).exits(0).says("Exit codes");
    let folder = site.path("man");
    site.punchd(&["man", "--dir", folder.to_str().unwrap()]).exits(0);
    let pages: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|page| page.unwrap().file_name()).collect();
    for page in ["punchd.1", "punchd-status.1", "punchd-people-import.1"] {
        assert!(pages.iter().any(|name| name == page), "{page} in {pages:?}");
    }
}
