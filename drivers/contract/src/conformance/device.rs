//! What the suite needs of a virtual device: the other end of a protocol that can be disturbed.

use futures_util::future::BoxFuture;
use jiff::tz::TimeZone;

use super::Cable;
use crate::{Tone, Values};

/// The other end of a device protocol, in the hands of the suite.
///
/// It has to speak the protocol as real devices do (its proof are peers that others wrote), not as our driver would like it.
pub trait VirtualDevice: Send {
    /// The settings with which the driver under test reaches it (or, where the device is the client, is reached by it).
    fn values(&self) -> Values;
    /// The zone in which the device's clock runs.
    fn zone(&self) -> TimeZone;
    /// The cable to it, where it is a device at a line. Its [`values`](Self::values) name the cable's place.
    fn cable(&self) -> Option<Cable> {
        None
    }
    /// Somebody who is known on the device punches now: into its log, and live to whoever listens. The suite uses the user
    /// ids [`USERS`](super::USERS). At a reader: presents what the user is known by as people do, and takes it away again before this returns;
    /// different users present different things.
    fn punch<'a>(&'a mut self, user_id: &'a str) -> BoxFuture<'a, ()>;
    /// Whether its protocol lets anybody ask what its clock shows. Where it does not, a wrong clock cannot be noticed in a contact.
    fn tells_clock(&self) -> bool {
        true
    }
    /// How many punches it has taken in all. At a reader: how often something was presented.
    fn punches(&self) -> usize;
    /// What a reader showed last, where it can show anything. Forgotten when told.
    fn shown(&mut self) -> Option<Tone> {
        None
    }
    /// The most connections it had at once; `None` where that says nothing (the device is the one who connects).
    fn most_clients(&self) -> Option<usize> {
        None
    }
    /// Something happens to it. Answers `false` if this device has no such thing.
    fn disturb<'a>(&'a mut self, what: Exchange) -> BoxFuture<'a, bool>;
}

/// What can happen between a device and its driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// The cable is pulled: connections break, new ones are refused; punches go on into the device's log.
    Unplug,
    /// The cable is back.
    Replug,
    /// Bytes arrive that are no frame of the protocol.
    Garbage,
    /// A frame is cut in the middle and nothing follows for a while, then the connection breaks.
    HalfFrame,
    /// The last punch is sent once more.
    RepeatLast,
    /// Every answer takes this many milliseconds from now on.
    SlowMillis(u64),
    /// The device's clock is off by this many seconds from now on.
    ClockOffSeconds(i64),
}
