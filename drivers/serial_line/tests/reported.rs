//! What users of scanners and card readers have reported elsewhere, as bytes in time: what becomes of each here.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is to be seen")]

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use punchd_contract::conformance::{Bench, Cable, EPOCH};
use punchd_contract::{Condition, DeviceName, Kind, Member, Value, Values};
use punchd_serial_line::SerialLine;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;
use tokio::time::sleep;

/// What is read of these pieces, with the milliseconds before each: kind and value, and how the device is afterwards.
async fn read(settings: &[(&str, &str)], pieces: &'static [(u64, &'static [u8])]) -> (Vec<String>, Condition) {
    let cable = Cable::to(move |mut line| async move {
        sleep(Duration::from_secs(1)).await;
        for (pause, piece) in pieces {
            sleep(Duration::from_millis(*pause)).await;
            let _ = line.write_all(piece).await;
        }
        sleep(Duration::from_secs(3600)).await;
    });
    let (bench, port) = Bench::with_lines(EPOCH, Arc::new(cable.clone()));
    let values = Values::new().with("port", Value::Line(cable.place()));
    let values = settings.iter().fold(values, |values, (key, word)| values.with(key, Value::Text((*word).into())));
    let settings = Arc::new(SerialLine::settings(&values).unwrap());
    let member = Member { device: DeviceName::new("gate").unwrap(), zone: TimeZone::UTC, settings, port };
    let mut driver = JoinSet::new();
    driver.spawn(async move {
        let _ = SerialLine::run(vec![member]).await;
    });
    sleep(Duration::from_secs(60)).await;
    let told = bench
        .readings()
        .into_iter()
        .map(|reading| format!("{} {}", reading.credential.kind(), reading.credential.value()).trim_end().to_owned());
    (told.collect(), bench.health_now().unwrap().condition)
}

const USER: &[(&str, &str)] = &[("credential", "user_id")];
const TOKEN: &[(&str, &str)] = &[("credential", "token")];
const HEX: &[(&str, &str)] = &[("credential", "card")];
const TEN: &[(&str, &str)] = &[("credential", "card"), ("number", "8H10D")];

/// One report: what it is of, settings, what comes, what is to be read, and whether the operator is warned.
type Report = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static [(u64, &'static [u8])],
    &'static [&'static str],
    Condition,
);

const REPORTS: &[Report] = &[
    (
        "goodeggs/barcode-scan-listener PR 2: a part of a code, and two codes as one",
        TEN,
        &[(0, b"00076"), (200, b"25328"), (3000, b"00076253280007625329"), (3000, b"0007625330")],
        &["unreadable", "unreadable", "unreadable", "card 00745A72"],
        // Three of four were none.
        Condition::Warning,
    ),
    (
        "woocommerce/woocommerce-ios PR 15952: a scan without terminator among those that have one",
        USER,
        &[(0, b"1001\r"), (2000, b"1002"), (5000, b"1003\r"), (2000, b"1004\r")],
        &["user_id 1001", "unreadable", "unreadable", "user_id 1004"],
        Condition::Warning,
    ),
    (
        "NielsLeenheer/WebSerialBarcodeScanner #1: a code whose content has line ends",
        &[("credential", "user_id"), ("terminator", "crlf")],
        &[(0, b"]Q1100\r 234\n5\r\n"), (2000, b"]Q134\r\n")],
        &["unreadable", "user_id 34"],
        Condition::Working,
    ),
    (
        "pyserial/pyserial #345: a byte is missing in the middle",
        HEX,
        &[(0, b"04A1B2C\r"), (2000, b"04A1B2C3\r")],
        &["unreadable", "card 04A1B2C3"],
        Condition::Working,
    ),
    (
        "googlesamples/android-vision #451, DacoTaco/BarcodeParserBuilder #6: the symbology stands before the content",
        USER,
        &[(0, b"]C1ABC12345\r"), (2000, b"]A0ABC12345\r"), (9000, b"]E0100234\r")],
        &["user_id ABC12345", "user_id ABC12345", "user_id 100234"],
        Condition::Working,
    ),
    (
        "inventree/inventree-app #542: group separators in the content",
        TOKEN,
        &[(0, b"]d2[)>\x1e06\x1dP100234\x1d\r")],
        &["token [)>\u{1e}06\u{1d}P100234"],
        Condition::Working,
    ),
    (
        "the same where a person's id is expected",
        USER,
        &[(0, b"06\x1dP34\r"), (3000, b"34\r")],
        &["unreadable", "user_id 34"],
        Condition::Working,
    ),
    (
        "D-Rats PR 268: XON and XOFF among the text",
        USER,
        &[(0, b"\x11100234\x13\r"), (3000, b"100\x13\x11234\r")],
        &["user_id 100234", "unreadable"],
        Condition::Warning,
    ),
    (
        "espressif/esp-at #70: NUL bytes around and within",
        USER,
        &[(0, b"\x00\x00100234\x00\r\n"), (3000, b"100\x00234\r\n")],
        &["user_id 100234", "unreadable"],
        Condition::Warning,
    ),
    (
        "a reader at another speed: what arrives is no text",
        USER,
        &[(0, b"\x98\xE6\xF8\x1E\x86\xFE"), (3000, b"\xF8\x06\x9E\x66"), (3000, b"\x80\xFE\x98")],
        &["unreadable"],
        Condition::Warning,
    ),
    (
        "7 bits and a check bit, read as 8 without: 130 and 34",
        USER,
        &[(0, b"\xB130\x8D\x0A"), (3000, b"3\xB4\x8D\x0A")],
        &["unreadable", "unreadable"],
        Condition::Warning,
    ),
    (
        "a half-duplex adapter that echoes what is written to it",
        &[("credential", "user_id"), ("answers", "text")],
        &[(0, b"100234\r\n"), (20, "OK 测试\r\n".as_bytes())],
        &["user_id 100234"],
        Condition::Working,
    ),
    (
        "arduino12/rdm6300 #14, esphome #13753: CR LF before ETX, and a frame that lost its end",
        &[("format", "rdm6300")],
        &[(0, b"\x020100745A70"), (65, b"\x020100745A705F\r\n\x03"), (65, b"\x020100745A705F\x03")],
        &["card 0100745A70"],
        Condition::Working,
    ),
];

#[tokio::test(start_paused = true)]
async fn what_others_have_met_is_read_as_it_is_or_credits_nobody() {
    let mut wrong = Vec::new();
    for (what, settings, pieces, wanted, condition) in REPORTS {
        let (told, is) = read(settings, pieces).await;
        if told != *wanted || is != *condition {
            wrong.push(format!("{what}: {told:?} {is:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
