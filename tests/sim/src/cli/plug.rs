//! Where a virtual reader is plugged in, and what a script may do to it while it runs: lines on stdin, answers on stdout.

use std::io::BufRead;
use std::path::PathBuf;

use clap::Args;
use punchd_sim::pty::Pty;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio_serial::SerialStream;

use super::{Failure, ready, until_stopped};

/// How many lines of stdin may wait; more wait in the pipe.
const ORDERS: usize = 16;

/// Where it is plugged in.
#[derive(Debug, Args)]
pub(super) struct Plug {
    /// A name for the port that stays the same when it is unplugged and put back; a link is made there.
    #[arg(long, value_name = "PATH")]
    link: Option<PathBuf>,
}

/// What became of a line of stdin.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Answer<'a> {
    Done {
        order: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        says: Option<String>,
    },
    Wrong {
        order: &'a str,
        why: String,
    },
}

impl Plug {
    /// Plugs the device in as `what`, says where, and serves until told to stop. Each line of stdin is an order: `unplug`, `replug`,
    /// or what `order` understands; it answers what there is to say, or what would be right. Every order is answered by one line
    /// of JSON on stdout. The end of stdin ends nothing.
    pub(super) async fn serve<F>(
        self,
        what: &str,
        device: impl Fn(SerialStream) -> F + Send + 'static,
        mut order: impl FnMut(&str) -> Result<Option<String>, String>,
    ) -> Result<(), Failure>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let place = self.link.as_ref().map_or_else(String::new, |link| format!(" at {}", link.display()));
        let no_port = |error| Failure::Unavailable(format!("cannot make a serial port{place}: {error}"));
        let pty = Pty::to(self.link, device).map_err(no_port)?;
        let path = pty.path().ok_or_else(|| no_port(std::io::Error::other("it has no name")))?;
        ready::say_port(what, &path)?;
        let mut orders = orders();
        let obeying = async {
            while let Some(line) = orders.recv().await {
                let line = line.trim();
                let outcome = match line {
                    "" => continue,
                    "unplug" => {
                        pty.unplug();
                        Ok(None)
                    }
                    "replug" => pty
                        .replug()
                        .map(|()| pty.path().map(|path| path.display().to_string()))
                        .map_err(|error| error.to_string()),
                    other => order(other),
                };
                tell(line, outcome)?;
            }
            std::future::pending().await
        };
        tokio::select! {
            stopped = until_stopped() => stopped,
            ended = obeying => ended,
        }
    }
}

/// Says what became of an order.
pub(super) fn tell(order: &str, outcome: Result<Option<String>, String>) -> Result<(), Failure> {
    ready::line(&match outcome {
        Ok(says) => Answer::Done { order, says },
        Err(why) => Answer::Wrong { order, why },
    })
}

/// The lines of stdin. Read by a thread of its own, which ends with the process: a read of stdin cannot be given up.
pub(super) fn orders() -> mpsc::Receiver<String> {
    let (send, receive) = mpsc::channel(ORDERS);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if send.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receive
}
