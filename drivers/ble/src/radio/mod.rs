//! The radio: one owner of the adapter a process, which scans for everybody, watches that the adapter really works, and makes links.
//!
//! BlueZ gives no sign when things go wrong: notifications of a device that is gone, of a daemon that was restarted and of an adapter that
//! hangs are all the same silence (facts/readers.md D.3). So nothing here waits for the end of a stream. The [`Radio`] opens the adapter,
//! watches for the daemon's leaving, for power and for silence, and opens everything anew when one of them says so; a [`Link`] asks now and then
//! whether its device is still connected, and ends when it is not.
//!
//! What is below is behind the seam [`Air`](air::Air): BlueZ in the program, a radio in memory in the tests, both with streams that never end.

pub mod air;
mod connect;
mod link;
mod listener;
mod serve;
mod shared;
mod silence;
pub mod trouble;

pub use connect::Wanted;
pub use link::Link;
pub use listener::Listener;
pub use shared::{Radio, Radios, Source, State};
pub use trouble::Trouble;
