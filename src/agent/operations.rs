//! What operators can have done: import people, approve a terminal (and more beside this file). The running agent carries it out for
//! the CLI; with no agent running the CLI does so itself, over the same functions.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use punchd_contract::{DeviceName, Health, SerialNumber, Text};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::attendance::Attendance;
use crate::attendance::people::{self, Difference, PersonEntry, SpeaksFor};
use crate::attendance::roster_csv::{Known, Roster, RosterRow};
use crate::clock::Clock;
use crate::config::{Config, Mistakes};
use crate::intake::registry::DRIVERS;
use crate::journal::{Journal, JournalError, Suspicion};

/// The key in `meta` under which the digest of the imported people file stands.
const IMPORTED_FILE: &str = "people_file_digest";

/// What operations are carried out with.
#[derive(Clone)]
pub struct Operations {
    /// Where everything is kept.
    pub journal: Journal,
    /// Who judges.
    pub attendance: Arc<Attendance>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Told when there is something to deliver.
    pub punched: Arc<Notify>,
    /// Told when modules may have to be brought into line.
    pub fingers_changed: Arc<Notify>,
    /// The configuration.
    pub config: Config,
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// What was asked makes no sense.
    #[error("{0}")]
    Refused(String),
    /// The configuration would not hold with it.
    #[error("the configuration would not be right any more:\n{0}")]
    Config(#[from] Mistakes),
    /// A file cannot be written.
    #[error("cannot write {}: {why}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
}

/// People to put into the journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Import {
    /// People by organisation; `None` is the only one.
    pub people: Vec<(Option<String>, PersonEntry)>,
    /// Only tell the difference.
    pub dry_run: bool,
}

/// What an import changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Imported {
    /// What it changed, by organisation; the only one has an empty name.
    pub differences: BTreeMap<String, Difference>,
    /// Open readings that found their person.
    pub settled: u64,
}

/// A terminal that knocked and is to be let in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Approval {
    /// What it calls itself.
    pub serial: SerialNumber,
    /// What the operator calls it.
    pub name: DeviceName,
}

impl Operations {
    /// Imports people, or tells what an import would change.
    pub async fn import(&self, import: Import) -> Result<Imported, OperationError> {
        let dry_run = import.dry_run;
        let mut by_organisation: BTreeMap<String, Vec<PersonEntry>> = BTreeMap::new();
        for (organisation, person) in import.people {
            by_organisation.entry(organisation.unwrap_or_default()).or_default().push(person);
        }
        let work = move |sql: &rusqlite::Connection| {
            let mut differences = BTreeMap::new();
            for (name, people) in by_organisation {
                let organisation = people::organisation(sql, Some(name.as_str()).filter(|name| !name.is_empty()))?;
                differences.insert(name, people::import(sql, organisation, &people, !dry_run)?);
            }
            Ok(differences)
        };
        if dry_run {
            let differences = self.journal.read(work).await?;
            return Ok(Imported { differences, settled: 0 });
        }
        let differences = self.journal.write(move |write| work(write.sql())).await?;
        Ok(Imported { differences, settled: self.people_changed().await? })
    }

    /// Adds a terminal that knocked to the configuration, as a file of its own in `conf.d`. The configuration has to be loaded again.
    pub async fn approve(&self, approval: Approval) -> Result<PathBuf, OperationError> {
        let serial = approval.serial.as_str().to_owned();
        let kind = self
            .journal
            .read(move |sql| {
                Ok(sql
                    .query_row("SELECT kind FROM stranger WHERE serial = ?1", [serial], |row| row.get::<_, String>(0))
                    .ok())
            })
            .await?
            .ok_or_else(|| {
                OperationError::Refused(format!(
                    "no terminal {} has tried to connect: see `punchd devices`",
                    approval.serial
                ))
            })?;
        let main = self.config.files.first().cloned().unwrap_or_default();
        let block =
            format!("[[device]]\nname = \"{}\"\nkind = \"{kind}\"\nserial = \"{}\"\n", approval.name, approval.serial);
        let path = tokio::task::spawn_blocking(move || add_to_config(&main, approval.name.as_str(), &block))
            .await
            .map_err(|error| OperationError::Refused(error.to_string()))??;
        self.journal
            .write(move |write| {
                write.sql().execute("DELETE FROM stranger WHERE serial = ?1", [approval.serial.as_str()])?;
                Ok(())
            })
            .await?;
        Ok(path)
    }

    /// People of the configuration: the listed ones, and the file if it changed. Trouble with them is told and stops nothing. Answers
    /// how the people list is.
    pub(super) async fn import_configured_people(&self) -> Health {
        let mut trouble: Vec<Text> = Vec::new();
        let listed: Vec<_> = self
            .config
            .people
            .iter()
            .map(|person| {
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
                    speaks_for: SpeaksFor::All,
                };
                (Some(person.organisation.to_string()), entry)
            })
            .collect();
        if !listed.is_empty()
            && let Err(error) = self.import(Import { people: listed, dry_run: false }).await
        {
            tracing::error!(%error, "the people of the configuration could not be imported");
            trouble.push(Text::new(
                format!("The people of the configuration could not be imported ({error}): correct the [[person]] blocks, see `punchd check`."),
                format!("配置中的人员未能导入（{error}）：请更正 [[person]] 段，可用 `punchd check` 检查。"),
            ));
        }
        if let Some(path) = self.config.people_file.clone()
            && let Err(error) = self.import_file(&path).await
        {
            tracing::error!(%error, file = %path.display(), "the people file was not imported; the list stays as it was");
            let file = path.display();
            trouble.push(Text::new(
                format!("The people file {file} was not imported, the list is as it was before: {error}. See its mistakes with `punchd people import {file} --dry-run`."),
                format!("人员文件 {file} 未导入，名单保持原样：{error}。请运行 `punchd people import {file} --dry-run` 查看错误。"),
            ));
        }
        if trouble.is_empty() {
            return Health::working(Text::new("The people list is as configured.", "人员名单与配置一致。"));
        }
        let join = |part: fn(&Text) -> &str, glue: &str| trouble.iter().map(part).collect::<Vec<_>>().join(glue);
        Health::warning(Text::new(join(|text| &text.en, " "), join(|text| &text.zh, "")))
    }

    async fn import_file(&self, path: &Path) -> Result<(), OperationError> {
        let owned = path.to_owned();
        let bytes = tokio::task::spawn_blocking(move || fs::read(owned))
            .await
            .map_err(|error| OperationError::Refused(error.to_string()))?
            .map_err(|error| OperationError::Refused(format!("cannot read it: {error}")))?;
        let digest = crate::journal::Digest::of(&bytes).to_string();
        let known = self.journal.read(|sql| meta(sql, IMPORTED_FILE)).await?;
        if known.as_deref() == Some(&digest) {
            return Ok(());
        }
        let roster = Roster::read(&bytes, &self.known_to_roster().await?);
        let Some(rows) = roster.rows() else {
            return Err(OperationError::Refused("it has mistakes".into()));
        };
        let people = rows.iter().map(person_of_row).collect();
        let imported = self.import(Import { people, dry_run: false }).await?;
        tracing::info!(file = %path.display(), settled = imported.settled, "the people file was imported");
        self.journal
            .write(move |write| {
                write.sql().execute("INSERT OR REPLACE INTO meta VALUES (?1, ?2)", (IMPORTED_FILE, digest))?;
                Ok(())
            })
            .await?;
        Ok(())
    }

    /// What the roster's check compares with: ids that terminals have shown, and the organisations.
    pub async fn known_to_roster(&self) -> Result<Known, OperationError> {
        Ok(self.journal.read(known_to_roster).await?)
    }

    /// Leaves a note that the journal has to be looked at before anything is accepted at the next start.
    pub(super) fn suspect(&self, why: &str) {
        if let Err(error) = Suspicion::of(&self.journal.options().folder).raise(why) {
            tracing::error!(%error, "the note for the next start could not be left");
        }
    }
}

/// What the roster's check compares with.
pub fn known_to_roster(sql: &rusqlite::Connection) -> Result<Known, JournalError> {
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

/// A row of a spreadsheet as a person of the list.
pub fn person_of_row(row: &RosterRow) -> (Option<String>, PersonEntry) {
    let cards = row.cards.iter().map(|card| ("card".to_owned(), card.hex()));
    let ids = row.user_ids.iter().map(|id| ("user_id".to_owned(), id.clone()));
    let entry = PersonEntry {
        userid: row.userid.clone(),
        name: row.name.clone(),
        department: row.department.clone().unwrap_or_default(),
        left_on: row.left,
        credentials: ids.chain(cards).collect(),
        speaks_for: SpeaksFor::IdsAndCards,
    };
    (row.organisation.clone(), entry)
}

fn meta(sql: &rusqlite::Connection, key: &str) -> Result<Option<String>, JournalError> {
    use rusqlite::OptionalExtension;
    Ok(sql.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0)).optional()?)
}

/// Writes the block and takes it back if the configuration does not hold with it.
fn add_to_config(main: &Path, name: &str, block: &str) -> Result<PathBuf, OperationError> {
    let folder = main.parent().unwrap_or(Path::new(".")).join("conf.d");
    let path = folder.join(format!("device-{name}.toml"));
    let failed = |error: std::io::Error| OperationError::Write { path: path.clone(), why: error.to_string() };
    if path.exists() {
        return Err(OperationError::Refused(format!("{} is there already: choose another name", path.display())));
    }
    fs::create_dir_all(&folder).map_err(failed)?;
    fs::write(&path, block).map_err(failed)?;
    // It holds no secret, and the members of the folder's group are to read it like the main file.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).map_err(failed)?;
    match Config::load(main, DRIVERS) {
        Ok(_) => Ok(path),
        Err(mistakes) => {
            fs::remove_file(&path).map_err(failed)?;
            Err(mistakes.into())
        }
    }
}
