//! `punchd people`: who is known, and importing them from a spreadsheet.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use punchd_contract::Text;
use serde_json::{Value, json};

use super::exit::Exit;
use super::failure::Failure;
use super::place::{Place, converse};
use super::screen::Screen;
use super::table::Table;
use crate::agent::{Import, Imported, known_to_roster, person_of_row};
use crate::attendance::people::{self, Difference, PersonEntry, PersonRow};
use crate::attendance::roster_csv::{Defect, Known, MAX_BYTES, Roster, Severity};
use crate::journal::{JournalError, OrganisationId};

/// People that are named in a list of changes; the rest is counted.
const NAMED: usize = 20;

#[derive(Debug, Args)]
pub struct People {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Import people from a CSV file; shows what changes, and imports nothing if the file has a mistake
    Import(Csv),
}

#[derive(Debug, Args)]
struct Csv {
    /// The file, as a spreadsheet saves it (UTF-8 or GB18030); - is standard input
    file: PathBuf,
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
    /// Whose people they are, where rows do not say so
    #[arg(long, value_name = "NAME")]
    organisation: Option<String>,
}

/// Carries it out.
pub fn people(people: People, place: &Place, screen: &mut Screen) -> Result<Exit, Failure> {
    match people.command {
        None => list(place, screen),
        Some(Command::Import(csv)) => import(&csv, place, screen),
    }
}

fn list(place: &Place, screen: &mut Screen) -> Result<Exit, Failure> {
    let sql = place.journal()?;
    let mut select = sql.prepare("SELECT organisation, name FROM organisation WHERE active = 1 ORDER BY name")?;
    let organisations: Vec<(OrganisationId, String)> =
        select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let mut everyone: Vec<(&str, PersonRow)> = Vec::new();
    for (organisation, name) in &organisations {
        everyone.extend(people::list(&sql, *organisation)?.into_iter().map(|person| (name.as_str(), person)));
    }
    if screen.json {
        let all: Vec<Value> =
            everyone.iter().map(|(organisation, person)| json_of(organisation, &person.entry)).collect();
        screen.value(&all)?;
        return Ok(Exit::Done);
    }
    let mut headings = vec![
        screen.word("userid", "账号"),
        screen.word("name", "姓名"),
        screen.word("department", "部门"),
        screen.word("credentials", "凭证"),
        screen.word("!left on", "!离职"),
    ];
    let several = organisations.len() > 1;
    if several {
        headings.push(screen.word("organisation", "企业"));
    }
    let mut table = Table::new(&headings);
    for (organisation, PersonRow { entry, .. }) in &everyone {
        let credentials: Vec<String> =
            entry.credentials.iter().map(|(kind, value)| format!("{kind} {value}")).collect();
        let mut row = vec![
            entry.userid.to_string(),
            entry.name.clone(),
            entry.department.clone(),
            credentials.join(", "),
            entry.left_on.map(|day| day.to_string()).unwrap_or_default(),
        ];
        if several {
            row.push((*organisation).to_owned());
        }
        table.row(row);
    }
    if table.is_empty() {
        screen.say(
            "Nobody is known. Import people: punchd people import FILE.csv",
            "还没有人员。请导入：punchd people import 文件.csv",
        );
    } else {
        screen.table(&table);
    }
    Ok(Exit::Done)
}

fn json_of(organisation: &str, entry: &PersonEntry) -> Value {
    let credentials: Vec<Value> =
        entry.credentials.iter().map(|(kind, value)| json!({ "kind": kind, "value": value })).collect();
    json!({
        "organisation": organisation, "userid": entry.userid, "name": entry.name, "department": entry.department,
        "left_on": entry.left_on, "credentials": credentials,
    })
}

fn import(csv: &Csv, place: &Place, screen: &mut Screen) -> Result<Exit, Failure> {
    let bytes = read(&csv.file, |most| place.input(&csv.file, most))?;
    let sql = place.journal()?;
    let mut known: Known = known_to_roster(&sql)?;
    if let Some(organisation) = &csv.organisation {
        known.organisations.retain(|name| name == organisation);
        if known.organisations.is_empty() {
            return Err(Failure::new(
                Exit::Usage,
                format!("no organisation is called {organisation:?}: see `punchd check`"),
                format!("没有名为 {organisation:?} 的企业，请查看 `punchd check`"),
            ));
        }
    }
    let roster = Roster::read(&bytes, &known);
    if !screen.json {
        for defect in &roster.defects {
            show_defect(defect, screen);
        }
    }
    let Some(rows) = roster.rows() else {
        if screen.json {
            screen.value(&json!({ "imported": false, "defects": defects(&roster) }))?;
        }
        screen_says_nothing_imported(screen);
        return Ok(Exit::Negative);
    };
    let listed: Vec<(Option<String>, PersonEntry)> = rows
        .iter()
        .map(person_of_row)
        .map(|(organisation, entry)| (organisation.or_else(|| csv.organisation.clone()), entry))
        .collect();
    let difference = difference(&sql, &listed)?;
    drop(sql);
    if !screen.json {
        show_difference(&difference, screen);
    }
    if csv.dry_run {
        match screen.json {
            true => {
                screen.value(&json!({ "imported": false, "defects": defects(&roster), "difference": difference }))?
            }
            false => screen.say("Nothing was imported (--dry-run).", "未导入（--dry-run）。"),
        }
        return Ok(Exit::Done);
    }
    let import = Import { people: listed, dry_run: false };
    let own = async |operations: &crate::agent::Operations| operations.import(import.clone()).await;
    let imported: Imported = converse(place.change("/v1/people", &import, own))?;
    if screen.json {
        screen.value(&json!({
            "imported": true, "defects": defects(&roster), "difference": imported.differences, "settled": imported.settled,
        }))?;
    } else {
        let (count, settled) = (import.people.len(), imported.settled);
        screen.say(
            format!("Imported {count} people; {settled} readings that were open found their person."),
            format!("已导入 {count} 人；{settled} 条未定记录已找到对应人员。"),
        );
    }
    Ok(Exit::Done)
}

fn screen_says_nothing_imported(screen: &mut Screen) {
    if !screen.json {
        screen.say("Nothing was imported: correct the errors first.", "未导入任何内容：请先改正错误。");
    }
}

impl People {
    /// The file that is to be read.
    pub fn file(&self) -> Option<&Path> {
        match &self.command {
            Some(Command::Import(csv)) => Some(&csv.file),
            None => None,
        }
    }
}

/// The bytes of the people file, by `take`, which takes at most so many.
pub fn read(path: &Path, take: impl FnOnce(u64) -> std::io::Result<Vec<u8>>) -> Result<Vec<u8>, Failure> {
    let cannot = |error: std::io::Error| {
        let exit = if error.kind() == std::io::ErrorKind::PermissionDenied { Exit::NoPermission } else { Exit::Usage };
        let path = path.display();
        Failure::new(exit, format!("cannot read {path}: {error}"), format!("无法读取 {path}：{error}"))
    };
    // One more than is taken, so that a longer file shows.
    take(MAX_BYTES as u64 + 1).map_err(cannot)
}

type Differences = std::collections::BTreeMap<String, Difference>;

/// What an import would change, by organisation; the only one has an empty name, as in [`Imported`].
fn difference(
    sql: &rusqlite::Connection,
    listed: &[(Option<String>, PersonEntry)],
) -> Result<Differences, JournalError> {
    let mut by_organisation: std::collections::BTreeMap<&str, Vec<PersonEntry>> = std::collections::BTreeMap::new();
    for (organisation, entry) in listed {
        by_organisation.entry(organisation.as_deref().unwrap_or_default()).or_default().push(entry.clone());
    }
    let mut differences = Differences::new();
    for (name, entries) in by_organisation {
        let organisation = people::organisation(sql, Some(name).filter(|name| !name.is_empty()))?;
        differences.insert(name.to_owned(), people::import(sql, organisation, &entries, false)?);
    }
    Ok(differences)
}

fn defects(roster: &Roster) -> Vec<Value> {
    let one = |defect: &Defect| {
        json!({
            "row": defect.row, "column": defect.column, "severity": severity(defect.severity).en,
            "en": defect.text.en, "zh": defect.text.zh,
        })
    };
    roster.defects.iter().map(one).collect()
}

fn severity(severity: Severity) -> Text {
    match severity {
        Severity::Note => Text::new("note", "说明"),
        Severity::Warning => Text::new("warning", "注意"),
        Severity::Error => Text::new("error", "错误"),
    }
}

fn show_defect(defect: &Defect, screen: &mut Screen) {
    let (row, severity) = (defect.row, severity(defect.severity));
    let column = |before: &str| defect.column.as_ref().map(|column| format!("{before}{column}")).unwrap_or_default();
    screen.say(
        format!("row {row}{}: {}: {}", column(", "), severity.en, defect.text.en),
        format!("第 {row} 行{}：{}：{}", column("，"), severity.zh, defect.text.zh),
    );
}

fn show_difference(differences: &Differences, screen: &mut Screen) {
    for (organisation, difference) in differences {
        if !organisation.is_empty() {
            screen.say(format!("Organisation {organisation}:"), format!("企业 {organisation}："));
        }
        let Difference { added, changed, moved, absent, unchanged } = difference;
        let (new, other, gone) = (added.len(), changed.len(), absent.len());
        screen.say(
            format!(
                "New {new}, changed {other}, the same {unchanged}; {gone} known people are not in the file and stay."
            ),
            format!("新增 {new}，变更 {other}，相同 {unchanged}；另有 {gone} 名已知人员不在文件中，予以保留。"),
        );
        let new = added.iter().map(|userid| (format!("  + {userid}"), format!("  + {userid}")));
        let other =
            changed.iter().map(|(userid, what)| (format!("  ~ {userid}: {what}"), format!("  ~ {userid}：{what}")));
        let moved = moved.iter().map(|(value, from, to)| {
            (format!("  ! {value} moves from {from} to {to}"), format!("  ! {value} 由 {from} 改属 {to}"))
        });
        let lines: Vec<(String, String)> = moved.chain(other).chain(new).collect();
        for (en, zh) in lines.iter().take(NAMED) {
            screen.say(en, zh);
        }
        if let Some(more @ 1..) = lines.len().checked_sub(NAMED) {
            screen.say(
                format!("  … and {more} more (all of them: --json)"),
                format!("  ……另有 {more} 项（全部：--json）"),
            );
        }
    }
}
