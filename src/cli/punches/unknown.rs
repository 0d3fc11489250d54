//! Credentials that nobody is known by, so that somebody can put them into the people list.

use serde::Serialize;

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::moments;
use crate::cli::place::Place;
use crate::cli::screen::Screen;
use crate::cli::table::Table;

#[derive(Debug, Serialize)]
struct Stray {
    device: String,
    credential_kind: String,
    credential: String,
    /// What the terminal itself calls the person.
    terminal_name: Option<String>,
    terminal_card: Option<String>,
    readings: i64,
    first_s: i64,
    last_s: i64,
    zone: String,
}

/// Shows them, the most frequent first.
pub fn unknown(place: &Place, screen: &mut Screen) -> Result<Exit, Failure> {
    let sql = place.journal()?;
    let mut select = sql.prepare(
        "WITH stray AS (
           SELECT DISTINCT r.seq, r.device, r.credential_kind, r.credential,
                  coalesce(v.time_s, r.wall_ms / 1000) AS second
             FROM verdict v JOIN reading r ON r.seq = v.seq WHERE v.outcome = 2)
         SELECT d.name, s.credential_kind, s.credential, u.name, u.card, count(DISTINCT s.seq), min(s.second), max(s.second),
                json_extract(d.settings, '$.zone')
           FROM stray s JOIN device d USING (device)
           LEFT JOIN terminal_user u ON u.device = s.device AND s.credential_kind = 'user_id' AND u.user_id = s.credential
          GROUP BY s.device, s.credential_kind, s.credential ORDER BY 6 DESC, d.name, s.credential",
    )?;
    let rows = select.query_map([], |row| {
        Ok(Stray {
            device: row.get(0)?,
            credential_kind: row.get(1)?,
            credential: row.get(2)?,
            terminal_name: row.get(3)?,
            terminal_card: row.get(4)?,
            readings: row.get(5)?,
            first_s: row.get(6)?,
            last_s: row.get(7)?,
            zone: row.get::<_, Option<String>>(8)?.unwrap_or_default(),
        })
    })?;
    let strays: Vec<Stray> = rows.collect::<Result<_, _>>()?;
    if screen.json {
        screen.value(&strays)?;
        return Ok(Exit::Done);
    }
    if strays.is_empty() {
        screen.say("Every credential belongs to somebody.", "所有凭证都有对应人员。");
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&[
        screen.word("device", "设备"),
        screen.word("credential", "凭证"),
        screen.word("terminal's name", "终端上的姓名"),
        screen.word(">count", ">次数"),
        screen.word("!first", "!首次"),
        screen.word("!last", "!最近"),
    ]);
    for stray in &strays {
        let zone = moments::zone(&stray.zone);
        let day = |second| moments::day(second, &zone).map(|day| day.to_string()).unwrap_or_default();
        table.row([
            stray.device.clone(),
            format!("{} {}", stray.credential_kind, stray.credential),
            stray.terminal_name.clone().unwrap_or_default(),
            stray.readings.to_string(),
            day(stray.first_s),
            day(stray.last_s),
        ]);
    }
    screen.table(&table);
    screen.say(
        "Put them into the people list (punchd people import FILE.csv): what is open is judged again at once.",
        "请把它们加入人员表（punchd people import 文件.csv）：未定的记录会立即重新判定。",
    );
    Ok(Exit::Done)
}
