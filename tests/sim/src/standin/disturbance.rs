//! What goes wrong with a call: an errcode out of turn, a connection cut before or after the records were stored, a proxy's
//! error page, half an answer.

use serde::{Deserialize, Serialize};

use super::errcode::Errcode;

/// A call that the stand-in knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// `GET /cgi-bin/gettoken`
    Gettoken,
    /// `POST /cgi-bin/checkin/add_checkin_record`
    AddCheckinRecord,
    /// `POST /cgi-bin/checkin/getcheckindata`
    Getcheckindata,
}

/// What the caller gets instead of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Instead {
    /// This errcode.
    Errcode(Errcode),
    /// A connection that is reset.
    Cut,
    /// The first half of the answer, then a connection that is reset.
    HalfAnswer,
    /// `errcode` 0 and no `checkindata`: the call went well and nothing is said about punches, which proves none absent.
    WithoutRows,
    /// `errcode` 0 and a `checkindata` that is null.
    NullRows,
    /// HTTP 502 with a proxy's page.
    BadGateway,
    /// HTTP 200 with something that is not JSON.
    Garbage,
}

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disturbance {
    /// Only this call; without it, every call.
    #[serde(default)]
    pub on: Option<Call>,
    /// How many such calls go well before it starts.
    #[serde(default)]
    pub after: u32,
    /// How many calls it hits; without it, all of them.
    #[serde(default)]
    pub times: Option<u32>,
    /// Whether the call takes effect nevertheless: the records are stored, and the caller does not learn it.
    #[serde(default)]
    pub takes_effect: bool,
    /// What the caller gets.
    pub instead: Instead,
}

impl Disturbance {
    fn new(instead: Instead) -> Self {
        Self { on: None, after: 0, times: None, takes_effect: false, instead }
    }

    /// The call does nothing and answers this.
    pub fn errcode(code: Errcode) -> Self {
        Self::new(Instead::Errcode(code))
    }

    /// The connection is reset and nothing is stored.
    pub fn cut_before_store() -> Self {
        Self::new(Instead::Cut).on(Call::AddCheckinRecord)
    }

    /// The records are stored and the connection is reset.
    pub fn store_then_cut() -> Self {
        Self::new(Instead::Cut).on(Call::AddCheckinRecord).taking_effect()
    }

    /// The records are stored and the answer breaks off in its middle.
    pub fn store_then_half_answer() -> Self {
        Self::new(Instead::HalfAnswer).on(Call::AddCheckinRecord).taking_effect()
    }

    /// A read-back answers that all is well and leaves the rows out.
    pub fn read_without_rows() -> Self {
        Self::new(Instead::WithoutRows).on(Call::Getcheckindata)
    }

    /// A read-back answers that all is well, with null in the place of the rows.
    pub fn read_null_rows() -> Self {
        Self::new(Instead::NullRows).on(Call::Getcheckindata)
    }

    /// A proxy answers with HTTP 502 and a page; nothing is stored.
    pub fn bad_gateway() -> Self {
        Self::new(Instead::BadGateway)
    }

    /// HTTP 200 with something that is not JSON; nothing is stored.
    pub fn garbage() -> Self {
        Self::new(Instead::Garbage)
    }

    /// Only on this call.
    pub fn on(self, call: Call) -> Self {
        Self { on: Some(call), ..self }
    }

    /// Only so many times.
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Only after so many such calls went well.
    pub fn after(self, calls: u32) -> Self {
        Self { after: calls, ..self }
    }

    /// The call takes effect nevertheless.
    pub fn taking_effect(self) -> Self {
        Self { takes_effect: true, ..self }
    }

    pub(super) fn due(&mut self, call: Call) -> Option<Disturbance> {
        if self.on.is_some_and(|on| on != call) || self.times == Some(0) {
            return None;
        }
        if self.after > 0 {
            self.after -= 1;
            return None;
        }
        if let Some(times) = &mut self.times {
            *times -= 1;
        }
        Some(self.clone())
    }
}
