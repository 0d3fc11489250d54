//! The talk with one program, over any pair of pipes.
//!
//! Everything happens in one loop, so that nothing waits for anything else: while a reading waits for the disk, commands are answered;
//! while the program does not read, what it writes is taken. What is bounded: readings that wait for receipts (then nothing is read
//! until one is answered), lines to the program that it does not read (then it is ended), commands, lines a second.

use std::time::Duration;

use jiff::tz::TimeZone;
use punchd_contract::{Health, Member, Port, Text};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::time::{Instant, sleep_until, timeout};

use crate::commands::Commands;
use crate::ended::Ended;
use crate::errors::Errors;
use crate::outbox::Outbox;
use crate::pace::{LINES_A_SECOND, Pace};
use crate::protocol::{FromProgram, Hello, Line, Lines, MAX_LINE, Time, ToProgram, VERSION, Welcome};
use crate::settings::Settings;
use crate::standing::Standing;
use crate::submissions::Submissions;

/// How long a program may take to say hello.
const HELLO_WAITS: Duration = Duration::from_secs(10);
/// How often the program is told the time, and the agent how the device is.
const MINUTE: Duration = Duration::from_secs(60);

/// Talks with a program until one of the two has to end it. May be dropped at any await point; what the outbox then holds half written
/// stays there.
pub async fn converse<R, W>(member: &Member<Settings>, program: &str, reader: R, outbox: &mut Outbox<W>) -> Ended
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let talking = async {
        let mut input = Input { reader, lines: Lines::new(MAX_LINE), piece: vec![0; 16 << 10] };
        let hello = greet(&mut input).await?;
        let name = hello.name.clone();
        tracing::info!(device = %member.device, program, name, keeps_log = hello.log.is_some(), "the program says hello");
        welcome(member, outbox).await?;
        let started = Text::new(
            format!("{name} runs and has not said yet how its device is"),
            format!("{name} 已运行，尚未报告设备状态"),
        );
        let mut talk = Talk {
            program: name,
            port: member.port.clone(),
            zone: member.zone.clone(),
            silence: member.settings.silence,
            submissions: Submissions::new(member.port.clone(), member.zone.clone()),
            commands: Commands::default(),
            standing: Standing::new(member.port.clone(), started),
            errors: Errors::default(),
            pace: Pace::new(),
            reads_from: Instant::now(),
            heard: Instant::now(),
            hello,
            outbox,
        };
        talk.go_on(&mut input).await
    };
    match talking.await {
        Ok(never) => match never {},
        Err(ended) => ended,
    }
}

/// What comes from the program.
struct Input<R> {
    reader: R,
    lines: Lines,
    piece: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Input<R> {
    /// The next line; safe to drop.
    async fn line(&mut self) -> Result<(u64, Vec<u8>), Ended> {
        loop {
            match self.lines.take() {
                Some(Line::Whole { number, bytes }) => return Ok((number, bytes)),
                Some(Line::TooLong { number }) => return Err(Ended::TooLong(number)),
                None => {}
            }
            match self.reader.read(&mut self.piece).await {
                Ok(0) | Err(_) => return Err(Ended::Closed),
                Ok(length) => self.lines.push(self.piece.get(..length).unwrap_or_default()),
            }
        }
    }
}

async fn greet<R: AsyncRead + Unpin>(input: &mut Input<R>) -> Result<Hello, Ended> {
    let first = timeout(HELLO_WAITS, input.line()).await.unwrap_or(Err(Ended::NoHello(HELLO_WAITS)));
    match FromProgram::parse(&first?.1, None) {
        Ok(FromProgram::Hello(hello)) if hello.protocol == VERSION => Ok(hello),
        Ok(FromProgram::Hello(hello)) => Err(Ended::Version(hello.protocol)),
        Ok(_) => Err(Ended::OtherFirst),
        Err(refused) => Err(Ended::FirstLine(refused.wrong)),
    }
}

async fn welcome<W: AsyncWrite + Unpin>(member: &Member<Settings>, outbox: &mut Outbox<W>) -> Result<(), Ended> {
    let cursor = member.port.cursor().await.and_then(|cursor| serde_json::from_str(&cursor.0).ok());
    let welcome = Welcome {
        protocol: VERSION,
        device: member.device.to_string(),
        zone: member.zone.iana_name().map(str::to_owned),
        settings: member.settings.settings.clone(),
        secret: member.settings.secret.as_ref().map(|secret| secret.reveal().to_owned()),
        // A cursor that cannot be read costs a reading of the whole log.
        cursor: cursor.unwrap_or(Value::Null),
        time: Time::of(member.port.now(), &member.zone),
    };
    outbox.push(&ToProgram::Welcome(Box::new(welcome))).map(|_| ())
}

struct Talk<'o, W> {
    program: String,
    hello: Hello,
    port: Port,
    zone: TimeZone,
    silence: Duration,
    submissions: Submissions,
    commands: Commands,
    standing: Standing,
    errors: Errors,
    pace: Pace,
    /// Nothing is read before: the program is slowed down.
    reads_from: Instant,
    /// When the program wrote its last line, or could have been read.
    heard: Instant,
    outbox: &'o mut Outbox<W>,
}

impl<W: AsyncWrite + Unpin> Talk<'_, W> {
    async fn go_on<R: AsyncRead + Unpin>(&mut self, input: &mut Input<R>) -> Result<std::convert::Infallible, Ended> {
        let mut minute = tokio::time::interval(MINUTE);
        minute.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        minute.tick().await;
        loop {
            let may_read = self.submissions.have_room() && self.reads_from <= Instant::now();
            let stuck_at = self.outbox.stuck_at();
            tokio::select! {
                line = input.line(), if may_read => {
                    let (number, bytes) = line?;
                    self.heard = Instant::now();
                    if let Some(wait) = self.pace.take() {
                        self.slow_down(wait);
                    }
                    self.take(number, &bytes)?;
                }
                () = sleep_until(self.reads_from), if !may_read && self.submissions.have_room() => self.heard = Instant::now(),
                answer = self.submissions.next(), if !self.submissions.is_empty() => {
                    self.heard = Instant::now();
                    self.outbox.push(&answer)?;
                }
                request = self.port.request(), if self.commands.have_room() => {
                    let now = Time::of(self.port.now(), &self.zone);
                    if let Some((id, message)) = self.commands.begin(request, &self.hello, now)
                        && !self.outbox.push(&message)?
                    {
                        self.commands.too_long(id);
                    }
                }
                id = self.commands.given_up() => {
                    self.outbox.push(&ToProgram::Cancel { id })?;
                }
                written = self.outbox.write_some(), if stuck_at.is_some() => written.map_err(|_| Ended::StdinClosed)?,
                () = sleep_until(stuck_at.unwrap_or(self.heard)), if stuck_at.is_some() => return Err(Ended::DoesNotRead),
                () = sleep_until(self.heard + self.silence), if may_read => return Err(Ended::Silent(self.silence)),
                _ = minute.tick() => self.minute()?,
            }
        }
    }

    fn take(&mut self, number: u64, bytes: &[u8]) -> Result<(), Ended> {
        if bytes.is_empty() {
            return Ok(());
        }
        match FromProgram::parse(bytes, self.hello.log.as_ref()) {
            Ok(FromProgram::Reading(sent)) => {
                self.works();
                self.submissions.reading(*sent);
            }
            Ok(FromProgram::Batch(sent)) => {
                if !sent.batch.readings.is_empty() {
                    self.works();
                }
                if let Err(answer) = self.submissions.batch(*sent) {
                    self.outbox.push(&answer)?;
                    self.standing.complain(Text::new(
                        format!("{}: line {number}: a batch came before the answer to the one before", self.program),
                        format!("{}：第 {number} 行：上一批尚未答复就发送了下一批", self.program),
                    ));
                }
            }
            Ok(FromProgram::Health(health)) => self.standing.say(health),
            Ok(FromProgram::Step { id, text }) => self.commands.step(id, text),
            Ok(FromProgram::Done { id, done }) => self.commands.end(id, Ok(done)),
            Ok(FromProgram::Failed { id, failure }) => self.commands.end(id, Err(failure)),
            Ok(FromProgram::Hello(_)) => {
                self.wrong(number, None, crate::protocol::Wrong::field("type", "something else: hello is said once"))?
            }
            Err(refused) => self.wrong(number, refused.waits_as, refused.wrong)?,
        }
        Ok(())
    }

    fn wrong(
        &mut self,
        number: u64,
        waits_as: Option<crate::protocol::Id>,
        wrong: crate::protocol::Wrong,
    ) -> Result<(), Ended> {
        tracing::warn!(line = number, "{}: {wrong}", self.program);
        self.outbox.push(&ToProgram::wrong(number, waits_as, &wrong))?;
        self.standing.complain(wrong.text(&self.program, number));
        self.errors.count(number, wrong)
    }

    /// What reads, works, though the program has not said so.
    fn works(&mut self) {
        if self.standing.is_starting() {
            let name = &self.program;
            self.standing.say(Health::working(Text::new(format!("{name} reads"), format!("{name} 正在读取"))));
        }
    }

    fn slow_down(&mut self, wait: Duration) {
        self.reads_from = Instant::now() + wait;
        let name = &self.program;
        self.standing.complain(Text::new(
            format!(
                "{name} writes more than {LINES_A_SECOND} lines a second and is slowed down: a defect of the program"
            ),
            format!("{name} 每秒输出超过 {LINES_A_SECOND} 行，已被限速：请检查该程序"),
        ));
    }

    fn minute(&mut self) -> Result<(), Ended> {
        self.standing.refresh();
        self.outbox.push(&ToProgram::Now(Time::of(self.port.now(), &self.zone))).map(|_| ())
    }
}
