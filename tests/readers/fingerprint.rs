//! Fingerprint modules at serial ports: one enrolment serves equal modules, and leaves with its person.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use punchd::agent::{Enrol, FingerError};
use punchd::attendance::people::PersonEntry;
use punchd_contract::{CommandError, Condition};
use punchd_fingerprint::virtual_device::{Options, VirtualModule};
use punchd_sim::pty::Pty;
use tokio::time::{sleep, timeout};

use super::site::{Site, person};

fn plug(folder: &Path, name: &str, module: &VirtualModule) -> Pty {
    let served = module.clone();
    let serve = move |line| {
        let module = served.clone();
        async move { module.serve(line).await }
    };
    Pty::to(Some(folder.join(name)), serve).unwrap()
}

fn config(modules: &[&str]) -> String {
    let device = |name: &&str| {
        format!("[[device]]\nname = \"{name}\"\nkind = \"fingerprint\"\nport = \"{{folder}}/{name}\"\n\n")
    };
    modules.iter().map(device).collect::<String>() + &person("anna", "") + &person("bert", "")
}

async fn touch(module: &VirtualModule, finger: &str) {
    module.touch(finger);
    sleep(Duration::from_millis(900)).await;
    module.lift();
    sleep(Duration::from_millis(900)).await;
}

/// Somebody puts the finger down whenever the module asks for it.
async fn enrol(
    site: &Site,
    device: &str,
    module: &VirtualModule,
    finger: &str,
    userid: &str,
) -> Result<Vec<String>, FingerError> {
    let steps = Arc::new(Mutex::new(Vec::new()));
    let heard = steps.clone();
    let desk = site.agent().desk(device).unwrap();
    let enrol = Enrol { device: device.into(), userid: userid.into(), organisation: None, by: "operator".into() };
    let enrolling = site.agent().operations.enrol_finger(&desk, enrol, move |text| heard.lock().unwrap().push(text.en));
    let person = async {
        loop {
            touch(module, finger).await;
        }
    };
    tokio::select! {
        outcome = enrolling => {
            module.lift();
            outcome.map(|_| steps.lock().unwrap().clone())
        }
        () = person => unreachable!(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finger_that_is_enrolled_once_punches_at_every_equal_module_until_its_person_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let (east, west, other) = (
        VirtualModule::new(Options::r503()),
        VirtualModule::new(Options::r503()),
        VirtualModule::new(Options::zfm20()),
    );
    let _cables =
        [plug(folder.path(), "east", &east), plug(folder.path(), "west", &west), plug(folder.path(), "other", &other)];
    let mut site = Site::start_in(folder, &config(&["east", "west", "other"])).await;
    for device in ["east", "west", "other"] {
        site.until(device, Condition::Working).await;
    }
    let steps = enrol(&site, "east", &east, "anna's thumb", "anna").await.unwrap();
    assert!(steps.len() >= 3, "{steps:?}");
    let twice = enrol(&site, "east", &east, "anna's thumb", "bert").await;
    assert!(matches!(twice, Err(FingerError::Command(CommandError::Failed(_)))), "{twice:?}");
    timeout(Duration::from_secs(30), async {
        while west.slots().is_empty() {
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .expect("the equal module gets the finger");
    sleep(Duration::from_secs(1)).await;
    assert!(other.slots().is_empty(), "another model must not get the template");
    let before = site.readings();
    touch(&west, "anna's thumb").await;
    touch(&east, "anna's thumb").await;
    site.until_read(before + 2).await;
    site.until_delivered(2).await;
    assert!(site.standin.held().iter().all(|held| held.record.userid == "anna"));
    // The map outlives a restart of the agent.
    site.restart().await;
    site.until("west", Condition::Working).await;
    touch(&west, "anna's thumb").await;
    site.until_read(before + 3).await;
    // Somebody nobody has enrolled leaves nothing behind.
    touch(&east, "a stranger's").await;
    assert_eq!(site.readings(), before + 3);

    let left = PersonEntry {
        userid: punchd::attendance::UserId::new("anna").unwrap(),
        name: "anna".into(),
        department: String::new(),
        left_on: Some(jiff::civil::date(2026, 1, 1)),
        credentials: Vec::new(),
        contains: punchd::attendance::people::Contains::table(),
    };
    let import = punchd::agent::Import {
        people: vec![(None, left)],
        dry_run: false,
        source: punchd::attendance::people::Source::Spreadsheet,
        confirmed: true,
    };
    site.agent().operations.import(import).await.unwrap();
    site.agent().operations.fingers_changed.notify_one();
    timeout(Duration::from_secs(30), async {
        while !(east.slots().is_empty() && west.slots().is_empty()) {
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .expect("the finger leaves with its person");
    sleep(Duration::from_millis(500)).await;
    assert_eq!(site.count("SELECT count(*) FROM enrolment WHERE template IS NOT NULL"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_enrolment_that_is_given_up_leaves_no_finger_and_the_module_reads_on() {
    let folder = tempfile::tempdir().unwrap();
    let module = VirtualModule::new(Options::r503().with([(5, "bert's")]));
    let cable = plug(folder.path(), "east", &module);
    let site = Site::start_in(folder, &config(&["east"])).await;
    site.until("east", Condition::Working).await;
    let desk = site.agent().desk("east").unwrap();
    let ask = Enrol { device: "east".into(), userid: "anna".into(), organisation: None, by: "operator".into() };
    let given_up = timeout(Duration::from_secs(2), site.agent().operations.enrol_finger(&desk, ask, |_| {})).await;
    assert!(given_up.is_err(), "{given_up:?}");
    assert_eq!(module.slots(), [5]);
    sleep(Duration::from_secs(2)).await;
    // What was in the module already is read, and nobody's until somebody says whose it is.
    touch(&module, "bert's").await;
    site.until_read(1).await;
    assert_eq!(site.count("SELECT count(*) FROM verdict WHERE outcome = 2"), 1);
    let finger = site.read().into_keys().next().unwrap();
    let assign = punchd::agent::Assign {
        finger: punchd_contract::FingerName(finger),
        userid: "bert".into(),
        organisation: None,
    };
    assert_eq!(site.agent().operations.assign_finger(assign).await.unwrap().settled, 1);
    site.until_delivered(1).await;

    cable.unplug();
    site.until("east", Condition::Fault).await;
    cable.replug().unwrap();
    site.until("east", Condition::Working).await;
    module.noise(&[0xEF, 0x01, 0xFF, 0x00, 0x55]);
    sleep(Duration::from_secs(2)).await;
    touch(&module, "bert's").await;
    site.until_read(2).await;
}
