//! Held readings of boots that did not know the time: what the journal proves of each, and how to decide.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::held::HeldRow;
use crate::cli::moments;
use crate::cli::screen::Screen;
use crate::cli::table::Table;

/// Readings of one boot that are listed for people; programs get all.
const LISTED: usize = 50;

/// Shows them boot by boot. `running` is the row of the boot that is running.
pub(super) fn show(rows: &[HeldRow], running: Option<i64>, screen: &mut Screen) {
    let mut boots: BTreeMap<i64, Vec<&HeldRow>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.bounds.is_some()) {
        boots.entry(row.boot).or_default().push(row);
    }
    for (boot, rows) in boots {
        let Some(first) = rows.first() else { continue };
        let (count, zone) = (rows.len(), moments::zone(&first.zone));
        if running == Some(boot) {
            screen.say(
                format!("Of this boot, in which the time is not known yet ({count}); they are dated as soon as it is. Until then the journal proves:"),
                format!("本次开机期间尚无可信时间的记录（{count} 条），校时后会自动确定时间。目前可以证明的范围："),
            );
        } else {
            screen.say(
                format!("Of an earlier boot, which never knew the time ({count}). The journal proves:"),
                format!("之前某次开机期间始终没有可信时间的记录（{count} 条）。可以证明的范围："),
            );
        }
        let mut table = Table::new(&[
            screen.word(">seq", ">序号"),
            screen.word("!after the first", "!与首条相隔"),
            screen.word("!not before", "!不早于"),
            screen.word("!not after", "!不晚于"),
        ]);
        for row in rows.iter().take(LISTED) {
            table.row(cells(row, first, &zone));
        }
        screen.table(&table);
        if let Some(more @ 1..) = count.checked_sub(LISTED) {
            screen.say(format!("… and {more} more (all of them: --json)"), format!("……另有 {more} 条（全部：--json）"));
        }
        screen.say(
            "If somebody knows when one of them was, say so; the others follow by their differences:",
            "如有人知道其中一条的准确时间，请告知；其余按相隔时间推算：",
        );
        screen.line(&format!("  punchd punches decide {} --at TIME --whole-boot --reason WORDS", first.seq));
    }
}

fn cells(row: &HeldRow, first: &HeldRow, zone: &TimeZone) -> [String; 4] {
    let at = |ms: i64| moments::at(ms.div_euclid(1000), zone);
    let apart_s = row.since_boot_ms.saturating_sub(first.since_boot_ms).div_euclid(1000);
    let (h, min, s) = (apart_s / 3600, apart_s / 60 % 60, apart_s % 60);
    [
        row.seq.to_string(),
        format!("{h}:{min:02}:{s:02}"),
        row.bounds.map_or_else(String::new, |bounds| at(bounds.not_before_ms)),
        row.bounds.and_then(|bounds| bounds.not_after_ms).map_or_else(|| "–".to_owned(), at),
    ]
}
