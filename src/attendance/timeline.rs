//! What the journal proves about when something was, where nothing dates it: boots follow each other.
//!
//! A boot that ended without learning the time began after the last moment of the boot before it, and its last moment was before
//! the beginning of the boot after it. Inside a boot, boot time tells the differences exactly. Anchors tie some boots to true
//! time; from those the bounds of the others follow, each boot in between taking at least as long as the journal saw it run.

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use crate::clock::{Anchor, AnchorSource, BootId, BootNanos, EARLIEST, UnixMillis};
use crate::journal::{JournalError, Seq, anchors};

/// Between what times something was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// Not before.
    pub not_before_ms: i64,
    /// Not after; `None` where nothing that came later has a true time.
    pub not_after_ms: Option<i64>,
}

impl Bounds {
    /// Whether a second touches them.
    pub fn allow(&self, time_s: i64) -> bool {
        let (first, last) = (time_s.saturating_mul(1000), time_s.saturating_mul(1000).saturating_add(999));
        last >= self.not_before_ms && self.not_after_ms.is_none_or(|not_after| first <= not_after)
    }
}

/// A moment of a boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The boot's row in the journal.
    pub boot: i64,
    /// The boot as the kernel names it.
    pub boot_id: BootId,
    /// Since it began.
    pub boottime: BootNanos,
}

impl Moment {
    /// The moment of a reading.
    pub fn of_reading(sql: &Connection, seq: Seq) -> Result<Option<Self>, JournalError> {
        let mut select = sql
            .prepare_cached("SELECT boot, kernel_id, boottime_ns FROM reading JOIN boot USING (boot) WHERE seq = ?1")?;
        let found = select.query_map([seq], |row| {
            Ok(Self { boot: row.get(0)?, boot_id: BootId(row.get(1)?), boottime: BootNanos(row.get(2)?) })
        })?;
        Ok(found.into_iter().next().transpose()?)
    }
}

/// When every boot of the journal began, as far as it is proven.
#[derive(Debug)]
pub struct Timeline(BTreeMap<i64, Boot>);

/// A boot: how long it ran at least, and between what times it began. Milliseconds.
#[derive(Clone, Copy, Debug)]
struct Boot {
    ran: i64,
    began_after: i64,
    began_before: Option<i64>,
}

impl Timeline {
    /// Loads it. `now`, where the time is known, is after everything.
    pub fn load(sql: &Connection, now: Option<UnixMillis>) -> Result<Self, JournalError> {
        let mut boots = BTreeMap::new();
        let mut select = sql.prepare(
            "SELECT boot, max(ns) FROM (
               SELECT boot, first_boottime_ns AS ns FROM boot UNION ALL SELECT boot, max(boottime_ns) FROM reading GROUP BY boot
               UNION ALL SELECT boot, max(boottime_ns) FROM contact GROUP BY boot
               UNION ALL SELECT boot, max(boottime_ns) FROM anchor GROUP BY boot
               UNION ALL SELECT boot, max(boottime_ns) FROM clock_step GROUP BY boot) GROUP BY boot",
        )?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let ran = ms(BootNanos(row.get(1)?));
            boots.insert(row.get(0)?, Boot { ran, began_after: EARLIEST.0, began_before: None });
        }
        anchors::each(sql, |boot, anchor| {
            // A person's word is no proof.
            if let (Some(boot), true) = (boots.get_mut(&boot), anchor.source != AnchorSource::Person) {
                boot.tie(anchor);
            }
        })?;
        let mut ended = EARLIEST.0;
        for boot in boots.values_mut() {
            boot.began_after = boot.began_after.max(ended);
            ended = boot.began_after.saturating_add(boot.ran);
        }
        let mut ends = now.map(|now| now.0);
        for boot in boots.values_mut().rev() {
            let by_next = ends.map(|ends| ends.saturating_sub(boot.ran));
            boot.began_before = [boot.began_before, by_next].into_iter().flatten().min();
            ends = boot.began_before;
        }
        Ok(Self(boots))
    }

    /// What is proven of a moment of a boot, by the boot's row.
    pub fn bounds(&self, boot: i64, moment: BootNanos) -> Option<Bounds> {
        let (boot, since) = (self.0.get(&boot)?, ms(moment));
        Some(Bounds {
            not_before_ms: boot.began_after.saturating_add(since),
            not_after_ms: boot.began_before.map(|began| began.saturating_add(since)),
        })
    }
}

impl Boot {
    fn tie(&mut self, anchor: &Anchor) {
        let (began, bound) = anchor.date_boottime(BootNanos(0));
        // Upwards: what is said to be proven must hold.
        let bound = i64::try_from(bound.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX);
        self.began_after = self.began_after.max(began.0.saturating_sub(bound));
        let before = began.0.saturating_add(bound);
        self.began_before = Some(self.began_before.map_or(before, |known| known.min(before)));
    }
}

fn ms(boottime: BootNanos) -> i64 {
    boottime.0.div_euclid(1_000_000)
}
