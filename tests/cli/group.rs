//! Members of the group that owns the socket: they look, export and import without a right to any file of the agent's.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use crate::common::{House, at, reading};
use crate::site::{Site, mode};

/// A group that nobody else here has.
const GROUP: u32 = 54_321;

/// Only root can become somebody else; elsewhere there is nothing to see.
fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

/// As the unit has it: the data for the agent alone, the socket in a folder that its group may enter.
fn as_installed(site: &Site) {
    let set = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    set(site.folder.path(), 0o755);
    set(&site.path("data"), 0o700);
    std::fs::create_dir_all(site.path("run")).unwrap();
    set(&site.path("run"), 0o750);
    chown(site.path("run"), None, Some(GROUP)).unwrap();
}

fn of_the_group(site: &Site) {
    chown(site.path("run/punchd.sock"), None, Some(GROUP)).unwrap();
    assert_eq!(mode(&site.path("run/punchd.sock")), 0o660);
}

const CONFIGURATION: &str = "[gateway]\nname = \"north gate\"\nzone = \"Asia/Shanghai\"\ndata = \"data\"\nsocket = \"run/punchd.sock\"\n\
    [[device]]\nname = \"gate-1\"\nkind = \"zkteco-pull\"\naddress = \"127.0.0.1:9\"\ncount_from = 2000-01-01\n";

async fn site() -> Site {
    let house = House::new().await;
    house.submit((1..=20).map(|n| reading("1001", at(n * 10), n as u32))).await;
    house.submit([reading("7777", at(5), 1)]).await;
    let folder = house.close().await;
    std::fs::create_dir(folder.path().join("data")).unwrap();
    for name in std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()) {
        if name != "data" {
            std::fs::rename(folder.path().join(&name), folder.path().join("data").join(&name)).unwrap();
        }
    }
    let site = Site::in_folder(folder, CONFIGURATION);
    as_installed(&site);
    site
}

#[tokio::test]
async fn a_member_reads_everything_through_the_running_agent_and_opens_no_file() {
    if !is_root() {
        return;
    }
    let site = site().await;
    let _agent = site.run();
    of_the_group(&site);
    let member = |arguments: &[&str]| site.punchd_of_group(GROUP, arguments, "");
    member(&["status"]).exits(1).says("north gate: running").says("punchd punches unknown");
    member(&["devices"]).exits(0).says("gate-1");
    member(&["fingers"]).exits(0);
    member(&["verify"]).exits(0).says("21 readings");
    for command in [
        &["punches"][..],
        &["punches", "--json", "--limit", "7"],
        &["punches", "unknown"],
        &["punches", "held"],
        &["deliveries"],
        &["people"],
        &["people", "--json"],
        &["punches", "--lang", "zh"],
    ] {
        let (own, theirs) = (site.punchd(command), member(command).exits(0));
        assert_eq!(theirs.out, own.out, "{command:?}");
    }
    assert_eq!(member(&["export"]).exits(0).out, site.punchd(&["export"]).exits(0).out);
    let file = tempfile::tempdir().unwrap();
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let path = file.path().join("all.jsonl");
    member(&["export", "--output", path.to_str().unwrap()]).exits(0).says("21 readings");
    site.punchd(&["verify", "--export", path.to_str().unwrap()]).exits(0);
}

#[tokio::test]
async fn a_member_imports_people_and_decides_under_their_own_name() {
    if !is_root() {
        return;
    }
    let site = site().await;
    let _agent = site.run();
    of_the_group(&site);
    let csv = "userid,name,user_ids\nwang,王五,7777\n";
    let dry = site.punchd_of_group(GROUP, &["people", "import", "--dry-run", "-"], csv).exits(0);
    assert!(dry.out.contains("+ wang") && dry.out.contains("Nothing was imported"), "{}", dry.out);
    site.punchd_of_group(GROUP, &["people", "import", "-"], csv)
        .exits(0)
        .says("1 readings that were open found their person");
    site.punchd_of_group(GROUP, &["people"], "").exits(0).says("王五");
    // A mistake is told with its row, and the answer is no.
    site.punchd_of_group(GROUP, &["people", "import", "-"], "userid,name\n,x\n").exits(1).says("row 2");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "userid,name,user_ids\nli,李四,8888\n").unwrap();
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
    site.punchd_of_group(GROUP, &["people", "import", file.path().to_str().unwrap()], "").exits(0);
    site.punchd(&["people"]).exits(0).says("李四");
}

#[tokio::test]
async fn a_decision_over_the_socket_bears_the_name_of_whoever_decided() {
    if !is_root() {
        return;
    }
    let site = site().await;
    let agent = site.run();
    of_the_group(&site);
    let found = site.punchd_of_group(GROUP, &["punches", "--json", "--state", "unknown"], "").exits(0).json();
    let seq = found[0]["seq"].to_string();
    let decide = ["punches", "decide", seq.as_str(), "--refuse", "--reason", "a test card"];
    site.punchd_of_group(GROUP, &decide, "").exits(0).says("by wang");
    drop(agent);
    let sql = rusqlite::Connection::open(site.path("data/journal.db")).unwrap();
    let by: String = sql.query_row("SELECT decided_by FROM decision", [], |row| row.get(0)).unwrap();
    assert_eq!(by, "wang");
}

#[tokio::test]
async fn many_at_once_are_answered_one_after_the_other() {
    if !is_root() {
        return;
    }
    let site = site().await;
    let _agent = site.run();
    of_the_group(&site);
    let csv = "userid,name,user_ids\nwang,王五,7777\n";
    std::thread::scope(|scope| {
        for at in 0..12 {
            let site = &site;
            scope.spawn(move || match at % 3 {
                0 => site.punchd_of_group(GROUP, &["people", "import", "-"], csv).exits(0),
                1 => site.punchd_of_group(GROUP, &["export"], "").exits(0),
                _ => site.punchd_of_group(GROUP, &["punches"], "").exits(0),
            });
        }
    });
}

#[tokio::test]
async fn the_agent_writes_no_file_and_runs_nothing_for_others() {
    if !is_root() {
        return;
    }
    let site = site().await;
    let _agent = site.run();
    of_the_group(&site);
    let client = punchd::console::Client::new(&site.path("run/punchd.sock"));
    let wanted = site.path("data/stolen");
    for arguments in [
        vec!["export", "--output", wanted.to_str().unwrap()],
        vec!["man", "--dir", wanted.to_str().unwrap()],
        vec!["run"],
        vec!["check"],
        vec!["demo"],
        vec!["devices", "discover"],
        vec!["driver", "check", "--", "true"],
    ] {
        let request = punchd::console::CommandRequest {
            arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
            language: punchd::config::Language::English,
            width: None,
            terminal: false,
            operator: "wang".to_owned(),
            input: None,
        };
        let answer = client.carry_out_command(&request).await.unwrap();
        assert_eq!(answer.exit, 77, "{arguments:?}: {answer:?}");
    }
    assert!(!wanted.exists());
    // A file of the agent's is not read either: what is imported is what was sent along.
    let secret = site.path("data/secret.csv");
    std::fs::write(&secret, "userid,name\nzhao,赵六\n").unwrap();
    site.punchd_of_group(GROUP, &["people", "import", secret.to_str().unwrap()], "").exits(77).says("cannot read");
}

#[tokio::test]
async fn a_member_who_may_not_read_the_configuration_is_answered_all_the_same() {
    if !is_root() {
        return;
    }
    let site = site().await;
    let _agent = site.run();
    of_the_group(&site);
    std::fs::set_permissions(site.path("punchd.toml"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let socket = site.path("run/punchd.sock");
    let answer = site.punchd_with(&[("PUNCHD_SOCKET", socket.to_str().unwrap())], Some(GROUP), &["punches", "unknown"]);
    answer.exits(0).says("7777");
    // What this user may not read is not called broken.
    let answer = site.punchd_with(&[("PUNCHD_SOCKET", socket.to_str().unwrap())], Some(GROUP), &["status"]);
    assert!(!answer.exits(1).says("north gate").out.contains("cannot be used"));
    site.punchd_of_group(GROUP, &["status"], "").exits(64).says("no agent answers at");
}

#[tokio::test]
async fn who_is_no_member_is_told_how_to_become_one() {
    if !is_root() {
        return;
    }
    let site = site().await;
    let agent = site.run();
    of_the_group(&site);
    site.punchd_of_group(GROUP + 1, &["punches"], "").exits(77).says("usermod -aG punchd");
    drop(agent);
    site.punchd_of_group(GROUP, &["punches"], "").exits(77).says("start punchd");
}
