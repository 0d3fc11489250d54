//! A stand-in with a clock set by hand, and a plain HTTP client that is none of punchd's.
#![allow(dead_code, reason = "each test file uses its part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Request, client::conn::http1};
use hyper_util::rt::TokioIo;
use punchd_sim::clock::SetByHand;
use punchd_sim::standin::{CORP_ID, Members, Options, SECRET, Standin};
use serde_json::{Value, json};

/// 2026-03-02 10:00:00 in Shanghai, a Monday.
pub const NOW: i64 = 1_772_416_800;
/// 00:00 of that day in Shanghai.
pub const MIDNIGHT: i64 = NOW - 10 * 3600;

pub struct Answer {
    pub status: u16,
    pub error_code: Option<String>,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn errcode(&self) -> i64 {
        self.json()["errcode"].as_i64().unwrap()
    }
}

pub struct Bench {
    pub standin: Standin,
    pub clock: SetByHand,
}

impl Bench {
    /// Wang and Li work there; nothing is limited.
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Options)) -> Self {
        let clock = SetByHand::at(jiff::Timestamp::from_second(NOW).unwrap());
        let mut options = Options::new(clock.clock());
        options.members = Members::Listed(vec!["WangWei".into(), "lina".into()]);
        options.limits = punchd_sim::standin::Limits::NONE;
        change(&mut options);
        Self { standin: Standin::start(options).await.unwrap(), clock }
    }

    pub async fn get(&self, path: &str) -> Answer {
        call(self.standin.address(), "GET", path, Vec::new()).await.unwrap()
    }

    pub async fn post(&self, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        call(self.standin.address(), "POST", path, body.into()).await.unwrap()
    }

    pub async fn login(&self) -> Answer {
        self.get(&format!("/cgi-bin/gettoken?corpid={CORP_ID}&corpsecret={SECRET}")).await
    }

    pub async fn token(&self) -> String {
        self.login().await.json()["access_token"].as_str().unwrap().to_owned()
    }

    /// Sends a body to `add_checkin_record` with a good token.
    pub async fn add_raw(&self, body: impl Into<Vec<u8>>) -> Answer {
        self.post(&format!("/cgi-bin/checkin/add_checkin_record?access_token={}", self.token().await), body).await
    }

    pub async fn add(&self, records: &[Value]) -> Answer {
        self.add_raw(json!({ "records": records }).to_string()).await
    }

    /// Like `add`, where the connection may break.
    pub async fn try_add(&self, records: &[Value]) -> Result<Answer, String> {
        let path = format!("/cgi-bin/checkin/add_checkin_record?access_token={}", self.token().await);
        let body = json!({ "records": records }).to_string().into_bytes();
        call(self.standin.address(), "POST", &path, body).await
    }

    /// The errcode with which a record is refused, and nothing is stored.
    pub async fn refused(&self, record: Value) -> i64 {
        let before = self.standin.held_count();
        let answer = self.add(&[record]).await;
        assert_eq!(answer.status, 200, "errors come with status 200");
        assert_eq!(self.standin.held_count(), before, "what is refused is not stored");
        let code = answer.errcode();
        assert_eq!(answer.error_code, (code != 0).then(|| code.to_string()));
        code
    }

    pub async fn read_raw(&self, body: Value) -> Answer {
        let path = format!("/cgi-bin/checkin/getcheckindata?access_token={}", self.token().await);
        self.post(&path, body.to_string()).await
    }

    /// The rows of a read-back of all kinds.
    pub async fn read(&self, users: &[&str], from: i64, to: i64) -> Vec<Value> {
        let body = json!({"opencheckindatatype": 3, "starttime": from, "endtime": to, "useridlist": users});
        let answer = self.read_raw(body).await.json();
        assert_eq!(answer["errcode"], 0, "{answer}");
        answer["checkindata"].as_array().unwrap().clone()
    }

    /// The times of the punches that a read-back shows, without 未打卡 rows.
    pub async fn punches(&self, user: &str, from: i64, to: i64) -> Vec<i64> {
        let rows = self.read(&[user], from, to).await;
        let punched = rows.iter().filter(|row| row["exception_type"] != "未打卡");
        punched.map(|row| row["checkin_time"].as_i64().unwrap()).collect()
    }
}

/// A record with what WeCom wants and no more.
pub fn record(userid: &str, time: i64) -> Value {
    json!({
        "userid": userid, "checkin_time": time, "location_title": "东门", "location_detail": "-",
        "device_type": 2, "device_detail": "ZKTeco"
    })
}

/// A good record of Wang's with one field changed.
pub fn with(field: &str, value: Value) -> Value {
    let mut record = record("wangwei", NOW - 60);
    record[field] = value;
    record
}

/// A good record of Wang's with one field missing.
pub fn without(field: &str) -> Value {
    let mut record = record("wangwei", NOW - 60);
    record.as_object_mut().unwrap().remove(field);
    record
}

/// One call over a connection of its own.
pub async fn call(address: SocketAddr, method: &str, path: &str, body: Vec<u8>) -> Result<Answer, String> {
    let text = |error: &dyn std::error::Error| error.to_string();
    let stream = tokio::net::TcpStream::connect(address).await.map_err(|e| text(&e))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|e| text(&e))?;
    let connection = tokio::spawn(connection);
    let request = Request::builder().method(method).uri(path).header("host", "stand-in");
    let request = request.body(Full::new(Bytes::from(body))).unwrap();
    let answer = async {
        let response = sender.send_request(request).await.map_err(|e| text(&e))?;
        let status = response.status().as_u16();
        let error_code = response.headers().get("error-code").map(|code| code.to_str().unwrap().to_owned());
        let body = response.into_body().collect().await.map_err(|e| text(&e))?.to_bytes();
        Ok(Answer { status, error_code, body })
    };
    let answer = tokio::time::timeout(Duration::from_secs(30), answer).await.unwrap_or(Err("no answer".into()));
    connection.abort();
    answer
}
