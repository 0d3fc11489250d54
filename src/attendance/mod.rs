//! People and verdicts: who it was, whether it counts, what it means.
//!
//! A reading is judged in the transaction that appends it, so that a receipt can say what became of it and nothing is ever
//! journalled without a verdict. Four questions, in this order:
//!
//! 1. *When was it?* ([`dating`]) By the terminal's clock and the device's zone, corrected only where the offset is proven;
//!    by the gateway's clock where that can be trusted. What cannot be dated is *held*.
//! 2. *Who was it?* ([`people`]) By the credentials of the people list, then by the device's rule for terminal user ids. Where
//!    nobody is known the reading waits as *unknown credential*.
//! 3. *Does it count?* ([`merge`]) The first reading counts; those of the same person within the merge window after it are
//!    *merged* into it. Two punches of one person never have the same second, which makes them tell-apart in WeCom.
//! 4. *Where does it go?* A punch gets a delivery to every destination of its organisation, in the same transaction.
//!
//! Whenever something changes that could turn an open verdict (people, decisions, an anchor of the boot), [`Attendance::reopen`] asks
//! again. Verdicts that are not open are never changed behind anyone's back, with one exception: an earlier reading that
//! arrives late takes the place of a punch that has not left the house yet.

pub mod again;
mod contested;
pub mod dating;
pub mod decisions;
mod evidence;
pub mod judge;
mod merge;
mod open;
pub mod people;
pub mod roster_csv;
mod rules;
pub mod shared;
pub mod start;
pub mod timeline;
mod userid;
mod verdict;

pub use judge::{Attendance, Judged};
pub use rules::{DeviceRules, UserIdRule, WrongClock};
pub use userid::{UserId, UserIdError};
pub use verdict::{Decision, Outcome, Reason};
