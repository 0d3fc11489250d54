//! When a badge that is heard counts as a person who came: often enough near, for long enough, and once until it has been away.
//!
//! Signal strength gives "near", not "here" (facts/readers.md D.1): bodies and doors move it by 10 dB and more. So one advertisement proves
//! nothing. A badge *comes* when in `seen_in` of the last `window` seconds it was heard at `near` or better, and stays so (at `near` less
//! `slack`) for `dwell`. It is *away* when it was not heard at that strength for `away`; only then it can come again.
//!
//! Memory is bounded: at most `most` badges are followed, and the one that was heard longest ago makes room.

use std::collections::HashMap;
use std::time::Duration;

/// When a badge counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How strong it must be, in dBm.
    pub near: i16,
    /// By how much less it still is near.
    pub slack: u16,
    /// In how many different seconds it must be heard…
    pub seen_in: u32,
    /// …out of how many: 1 to 60.
    pub window: u32,
    /// For how long it must stay near.
    pub dwell: Duration,
    /// How long it must not be heard before it can come again.
    pub away: Duration,
    /// How many badges are followed at once.
    pub most: usize,
}

/// Who is near.
#[derive(Debug)]
pub struct Presence {
    rules: Rules,
    followed: HashMap<String, Followed>,
    dropped: u64,
}

#[derive(Clone, Copy, Debug)]
struct Followed {
    /// One bit a second, the newest lowest: heard at `near`.
    near: u64,
    /// The same, at `near` less `slack`.
    kept: u64,
    /// The second that the lowest bits stand for.
    second: u64,
    /// When it was heard last at `near` less `slack`.
    last: Duration,
    stage: Stage,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// Heard, not often enough.
    Heard,
    /// Near since then.
    Near(Duration),
    /// Has come.
    Come,
}

impl Presence {
    /// Nobody is there.
    pub fn new(rules: Rules) -> Self {
        Self { rules, followed: HashMap::new(), dropped: 0 }
    }

    /// A badge was heard. Answers whether it comes with this. `now` counts from any fixed moment and never runs back.
    pub fn heard(&mut self, id: &str, rssi: i16, now: Duration) -> bool {
        let rules = self.rules;
        let strong = i32::from(rssi) >= i32::from(rules.near) - i32::from(rules.slack);
        if !strong {
            return false;
        }
        if self.followed.get(id).is_some_and(|one| now.saturating_sub(one.last) >= rules.away) {
            self.followed.remove(id);
        }
        if !self.followed.contains_key(id) {
            self.make_room(now);
        }
        let fresh = Followed { near: 0, kept: 0, second: now.as_secs(), last: now, stage: Stage::Heard };
        let one = self.followed.entry(id.to_owned()).or_insert(fresh);
        one.last = now;
        one.tick(now.as_secs());
        one.kept |= 1;
        one.near |= u64::from(rssi >= rules.near);
        let window = window(rules.window);
        let enough = |bits: u64| (bits & window).count_ones() >= rules.seen_in;
        one.stage = match one.stage {
            Stage::Come => Stage::Come,
            Stage::Near(_) if !enough(one.kept) => Stage::Heard,
            Stage::Heard if enough(one.near) => Stage::Near(now),
            other => other,
        };
        let comes = matches!(one.stage, Stage::Near(since) if now.saturating_sub(since) >= rules.dwell);
        if comes {
            one.stage = Stage::Come;
        }
        comes
    }

    /// What came could not be recorded: it may come again at once, while it is still near.
    pub fn not_recorded(&mut self, id: &str) {
        if let Some(one) = self.followed.get_mut(id) {
            one.stage = Stage::Heard;
        }
    }

    /// Nothing could be heard for this long, up to now: nobody was away by that.
    pub fn deaf_for(&mut self, length: Duration) {
        for one in self.followed.values_mut() {
            one.last += length;
        }
    }

    /// How many badges made room for others since this was asked last. One that was near can then come a second time.
    pub fn dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    /// How many badges are followed.
    pub fn followed(&self) -> usize {
        self.followed.len()
    }

    fn make_room(&mut self, now: Duration) {
        if self.followed.len() < self.rules.most.max(1) {
            return;
        }
        let away = self.rules.away;
        self.followed.retain(|_, one| now.saturating_sub(one.last) < away);
        while self.followed.len() >= self.rules.most.max(1) {
            let oldest = self.followed.iter().min_by_key(|(id, one)| (one.last, id.as_str())).map(|(id, _)| id.clone());
            let Some(oldest) = oldest else { return };
            self.followed.remove(&oldest);
            self.dropped += 1;
        }
    }
}

impl Followed {
    /// Moves the bits to this second.
    fn tick(&mut self, second: u64) {
        let gone = u32::try_from(second.saturating_sub(self.second)).unwrap_or(u32::MAX);
        self.near = self.near.checked_shl(gone).unwrap_or(0);
        self.kept = self.kept.checked_shl(gone).unwrap_or(0);
        self.second = self.second.max(second);
    }
}

fn window(seconds: u32) -> u64 {
    1_u64.checked_shl(seconds).map_or(u64::MAX, |bit| bit - 1)
}

#[cfg(test)]
mod tests;
