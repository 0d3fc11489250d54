//! How often may be called: windows that start with the clock's minute or hour, and the ban of an address (facts/wecom-api.md 4.4).

use std::collections::HashMap;
use std::net::IpAddr;

use super::disturbance::Call;
use super::options::Limits;

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
/// Addresses watched for wrong secrets; past that, the oldest counts are forgotten together.
const MAX_ADDRESSES: usize = 10_000;

/// Calls counted in the running period.
#[derive(Debug, Default)]
struct Window {
    period: i64,
    used: u32,
}

impl Window {
    /// Counts one; `false` when that was too many.
    fn take(&mut self, now: i64, length: i64, limit: Option<u32>) -> bool {
        let period = now.div_euclid(length);
        if self.period != period {
            *self = Window { period, used: 0 };
        }
        self.used = self.used.saturating_add(1);
        limit.is_none_or(|limit| self.used <= limit)
    }
}

/// What was called how often.
#[derive(Debug, Default)]
pub(super) struct Rates {
    gettoken: Window,
    add_checkin_record: Window,
    getcheckindata: Window,
    wrong_secrets: HashMap<IpAddr, Window>,
    banned_until: HashMap<IpAddr, i64>,
}

impl Rates {
    /// Counts a call; `false` when it is over the limit, until the minute is over.
    pub(super) fn take(&mut self, call: Call, limits: &Limits, now: i64) -> bool {
        match call {
            Call::Gettoken => self.gettoken.take(now, MINUTE, limits.gettoken),
            Call::AddCheckinRecord => self.add_checkin_record.take(now, MINUTE, limits.add_checkin_record),
            Call::Getcheckindata => self.getcheckindata.take(now, MINUTE, limits.getcheckindata),
        }
    }

    /// Notes a wrong secret.
    pub(super) fn wrong_secret(&mut self, from: IpAddr, limits: &Limits, now: i64) {
        if self.wrong_secrets.len() >= MAX_ADDRESSES {
            self.wrong_secrets.clear();
        }
        if !self.wrong_secrets.entry(from).or_default().take(
            now,
            HOUR,
            limits.wrong_secrets.map(|n| n.saturating_sub(1)),
        ) {
            self.banned_until.retain(|_, until| *until > now);
            self.banned_until.insert(from, now + HOUR);
        }
    }

    /// Whether an address is banned.
    pub(super) fn is_banned(&self, from: IpAddr, now: i64) -> bool {
        self.banned_until.get(&from).is_some_and(|until| *until > now)
    }
}
