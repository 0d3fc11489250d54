//! OK means understood, line by line: what could be a punch is a reading, or the terminal is not told OK.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "in a test, a failure is to be seen")]

mod push_site;

use jiff::civil::date;
use proptest::prelude::*;
use punchd_contract::{Condition, Credential, Doubt, Happened, Reading};
use punchd_zkteco::push::protocol::table::Table;
use push_site::{MINUTE, SERIAL, Site, body, run};

const EIGHT: &str = "2026-01-04 08:00:00";

fn eight() -> Happened {
    Happened::ByTerminal(date(2026, 1, 4).at(8, 0, 0, 0))
}

fn user(id: &str) -> Credential {
    Credential::UserId(id.into())
}

/// Whether the terminal forgets what it sent: 200, and OK or `table=count`.
fn is_taken(answer: &str) -> bool {
    answer.starts_with("HTTP/1.1 200")
}

fn who_and_when(site: &Site) -> Vec<(Credential, Happened)> {
    site.bench.readings().into_iter().map(|reading| (reading.credential, reading.happened)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_number_is_never_a_date_and_another_order_of_columns_is_nobodys() {
    let site = Site::new().await;
    let answer = site.upload("ATTLOG", format!("1001\t0\t1\t{EIGHT}\t0\t0\n").as_bytes()).await;
    assert_eq!(body(&answer), "OK: 1");
    assert_eq!(who_and_when(&site), [(Credential::Unreadable, eight())]);
    assert!(String::from_utf8_lossy(&site.bench.readings()[0].raw).starts_with("1001\t0\t1\t2026"));
}

#[tokio::test(start_paused = true)]
async fn an_id_that_cannot_be_one_is_kept_with_its_date() {
    let site = Site::new().await;
    assert_eq!(body(&site.upload("ATTLOG", format!("A=B\t{EIGHT}\t0\t1\n").as_bytes()).await), "OK: 1");
    assert_eq!(who_and_when(&site), [(Credential::Unreadable, eight())]);
    assert_eq!(site.bench.readings()[0].raw, format!("A=B\t{EIGHT}\t0\t1").into_bytes());
}

#[tokio::test(start_paused = true)]
async fn a_transaction_with_its_tables_name_in_front_is_the_card_that_was_shown() {
    let site = Site::new().await;
    let line = |name: &str, second: u32| {
        format!("{name}cardno=444412\tpin=0\tverified=4\tdoorid=1\teventtype=0\tinoutstate=0\ttime_second={second}\n")
    };
    // 2026-01-04 08:00:00 and ten minutes later.
    let log = line("transaction ", 835_948_800) + &line("transaction ", 835_949_400);
    let answer = site
        .post(&format!("/iclock/cdata?SN={SERIAL}&table=tabledata&tablename=transaction&count=2"), log.as_bytes())
        .await;
    assert_eq!(body(&answer), "transaction=2");
    let card = Credential::Card(vec![0, 6, 0xC7, 0xFC]);
    let ten_past = Happened::ByTerminal(date(2026, 1, 4).at(8, 10, 0, 0));
    assert_eq!(who_and_when(&site), [(card.clone(), eight()), (card, ten_past)]);
    assert_eq!(site.bench.readings()[0].event, punchd_contract::Event::Punch);
}

#[tokio::test(start_paused = true)]
async fn a_punch_under_another_table_arrives_and_no_alert_says_what_is_not_so() {
    for table in ["OPERLOG", "USERINFO", "BIODATA", "ERRORLOG", "ATTPHOTO", "rtlog", "options2"] {
        let site = Site::new().await;
        let answer = site.upload(table, format!("1001\t{EIGHT}\t0\t1\n").as_bytes()).await;
        assert_eq!(who_and_when(&site), [(user("1001"), eight())], "{table}");
        assert_eq!(is_taken(&answer), Table::named(table).is_some(), "{table}: {answer}");
        let doubt = site.bench.readings()[0].doubt.clone();
        assert_eq!(matches!(doubt, Some(Doubt::Said { .. })), Table::named(table).is_none(), "{table}: {doubt:?}");
        let said = format!("{:?}", site.bench.alerts());
        assert!(!said.contains("terminal too"), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn blanks_commas_and_other_ends_of_lines_are_read() {
    let site = Site::new().await;
    let text = format!(
        "\u{FEFF}1001 {EIGHT} 0 1\r1002 2026-01-04 09:00:00 1 1 0 0 0\r\n1003,2026-01-04 10:00:00,0,1,0,0\n1004\t2026-01-04 11:00:00\t0\t1\0"
    );
    assert_eq!(body(&site.upload("ATTLOG", text.as_bytes()).await), "OK: 4");
    let ids: Vec<Credential> = site.bench.readings().into_iter().map(|reading| reading.credential).collect();
    assert_eq!(ids, ["1001", "1002", "1003", "1004"].map(user));
}

#[tokio::test(start_paused = true)]
async fn a_packed_or_encrypted_body_is_refused_and_said_until_it_stops() {
    let packed: [(&str, Vec<u8>); 4] = [
        ("&ContentType=tgz", b"\x1F\x8B\x08\x00abc".to_vec()),
        ("", b"\x1F\x8B\x08\x00abc".to_vec()),
        ("", b"PK\x03\x04abc".to_vec()),
        ("", (0..=255_u8).cycle().take(4000).collect()),
    ];
    for (more, bytes) in packed {
        let site = Site::new().await;
        site.get(&format!("/iclock/getrequest?SN={SERIAL}")).await;
        let answer = site.post(&format!("/iclock/cdata?SN={SERIAL}&table=OPERLOG{more}"), &bytes).await;
        assert!(!is_taken(&answer) && !body(&answer).contains("OK"), "{answer}");
        assert!(site.bench.readings().is_empty() && site.bench.uploads().is_empty());
        let health = site.bench.health_now().unwrap();
        assert!(health.condition == Condition::Warning && health.text.en.contains("tgz"), "{}", health.text);
        for _ in 0..11 {
            tokio::time::sleep(MINUTE).await;
            site.get(&format!("/iclock/getrequest?SN={SERIAL}")).await;
        }
        assert!(site.sees(|bench| !bench.health_now().unwrap().text.en.contains("tgz")).await);
    }
}

#[tokio::test(start_paused = true)]
async fn tables_of_the_vendor_get_the_documented_answer_and_leave_no_warning() {
    let site = Site::new().await;
    site.get(&format!("/iclock/cdata?SN={SERIAL}&options=all&pushver=3.1.2&DeviceType=acc")).await;
    let tables = [
        ("errorlog", "errorlog errcode=D01E0001\terrmsg=\tdataorigin=cmd\tcmdid=123\tadditional=\n"),
        ("ATTPHOTO", "pin=20260104080000-1001.jpg\tsn=x\tsize=3\tphoto=QUJD\n"),
        ("identitycard", "identitycard pin=1\tSN_Num=1\tID_Num=1\tName=A\n"),
        ("biophoto", "biophoto pin=1\tfilename=1.jpg\tcontent=QUJD\n"),
        ("templatev10", "templatev10 size=3\tuid=1\tpin=1\ttemplate=QUJD\n"),
        ("userpic", "userpic pin=1\tcontent=QUJD\n"),
        ("extuser", "extuser pin=1\tFunSwitch=0\n"),
        ("mulcarduser", "mulcarduser pin=1\tcardno=CC9932DD\n"),
        ("user", "user uid=1\tcardno=\tpin=1\tname=A\tstarttime=0\n"),
    ];
    for (name, text) in tables {
        let path = format!("/iclock/cdata?SN={SERIAL}&table=tabledata&tablename={name}&count=1");
        assert_eq!(body(&site.post(&path, text.as_bytes()).await), format!("{name}=1"));
    }
    let queried =
        format!("/iclock/querydata?SN={SERIAL}&type=tabledata&cmdid=1&tablename=user&count=1&packcnt=1&packidx=1");
    assert_eq!(body(&site.post(&queried, b"user uid=1\tpin=2\tname=B\n").await), "user=1");
    for (name, text) in [
        ("ERRORLOG", "ERRORLOG ErrCode=1\tErrMsg=x\n"),
        ("IDCARD", "IDCARD PIN=1\tIDNum=1\n"),
        ("BIODATA", "BIODATA Pin=1\tTmp=QUJD\n"),
    ] {
        assert_eq!(body(&site.upload(name, text.as_bytes()).await), "OK: 1");
    }
    assert_eq!(
        body(&site.upload("ATTPHOTO", b"PIN=20260104080000-1.jpg\nSN=X\nsize=3\nCMD=uploadphoto\0\xFF\xD8\xFF").await),
        "OK"
    );
    assert!(site.bench.readings().is_empty() && site.bench.alerts().is_empty(), "{:?}", site.bench.alerts());
    assert_eq!(site.bench.health_now().unwrap().condition, Condition::Working, "{:?}", site.bench.health_now());
}

#[tokio::test(start_paused = true)]
async fn the_answer_to_a_query_for_people_is_taken_under_each_of_its_names() {
    for (table, line) in [
        ("USERINFO", "PIN=4711\tName=Carol\tPri=0\tPasswd=\tCard=\tGrp=1\n"),
        ("USER", "USER PIN=4711\tName=Carol\tPri=0\n"),
        ("OPERLOG", "USER PIN=4711\tName=Carol\tPri=0\n"),
    ] {
        let site = Site::new().await;
        let order = site.get(&format!("/iclock/getrequest?SN={SERIAL}")).await;
        assert!(order.contains("INFO"), "{order}");
        let order = site.get(&format!("/iclock/getrequest?SN={SERIAL}")).await;
        let id = body(&order).split(':').nth(1).unwrap().to_owned();
        assert!(order.contains("DATA QUERY USERINFO"), "{order}");
        assert_eq!(body(&site.upload(table, line.as_bytes()).await), "OK: 1", "{table}");
        let result = format!("ID={id}&Return=1&CMD=DATA\n");
        site.post(&format!("/iclock/devicecmd?SN={SERIAL}"), result.as_bytes()).await;
        let names: Vec<String> = site.bench.users().into_iter().map(|user| user.name).collect();
        assert_eq!(names, ["Carol"], "{table}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_terminal_that_was_switched_to_attendance_gets_its_options() {
    let mut site = Site::new().await;
    site.get(&format!("/iclock/cdata?SN={SERIAL}&options=all&pushver=3.1.2&DeviceType=acc")).await;
    site.post(&format!("/iclock/registry?SN={SERIAL}"), b"DeviceType=acc,~DeviceName=F22").await;
    tokio::time::sleep(2 * MINUTE).await;
    site.kill().await;
    site.start().await;
    let silent = site.get(&format!("/iclock/cdata?SN={SERIAL}&options=all&pushver=3.1.2")).await;
    assert!(body(&silent).starts_with("registry=ok"), "{silent}");
    let hello = site.get(&format!("/iclock/cdata?SN={SERIAL}&options=all&pushver=2.4.1&DeviceType=att")).await;
    assert!(body(&hello).starts_with("GET OPTION FROM"), "{hello}");
    let back = site.get(&format!("/iclock/cdata?SN={SERIAL}&options=all&pushver=3.1.2&DeviceType=acc")).await;
    assert!(body(&back).starts_with("registry=ok"), "{back}");
}

#[tokio::test(start_paused = true)]
async fn a_question_whether_to_open_is_refused_and_said() {
    let site = Site::new().await;
    let line =
        b"time=2026-01-05 08:00:00\tpin=1\tcardno=0\taddrtype=3\teventaddr=1\tevent=223\tinoutstatus=0\tverifytype=1";
    let answer = site.post(&format!("/iclock/cdata?SN={SERIAL}&AuthType=device"), line).await;
    assert!(!is_taken(&answer), "{answer}");
    assert!(site.bench.health_now().unwrap().text.en.contains("background verification"));
}

/// Documented names in any case, with something before or behind, and names that nobody has heard of.
fn names() -> impl Strategy<Value = String> {
    let documented = prop::sample::select(Table::names().collect::<Vec<_>>());
    prop_oneof![
        4 => (documented, any::<bool>(), "[a-z0-9]{0,2}", "[A-Za-z0-9_]{0,2}").prop_map(|(name, upper, before, behind)| {
            let name = if upper { name.to_ascii_uppercase() } else { name.to_owned() };
            format!("{before}{name}{behind}")
        }),
        1 => "[A-Z]{0,8}",
    ]
}

/// Lines that are no punches.
fn others() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "OPLOG 4\t0\t2026-01-04 07:00:00\t0\t0\t0\t0",
        "USER PIN=7\tName=A\tPri=0",
        "FP PIN=1\tFID=0\tSize=4\tValid=1\tTMP=QUJD",
        "BIODATA Pin=1\tNo=0\tTmp=QUJD",
        "errorlog errcode=5\terrmsg=x",
        "",
    ])
    .prop_map(str::to_owned)
}

fn punches_of(readings: &[Reading], prefix: &str) -> usize {
    let names = |reading: &&Reading| String::from_utf8_lossy(&reading.raw).contains(prefix);
    readings.iter().filter(names).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn under_every_name_every_punch_is_a_reading_or_the_answer_is_not_ok(
        name in names(), as_log in any::<bool>(), between in "[\t,; ]", prefixed in any::<bool>(),
        others in prop::collection::vec(others(), 0..4), punches in 1_usize..4,
    ) {
        run(async move {
            let site = Site::new().await;
            let mut lines = others;
            for minute in 0..punches {
                let prefix = if prefixed { "ATTLOG\t" } else { "" };
                lines.push(format!("{prefix}887{minute}{between}2026-01-04 08:{minute:02}:00{between}0{between}1"));
            }
            lines.reverse();
            let path = match as_log {
                true => format!("/iclock/cdata?SN={SERIAL}&table=tabledata&tablename={name}&count=9"),
                false => format!("/iclock/cdata?SN={SERIAL}&table={name}&Stamp=1"),
            };
            let answer = site.post(&path, (lines.join("\n") + "\n").as_bytes()).await;
            let found = punches_of(&site.bench.readings(), "887");
            assert!(found == punches, "{path}: {found} of {punches}: {answer}");
            let listed = Table::named(&name).is_some() || name.is_empty();
            assert!(listed || !is_taken(&answer), "{path}: {answer}");
            for reading in site.bench.readings() {
                if let Credential::UserId(id) = &reading.credential {
                    assert!(id.starts_with("887"), "{reading:?}");
                }
            }
        });
    }

    #[test]
    fn whatever_comes_answered_ok_means_a_reading_for_every_line_with_a_time_and_an_id(
        table in prop::sample::select(vec!["ATTLOG", "OPERLOG", "rtlog", "USERINFO", "NEW"]),
        lines in prop::collection::vec(prop_oneof![
            "[0-9A-Za-z]{1,6}[\t,; |]2026-01-0[1-4] 0[0-9]:[0-5][0-9]:[0-5][0-9]([\t,; |][0-9]{0,3}){0,6}",
            "([0-9]{1,4}[\t,; |]){1,3}2026-01-0[1-4] 0[0-9]:[0-5][0-9]:[0-5][0-9]",
            "[ -~\t]{0,40}",
        ], 1..6),
    ) {
        run(async move {
            let site = Site::new().await;
            let timed = lines.iter().filter(|line| line.contains("2026-01-0")).count();
            let answer = site.upload(table, (lines.join("\n") + "\n").as_bytes()).await;
            assert!(!is_taken(&answer) || site.bench.readings().len() >= timed, "{table} {lines:?}: {answer}");
        });
    }

    #[test]
    fn any_bytes_under_any_name_are_answered(name in names(), bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        run(async move {
            let site = Site::new().await;
            let answer = site.post(&format!("/iclock/cdata?SN={SERIAL}&table={name}"), &bytes).await;
            assert!(answer.starts_with("HTTP/1.1 200") || answer.starts_with("HTTP/1.1 4"), "{answer}");
        });
    }
}
