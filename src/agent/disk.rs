//! How much room the disk under the journal has, and for how long that lasts.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use punchd_contract::{Health, Text};
use rusqlite::Connection;

use crate::journal::JournalError;

const MIB: u64 = 1 << 20;
const DAY_MS: i64 = 86_400_000;
/// Less than this is a fault: a rescue of a damaged journal, or the next log file, fills it.
const FAULT: u64 = 32 * MIB;
/// Less than this wants a look, whatever the journal grows by.
const LITTLE: u64 = 200 * MIB;
/// Room that lasts for less than this wants a look.
const SOON_DAYS: u64 = 30;
/// A journal younger than this says nothing about how it grows.
const YOUNG_DAYS: u64 = 2;

/// The room on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Room {
    /// What may still be written.
    free: u64,
    /// How long that lasts if the journal grows on as it has.
    lasts_days: Option<u64>,
}

/// How the disk under this journal is; `None` for a journal in memory, or where the system does not say.
pub(super) fn health(sql: &Connection) -> Result<Option<Health>, JournalError> {
    let Some(file) = sql.path().filter(|path| !path.is_empty()) else { return Ok(None) };
    let Some(free) = free(Path::new(file)) else { return Ok(None) };
    let bytes: u64 =
        sql.query_row("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", [], |row| {
            Ok(row.get::<_, i64>(0)?.unsigned_abs())
        })?;
    let span: Option<i64> = sql.query_row(
        "SELECT (SELECT wall_ms FROM reading ORDER BY seq DESC LIMIT 1) - (SELECT wall_ms FROM reading ORDER BY seq LIMIT 1)",
        [],
        |row| row.get(0),
    )?;
    let days = span.unwrap_or(0).max(0).unsigned_abs() / DAY_MS.unsigned_abs();
    let lasts_days = (days >= YOUNG_DAYS).then(|| free.checked_div((bytes / days).max(1))).flatten();
    Ok(Some(said(Room { free, lasts_days })))
}

fn said(room: Room) -> Health {
    let free = shown(room.free);
    let lasts = room
        .lasts_days
        .filter(|days| *days < 3650)
        .map(|days| Text::new(format!(", enough for about {days} days"), format!("，约可用 {days} 天")));
    let lasts = lasts.unwrap_or_else(|| Text::new("", ""));
    let help = Text::new(
        "Free some space: `journalctl --vacuum-size=100M`, or shorten [retention].",
        "请清理空间：`journalctl --vacuum-size=100M`，或缩短 [retention]。",
    );
    let text = |en: &str, zh: &str| {
        Text::new(
            format!("{en} {free} is left{}. {}", lasts.en, help.en),
            format!("{zh}剩余 {free}{}。{}", lasts.zh, help.zh),
        )
    };
    if room.free < FAULT {
        return Health::fault(text(
            "The disk is nearly full and no punch is taken once it is:",
            "磁盘即将写满，写满后不再接受打卡：",
        ));
    }
    if room.free < LITTLE || room.lasts_days.is_some_and(|days| days < SOON_DAYS) {
        return Health::warning(text("The disk fills:", "磁盘空间不足："));
    }
    Health::working(Text::new(format!("{free} is free{}.", lasts.en), format!("可用 {free}{}。", lasts.zh)))
}

fn shown(bytes: u64) -> String {
    match bytes / MIB {
        mib @ 0..=9_999 => format!("{mib} MiB"),
        mib => format!("{} GiB", mib / 1024),
    }
}

#[expect(unsafe_code, reason = "no safe way in std to ask for the room on a disk")]
fn free(path: &Path) -> Option<u64> {
    let path = CString::new(path.as_os_str().as_bytes()).ok()?;
    // SAFETY: all fields of the structure are numbers, for which zero is a value.
    let mut room: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: the path ends with a zero, and the kernel writes one structure into one that lives here.
    let asked = unsafe { libc::statvfs(path.as_ptr(), &raw mut room) };
    (asked == 0).then(|| room.f_bavail.saturating_mul(room.f_frsize))
}

#[cfg(test)]
mod tests {
    use punchd_contract::Condition;

    use super::*;

    #[test]
    fn little_room_is_told_before_it_is_none() {
        let of = |free, lasts_days| said(Room { free, lasts_days });
        assert_eq!(of(10 * MIB, None).condition, Condition::Fault);
        assert_eq!(of(100 * MIB, Some(9000)).condition, Condition::Warning);
        assert_eq!(of(900 * MIB, Some(400)).condition, Condition::Working);
        let soon = of(900 * MIB, Some(12));
        assert_eq!(soon.condition, Condition::Warning);
        assert!(soon.text.en.contains("900 MiB is left, enough for about 12 days"), "{}", soon.text.en);
        assert!(soon.text.zh.contains("约可用 12 天"), "{}", soon.text.zh);
    }

    #[test]
    fn the_room_of_a_real_disk_is_found() {
        assert!(free(Path::new("/")).is_some());
        assert_eq!(free(Path::new("/no/such/place")), None);
    }
}
