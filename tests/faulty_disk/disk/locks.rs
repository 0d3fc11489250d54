//! Locks and shared memory between the connections of one process.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use rusqlite::ffi;

/// The five levels of a database file's lock, by SQLite's numbers: none, shared, reserved, pending, exclusive.
#[derive(Debug, Default)]
pub struct FileLocks(BTreeMap<u64, i32>);

impl FileLocks {
    pub fn take(&mut self, who: u64, level: i32) -> Result<(), i32> {
        let mine = self.0.get(&who).copied().unwrap_or(0);
        let highest = self.0.iter().filter(|(other, _)| **other != who).map(|(_, level)| *level).max().unwrap_or(0);
        let possible = match level {
            _ if mine >= level => return Ok(()),
            ffi::SQLITE_LOCK_SHARED => highest < ffi::SQLITE_LOCK_PENDING,
            ffi::SQLITE_LOCK_RESERVED => highest < ffi::SQLITE_LOCK_RESERVED,
            _ => {
                if highest < ffi::SQLITE_LOCK_RESERVED {
                    // Nobody new comes in while the last readers leave.
                    self.0.insert(who, ffi::SQLITE_LOCK_PENDING);
                }
                highest == ffi::SQLITE_LOCK_NONE
            }
        };
        if !possible {
            return Err(ffi::SQLITE_BUSY);
        }
        self.0.insert(who, level);
        Ok(())
    }

    pub fn lower(&mut self, who: u64, level: i32) {
        if let Some(mine) = self.0.get_mut(&who) {
            *mine = level.min(*mine);
        }
    }

    pub fn reserved(&self) -> bool {
        self.0.values().any(|level| *level >= ffi::SQLITE_LOCK_RESERVED)
    }

    pub fn leave(&mut self, who: u64) {
        self.0.remove(&who);
    }
}

/// The memory and the eight locks that the connections of one write-ahead log share.
#[derive(Debug, Default)]
pub struct Shared {
    regions: Vec<Box<[AtomicU64]>>,
    /// Per connection: which locks it holds shared, and which alone.
    holders: BTreeMap<u64, (u16, u16)>,
}

impl Shared {
    /// Where a region lies; `None` if it does not exist and is not to be made.
    pub fn region(&mut self, who: u64, number: usize, bytes: usize, extend: bool) -> Option<*const AtomicU64> {
        self.holders.entry(who).or_default();
        while extend && self.regions.len() <= number {
            self.regions.push((0..bytes.div_ceil(8)).map(|_| AtomicU64::new(0)).collect());
        }
        self.regions.get(number).map(|region| region.as_ptr())
    }

    pub fn lock(&mut self, who: u64, mask: u16, alone: bool) -> Result<(), i32> {
        let taken = self.holders.iter().filter(|(other, _)| **other != who).any(|(_, (shared, exclusive))| {
            let against = if alone { shared | exclusive } else { *exclusive };
            against & mask != 0
        });
        if taken {
            return Err(ffi::SQLITE_BUSY);
        }
        let mine = self.holders.entry(who).or_default();
        if alone {
            mine.1 |= mask
        } else {
            mine.0 |= mask
        }
        Ok(())
    }

    pub fn unlock(&mut self, who: u64, mask: u16) {
        if let Some(mine) = self.holders.get_mut(&who) {
            mine.0 &= !mask;
            mine.1 &= !mask;
        }
    }

    /// `true` if nobody is left and the memory can go.
    pub fn leave(&mut self, who: u64) -> bool {
        self.holders.remove(&who);
        self.holders.is_empty()
    }
}
