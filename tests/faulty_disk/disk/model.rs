//! The disk: what programs see, what is durable, and what lies between.
//!
//! A file has two contents: the one that reads see, and the durable one. A write changes the first and is noted; a sync of the
//! file applies the notes to the second. Names are apart from files, as in a real file system: making or removing a name
//! is durable only when the directory was synced, which SQLite does with the first sync of a new log or journal and with some
//! removals. A synced file whose name is not durable is lost.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use rusqlite::ffi;

use super::fault::{Fault, Kind, Lasting};
use super::locks::{FileLocks, Shared};

/// What changes a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Write,
    Truncate,
    Sync,
    Create,
    Delete,
}

/// A change of a file that no sync has made durable.
#[derive(Clone, Debug)]
pub enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Truncate(usize),
}

impl Change {
    pub fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Write { at, bytes } => {
                let end = at + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[*at..end].copy_from_slice(bytes);
            }
            Self::Truncate(length) => content.resize(*length, 0),
        }
    }
}

#[derive(Debug, Default)]
pub struct Inode {
    pub now: Vec<u8>,
    pub durable: Vec<u8>,
    pub pending: Vec<Change>,
    pub locks: FileLocks,
    pub shared: Shared,
}

#[derive(Debug, Default)]
pub struct State {
    pub inodes: BTreeMap<u64, Inode>,
    pub names: BTreeMap<String, u64>,
    pub durable_names: BTreeMap<String, u64>,
    /// Names made or removed and not synced, in order.
    pub pending_names: Vec<(String, Option<u64>)>,
    pub last_number: u64,
    pub(super) fault: Option<Fault>,
    pub(super) counted: u64,
    pub(super) hit: Option<Operation>,
    pub(super) after_hit: u64,
    pub(super) powered_off: bool,
    pub(super) stall: bool,
    pub(super) stalled: bool,
}

#[derive(Debug, Default)]
pub struct Disk {
    pub(super) state: Mutex<State>,
    changed: Condvar,
}

type Outcome<T> = Result<T, i32>;

impl Disk {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    pub fn with(state: State) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(state), changed: Condvar::new() })
    }

    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// From now on, counting anew.
    pub fn plan(&self, fault: Fault) {
        let mut state = self.lock();
        (state.fault, state.counted, state.hit, state.after_hit) = (Some(fault), 0, None, 0);
    }

    /// The fault is over: room was made, the device was replaced.
    pub fn repair(&self) {
        self.lock().fault = None;
    }

    pub fn was_hit(&self) -> bool {
        self.first_hit().is_some()
    }

    pub fn first_hit(&self) -> Option<Operation> {
        self.lock().hit
    }

    /// Operations that were tried after the first one that the fault hit.
    pub fn tried_after_the_fault(&self) -> u64 {
        self.lock().after_hit
    }

    /// Syncs do not return until [`Disk::let_syncs_go`].
    pub fn stall_syncs(&self) {
        self.lock().stall = true;
    }

    pub fn let_syncs_go(&self) {
        self.lock().stall = false;
        self.changed.notify_all();
    }

    /// Waits until somebody's sync is stalled; `false` if nobody came.
    pub fn sync_is_stalled(&self) -> bool {
        let bound = Duration::from_secs(20);
        let (state, _) = self.changed.wait_timeout_while(self.lock(), bound, |state| !state.stalled).unwrap();
        state.stalled
    }

    pub fn number(&self) -> u64 {
        let mut state = self.lock();
        state.last_number += 1;
        state.last_number
    }

    /// Finds or makes a file.
    pub fn open(&self, name: &str, create: bool) -> Outcome<u64> {
        let mut state = self.lock();
        state.alive(ffi::SQLITE_CANTOPEN)?;
        if let Some(inode) = state.names.get(name) {
            return Ok(*inode);
        }
        if !create {
            return Err(ffi::SQLITE_CANTOPEN);
        }
        let struck = state.strike(Operation::Create, name);
        if matches!(struck, Some(fault) if fault.kind != Kind::PowerCut) {
            return Err(ffi::SQLITE_CANTOPEN);
        }
        state.last_number += 1;
        let inode = state.last_number;
        state.inodes.insert(inode, Inode::default());
        state.names.insert(name.to_owned(), inode);
        state.pending_names.push((name.to_owned(), Some(inode)));
        struck.map_or(Ok(inode), |_| Err(ffi::SQLITE_CANTOPEN))
    }

    pub fn delete(&self, name: &str, sync_directory: bool) -> Outcome<()> {
        let mut state = self.lock();
        state.alive(ffi::SQLITE_IOERR_DELETE)?;
        if !state.names.contains_key(name) {
            return Err(ffi::SQLITE_IOERR_DELETE_NOENT);
        }
        let struck = state.strike(Operation::Delete, name);
        if struck.is_none_or(|fault| fault.kind == Kind::PowerCut) {
            state.names.remove(name);
            state.pending_names.push((name.to_owned(), None));
        }
        if let Some(fault) = struck {
            return Err(fault.code(Operation::Delete));
        }
        if sync_directory {
            state.sync_names();
        }
        Ok(())
    }

    /// Whether there is a file with something in it: SQLite's Unix layer takes an empty one for none.
    pub fn has(&self, name: &str) -> Outcome<bool> {
        let state = self.lock();
        state.alive(ffi::SQLITE_IOERR_ACCESS)?;
        Ok(state.names.get(name).and_then(|inode| state.inodes.get(inode)).is_some_and(|inode| !inode.now.is_empty()))
    }

    /// How many bytes were read; less than asked at the end of the file.
    pub fn read(&self, inode: u64, at: usize, into: &mut [u8]) -> Outcome<usize> {
        let mut state = self.lock();
        state.alive(ffi::SQLITE_IOERR_READ)?;
        let content = &state.inode(inode).now;
        let there = content.get(at..).unwrap_or_default();
        let length = there.len().min(into.len());
        into[..length].copy_from_slice(&there[..length]);
        Ok(length)
    }

    pub fn write(&self, inode: u64, at: usize, bytes: &[u8]) -> Outcome<()> {
        let whole = Change::Write { at, bytes: bytes.to_vec() };
        let half = Change::Write { at, bytes: bytes[..bytes.len() / 2].to_vec() };
        self.change(inode, Operation::Write, whole, Some(half))
    }

    pub fn truncate(&self, inode: u64, length: usize) -> Outcome<()> {
        self.change(inode, Operation::Truncate, Change::Truncate(length), None)
    }

    /// A full disk takes the first half of a write; a power cut may leave any part of the operation that it interrupts.
    fn change(&self, inode: u64, operation: Operation, whole: Change, half: Option<Change>) -> Outcome<()> {
        let mut state = self.lock();
        state.alive(ffi::SQLITE_IOERR_WRITE)?;
        let name = state.name_of(inode);
        let struck = state.strike(operation, &name);
        let change = match struck.map(|fault| fault.kind) {
            None | Some(Kind::PowerCut) => Some(whole),
            Some(Kind::Full) => half,
            Some(_) => None,
        };
        if let Some(change) = change {
            let inode = state.inode(inode);
            change.apply(&mut inode.now);
            inode.pending.push(change);
        }
        struck.map_or(Ok(()), |fault| Err(fault.code(operation)))
    }

    pub fn sync(&self, inode: u64, directory_too: bool) -> Outcome<()> {
        let mut state = self.lock();
        if state.stall {
            state.stalled = true;
            self.changed.notify_all();
            state = self.changed.wait_while(state, |state| state.stall).unwrap();
            state.stalled = false;
        }
        state.alive(ffi::SQLITE_IOERR_FSYNC)?;
        let name = state.name_of(inode);
        if let Some(fault) = state.strike(Operation::Sync, &name) {
            if fault.kind == Kind::SyncError {
                state.inode(inode).pending.clear();
            }
            return Err(fault.code(Operation::Sync));
        }
        let file = state.inode(inode);
        for change in std::mem::take(&mut file.pending) {
            change.apply(&mut file.durable);
        }
        if directory_too {
            state.sync_names();
        }
        Ok(())
    }

    pub fn size(&self, inode: u64) -> Outcome<usize> {
        let mut state = self.lock();
        state.alive(ffi::SQLITE_IOERR_FSTAT)?;
        Ok(state.inode(inode).now.len())
    }

    /// Works with a file's locks or shared memory; `code` is the answer without power.
    pub fn with_inode<T>(&self, inode: u64, code: i32, work: impl FnOnce(&mut Inode) -> Outcome<T>) -> Outcome<T> {
        let mut state = self.lock();
        state.alive(code)?;
        work(state.inode(inode))
    }

    /// The same, also without power: what a process lets go of is gone in any case.
    pub fn let_go<T>(&self, inode: u64, work: impl FnOnce(&mut Inode) -> T) -> T {
        work(self.lock().inode(inode))
    }
}

impl State {
    fn alive(&self, code: i32) -> Outcome<()> {
        if self.powered_off { Err(code) } else { Ok(()) }
    }

    /// Open files keep their content after their name is gone, so the number of an open file is always known.
    fn inode(&mut self, number: u64) -> &mut Inode {
        self.inodes.get_mut(&number).unwrap()
    }

    fn name_of(&self, number: u64) -> String {
        self.names.iter().find(|(_, inode)| **inode == number).map(|(name, _)| name.clone()).unwrap_or_default()
    }

    fn sync_names(&mut self) {
        for (name, inode) in std::mem::take(&mut self.pending_names) {
            match inode {
                Some(inode) => self.durable_names.insert(name, inode),
                None => self.durable_names.remove(&name),
            };
        }
    }

    fn strike(&mut self, operation: Operation, name: &str) -> Option<Fault> {
        if self.hit.is_some() {
            self.after_hit += 1;
        }
        let fault = self.fault.filter(|fault| fault.counts(operation, name))?;
        self.counted += 1;
        let struck = self.counted == fault.at || (self.counted > fault.at && fault.lasting == Lasting::ForEver);
        if struck {
            self.hit.get_or_insert(operation);
            self.powered_off = fault.kind == Kind::PowerCut;
        }
        struck.then_some(fault)
    }
}
