//! Law 8: biometrics are guests. A terminal uploads every table with marked secrets; none stands in any file of the data folder,
//! sealed or not.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use punchd::clock::Clock;
use punchd::health::Board;
use punchd::intake::{Desk, Office};
use punchd_contract::{AgentSide, DeviceName, Endpoint, Kind, Member, Port, Value, Values};
use punchd_zkteco::ZktecoPush;
use punchd_zkteco::push::protocol::table::Table;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};

use crate::common::House;

const SERIAL: &str = "CJ9D204960001";

/// What must not be found.
const SECRET: &str = "S3CRETBIOMETRIC";
/// Two numbers of identity cards: one with its check character anywhere, one as firmware puts it into its column.
const NUMBERS: [&str; 2] = ["110101199003074573", "110101199003070000"];
/// What must be found, or nothing was looked at.
const USED: &str = "SHOWNNAME";

#[tokio::test]
async fn law_8_no_biometric_of_any_table_is_in_any_file() {
    let house = House::new().await;
    let server = serve(&house).await;
    let template = SECRET.repeat(40);
    let fields = format!(
        "SNNum={SECRET}\tIDNum={}\tID_Num={}\tName={SECRET}\tAddress={SECRET}\tPhoto={template}\tPhotoJPG={template}\tFPTemplate1={template}\t\
         FP_Template2={template}\tTmp={template}\ttemplate={template}\tcontent={template}\tBIOPHOTO={template}\tTotallyNew={template}\tPasswd={SECRET}",
        NUMBERS[0], NUMBERS[1]
    );
    ask(&server, &format!("GET /iclock/cdata?SN={SERIAL}&options=all&pushver=2.4.0&DeviceType=pid"), b"").await;
    for name in Table::names().chain(["SOMETHINGNEW"]) {
        // Somebody's name is used, and shown: it is no secret in a table of people.
        let fields = match Table::named(name) {
            Some(Table::People | Table::Operations) => fields.replace(&format!("Name={SECRET}"), "Name=A"),
            _ => fields.clone(),
        };
        for address in [format!("table={name}"), format!("table=tabledata&tablename={name}&count=2")] {
            let text = format!("{name} PIN=1001\t{fields}\nPIN=1002\t{}\n", fields.replace("Name=A", ""));
            ask(&server, &format!("POST /iclock/cdata?SN={SERIAL}&{address}"), text.as_bytes()).await;
        }
    }
    let photo = format!("PIN=20260104080000-0-1001-{}.jpg\nSN=X\nsize=9\nCMD=uploadphoto\0{template}", NUMBERS[0]);
    ask(&server, &format!("POST /iclock/cdata?SN={SERIAL}&table=ATTPHOTO"), photo.as_bytes()).await;
    ask(&server, &format!("POST /iclock/fdata?SN={SERIAL}"), photo.as_bytes()).await;
    ask(
        &server,
        &format!("POST /iclock/cdata?SN={SERIAL}&type=BioData"),
        format!("TYPE=9\tPIN=1\tTMP={template}").as_bytes(),
    )
    .await;
    ask(&server, &format!("POST /iclock/cdata?SN={SERIAL}&table=OPERLOG&ContentType=tgz"), template.as_bytes()).await;
    let punches: String = NUMBERS
        .iter()
        .map(|number| {
            format!("1001\t2026-10-02 08:00:00\t0\t1\t0\t0\t0\t{number}\t0\n{number}\t2026-10-02 08:01:00\t0\t1\t0\t0\t0\t\t0\nPIN={number}\tTime=2026-10-02 08:02:00\tPhoto={template}\n")
        })
        .collect();
    ask(&server, &format!("POST /iclock/cdata?SN={SERIAL}&table=ATTLOG"), punches.as_bytes()).await;
    let people = format!("USER PIN=1001\tName={USED}\tPri=0\tPasswd={SECRET}\n");
    let answer = ask(&server, &format!("POST /iclock/cdata?SN={SERIAL}&table=OPERLOG"), people.as_bytes()).await;
    assert!(answer.contains("OK: 1"), "{answer}");
    assert_eq!(house.count("SELECT count(*) FROM reading WHERE terminal_time IS NOT NULL").await, 6);

    let opened = unsealed(&house).await;
    assert!(opened.iter().any(|body| contains(body, USED)), "what is used is not kept");
    let folder = house.options().folder;
    let files = files(&folder);
    assert!(
        files.iter().any(|(name, bytes)| name.ends_with("journal.db") && !bytes.is_empty()),
        "no journal was looked at"
    );
    for what in [SECRET, NUMBERS[0], NUMBERS[1]] {
        let found = opened.iter().find(|body| contains(body, what)).map(|body| String::from_utf8_lossy(body));
        assert_eq!(found, None, "{what} is in an upload");
        for (name, bytes) in &files {
            assert!(!contains(bytes, what), "{what} is in {name}");
        }
    }
}

fn contains(bytes: &[u8], what: &str) -> bool {
    bytes.windows(what.len()).any(|window| window == what.as_bytes())
}

/// The bodies of all uploads, opened.
async fn unsealed(house: &House) -> Vec<Vec<u8>> {
    let work = |write: &mut punchd::journal::Write<'_>| {
        let bodies: Vec<Vec<u8>> = {
            let mut select = write.sql().prepare("SELECT body FROM upload")?;
            select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?
        };
        Ok(bodies.iter().filter_map(|body| write.unseal(body)).collect())
    };
    house.journal.write(work).await.unwrap()
}

/// Every file of the folder, the log of the journal too.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
        .collect()
}

/// Runs the driver over the house's journal; answers where it listens.
async fn serve(house: &House) -> String {
    let clock: Arc<dyn Clock> = house.clock.clone();
    let office = Office {
        journal: house.journal.clone(),
        attendance: house.attendance.clone(),
        clock,
        trusted_within: Duration::from_secs(30),
        board: Arc::new(Board::default()),
        punched: Arc::new(Notify::new()),
        fingers_changed: Arc::default(),
        lines: Arc::new(punchd::intake::lines::SystemLines),
    };
    let name = DeviceName::new("gate-1").unwrap();
    let agent: Arc<dyn AgentSide> = Arc::new(Desk::new(House::GATE, name.clone(), office));
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let values = Values::new()
        .with("serial", Value::Text(SERIAL.into()))
        .with("listen", Value::Endpoint(Endpoint { host: "127.0.0.1".into(), port: free.port() }));
    let (requests, receiver) = mpsc::channel(1);
    let member = Member {
        device: name,
        zone: TimeZone::get("Asia/Shanghai").unwrap(),
        settings: Arc::new(ZktecoPush::settings(&values).unwrap()),
        port: Port::new(agent, receiver),
    };
    tokio::spawn(async move {
        let _open = requests;
        panic!("the driver ended: {:?}", ZktecoPush::run(vec![member]).await);
    });
    while TcpStream::connect(free).await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    free.to_string()
}

async fn ask(server: &str, line: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(server).await.unwrap();
    let head = format!("{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
