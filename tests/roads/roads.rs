//! How records come: over the sockets of virtual terminals, of requests as terminals send them, and from a program.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use punchd_zkteco::pull::protocol::time::RawTime;
use punchd_zkteco::pull::virtual_device::{Options as PullOptions, VirtualRecord, VirtualTerminal, VirtualUser};
use punchd_zkteco::push::virtual_device::{Options as PushOptions, VirtualPushTerminal};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::gateway::{Gateway, NOON, now};

const SERIAL: &str = "CJ9D204960001";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Road {
    PullLog,
    PullEvent,
    Attlog,
    AttlogLineByLine,
    Rtlog,
    Transaction,
    Backfill,
    Program,
}

type Times<'a> = &'a [&'a str];

impl Road {
    /// Sends a false date between true neighbours. Answers when further true punches were that the road needs.
    pub async fn brings(self, before: Times<'_>, date: &str, after: Times<'_>) -> (Gateway, Vec<i64>) {
        let all = [before, &[date], after].concat();
        match self {
            Self::PullLog => (pull(&all).await.1, Vec::new()),
            Self::PullEvent => {
                // What came before and what comes after is in the log at the first visit.
                let (terminal, gateway) = pull(&[before, after].concat()).await;
                gateway.arrives(before.len() + after.len()).await;
                terminal.punch("1001", date.parse().unwrap(), 1, 0);
                terminal.punch_now("1001");
                (gateway, vec![NOON])
            }
            Self::Attlog => (push(&[attlog(&all)]).await, Vec::new()),
            Self::AttlogLineByLine => {
                let bodies: Vec<Request> = all.iter().map(|time| attlog(&[time])).collect();
                (push(&bodies).await, Vec::new())
            }
            Self::Rtlog => (push(&[rtlog(&all)]).await, Vec::new()),
            Self::Transaction => (push(&[transaction(&all)]).await, Vec::new()),
            Self::Backfill => (backfill(&all).await, Vec::new()),
            Self::Program => (program(&all).await, Vec::new()),
        }
    }
}

/// The number by which terminals write a time, also of a day that does not exist.
fn number(time: &str) -> u32 {
    let parts: Vec<u32> = time.split(['-', ' ', ':']).map(|part| part.parse().unwrap()).collect();
    let [year, month, day, hour, minute, second] = parts[..] else { panic!("{time}") };
    (((year - 2000) * 12 + month - 1) * 31 + day - 1) * 86_400 + hour * 3600 + minute * 60 + second
}

async fn pull(times: Times<'_>) -> (VirtualTerminal, Gateway) {
    let mut options = PullOptions::new(Arc::new(now));
    options.listen = ([127, 0, 0, 1], 0).into();
    options.zone = TimeZone::get("Europe/Berlin").unwrap();
    options.users = vec![VirtualUser::new(5, "1001", "Anna")];
    let record =
        |time: &&str| VirtualRecord { user_id: "1001".into(), time: RawTime(number(time)), verify: 1, state: 0 };
    options.records = times.iter().map(record).collect();
    let terminal = VirtualTerminal::start(options).unwrap();
    let device = format!("kind = \"zkteco-pull\"\naddress = \"{}\"\n", terminal.address());
    let kept: Box<dyn Any + Send> = Box::new(terminal.clone());
    let gateway = Gateway::with(&device, vec![kept]).await;
    (terminal, gateway)
}

/// What a terminal posts.
struct Request {
    query: String,
    body: String,
}

fn attlog(times: Times<'_>) -> Request {
    let line = |time: &&str| format!("1001\t{time}\t0\t1\t0\t0\t0\n");
    Request { query: "table=ATTLOG&Stamp=9999".into(), body: times.iter().map(line).collect() }
}

fn rtlog(times: Times<'_>) -> Request {
    let line = |(index, time): (usize, &&str)| {
        format!(
            "time={time}\tpin=1001\tcardno=0\teventaddr=1\tevent=0\tinoutstatus=0\tverifytype=1\tindex={}\n",
            index + 1
        )
    };
    Request { query: "table=rtlog".into(), body: times.iter().enumerate().map(line).collect() }
}

fn transaction(times: Times<'_>) -> Request {
    let line = |time: &&str| {
        let second = number(time);
        format!(
            "transaction cardno=0\tpin=1001\tverified=1\tdoorid=1\teventtype=0\tinoutstate=0\ttime_second={second}\n"
        )
    };
    let query = format!("table=tabledata&tablename=transaction&count={}", times.len());
    Request { query, body: times.iter().map(line).collect() }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn push_device(port: u16) -> String {
    format!("kind = \"zkteco-push\"\nserial = \"{SERIAL}\"\nlisten = \"127.0.0.1:{port}\"\n")
}

async fn push(requests: &[Request]) -> Gateway {
    let port = free_port();
    let gateway = Gateway::with(&push_device(port), Vec::new()).await;
    let end = Instant::now() + Duration::from_secs(30);
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        assert!(Instant::now() < end, "nobody listens");
        sleep(Duration::from_millis(20)).await;
    }
    for Request { query, body } in requests {
        let request = format!(
            "POST /iclock/cdata?SN={SERIAL}&{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    gateway
}

/// A terminal that told another server of its records and has to be asked for them.
async fn backfill(times: Times<'_>) -> Gateway {
    let port = free_port();
    let mut options = PushOptions::new(format!("127.0.0.1:{port}"), SERIAL, Arc::new(now));
    options.zone = TimeZone::fixed(Offset::constant(1));
    options.users = [("1001".to_owned(), "Anna".to_owned())].into();
    let terminal = VirtualPushTerminal::start(options);
    terminal.go_offline();
    for time in times {
        terminal.punch("1001", time.parse::<DateTime>().unwrap(), 1, 0);
    }
    terminal.count_as_uploaded();
    let gateway = Gateway::with(&push_device(port), vec![Box::new(terminal.clone())]).await;
    terminal.go_online();
    gateway
}

async fn program(times: Times<'_>) -> Gateway {
    let reading = |time: &&str| {
        serde_json::json!({
            "credential": { "kind": "user_id", "value": "1001" }, "at": time.replace(' ', "T"), "origin": "log",
            "key": { "content": format!("1001|{time}"), "occurrence": 1 },
        })
    };
    let readings: Vec<_> = times.iter().map(reading).collect();
    let hello =
        serde_json::json!({ "type": "hello", "protocol": 1, "name": "terminal", "keeps_log": true, "serial": "A1" });
    let batch = serde_json::json!({ "type": "batch", "id": 1, "readings": readings });
    let folder = tempfile::tempdir().unwrap();
    let lines = folder.path().join("lines");
    std::fs::write(&lines, format!("{hello}\n{batch}\n")).unwrap();
    let device =
        format!("kind = \"process\"\ncommand = [\"sh\", \"-c\", \"cat {}; exec sleep 600\"]\n", lines.display());
    Gateway::with(&device, vec![Box::new(folder)]).await
}
