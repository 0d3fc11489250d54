//! The WeCom API: client, token, errors, one file a group of calls.
//!
//! `App` is one app of one corp. A call is made in two steps: wait for its turn (`App::add_checkin_record`,
//! `App::get_checkin_data`), then make it. Between the two, the caller writes down durably that it is about to send.
//! What became of a call is an `Outcome` of three kinds, because a broken connection is neither a success nor a failure:
//! the request provably never left, WeCom answered, or nobody knows (facts/wecom-api.md 13.1).

mod answer;
mod app;
mod checkin;
mod client;
mod coordinates;
mod errors;
mod line;
mod outcome;
mod pace;
mod seconds;
mod token;

pub use app::{App, AppSettings};
pub use checkin::{
    AddCheckinRecord, CheckinData, CheckinKind, CheckinRecord, CountError, DeviceDetail, DeviceType, GetCheckinData,
    MAX_RECORDS, MAX_USERS, MediaId, MediaIdError, Missed, Period, PeriodError, Place, Punched, RecordBatch, UserBatch,
    Wifi, WifiMac, WifiMacError,
};
pub use client::{BaseUrl, BaseUrlError, ClientClock, HttpSettings, Proxy, ProxyError, TimeHost};
pub use coordinates::{CoordinateError, Gcj02, MicroDegrees, Wgs84};
pub use errors::{CODES, Class, Code, advice, class_of};
pub use line::{Line, LineError};
pub use outcome::{Answered, NoToken, NotSent, Outcome, Refusal, ServerDate, TokenFailure, Unknown, Unreachable};
pub use pace::Pace;
pub use seconds::{SecondsError, UnixSeconds};
