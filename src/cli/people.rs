//! `punchd people`: who is known, and importing them from a spreadsheet.

mod sources;

use std::collections::HashMap;
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
use crate::attendance::people::{self, Contested, Difference, Differing, PersonEntry, PersonRow, Said, Source};
use crate::attendance::roster_csv::{Defect, Known, MAX_BYTES, Roster, Severity};
use crate::journal::{JournalError, OrganisationId, PersonId};

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
    /// Show a person, and which source says what of them
    Show(Show),
    /// List punches that had left the house when their credential turned out to be somebody else's
    Corrections,
}

#[derive(Debug, Args)]
struct Show {
    /// The userid or the name
    person: String,
}

#[derive(Debug, Args)]
struct Csv {
    /// The file, as a spreadsheet saves it (UTF-8 or GB18030); - is standard input
    file: PathBuf,
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
    /// Also if many people lose something by it, such as their cards
    #[arg(long)]
    yes: bool,
    /// Whose people they are, where rows do not say so
    #[arg(long, value_name = "NAME")]
    organisation: Option<String>,
}

/// Carries it out.
pub fn people(people: People, place: &Place, screen: &mut Screen) -> Result<Exit, Failure> {
    match people.command {
        None => list(place, screen),
        Some(Command::Import(csv)) => import(&csv, place, screen),
        Some(Command::Show(show)) => sources::show(&show.person, place, screen),
        Some(Command::Corrections) => sources::corrections(place, screen),
    }
}

fn list(place: &Place, screen: &mut Screen) -> Result<Exit, Failure> {
    let sql = place.journal()?;
    let mut select = sql.prepare("SELECT organisation, name FROM organisation WHERE active = 1 ORDER BY name")?;
    let organisations: Vec<(OrganisationId, String)> =
        select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let mut everyone: Vec<(&str, PersonRow)> = Vec::new();
    let mut said: HashMap<PersonId, Vec<Said>> = HashMap::new();
    for (organisation, name) in &organisations {
        everyone.extend(people::list(&sql, *organisation)?.into_iter().map(|person| (name.as_str(), person)));
        said.extend(people::said(&sql, *organisation)?);
    }
    if screen.json {
        let none = Vec::new();
        let of = |person: &PersonRow| said.get(&person.person).unwrap_or(&none);
        let all: Vec<Value> =
            everyone.iter().map(|(organisation, person)| json_of(organisation, &person.entry, of(person))).collect();
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

fn json_of(organisation: &str, entry: &PersonEntry, said: &[Said]) -> Value {
    let credentials: Vec<Value> =
        entry.credentials.iter().map(|(kind, value)| json!({ "kind": kind, "value": value })).collect();
    json!({
        "organisation": organisation, "userid": entry.userid, "name": entry.name, "department": entry.department,
        "left_on": entry.left_on, "credentials": credentials, "said": said,
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
        .map(|row| person_of_row(row, &roster.contains))
        .map(|(organisation, entry)| (organisation.or_else(|| csv.organisation.clone()), entry))
        .collect();
    let difference = difference(&sql, &listed)?;
    drop(sql);
    if !screen.json {
        show_difference(&difference, screen);
    }
    if !screen.json {
        let told = Imported { differences: difference.clone(), ..Imported::default() };
        for Text { en, zh } in told.mass_removals() {
            screen.say(format!("Look: {en}."), format!("请留意：{zh}。"));
        }
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
    let import = Import { people: listed, dry_run: false, source: Source::Spreadsheet, confirmed: csv.yes };
    let own = async |operations: &crate::agent::Operations| operations.import(import.clone()).await;
    let imported: Imported = converse(place.change("/v1/people", &import, own))?;
    if screen.json {
        screen.value(&json!({
            "imported": imported.applied, "defects": defects(&roster), "difference": imported.differences,
            "settled": imported.settled, "credited_again": imported.credited_again, "to_correct": imported.to_correct,
        }))?;
        return Ok(if imported.applied { Exit::Done } else { Exit::Negative });
    }
    if !imported.applied {
        screen.say(
            "Nothing was imported: many people would lose something by it. If that is meant, say --yes; if the file just does not have it, remove the column.",
            "未导入：会有很多人失去上述内容。如确需如此请加 --yes；如果只是文件中没有该内容，请删去该列。",
        );
        return Ok(Exit::Negative);
    }
    {
        let (count, settled) = (import.people.len(), imported.settled);
        screen.say(
            format!("Imported {count} people; {settled} readings that were open found their person."),
            format!("已导入 {count} 人；{settled} 条未定记录已找到对应人员。"),
        );
        if imported.credited_again > 0 {
            let n = imported.credited_again;
            screen.say(
                format!("{n} readings that had not left the house are credited to the person to whom they belong now."),
                format!("{n} 条尚未送出的记录已改归现在的所有人。"),
            );
        }
        if imported.to_correct > 0 {
            let n = imported.to_correct;
            screen.say(
                format!("{n} punches had been delivered for the person before: correct them in WeCom, see `punchd people corrections`."),
                format!("{n} 条打卡此前已按原人员送达：请在企业微信中更正，见 `punchd people corrections`。"),
            );
        }
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
            Some(Command::Show(_) | Command::Corrections) | None => None,
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
        differences.insert(name.to_owned(), people::import(sql, organisation, Source::Spreadsheet, &entries, false)?);
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
        let Difference { added, changed, moved, absent, unchanged, contested, differing, .. } = difference;
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
            (
                format!("  ! {value} moves from {from} to {to}, with what has not been delivered; if it was handed on, give {from}'s last day first"),
                format!("  ! {value} 由 {from} 改属 {to}，尚未送达的打卡一并改归；若是转交，请先填写 {from} 的离职日期"),
            )
        });
        let against = contested.iter().map(contradiction).chain(differing.iter().map(differs));
        let lines: Vec<(String, String)> = moved.chain(against).chain(other).chain(new).collect();
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

fn contradiction(contested: &Contested) -> (String, String) {
    let Contested { value, holder, holder_by, claimant, claimant_by } = contested;
    let (by, other) = (holder_by.text(), claimant_by.text());
    (
        format!(
            "  ! {value} is {holder}'s by {} and {claimant}'s by {}: it stays {holder}'s; correct one of them",
            by.en, other.en
        ),
        format!("  ! {value} 按{}属于 {holder}，按{}属于 {claimant}：仍归 {holder}，请更正其一", by.zh, other.zh),
    )
}

fn differs(differing: &Differing) -> (String, String) {
    let Differing { userid, part, holds, holds_by, other, other_by } = differing;
    let (by, against, what) = (holds_by.text(), other_by.text(), part.text());
    (
        format!("  ! {userid}, {}: {holds:?} by {} holds; {} says {other:?}", what.en, by.en, against.en),
        format!("  ! {userid} 的{}：以{}的 {holds:?} 为准，{}为 {other:?}", what.zh, by.zh, against.zh),
    )
}
