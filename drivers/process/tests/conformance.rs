//! The conversation against the shared suite, with a reader and with a terminal behind the program.
//!
//! A real process and virtual time do not go together, so the program stands at the other end of a cable; what a process adds is in
//! `runs.rs`.
#![allow(clippy::unwrap_used, reason = "in a test, a failure is to be seen")]

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use punchd_contract::conformance::{Cable, Exchange, VirtualDevice, conform, device_clock};
use punchd_contract::{
    Declaration, DriverError, Health, Kind, Member, Mistake, Mode, Place, Text, Tone, Value, Values,
};
use punchd_process::virtual_device::{Behind, Options, VirtualProgram};
use punchd_process::{Outbox, Process, Settings, converse};

/// The driver with a line in the place of the pipes; `LOG`: what the program's hello says.
struct Piped<const LOG: bool>;

impl<const LOG: bool> Kind for Piped<LOG> {
    const DECLARATION: Declaration = Declaration { keeps_log: LOG, ..Process::DECLARATION };
    type Settings = Settings;

    fn settings(values: &Values) -> Result<Settings, Vec<Mistake>> {
        Process::settings(values)
    }

    async fn run(members: Vec<Member<Settings>>) -> Result<(), DriverError> {
        let member = members.first().unwrap();
        let fault = |text: Text| {
            member.port.health(Health::fault(text.clone()));
            Err(DriverError(text))
        };
        let place = Place::parse(&member.settings.program).unwrap();
        let mut line = match member.port.line(&place, Mode::at(115_200)).await {
            Ok(line) => line,
            Err(error) => return fault(error.text()),
        };
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        let (reader, writer) = tokio::io::split(ours);
        let pump = async {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let (mut from, mut to) = tokio::io::split(theirs);
            let (mut read, mut written) = (Vec::new(), [0; 4096]);
            loop {
                tokio::select! {
                    came = line.read(&mut read) => {
                        if came.is_err() || to.write_all(&read).await.is_err() {
                            let _ = to.shutdown().await;
                            std::future::pending::<()>().await;
                        }
                        read.clear();
                    }
                    length = from.read(&mut written) => {
                        let length = length.unwrap_or(0);
                        if length == 0 || line.write(&written[..length]).await.is_err() {
                            let _ = to.shutdown().await;
                            std::future::pending::<()>().await;
                        }
                    }
                }
            }
        };
        let mut outbox = Outbox::new(writer);
        tokio::select! {
            ended = converse(member, "program", reader, &mut outbox) => fault(ended.text("program")),
            () = pump => Ok(()),
        }
    }
}

struct Device {
    program: VirtualProgram,
    behind: Behind,
    cable: Cable,
}

fn device(behind: Behind) -> Device {
    let zone = TimeZone::get("Asia/Shanghai").unwrap();
    let program = VirtualProgram::new(Options { behind, zone, clock: device_clock() });
    let served = program.clone();
    let cable = Cable::to(move |stream| {
        let program = served.clone();
        async move { program.serve(stream).await }
    });
    Device { program, behind, cable }
}

impl VirtualDevice for Device {
    fn values(&self) -> Values {
        Values::new().with("command", Value::Texts(vec![self.cable.place().to_string()]))
    }

    fn zone(&self) -> TimeZone {
        TimeZone::get("Asia/Shanghai").unwrap()
    }

    fn cable(&self) -> Option<Cable> {
        Some(self.cable.clone())
    }

    fn punch<'a>(&'a mut self, user_id: &'a str) -> BoxFuture<'a, ()> {
        let card = format!("04A1B20{user_id}");
        let what = if self.behind == Behind::Reader { card.as_str() } else { user_id };
        self.program.present(what);
        async {}.boxed()
    }

    fn punches(&self) -> usize {
        self.program.punches()
    }

    fn shown(&mut self) -> Option<Tone> {
        self.program.shown().and_then(|word| Tone::from_word(&word))
    }

    fn disturb<'a>(&'a mut self, what: Exchange) -> BoxFuture<'a, bool> {
        let terminal = self.behind == Behind::Terminal;
        match what {
            Exchange::Unplug => self.cable.unplug(),
            Exchange::Replug => self.cable.replug(),
            Exchange::Garbage => self.program.make_noise(b"\xFF\x00 {nonsense\n\n[]\n{\"type\":\"punch\"}\n"),
            Exchange::HalfFrame => self.program.die_in_a_line(),
            Exchange::RepeatLast if terminal => self.program.repeat_last(),
            Exchange::SlowMillis(millis) => self.program.be_slow(std::time::Duration::from_millis(millis)),
            Exchange::ClockOffSeconds(seconds) if terminal => {
                self.program.set_clock_off(SignedDuration::from_secs(seconds));
            }
            // What a program says of a reader, it says once: telling the same card twice apart is its own business.
            Exchange::RepeatLast | Exchange::ClockOffSeconds(_) => return async { false }.boxed(),
        }
        async { true }.boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn a_program_with_a_reader_conforms() {
    conform::<Piped<false>, _>(async || device(Behind::Reader)).await;
}

#[tokio::test(start_paused = true)]
async fn a_program_with_a_terminal_conforms() {
    conform::<Piped<true>, _>(async || device(Behind::Terminal)).await;
}
