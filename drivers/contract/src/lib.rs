//! The contract between punchd and its drivers: the only thing a driver depends on.
//!
//! A driver is an async function over its typed settings and a [`Port`]. It reads one kind of device and says three things
//! over the port: *this was presented* ([`Batch`] of [`Reading`]s), *this is how the device is* ([`Health`]), and the answer
//! to what the agent asked of it ([`Command`]). It knows nothing of SQLite, people or WeCom.
//!
//! What a driver may rely on:
//!
//! * A [`Receipt`] means that the reading is on disk. Until it has the receipt, it must not tell a device or a person
//!   that anything was taken.
//! * The cursor given with a batch is committed in the same transaction as the batch's readings.
//! * Submitting the same record again is harmless: it is known by its [`RecordKey`] and answered [`Verdict::Repeated`].
//! * It is started again, with back-off, when it returns or panics, and stopped by being dropped at any await point. So it
//!   keeps nothing that matters in memory.
//!
//! What it must keep to: no wait without a bound, no blocking call, no wall clock but [`Port::now`], no biometric content.
//!
//! The module list follows the way of a reading.

pub mod declaration;

pub mod settings;

pub mod driver;

pub mod names;

pub mod line;

pub mod discover;

pub mod finger;

pub mod credential;

pub mod card_text;

pub mod reading;

pub mod order;

pub mod presented_text;

pub mod text_in_time;

pub mod repeat;

pub mod losses;

pub mod submissions;

pub mod batch;

pub mod clock_shown;

pub mod receipt;

pub mod sign;

pub mod command;

pub mod health;

pub mod port;

pub mod text;

#[cfg(feature = "conformance")]
pub mod conformance;

pub use batch::{Alert, AlertKind, Batch, Contact, Cursor, MAX_BATCH, TerminalUser, Upload};
pub use card_text::NumberFormat;
pub use clock_shown::ClockShown;
pub use command::{Command, CommandError, Done, Request};
pub use credential::Credential;
pub use declaration::{Ability, Declaration, Default, Setting, Shape};
pub use discover::{Found, Search, Subnet};
pub use driver::{Driver, DriverError, Kind, Member, Prepared, Registered};
pub use finger::{FingerModule, FingerName, StoredFinger, Template};
pub use health::{Condition, Health};
pub use line::{Line, LineError, LineReader, LineWriter, Lines, Mode, Parity, Place};
pub use losses::Losses;
pub use names::{DeviceName, SerialNumber};
pub use order::{Placed, Written, place};
pub use port::{AgentSide, GatewayTime, Port, Stranger};
pub use presented_text::{Meaning, Misread, PresentedText};
pub use reading::{Direction, Doubt, Event, Happened, Method, Occurrences, Origin, Reading, RecordKey};
pub use receipt::{NotRecorded, Receipt, Verdict};
pub use repeat::Repeat;
pub use settings::{Endpoint, Mistake, Secret, Value, Values};
pub use sign::{Sign, Tone};
pub use submissions::Submissions;
pub use text::Text;
pub use text_in_time::{Ends, TextInTime, Told};
