//! What was called, how often, and what came of it.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::disturbance::Call;
use super::errcode::Errcode;

/// Batch sizes remembered.
const REMEMBERED: usize = 10_000;

/// The counters since the start, or since everything was forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calls {
    /// Calls of `gettoken`, whatever came of them.
    pub gettoken: u64,
    /// Calls of `add_checkin_record`.
    pub add_checkin_record: u64,
    /// Calls of `getcheckindata`.
    pub getcheckindata: u64,
    /// Calls of anything else.
    pub other: u64,
    /// Calls that took part in a disturbance.
    pub disturbed: u64,
    /// Calls answered with an errcode other than 0, by errcode.
    pub refused: BTreeMap<Errcode, u64>,
    /// Tokens given out, repeated ones not counted.
    pub tokens_issued: u64,
    /// How many records each of the last batches had that could be read.
    pub batch_sizes: VecDeque<u32>,
}

impl Calls {
    /// How often a call came.
    pub fn of(&self, call: Call) -> u64 {
        match call {
            Call::Gettoken => self.gettoken,
            Call::AddCheckinRecord => self.add_checkin_record,
            Call::Getcheckindata => self.getcheckindata,
        }
    }

    /// How many were refused, for whatever reason.
    pub fn refused_in_all(&self) -> u64 {
        self.refused.values().sum()
    }

    pub(super) fn count(&mut self, call: Call) {
        match call {
            Call::Gettoken => self.gettoken += 1,
            Call::AddCheckinRecord => self.add_checkin_record += 1,
            Call::Getcheckindata => self.getcheckindata += 1,
        }
    }

    pub(super) fn answered(&mut self, code: Errcode) {
        if code != Errcode::OK {
            *self.refused.entry(code).or_default() += 1;
        }
    }

    pub(super) fn batch_size(&mut self, records: usize) {
        if self.batch_sizes.len() >= REMEMBERED {
            self.batch_sizes.pop_front();
        }
        self.batch_sizes.push_back(u32::try_from(records).unwrap_or(u32::MAX));
    }
}
