//! The terminal in the hands of the contract's conformance suite.

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use punchd_contract::conformance::{Exchange, VirtualDevice};
use punchd_contract::{Endpoint, Value, Values};

use super::VirtualPushTerminal;

impl VirtualDevice for VirtualPushTerminal {
    /// The terminal is the client: the driver under test has to listen where it connects to.
    fn values(&self) -> Values {
        let options = &self.shared.options;
        let (host, port) = options.server.rsplit_once(':').unwrap_or((&options.server, ""));
        let listen = Endpoint { host: host.to_owned(), port: port.parse().unwrap_or(0) };
        Values::new().with("serial", Value::Text(options.serial.clone())).with("listen", Value::Endpoint(listen))
    }

    fn zone(&self) -> TimeZone {
        self.shared.options.zone.clone()
    }

    fn punch<'a>(&'a mut self, user_id: &'a str) -> BoxFuture<'a, ()> {
        self.punch_now(user_id);
        async {}.boxed()
    }

    /// The protocol has no question for it; the clock follows the server's (facts/terminals.md B.1).
    fn tells_clock(&self) -> bool {
        false
    }

    fn punches(&self) -> usize {
        self.records().len()
    }

    fn disturb<'a>(&'a mut self, what: Exchange) -> BoxFuture<'a, bool> {
        async move {
            match what {
                Exchange::Unplug => self.go_offline(),
                Exchange::Replug => self.go_online(),
                // A server that does not listen just now gets nothing, which is as good.
                Exchange::Garbage => drop(self.send_garbage().await),
                Exchange::HalfFrame => drop(self.send_half().await),
                Exchange::RepeatLast => self.repeat_last(),
                Exchange::SlowMillis(millis) => self.be_slow(Duration::from_millis(millis)),
                Exchange::ClockOffSeconds(seconds) => self.clock_drifts(SignedDuration::from_secs(seconds)),
            }
            true
        }
        .boxed()
    }
}
