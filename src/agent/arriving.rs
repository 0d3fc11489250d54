//! Whether what is recorded arrives: a warning, with the command that helps, for everything that is kept and goes nowhere.

use std::collections::BTreeMap;

use punchd_contract::{Condition, Health, Text};
use rusqlite::Connection;

use super::disk;
use super::status::Counts;
use crate::health::Subject;
use crate::journal::JournalError;

/// How it is, besides what devices and destinations say themselves.
pub(super) fn health(sql: &Connection, counts: &Counts) -> Result<BTreeMap<Subject, Health>, JournalError> {
    let mut states = BTreeMap::from([(Subject::Punches, punches(sql, counts)?)]);
    for (name, punches) in without_destination(sql)? {
        states.insert(Subject::Organisation(name.clone()), nowhere(&name, punches));
    }
    if let Some(health) = disk::health(sql)? {
        states.insert(Subject::Disk, health);
    }
    Ok(states)
}

fn punches(sql: &Connection, counts: &Counts) -> Result<Health, JournalError> {
    let mut said: Vec<Text> = Vec::new();
    let mut remarks: Vec<Text> = Vec::new();
    if counts.unknown > 0 {
        said.push(Text::new(
            format!(
                "{} to nobody who is known: see `punchd punches unknown`, then import people with `punchd people import FILE.csv`.",
                if counts.unknown == 1 { "1 reading belongs".to_owned() } else { format!("{} readings belong", counts.unknown) }
            ),
            format!("{} 条记录找不到对应人员：请运行 `punchd punches unknown` 查看，再用 `punchd people import 文件.csv` 导入人员。", counts.unknown),
        ));
    }
    if counts.held > 0 {
        said.push(Text::new(
            format!(
                "{} held and not delivered: see why with `punchd punches held`, decide with `punchd punches decide`.",
                are(counts.held, "reading")
            ),
            format!(
                "{} 条记录待定，尚未上传：请运行 `punchd punches held` 查看原因，用 `punchd punches decide` 处理。",
                counts.held
            ),
        ));
    }
    if counts.before_start > 0 {
        let text = Text::new(
            format!(
                "{} from before the day from which the device counts: see `punchd punches --state refused`; `count_from` of the device moves that day.",
                are(counts.before_start, "reading")
            ),
            format!(
                "{} 条记录早于设备开始计入考勤的日期：请运行 `punchd punches --state refused` 查看；该日期由设备的 `count_from` 设定。",
                counts.before_start
            ),
        );
        // Who has written the day has decided.
        if somebody_chose_no_start(sql)? { said.push(text) } else { remarks.push(text) }
    }
    let orphans = of_no_destination(sql)?;
    if orphans > 0 {
        said.push(Text::new(
            format!(
                "{} for a destination that is configured no more: put it back under its name, or see `punchd deliveries`.",
                are(orphans, "punch")
            ),
            format!("{orphans} 条打卡的去向已不在配置中：请以原名恢复该去向，或运行 `punchd deliveries` 查看。"),
        ));
    }
    let condition = if said.is_empty() { Condition::Working } else { Condition::Warning };
    if said.is_empty() {
        remarks.insert(
            0,
            Text::new(
                "Every reading has its person and counts or was decided.",
                "每条记录都已找到人员并计入，或已处理。",
            ),
        );
    }
    let all: Vec<Text> = said.into_iter().chain(remarks).collect();
    let join = |part: fn(&Text) -> &str, glue: &str| all.iter().map(part).collect::<Vec<_>>().join(glue);
    Ok(Health { condition, text: Text::new(join(|text| &text.en, " "), join(|text| &text.zh, "")) })
}

fn are(count: i64, what: &str) -> String {
    let plural = if what.ends_with("ch") { "es" } else { "s" };
    if count == 1 { format!("1 {what} is") } else { format!("{count} {what}{plural} are") }
}

fn somebody_chose_no_start(sql: &Connection) -> Result<bool, JournalError> {
    let query = "SELECT EXISTS (SELECT 1 FROM verdict v JOIN reading r USING (seq) JOIN device d USING (device)
                  WHERE v.outcome = 4 AND v.reason LIKE '{\"why\":\"before_start\"%'
                    AND json_extract(d.settings, '$.count_from') IS NULL)";
    Ok(sql.prepare_cached(query)?.query_row([], |row| row.get(0))?)
}

fn of_no_destination(sql: &Connection) -> Result<i64, JournalError> {
    // The index of each state begins with the destination.
    let query =
        "SELECT coalesce(sum((SELECT count(*) FROM delivery w WHERE w.destination = d.destination AND w.state = 0)
                      + (SELECT count(*) FROM delivery w WHERE w.destination = d.destination AND w.state IN (1, 2))
                      + (SELECT count(*) FROM delivery w WHERE w.destination = d.destination AND w.state = 5)), 0)
                   FROM destination d WHERE d.active = 0";
    Ok(sql.prepare_cached(query)?.query_row([], |row| row.get(0))?)
}

/// Organisations that devices serve and that no destination takes punches of, with whether there are punches already.
fn without_destination(sql: &Connection) -> Result<Vec<(String, bool)>, JournalError> {
    let mut select = sql.prepare_cached(
        "SELECT o.name, EXISTS (SELECT 1 FROM verdict v WHERE v.organisation = o.organisation AND v.outcome = 0)
           FROM organisation o
          WHERE o.active = 1
            AND NOT EXISTS (SELECT 1 FROM destination d WHERE d.organisation = o.organisation AND d.active = 1)
            AND EXISTS (SELECT 1 FROM device_organisation s JOIN device d USING (device)
                         WHERE s.organisation = o.organisation AND d.active = 1)
          ORDER BY o.name",
    )?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn nowhere(name: &str, punches: bool) -> Health {
    let (en, zh) = if punches {
        ("Its punches stay", "打卡只保存在")
    } else {
        ("Its punches will stay", "打卡将只保存在")
    };
    Health::warning(Text::new(
        format!(
            "{en} on this gateway: no destination takes them. Add a [[destination]] for organisation {name}, see `punchd check`."
        ),
        format!("{zh}本网关：没有任何去向。请为企业 {name} 添加 [[destination]]，可用 `punchd check` 检查。"),
    ))
}
