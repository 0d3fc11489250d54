//! What the terminal does all day: greet, upload, poll, obey.

use std::io::{Error, ErrorKind, Result};
use std::sync::Arc;
use std::time::Duration;

use encoding_rs::{GBK, UTF_8};
use jiff::tz::TimeZone;
use tokio::time::{Instant, sleep, sleep_until};

use super::line::{Answer, Line};
use super::{Columns, Dialect, Shared};
use crate::push::protocol::fields::Fields;
use crate::push::protocol::time::{Stamped, from_number, from_zone_option, written};

/// How many lines go in one upload.
const BATCH: usize = 100;

/// Lives until it is switched off.
pub async fn live(shared: Arc<Shared>) {
    let mut plugged = shared.plugged.subscribe();
    loop {
        if plugged.wait_for(|plugged| *plugged).await.is_err() {
            return;
        }
        let failed = tokio::select! {
            result = day(&shared) => result.is_err(),
            _ = async { plugged.clone().wait_for(|plugged| !plugged).await.is_ok() } => false,
        };
        if failed {
            let error_delay = shared.state().error_delay;
            plugged.mark_unchanged();
            // A cable that is put back is tried at once.
            tokio::select! {
                () = sleep(error_delay) => {}
                _ = plugged.changed() => {}
            }
        }
    }
}

/// One connected day: ends with the first failure.
async fn day(shared: &Shared) -> Result<()> {
    let mut session = Session { line: Line::new(shared.options.server.clone(), shared.options.keep_alive), shared };
    session.greet().await?;
    let mut next_poll = Instant::now();
    loop {
        session.upload_operations().await?;
        session.upload_punches().await?;
        if Instant::now() >= next_poll {
            session.poll().await?;
            next_poll = Instant::now() + shared.state().delay;
        }
        tokio::select! {
            () = shared.wake.notified() => {}
            () = sleep_until(next_poll) => {}
        }
    }
}

struct Session<'a> {
    line: Line,
    shared: &'a Shared,
}

fn not_ok() -> Error {
    Error::from(ErrorKind::InvalidData)
}

impl Session<'_> {
    async fn ask(&mut self, path: &str, body: Option<String>) -> Result<Answer> {
        let slow = self.shared.state().slow;
        sleep(slow).await;
        let encoding = if self.shared.options.chinese { GBK } else { UTF_8 };
        let body = body.map(|text| encoding.encode(&text).0.into_owned());
        let serial = &self.shared.options.serial;
        let join = if path.contains('?') { '&' } else { '?' };
        let answer = self.line.ask(&format!("/iclock/{path}{join}SN={serial}"), body).await?;
        if let Some(date) = answer.date {
            self.shared.follow(date);
        }
        let mut state = self.shared.state();
        state.last_answer = Some((answer.status, answer.text.clone()));
        state.refused += u64::from(answer.status != 200);
        Ok(answer)
    }

    async fn greet(&mut self) -> Result<()> {
        let options = &self.shared.options;
        let language = if options.chinese { "83" } else { "69" };
        let key = options.comm_key.as_ref().map_or_else(String::new, |key| format!("&pushcommkey={key}"));
        let version = match options.dialect {
            Dialect::Attendance(Columns::Five) => String::new(),
            Dialect::Attendance(Columns::Seven) => "&pushver=2.2.14".into(),
            Dialect::Attendance(Columns::Ten) => "&pushver=2.4.1".into(),
            Dialect::Security => "&pushver=3.0.1&DeviceType=acc".into(),
        };
        let answer = self.ask(&format!("cdata?options=all&language={language}{version}{key}"), None).await?;
        if answer.status != 200 {
            return Err(not_ok());
        }
        let mut settings = answer.text;
        if options.dialect == Dialect::Security && !settings.contains("registry=ok") {
            settings = self.register().await?;
        }
        let settings = Fields::parse(&settings, '\n');
        {
            let mut state = self.shared.state();
            if let Some(zone) = settings.get(&["TimeZone"]).and_then(from_zone_option) {
                state.zone = zone;
            }
            if let Some(seconds) = settings.number(&["Delay", "RequestDelay"]) {
                state.delay = Duration::from_secs(seconds);
            }
            if let Some(seconds) = settings.number(&["ErrorDelay"]) {
                state.error_delay = Duration::from_secs(seconds);
            }
            if settings.get(&["ATTLOGStamp"]) == Some("0") {
                state.uploaded = 0;
            }
        }
        if options.dialect == Dialect::Security {
            self.fetch_time().await?;
        }
        Ok(())
    }

    async fn register(&mut self) -> Result<String> {
        let body = "DeviceType=acc,~DeviceName=SenseFace-V,FirmVer=ZAM180-V1,PushVersion=Ver 3.0.1";
        let answer = self.ask("registry", Some(body.into())).await?;
        let code = answer.text.trim().strip_prefix("RegistryCode=").map(str::to_owned).ok_or_else(not_ok)?;
        self.shared.state().registry_code = Some(code);
        let settings = self.ask("push", Some(String::new())).await?;
        if settings.status != 200 {
            return Err(not_ok());
        }
        let users = self.shared.state().users.clone();
        let lines: Vec<String> = users
            .iter()
            .map(|(pin, name)| format!("user uid=1\tcardno=\tpin={pin}\tpassword=\tgroup=1\tstarttime=0\tendtime=0\tname={name}\tprivilege=0"))
            .collect();
        let count = lines.len();
        let answer =
            self.ask(&format!("cdata?table=tabledata&tablename=user&count={count}"), Some(lines.join("\r\n"))).await?;
        if !answer.took("user", count) {
            return Err(not_ok());
        }
        Ok(settings.text)
    }

    /// UTC as a number, and the zone beside it.
    async fn fetch_time(&mut self) -> Result<()> {
        let answer = self.ask("rtdata?type=time", None).await?;
        let fields = Fields::parse(&answer.text, ',');
        let time = fields.number(&["DateTime"]).and_then(from_number);
        if let Some(time) = time.and_then(|time| TimeZone::UTC.to_timestamp(time).ok()) {
            self.shared.follow(time);
        }
        if let Some(sign) = fields.get(&["ServerTZ"])
            && let (Some(hours), Some(minutes)) = (sign.get(..3), sign.get(3..))
            && let (Ok(hours), Ok(minutes)) = (hours.parse::<i32>(), minutes.parse::<i32>())
            && let Some(zone) = from_zone_option(&(hours * 60 + hours.signum() * minutes).to_string())
        {
            self.shared.state().zone = zone;
        }
        Ok(())
    }

    async fn upload_operations(&mut self) -> Result<()> {
        let lines = self.shared.state().operations.clone();
        if lines.is_empty() {
            return Ok(());
        }
        let answer = self.ask("cdata?table=OPERLOG&Stamp=9999", Some(lines.join("\n") + "\n")).await?;
        if !answer.is_ok() {
            return Err(not_ok());
        }
        self.shared.state().operations.drain(..lines.len());
        Ok(())
    }

    async fn upload_punches(&mut self) -> Result<()> {
        loop {
            let (from, lines) = {
                let state = self.shared.state();
                let dialect = self.shared.options.dialect;
                let fresh = state.log.iter().enumerate().skip(state.uploaded).take(BATCH);
                (state.uploaded, fresh.map(|(index, record)| record.line(dialect, index)).collect::<Vec<_>>())
            };
            if lines.is_empty() {
                return Ok(());
            }
            let count = lines.len();
            let times = if self.shared.options.everything_twice { 2 } else { 1 };
            for _ in 0..times {
                self.upload(&lines).await?;
            }
            let mut state = self.shared.state();
            // Unless the log was deleted meanwhile, or is to be sent again.
            if state.uploaded == from {
                state.uploaded = (from + count).min(state.log.len());
            }
        }
    }

    async fn upload(&mut self, lines: &[String]) -> Result<()> {
        let table = match self.shared.options.dialect {
            Dialect::Attendance(_) => "ATTLOG",
            Dialect::Security => "rtlog",
        };
        let answer = self.ask(&format!("cdata?table={table}&Stamp=9999"), Some(lines.join("\n") + "\n")).await?;
        if answer.is_ok() { Ok(()) } else { Err(not_ok()) }
    }

    async fn poll(&mut self) -> Result<()> {
        loop {
            let (users, punches) = {
                let state = self.shared.state();
                (state.users.len(), state.log.len())
            };
            let info = format!("Ver%208.0.4,{users},0,{punches},192.168.1.201,10,7,0,0,111");
            let answer = self.ask(&format!("getrequest?INFO={info}"), None).await?;
            if answer.status != 200 {
                return Err(not_ok());
            }
            let commands: Vec<(String, String)> = answer
                .text
                .lines()
                .filter_map(|line| line.strip_prefix("C:")?.split_once(':'))
                .map(|(id, command)| (id.to_owned(), command.to_owned()))
                .collect();
            if commands.is_empty() {
                return Ok(());
            }
            for (id, command) in commands {
                self.obey(&id, &command).await?;
            }
        }
    }

    async fn obey(&mut self, id: &str, command: &str) -> Result<()> {
        let word = command.split([' ', '\t']).next().unwrap_or("");
        let (code, details) = self.execute(command).await?;
        let answer = self.ask("devicecmd", Some(format!("ID={id}&Return={code}&CMD={word}\n{details}"))).await?;
        if !answer.is_ok() {
            return Err(not_ok());
        }
        if command == "CHECK" { self.greet().await } else { Ok(()) }
    }

    /// The return code, and lines behind it.
    async fn execute(&mut self, command: &str) -> Result<(i64, String)> {
        let dialect = self.shared.options.dialect;
        if command == "INFO" {
            let state = self.shared.state();
            let (users, punches) = (state.users.len(), state.log.len());
            return Ok((
                0,
                format!("~DeviceName=K40\nFWVersion=Ver 8.0.4\nUserCount={users}\nTransactionCount={punches}\n"),
            ));
        }
        if command == "CHECK" {
            return Ok((0, String::new()));
        }
        if command == "AC_UNLOCK" {
            self.shared.state().unlocked += 1;
            return Ok((0, String::new()));
        }
        if let Some(period) = command.strip_prefix("DATA QUERY ATTLOG ") {
            let lines: Vec<String> = {
                let state = self.shared.state();
                let log = state.log.iter().enumerate();
                log.filter(|(_, record)| within(period, &written(record.time)))
                    .map(|(at, record)| record.line(dialect, at))
                    .collect()
            };
            for batch in lines.chunks(BATCH) {
                self.upload(batch).await?;
            }
            return Ok((if lines.is_empty() { -1 } else { 0 }, String::new()));
        }
        if let Some(period) = command.strip_prefix("VERIFY SUM ATTLOG ") {
            let state = self.shared.state();
            let sum = state.log.iter().filter(|record| within(period, &written(record.time))).count() as u64;
            let phantoms = if sum > 0 { state.phantoms } else { 0 };
            return Ok((0, format!("AttlogSum={}\n", sum + phantoms)));
        }
        if command == "DATA QUERY USERINFO" {
            let users = self.shared.state().users.clone();
            let lines: Vec<String> = users
                .iter()
                .map(|(pin, name)| {
                    format!("USER PIN={pin}\tName={name}\tPri=0\tPasswd=\tCard=\tGrp=1\tTZ=0\tVerify=0\tViceCard=")
                })
                .collect();
            let answer = self.ask("cdata?table=OPERLOG&Stamp=9999", Some(lines.join("\n") + "\n")).await?;
            return if answer.is_ok() { Ok((0, String::new())) } else { Err(not_ok()) };
        }
        if let Some(values) = command.strip_prefix("DATA UPDATE USERINFO ") {
            let fields = Fields::parse(values, '\t');
            let Some(pin) = fields.get(&["PIN"]) else { return Ok((-1, String::new())) };
            let name = fields.get(&["Name"]).unwrap_or("").to_owned();
            self.shared.state().users.insert(pin.to_owned(), name);
            return Ok((0, String::new()));
        }
        if let Some(values) = command.strip_prefix("DATA DELETE USERINFO ") {
            let fields = Fields::parse(values, '\t');
            let known = fields.get(&["PIN"]).and_then(|pin| self.shared.state().users.remove(pin));
            return Ok((if known.is_some() { 0 } else { -10 }, String::new()));
        }
        Ok((-1002, String::new()))
    }
}

/// Whether a time, as written, lies in `StartTime=…⇥EndTime=…`.
fn within(period: &str, time: &str) -> bool {
    let fields = Fields::parse(period, '\t');
    let bound = |name: &str| fields.get(&[name]).and_then(Stamped::parse).map(|bound| bound.key());
    match (bound("StartTime"), bound("EndTime")) {
        (Some(from), Some(to)) => from.as_str() <= time && time <= to.as_str(),
        _ => false,
    }
}
