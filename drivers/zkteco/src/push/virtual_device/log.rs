//! The terminal's log and how its firmware writes it.

use jiff::civil::DateTime;

use super::{Columns, Dialect};
use crate::push::protocol::time::written;

/// One record of the terminal's own log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Who.
    pub user_id: String,
    /// When, by the terminal's clock.
    pub time: DateTime,
    /// How (facts/terminals.md B.7).
    pub verify: u16,
    /// In, out, break, overtime.
    pub status: u16,
}

impl Record {
    /// The line that is uploaded; `index` is its place in the log.
    pub(super) fn line(&self, dialect: Dialect, index: usize) -> String {
        let Self { user_id, time, verify, status } = self;
        let time = written(*time);
        let base = format!("{user_id}\t{time}\t{status}\t{verify}\t0");
        match dialect {
            Dialect::Attendance(Columns::Five) => base,
            Dialect::Attendance(Columns::Seven) => format!("{base}\t0\t0"),
            Dialect::Attendance(Columns::Ten) => format!("{base}\t0\t0\t0\t36.5\t0"),
            Dialect::Security => format!(
                "time={time}\tpin={user_id}\tcardno=0\teventaddr=1\tevent=0\tinoutstatus={status}\tverifytype={verify}\tindex={index}"
            ),
        }
    }
}
