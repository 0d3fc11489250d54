//! The disk as SQLite sees it: a VFS named `faulty`, under which every folder has a disk of its own.
#![allow(unsafe_code)]

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use rusqlite::ffi;

use super::model::Disk;

/// The name to open connections with.
pub const NAME: &str = "faulty";

static DISKS: Mutex<BTreeMap<PathBuf, Arc<Disk>>> = Mutex::new(BTreeMap::new());

/// Files in this folder lie on this disk from now on; whoever has one open keeps the old disk.
pub fn plug(folder: &Path, disk: &Arc<Disk>) {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(register);
    DISKS.lock().unwrap().insert(folder.to_owned(), disk.clone());
}

/// What SQLite allocates for a file.
#[repr(C)]
struct Handle {
    base: ffi::sqlite3_file,
    open: *mut Open,
}

struct Open {
    disk: Arc<Disk>,
    inode: u64,
    /// Who it is towards locks.
    who: u64,
    read_only: bool,
    /// The first sync of a new log or journal is one of its directory, too.
    sync_directory: bool,
}

/// What a file method works on.
///
/// # Safety
/// `file` is a file that [`open`] has opened and [`close`] has not closed, used by one thread at a time: SQLite promises both.
unsafe fn opened<'a>(file: *mut ffi::sqlite3_file) -> &'a mut Open {
    // SAFETY: `open` stored a Box there, and the caller promises that it is still there and not in use.
    unsafe { &mut *(*file.cast::<Handle>()).open }
}

fn code(outcome: Result<(), i32>) -> c_int {
    outcome.err().unwrap_or(ffi::SQLITE_OK)
}

/// The disk and the name of a path; a file without a name lies in memory of its own, which never fails.
fn place(path: Option<&CStr>) -> Result<(Arc<Disk>, String), i32> {
    let Some(path) = path else { return Ok((Disk::new(), "temporary".into())) };
    let path = Path::new(path.to_str().map_err(|_| ffi::SQLITE_CANTOPEN)?);
    let folder = path.parent().ok_or(ffi::SQLITE_CANTOPEN)?;
    let disk = DISKS.lock().unwrap().get(folder).cloned().ok_or(ffi::SQLITE_CANTOPEN)?;
    let name = path.file_name().and_then(|name| name.to_str()).ok_or(ffi::SQLITE_CANTOPEN)?;
    Ok((disk, name.to_owned()))
}

/// # Safety
/// `name` is null or a C string that outlives the use of the answer.
unsafe fn text<'a>(name: *const c_char) -> Option<&'a CStr> {
    // SAFETY: the caller promises a C string where it is not null.
    (!name.is_null()).then(|| unsafe { CStr::from_ptr(name) })
}

unsafe extern "C" fn open(
    _vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives szOsFile bytes at `file`; without methods it will not call close after an error.
    unsafe { (*file).pMethods = std::ptr::null() };
    // SAFETY: `name` is null or SQLite's own copy of the path, which outlives the call.
    let name = unsafe { text(name) };
    let create = flags & ffi::SQLITE_OPEN_CREATE != 0 || name.is_none();
    let found = place(name).and_then(|(disk, name)| Ok((disk.open(&name, create)?, disk)));
    let (inode, disk) = match found {
        Ok(found) => found,
        Err(code) => return code,
    };
    let journal = ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL;
    let open = Box::new(Open {
        who: disk.number(),
        disk,
        inode,
        read_only: flags & ffi::SQLITE_OPEN_READONLY != 0,
        sync_directory: create && flags & journal != 0,
    });
    let handle = Handle { base: ffi::sqlite3_file { pMethods: &METHODS }, open: Box::into_raw(open) };
    // SAFETY: as above, `file` has room for a Handle, and `out_flags` is null or valid.
    unsafe {
        file.cast::<Handle>().write(handle);
        if !out_flags.is_null() {
            *out_flags = flags;
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: SQLite closes an open file once and does not use it afterwards.
    let open = unsafe { Box::from_raw((*file.cast::<Handle>()).open) };
    open.disk.let_go(open.inode, |inode| inode.locks.leave(open.who));
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    into: *mut c_void,
    amount: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: the file is open, and SQLite gives a buffer of `amount` bytes.
    let (open, into) = unsafe { (opened(file), std::slice::from_raw_parts_mut(into.cast::<u8>(), amount as usize)) };
    match open.disk.read(open.inode, at as usize, into) {
        Ok(length) if length == into.len() => ffi::SQLITE_OK,
        Ok(length) => {
            into[length..].fill(0);
            ffi::SQLITE_IOERR_SHORT_READ
        }
        Err(code) => code,
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    amount: c_int,
    at: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: the file is open, and SQLite gives `amount` bytes.
    let (open, from) = unsafe { (opened(file), std::slice::from_raw_parts(from.cast::<u8>(), amount as usize)) };
    code(open.disk.write(open.inode, at as usize, from))
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: ffi::sqlite3_int64) -> c_int {
    // SAFETY: the file is open.
    let open = unsafe { opened(file) };
    code(open.disk.truncate(open.inode, size as usize))
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    // SAFETY: the file is open.
    let open = unsafe { opened(file) };
    let synced = open.disk.sync(open.inode, open.sync_directory);
    open.sync_directory &= synced.is_err();
    code(synced)
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut ffi::sqlite3_int64) -> c_int {
    // SAFETY: the file is open.
    let open = unsafe { opened(file) };
    code(open.disk.size(open.inode).map(|length| {
        // SAFETY: SQLite gives a place for the answer.
        unsafe { *size = length as i64 };
    }))
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: the file is open.
    let open = unsafe { opened(file) };
    if open.read_only && level > ffi::SQLITE_LOCK_SHARED {
        // As Unix has it: no lock for writing on what was opened for reading.
        return ffi::SQLITE_IOERR_LOCK;
    }
    code(open.disk.with_inode(open.inode, ffi::SQLITE_IOERR_LOCK, |inode| inode.locks.take(open.who, level)))
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: the file is open.
    let open = unsafe { opened(file) };
    open.disk.let_go(open.inode, |inode| inode.locks.lower(open.who, level));
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved(file: *mut ffi::sqlite3_file, answer: *mut c_int) -> c_int {
    // SAFETY: the file is open.
    let open = unsafe { opened(file) };
    let reserved = open.disk.let_go(open.inode, |inode| inode.locks.reserved());
    // SAFETY: SQLite gives a place for the answer.
    unsafe { *answer = c_int::from(reserved) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_control(_: *mut ffi::sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    4096
}

/// As SQLite's Unix layer says: bytes next to a write that is torn stay as they were.
unsafe extern "C" fn characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn shared_map(
    file: *mut ffi::sqlite3_file,
    region: c_int,
    size: c_int,
    extend: c_int,
    answer: *mut *mut c_void,
) -> c_int {
    // SAFETY: the file is open.
    let open = unsafe { opened(file) };
    code(open.disk.with_inode(open.inode, ffi::SQLITE_IOERR_SHMMAP, |inode| {
        let memory = inode.shared.region(open.who, region as usize, size as usize, extend != 0);
        // SAFETY: SQLite gives a place for the answer. The memory stays until the last connection has left it; it
        // consists of atomics, so that connections may change it side by side.
        unsafe { *answer = memory.map_or(std::ptr::null_mut(), |memory| memory.cast_mut().cast()) };
        Ok(())
    }))
}

unsafe extern "C" fn shared_lock(file: *mut ffi::sqlite3_file, first: c_int, count: c_int, flags: c_int) -> c_int {
    // SAFETY: the file is open.
    let open = unsafe { opened(file) };
    let mask = (((1_u32 << count) - 1) << first) as u16;
    if flags & ffi::SQLITE_SHM_UNLOCK != 0 {
        open.disk.let_go(open.inode, |inode| inode.shared.unlock(open.who, mask));
        return ffi::SQLITE_OK;
    }
    let alone = flags & ffi::SQLITE_SHM_EXCLUSIVE != 0;
    code(open.disk.with_inode(open.inode, ffi::SQLITE_IOERR_SHMLOCK, |inode| inode.shared.lock(open.who, mask, alone)))
}

unsafe extern "C" fn shared_barrier(_: *mut ffi::sqlite3_file) {
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
}

unsafe extern "C" fn shared_unmap(file: *mut ffi::sqlite3_file, _delete: c_int) -> c_int {
    // SAFETY: the file is open.
    let open = unsafe { opened(file) };
    open.disk.let_go(open.inode, |inode| {
        if inode.shared.leave(open.who) {
            inode.shared = Default::default();
        }
    });
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, name: *const c_char, sync_directory: c_int) -> c_int {
    // SAFETY: SQLite gives the path as a C string.
    let name = unsafe { text(name) };
    code(place(name).and_then(|(disk, name)| disk.delete(&name, sync_directory != 0)))
}

unsafe extern "C" fn access(_: *mut ffi::sqlite3_vfs, name: *const c_char, _: c_int, answer: *mut c_int) -> c_int {
    // SAFETY: SQLite gives the path as a C string.
    let name = unsafe { text(name) };
    code(place(name).and_then(|(disk, name)| disk.has(&name)).map(|there| {
        // SAFETY: SQLite gives a place for the answer.
        unsafe { *answer = c_int::from(there) };
    }))
}

unsafe extern "C" fn full_path(_: *mut ffi::sqlite3_vfs, name: *const c_char, room: c_int, out: *mut c_char) -> c_int {
    // SAFETY: SQLite gives the path as a C string.
    let Some(name) = (unsafe { text(name) }) else { return ffi::SQLITE_CANTOPEN };
    let bytes = name.to_bytes_with_nul();
    if bytes.len() > room as usize {
        return ffi::SQLITE_CANTOPEN;
    }
    // SAFETY: there is room for `room` bytes at `out`, and the path is not longer.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr().cast(), out, bytes.len()) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn randomness(_: *mut ffi::sqlite3_vfs, amount: c_int, out: *mut c_char) -> c_int {
    // SAFETY: SQLite gives a buffer of `amount` bytes.
    fastrand::fill(unsafe { std::slice::from_raw_parts_mut(out.cast(), amount as usize) });
    amount
}

unsafe extern "C" fn sleep(_: *mut ffi::sqlite3_vfs, micros: c_int) -> c_int {
    std::thread::sleep(Duration::from_micros(micros as u64));
    micros
}

/// No statement of the journal asks SQLite for the time.
unsafe extern "C" fn current_time(_: *mut ffi::sqlite3_vfs, answer: *mut f64) -> c_int {
    // SAFETY: SQLite gives a place for the answer.
    unsafe { *answer = 2_461_000.5 };
    ffi::SQLITE_OK
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(characteristics),
    xShmMap: Some(shared_map),
    xShmLock: Some(shared_lock),
    xShmBarrier: Some(shared_barrier),
    xShmUnmap: Some(shared_unmap),
    xFetch: None,
    xUnfetch: None,
};

fn register() {
    // As long as the process lives: SQLite keeps the pointer.
    let name: &'static CStr = c"faulty";
    let vfs = Box::leak(Box::new(ffi::sqlite3_vfs {
        iVersion: 1,
        szOsFile: size_of::<Handle>() as c_int,
        mxPathname: 512,
        pNext: std::ptr::null_mut(),
        zName: name.as_ptr(),
        pAppData: std::ptr::null_mut(),
        xOpen: Some(open),
        xDelete: Some(delete),
        xAccess: Some(access),
        xFullPathname: Some(full_path),
        xDlOpen: None,
        xDlError: None,
        xDlSym: None,
        xDlClose: None,
        xRandomness: Some(randomness),
        xSleep: Some(sleep),
        xCurrentTime: Some(current_time),
        xGetLastError: None,
        xCurrentTimeInt64: None,
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    }));
    // SAFETY: the structure lives for ever and all its functions keep SQLite's promises about a VFS.
    assert_eq!(unsafe { ffi::sqlite3_vfs_register(vfs, 0) }, ffi::SQLITE_OK);
}
