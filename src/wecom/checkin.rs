//! Punches: writing them (`add_checkin_record`, K12) and reading them back (`getcheckindata`, K1).

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::attendance::UserId;

use super::app::{App, Call};
use super::outcome::Outcome;
use super::pace::Permit;
use super::seconds::UnixSeconds;

mod read_back;
mod record;

pub use read_back::{CheckinData, CheckinKind, Missed, Punched};
pub use record::{CheckinRecord, DeviceDetail, DeviceType, MediaId, MediaIdError, Place, Wifi, WifiMac, WifiMacError};

/// The most records in one call (facts/wecom-api.md 1.2).
pub const MAX_RECORDS: usize = 200;

/// The most members in one reading back (facts/wecom-api.md 3.1).
pub const MAX_USERS: usize = 100;

/// Too few or too many for one call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("one call takes 1 to {limit}, not {found}")]
pub struct CountError {
    /// How many there were.
    pub found: usize,
    /// How many are allowed.
    pub limit: usize,
}

/// 1 to 200 records, for one call.
#[derive(Clone, Copy, Debug)]
pub struct RecordBatch<'a>(&'a [CheckinRecord]);

impl<'a> RecordBatch<'a> {
    /// Checks the number.
    pub fn new(records: &'a [CheckinRecord]) -> Result<Self, CountError> {
        counted(records, MAX_RECORDS).map(Self)
    }

    /// The records.
    pub fn records(self) -> &'a [CheckinRecord] {
        self.0
    }

    /// Two batches of half the size; `None` if the one record stands alone.
    pub fn halves(self) -> Option<(Self, Self)> {
        let (first, second) = self.0.split_at_checked(self.0.len() / 2)?;
        (!first.is_empty()).then_some((Self(first), Self(second)))
    }
}

/// 1 to 100 members, for one call.
#[derive(Clone, Copy, Debug)]
pub struct UserBatch<'a>(&'a [UserId]);

impl<'a> UserBatch<'a> {
    /// Checks the number.
    pub fn new(users: &'a [UserId]) -> Result<Self, CountError> {
        counted(users, MAX_USERS).map(Self)
    }

    /// The members.
    pub fn users(self) -> &'a [UserId] {
        self.0
    }
}

fn counted<T>(items: &[T], limit: usize) -> Result<&[T], CountError> {
    let found = items.len();
    if (1..=limit).contains(&found) { Ok(items) } else { Err(CountError { found, limit }) }
}

/// A span of at most 30 days, both ends included. WeCom selects by *rule day*, and a shift that ends after midnight belongs to
/// the day before: ask with a day's margin on either side (facts/wecom-api.md 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    start: UnixSeconds,
    end: UnixSeconds,
}

/// Why two times are no period.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// The end comes first.
    #[error("the end lies before the start")]
    Backwards,
    /// Longer than WeCom answers for.
    #[error("the period has {0} seconds; WeCom answers for at most 30 days")]
    Long(i64),
}

impl Period {
    /// The longest.
    pub const MAX_SECONDS: i64 = 30 * 86_400;

    /// Checks and wraps.
    pub fn new(start: UnixSeconds, end: UnixSeconds) -> Result<Self, PeriodError> {
        match end.get() - start.get() {
            length if length < 0 => Err(PeriodError::Backwards),
            length if length > Self::MAX_SECONDS => Err(PeriodError::Long(length)),
            _ => Ok(Self { start, end }),
        }
    }

    /// The first second.
    pub fn start(self) -> UnixSeconds {
        self.start
    }

    /// The last second.
    pub fn end(self) -> UnixSeconds {
        self.end
    }
}

/// The turn of one `add_checkin_record`; between taking it and sending, the caller marks its records durably as *sending*.
/// Dropped unused, it costs nothing.
#[derive(Debug)]
pub struct AddCheckinRecord<'a> {
    app: &'a App,
    permit: Permit<'a>,
}

/// The turn of one `getcheckindata`. Dropped unused, it costs nothing.
#[derive(Debug)]
pub struct GetCheckinData<'a> {
    app: &'a App,
    permit: Permit<'a>,
}

impl App {
    /// Waits for the turn to write punches; up to a minute by its pace, up to an hour after 45009.
    pub async fn add_checkin_record(&self) -> AddCheckinRecord<'_> {
        AddCheckinRecord { app: self, permit: self.writes().permit().await }
    }

    /// Waits for the turn to read punches back; up to a minute by its pace, up to an hour after 45009.
    pub async fn get_checkin_data(&self) -> GetCheckinData<'_> {
        GetCheckinData { app: self, permit: self.reads().permit().await }
    }
}

impl AddCheckinRecord<'_> {
    /// Writes the punches. WeCom names no record in its answer: a refusal is of the whole batch, of which a part may have been
    /// stored all the same (facts/wecom-api.md 1.4).
    pub async fn send(mut self, batch: RecordBatch<'_>) -> Outcome<()> {
        #[derive(Serialize)]
        struct Body<'a> {
            records: &'a [CheckinRecord],
        }
        let call = Call {
            path: "/cgi-bin/checkin/add_checkin_record",
            body: json(&Body { records: batch.records() }),
            read: read_stored,
        };
        self.app.call(&mut self.permit, call).await
    }
}

impl GetCheckinData<'_> {
    /// Reads all kinds of punches of these members back.
    pub async fn send(mut self, users: UserBatch<'_>, period: Period) -> Outcome<CheckinData> {
        #[derive(Serialize)]
        struct Body<'a> {
            opencheckindatatype: u8,
            starttime: i64,
            endtime: i64,
            useridlist: Vec<&'a str>,
        }
        let body = Body {
            // Work and out-of-office punches: it is not documented as which a written record shows.
            opencheckindatatype: 3,
            starttime: period.start.get(),
            endtime: period.end.get(),
            useridlist: users.users().iter().map(UserId::as_str).collect(),
        };
        let call = Call { path: "/cgi-bin/checkin/getcheckindata", body: json(&body), read: read_back::read };
        self.app.call(&mut self.permit, call).await
    }
}

/// UTF-8 as it is: serde_json escapes control characters only, and there are none in our types (40033).
fn json(body: &impl Serialize) -> Bytes {
    // Strings, integers and lists under fixed keys: there is nothing that could fail to be written. An empty body would
    // be refused as 40058, not stored.
    serde_json::to_vec(body).unwrap_or_default().into()
}

/// Only WeCom's own word counts as stored: an object without `errcode` can come from anybody.
fn read_stored(code: Option<i64>, _object: Map<String, Value>) -> Result<(), String> {
    code.map(|_| ()).ok_or_else(|| "the answer has no errcode".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_halved_down_to_the_single_record() {
        let record = CheckinRecord::new(UserId::new("a").unwrap(), UnixSeconds::new(1).unwrap());
        let records = vec![record; 200];
        let mut batch = RecordBatch::new(&records).unwrap();
        let mut sizes = Vec::new();
        while let Some((first, second)) = batch.halves() {
            assert_eq!(first.records().len() + second.records().len(), batch.records().len());
            batch = second;
            sizes.push(batch.records().len());
        }
        assert_eq!(sizes, [100, 50, 25, 13, 7, 4, 2, 1]);
    }

    #[test]
    fn none_and_too_many_are_no_batch() {
        let record = CheckinRecord::new(UserId::new("a").unwrap(), UnixSeconds::new(1).unwrap());
        assert_eq!(RecordBatch::new(&[]).unwrap_err(), CountError { found: 0, limit: 200 });
        assert_eq!(RecordBatch::new(&vec![record; 201]).unwrap_err(), CountError { found: 201, limit: 200 });
        assert_eq!(
            UserBatch::new(&vec![UserId::new("a").unwrap(); 101]).unwrap_err(),
            CountError { found: 101, limit: 100 }
        );
    }

    #[test]
    fn a_period_has_at_most_thirty_days() {
        let at = |seconds| UnixSeconds::new(seconds).unwrap();
        assert!(Period::new(at(0), at(Period::MAX_SECONDS)).is_ok());
        assert_eq!(Period::new(at(0), at(2_592_001)), Err(PeriodError::Long(2_592_001)));
        assert_eq!(Period::new(at(2), at(1)), Err(PeriodError::Backwards));
    }
}
