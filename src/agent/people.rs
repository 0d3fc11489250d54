//! People: importing what a source says of them, at the start and for operators, and what follows from it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use punchd_contract::{Health, Text};
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

use super::operations::{OperationError, Operations};
use crate::attendance::again::{self, Credited};
use crate::attendance::people::{self, Contains, Correction, Difference, PersonEntry, Source};
use crate::attendance::roster_csv::{Known, Roster, RosterRow};
use crate::config::PersonConfig;
use crate::journal::{JournalError, OrganisationId};

/// The key in `meta` under which the digest of the imported people file stands.
const IMPORTED_FILE: &str = "people_file_digest";
/// The key in `meta` under which stands why the people file was not imported.
const FILE_TROUBLE: &str = "people_file_trouble";
/// Punches that are credited again in one transaction.
const AT_ONCE: usize = 200;

/// People to put into the journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Import {
    /// People by organisation; `None` is the only one.
    pub people: Vec<(Option<String>, PersonEntry)>,
    /// Only tell the difference.
    pub dry_run: bool,
    /// Who says so.
    #[serde(default)]
    pub source: Source,
    /// Also if many people lose something by it.
    #[serde(default)]
    pub confirmed: bool,
}

/// What an import changed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Imported {
    /// What it changed, by organisation; the only one has an empty name.
    pub differences: BTreeMap<String, Difference>,
    /// Whether it was put into effect: not if it was only asked about, or wants to be confirmed.
    #[serde(default)]
    pub applied: bool,
    /// Open readings that found their person.
    pub settled: u64,
    /// Punches that had not left the house and are another person's now.
    #[serde(default)]
    pub credited_again: u64,
    /// Punches that may have arrived and are another person's: to be corrected at the destination.
    #[serde(default)]
    pub to_correct: u64,
}

impl Imported {
    /// What so many people would lose that somebody is to confirm it.
    pub fn mass_removals(&self) -> Vec<Text> {
        let all = self.differences.values().flat_map(|difference| &difference.removed);
        all.filter(|removal| removal.is_mass())
            .map(|removal| {
                let (what, n) = (removal.part.text(), removal.userids.len());
                let some = removal.userids.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
                let more = if n > 5 { ", …" } else { "" };
                Text::new(
                    format!("this removes the {} of {n} people (of {}): {some}{more}", what.en, removal.of),
                    format!("这将删除 {n} 人（共 {} 人）的{}：{some}{more}", removal.of, what.zh),
                )
            })
            .collect()
    }
}

impl Operations {
    /// Imports people, or tells what an import would change.
    pub async fn import(&self, import: Import) -> Result<Imported, OperationError> {
        let Import { people, dry_run, source, confirmed } = import;
        let mut by_organisation: BTreeMap<String, Vec<PersonEntry>> = BTreeMap::new();
        for (organisation, person) in people {
            by_organisation.entry(organisation.unwrap_or_default()).or_default().push(person);
        }
        let now = self.clock.now().time;
        let work = move |sql: &Connection, apply: bool| {
            let mut differences = BTreeMap::new();
            let mut moved: Vec<(OrganisationId, String)> = Vec::new();
            for (name, people) in &by_organisation {
                let organisation = people::organisation(sql, Some(name.as_str()).filter(|name| !name.is_empty()))?;
                let difference = people::import(sql, organisation, source, people, apply)?;
                let folded = |userid: &str| userid.to_ascii_lowercase();
                moved.extend(
                    difference
                        .moved
                        .iter()
                        .map(|(value, from, _)| (organisation, format!("{value}\n{}", folded(from)))),
                );
                differences.insert(name.clone(), difference);
            }
            if apply {
                people::handed_on(sql, now)?;
            }
            Ok((differences, moved))
        };
        let (looking, writing) = (work.clone(), work);
        let (differences, _) = self.journal.read(move |sql| looking(sql, false)).await?;
        let mut imported = Imported { differences, ..Imported::default() };
        if dry_run || (!confirmed && !imported.mass_removals().is_empty()) {
            return Ok(imported);
        }
        let (differences, moved) = self.journal.write(move |write| writing(write.sql(), true)).await?;
        imported.applied = true;
        let changes = differences.values().any(|difference| {
            !(difference.added.is_empty() && difference.changed.is_empty() && difference.moved.is_empty())
        });
        imported.differences = differences;
        for contested in imported.differences.values().flat_map(|difference| &difference.contested) {
            let people::Contested { value, holder, claimant, .. } = contested;
            tracing::warn!(
                value,
                holder,
                claimant,
                "two sources give one credential to two people: it stays where it is"
            );
        }
        if changes || source == Source::Spreadsheet {
            imported.settled = self.people_changed().await?;
            let Credited { again, to_correct } = self.credit_again(moved).await?;
            (imported.credited_again, imported.to_correct) = (again, to_correct);
        }
        Ok(imported)
    }

    /// Gives what has not left the house to whom it belongs by the list as it is now.
    pub(super) async fn credit_again(&self, moved: Vec<(OrganisationId, String)>) -> Result<Credited, JournalError> {
        let suspects = self.journal.read(move |sql| again::suspects(sql, &moved)).await?;
        let mut credited = Credited::default();
        for portion in suspects.chunks(AT_ONCE) {
            let (portion, attendance, now) = (portion.to_vec(), self.attendance.clone(), self.clock.now().time);
            let rows = portion.len();
            let work = move |write: &mut crate::journal::Write<'_>| attendance.credit_again(write, &portion, now);
            let Credited { again, to_correct } = self.journal.write_weighing(rows, work).await?;
            credited.again += again;
            credited.to_correct += to_correct;
        }
        if credited != Credited::default() {
            let Credited { again, to_correct } = credited;
            tracing::warn!(again, to_correct, "punches belong to other people now: `punchd people corrections`");
            self.punched.notify_one();
        }
        Ok(credited)
    }

    /// People of the configuration: the listed ones, and the file if it changed. Trouble with them is told and stops nothing. Answers
    /// how the people list is.
    pub(super) async fn import_configured_people(&self) -> Health {
        let mut told: Vec<Text> = Vec::new();
        let mut listed: Vec<(Option<String>, PersonEntry)> = self.config.people.iter().map(person_of_config).collect();
        // An organisation without a block of its own says nothing any more, either.
        let before = self.journal.read(people_of_config).await.unwrap_or_default();
        let import = Import {
            people: std::mem::take(&mut listed),
            dry_run: false,
            source: Source::Configuration,
            confirmed: true,
        };
        if !(import.people.is_empty() && before.is_empty())
            && let Err(error) = self.import_configuration(import, before).await
        {
            tracing::error!(%error, "the people of the configuration could not be imported");
            told.push(Text::new(
                format!("The people of the configuration could not be imported ({error}): correct the [[person]] blocks, see `punchd check`."),
                format!("配置中的人员未能导入（{error}）：请更正 [[person]] 段，可用 `punchd check` 检查。"),
            ));
        }
        if let Some(path) = self.config.people_file.clone() {
            let trouble = match self.import_file(&path).await {
                Ok(trouble) => trouble,
                Err(error) => Some(Text::new(error.to_string(), error.to_string())),
            };
            if let Some(Text { en, zh }) = &trouble {
                tracing::error!(file = %path.display(), zh, "the people file was not imported; the list stays as it was: {en}");
                let file = path.display();
                told.push(Text::new(
                    format!("The people file {file} was not imported, the list is as it was before: {en}. See its mistakes with `punchd people import {file} --dry-run`."),
                    format!("人员文件 {file} 未导入，名单保持原样：{zh}。请运行 `punchd people import {file} --dry-run` 查看错误。"),
                ));
            }
            if let Err(error) = self.note_file_trouble(trouble).await {
                tracing::warn!(%error, "the trouble with the people file could not be written down");
            }
        }
        if told.is_empty() {
            return Health::working(Text::new("The people list is as configured.", "人员名单与配置一致。"));
        }
        let join = |part: fn(&Text) -> &str, glue: &str| told.iter().map(part).collect::<Vec<_>>().join(glue);
        Health::warning(Text::new(join(|text| &text.en, " "), join(|text| &text.zh, "")))
    }

    /// Organisations of which the configuration said something before are imported too if it says nothing now.
    async fn import_configuration(&self, import: Import, before: Vec<String>) -> Result<(), OperationError> {
        let mut unsaid = false;
        for name in before {
            if import.people.iter().all(|(organisation, _)| organisation.as_deref() != Some(name.as_str())) {
                self.journal
                    .write(move |write| {
                        let organisation = people::organisation(write.sql(), Some(&name))?;
                        people::import(write.sql(), organisation, Source::Configuration, &[], true)
                    })
                    .await?;
                unsaid = true;
            }
        }
        if unsaid {
            self.people_changed().await?;
        }
        if !import.people.is_empty() {
            self.import(import).await?;
        }
        Ok(())
    }

    async fn import_file(&self, path: &Path) -> Result<Option<Text>, OperationError> {
        let owned = path.to_owned();
        let bytes = tokio::task::spawn_blocking(move || fs::read(owned))
            .await
            .map_err(|error| OperationError::Refused(error.to_string()))?
            .map_err(|error| OperationError::Refused(format!("cannot read it: {error}")))?;
        let digest = crate::journal::Digest::of(&bytes).to_string();
        let known = self.journal.read(|sql| meta(sql, IMPORTED_FILE)).await?;
        if known.as_deref() == Some(&digest) {
            return Ok(None);
        }
        let roster = Roster::read(&bytes, &self.known_to_roster().await?);
        let shown = path.display();
        let Some(rows) = roster.rows() else {
            return Ok(Some(Text::new(
                format!(
                    "The people file {shown} has mistakes and was not imported: see them with `punchd people import --dry-run {shown}`."
                ),
                format!("人员文件 {shown} 有错误，未导入：请用 `punchd people import --dry-run {shown}` 查看。"),
            )));
        };
        let people = rows.iter().map(|row| person_of_row(row, &roster.contains)).collect();
        let import = Import { people, dry_run: false, source: Source::Spreadsheet, confirmed: false };
        let imported = self.import(import).await?;
        if !imported.applied {
            let said = imported.mass_removals();
            let join = |part: fn(&Text) -> &str| said.iter().map(part).collect::<Vec<_>>().join("; ");
            return Ok(Some(Text::new(
                format!(
                    "The people file {shown} was not imported: {}. If that is meant, run `punchd people import --yes {shown}`.",
                    join(|text| &text.en)
                ),
                format!(
                    "人员文件 {shown} 未导入：{}。如确需如此，请运行 `punchd people import --yes {shown}`。",
                    join(|text| &text.zh)
                ),
            )));
        }
        tracing::info!(file = %shown, settled = imported.settled, "the people file was imported");
        self.journal
            .write(move |write| {
                write.sql().execute("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", (IMPORTED_FILE, digest))?;
                Ok(())
            })
            .await?;
        Ok(None)
    }

    async fn note_file_trouble(&self, trouble: Option<Text>) -> Result<(), JournalError> {
        let trouble = trouble.and_then(|text| serde_json::to_string(&text).ok());
        let before = self.journal.read(|sql| meta(sql, FILE_TROUBLE)).await?;
        if before == trouble {
            return Ok(());
        }
        self.journal
            .write(move |write| {
                match trouble {
                    Some(trouble) => {
                        write.sql().execute("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", (FILE_TROUBLE, trouble))?
                    }
                    None => write.sql().execute("DELETE FROM meta WHERE key = ?1", [FILE_TROUBLE])?,
                };
                Ok(())
            })
            .await
    }

    /// What the roster's check compares with: ids that terminals have shown, and the organisations.
    pub async fn known_to_roster(&self) -> Result<Known, OperationError> {
        Ok(self.journal.read(known_to_roster).await?)
    }
}

/// Why the people file was not imported at the last start.
pub(super) fn file_trouble(sql: &Connection) -> Result<Option<Text>, JournalError> {
    Ok(meta(sql, FILE_TROUBLE)?.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Credentials that two sources give to two people, in words.
pub(super) fn contradictions(sql: &Connection) -> Result<Vec<Text>, JournalError> {
    let mut select = sql.prepare_cached(
        "SELECT s.value, h.userid, p.userid FROM credential_said s
           JOIN credential c ON c.organisation = s.organisation AND c.kind = s.kind AND c.value = s.value AND c.person <> s.person
           JOIN person h ON h.person = c.person JOIN person p ON p.person = s.person
          WHERE s.current = 1 AND p.left_on IS NULL
            AND EXISTS (SELECT 1 FROM credential_said x WHERE x.organisation = s.organisation AND x.kind = s.kind
                          AND x.value = s.value AND x.person = c.person AND x.current = 1)
          ORDER BY s.value LIMIT 20",
    )?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let rows: Vec<(String, String, String)> = rows.collect::<Result<_, _>>()?;
    let say = |(value, holder, other): (String, String, String)| {
        Text::new(
            format!(
                "{value} is given to {holder} by one source and to {other} by another: it stays {holder}'s until one of them is corrected (`punchd people show {other}`)."
            ),
            format!(
                "{value} 被一个来源分配给 {holder}，被另一个来源分配给 {other}：更正之前仍归 {holder}（`punchd people show {other}`）。"
            ),
        )
    };
    Ok(rows.into_iter().map(say).collect())
}

/// Punches that are to be corrected at their destination.
pub fn corrections(sql: &Connection) -> Result<Vec<Correction>, JournalError> {
    people::corrections(sql)
}

/// Organisations that are served and of which the configuration still says something.
fn people_of_config(sql: &Connection) -> Result<Vec<String>, JournalError> {
    let mut select = sql.prepare(
        "SELECT DISTINCT o.name FROM person_said s JOIN person p USING (person) JOIN organisation o USING (organisation)
          WHERE s.source = 'configuration' AND s.current = 1 AND o.active = 1",
    )?;
    Ok(select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// What the roster's check compares with.
pub fn known_to_roster(sql: &Connection) -> Result<Known, JournalError> {
    let texts = |query: &str| -> Result<Vec<String>, JournalError> {
        let mut select = sql.prepare(query)?;
        Ok(select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
    };
    Ok(Known {
        user_ids: texts("SELECT user_id FROM terminal_user UNION SELECT value FROM credential WHERE kind = 'user_id'")?
            .into_iter()
            .collect(),
        organisations: texts("SELECT name FROM organisation WHERE active = 1 ORDER BY name")?,
    })
}

fn person_of_config(person: &PersonConfig) -> (Option<String>, PersonEntry) {
    let cards = person.cards.iter().map(|card| ("card".to_owned(), card.hex()));
    let ids = person.user_ids.iter().map(|id| ("user_id".to_owned(), id.clone()));
    let codes = person.codes.iter().map(|code| ("token".to_owned(), code.clone()));
    let badges = person.badges.iter().map(|badge| ("badge".to_owned(), badge.clone()));
    let entry = PersonEntry {
        userid: person.userid.clone(),
        name: person.name.clone(),
        department: String::new(),
        left_on: None,
        credentials: ids.chain(cards).chain(codes).chain(badges).collect(),
        contains: person.contains.clone(),
    };
    (Some(person.organisation.to_string()), entry)
}

/// A row of a spreadsheet as a person of the list.
pub fn person_of_row(row: &RosterRow, contains: &Contains) -> (Option<String>, PersonEntry) {
    let cards = row.cards.iter().map(|card| ("card".to_owned(), card.hex()));
    let ids = row.user_ids.iter().map(|id| ("user_id".to_owned(), id.clone()));
    let entry = PersonEntry {
        userid: row.userid.clone(),
        name: row.name.clone().unwrap_or_default(),
        department: row.department.clone().unwrap_or_default(),
        left_on: row.left,
        credentials: ids.chain(cards).collect(),
        contains: contains.clone(),
    };
    (row.organisation.clone(), entry)
}

fn meta(sql: &Connection, key: &str) -> Result<Option<String>, JournalError> {
    Ok(sql.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0)).optional()?)
}
