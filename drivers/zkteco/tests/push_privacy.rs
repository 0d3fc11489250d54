//! Biometrics never by accident: what is kept of an upload is what the program uses, whatever its fields are called.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in a test, a failure is to be seen")]

mod push_site;

use proptest::prelude::*;
use punchd_zkteco::push::protocol::table::Table;
use push_site::{SERIAL, Site, body, run};

/// Everything that reached the agent, as text.
fn everything(site: &Site) -> String {
    let uploads: String =
        site.bench.uploads().iter().map(|upload| String::from_utf8_lossy(&upload.body).into_owned()).collect();
    let raw: String =
        site.bench.readings().iter().map(|reading| String::from_utf8_lossy(&reading.raw).into_owned()).collect();
    format!(
        "{uploads}{raw}{:?}{:?}{:?}{:?}{:?}{:?}",
        site.bench.readings(),
        site.bench.alerts(),
        site.bench.users(),
        site.bench.health_history(),
        site.bench.strangers(),
        site.bench.cursor_now()
    )
}

#[tokio::test(start_paused = true)]
async fn templates_and_the_data_of_identity_cards_are_not_kept() {
    let site = Site::new().await;
    site.get(&format!("/iclock/cdata?SN={SERIAL}&options=all&pushver=2.4.0&DeviceType=pid")).await;
    let line = "IDCARD PIN=1001\tSNNum=S3CRET1\tIDNum=110101199003070000\tName=S3CRET2\tAddress=S3CRET3\tPhoto=S3CRET4\tFPTemplate1=S3CRET5\tFPTemplate2=S3CRET6\tNotice=S3CRET7\n";
    assert_eq!(body(&site.upload("IDCARD", line.as_bytes()).await), "OK: 1");
    let all = everything(&site);
    assert!(!all.contains("S3CRET") && !all.contains("110101199003070000"), "{all}");
    assert!(all.contains("[IDCARD: 1 lines"), "{all}");
}

#[tokio::test(start_paused = true)]
async fn the_number_of_an_identity_card_stands_nowhere_in_clear() {
    let numbers = ["110101199003074578", "110101199003074573", "11010119900307109X"];
    let site = Site::new().await;
    site.get(&format!("/iclock/cdata?SN={SERIAL}&options=all&pushver=2.4.0&DeviceType=pid")).await;
    for (minute, number) in numbers.iter().enumerate() {
        let text = format!(
            "1001\t2026-01-04 08:{minute:02}:00\t0\t1\t0\t0\t0\t{number}\t0\n{number}\t2026-01-04 09:{minute:02}:00\t0\t1\t0\t0\t0\t\t0\n"
        );
        assert_eq!(body(&site.upload("ATTLOG", text.as_bytes()).await), "OK: 2");
        site.upload(
            "OPERLOG",
            format!("OPLOG 30\t0\t2026-01-04 08:00:00\t{number}\t0\nUSER PIN={number}\tName=A\tIDNum={number}\n")
                .as_bytes(),
        )
        .await;
        site.upload(
            "ATTPHOTO",
            format!("PIN=20260104080000-0-1001-{number}.jpg\nSN=X\nsize=1\nCMD=uploadphoto\0picture").as_bytes(),
        )
        .await;
    }
    let all = everything(&site);
    // Outside their column only those with the right check character are known to be numbers of identity cards.
    assert!(!all.contains(numbers[1]) && !all.contains(numbers[2]), "{all}");
    let punches: String = site
        .bench
        .readings()
        .iter()
        .map(|reading| format!("{reading:?}{}", String::from_utf8_lossy(&reading.raw)))
        .collect();
    assert!(!punches.contains(numbers[0]), "{punches}");
    let known =
        site.bench.readings().into_iter().filter(|reading| format!("{:?}", reading.credential).contains("id-")).count();
    assert_eq!(known, numbers.len());
    let content = site.bench.readings()[0].key.clone().unwrap();
    assert!(content.content().contains("1001") && !content.content().contains("110101"), "{content:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_secret_of_any_table_reaches_the_agent(
        name in prop_oneof![prop::sample::select(Table::names().collect::<Vec<_>>()).prop_map(str::to_owned), "[A-Z]{3,9}"],
        keys in prop::collection::vec("[A-Za-z_]{3,14}", 1..6), secret in "[A-Z]{2}S3CRET[A-Za-z0-9+/=]{8,90}",
        as_log in any::<bool>(), named in any::<bool>(), timed in any::<bool>(),
    ) {
        let used = ["pin", "name", "card", "cardno", "time", "event", "index", "type", "state", "status", "verify", "sensor", "relay", "alarm", "door",
            "workcode", "doorid", "linkid", "userid", "language", "timezone"];
        prop_assume!(!keys.iter().any(|key| used.iter().any(|used| used.eq_ignore_ascii_case(key))));
        run(async move {
            let site = Site::new().await;
            let start = if named { format!("{name} ") } else { String::new() };
            let time = if timed { "\tTime=2026-01-04 08:00:00" } else { "" };
            let fields: String = keys.iter().map(|key| format!("\t{key}={secret}")).collect();
            let text = format!("{start}PIN=1001{time}{fields}\n");
            let path = match as_log {
                true => format!("/iclock/cdata?SN={SERIAL}&table=tabledata&tablename={name}&count=1"),
                false => format!("/iclock/cdata?SN={SERIAL}&table={name}"),
            };
            site.post(&path, text.as_bytes()).await;
            let all = everything(&site);
            assert!(!all.contains("S3CRET"), "{path} {text}: {all}");
        });
    }
}
