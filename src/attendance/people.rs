//! Who is known: the people list in the journal, and the copy of it in memory that readings are judged by.

use std::collections::HashMap;

use jiff::civil::Date;
use punchd_contract::Credential;
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};

use super::rules::UserIdRule;
use super::userid::UserId;
use crate::journal::{JournalError, OrganisationId, PersonId, Write};

/// Someone of the roster, as listed or imported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonEntry {
    /// The WeCom member id.
    pub userid: UserId,
    /// The name.
    pub name: String,
    /// The department, for people to see.
    pub department: String,
    /// The last day at work.
    pub left_on: Option<Date>,
    /// Everything by which devices know the person, besides the userid itself: kind and value as in [`Credential`].
    pub credentials: Vec<(String, String)>,
    /// Which kinds of credentials this list is complete for; others of the person stay as they are.
    #[serde(default)]
    pub speaks_for: SpeaksFor,
}

/// Which kinds of credentials a list of people can hold. Fingers are enrolled at a module and stand in no list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpeaksFor {
    /// A spreadsheet: ids and cards.
    #[default]
    IdsAndCards,
    /// The configuration: ids, cards, codes and badges.
    All,
}

impl SpeaksFor {
    fn kinds(self) -> &'static [&'static str] {
        match self {
            Self::IdsAndCards => &["user_id", "card"],
            Self::All => &["user_id", "card", "token", "badge"],
        }
    }
}

/// What an import would change or has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// New people.
    pub added: Vec<String>,
    /// People with changes, and what changes.
    pub changed: Vec<(String, String)>,
    /// Credentials that belong to somebody else so far: value, from whom, to whom.
    pub moved: Vec<(String, String, String)>,
    /// People of the journal who are not in the import; they stay.
    pub absent: Vec<String>,
    /// People who are the same.
    pub unchanged: usize,
}

/// Puts people into the journal: adds and changes, never removes a person. `apply = false` only tells the difference.
pub fn import(
    sql: &Connection,
    organisation: OrganisationId,
    people: &[PersonEntry],
    apply: bool,
) -> Result<Difference, JournalError> {
    let mut difference = Difference::default();
    let known = list(sql, organisation)?;
    let known: HashMap<String, &PersonRow> = known.iter().map(|row| (row.entry.userid.folded(), row)).collect();
    let named: HashMap<PersonId, String> =
        known.values().map(|row| (row.person, row.entry.userid.to_string())).collect();
    let mut listed = HashMap::new();
    for entry in people {
        listed.insert(entry.userid.folded(), ());
        let before = known.get(&entry.userid.folded());
        match before {
            None => difference.added.push(entry.userid.to_string()),
            Some(row) => match changes(&row.entry, entry) {
                None => difference.unchanged += 1,
                Some(what) => difference.changed.push((entry.userid.to_string(), what)),
            },
        }
        for (kind, value) in &entry.credentials {
            let owner: Option<PersonId> = owner(sql, organisation, kind, value)?;
            if let Some(owner) = owner.filter(|owner| before.is_none_or(|row| row.person != *owner)) {
                let from = named.get(&owner).cloned().unwrap_or_default();
                difference.moved.push((value.clone(), from, entry.userid.to_string()));
            }
        }
        if apply {
            put(sql, organisation, entry)?;
        }
    }
    difference.absent = known
        .iter()
        .filter(|(folded, _)| !listed.contains_key(*folded))
        .map(|(_, row)| row.entry.userid.to_string())
        .collect();
    difference.absent.sort();
    Ok(difference)
}

fn changes(before: &PersonEntry, after: &PersonEntry) -> Option<String> {
    let sorted = |entry: &PersonEntry| {
        let mut credentials = entry.credentials.clone();
        credentials.retain(|(kind, _)| after.speaks_for.kinds().contains(&kind.as_str()));
        credentials.sort();
        credentials
    };
    let mut what = Vec::new();
    if before.name != after.name {
        what.push(format!("{} → {}", before.name, after.name));
    }
    if before.department != after.department {
        what.push(format!("{} → {}", before.department, after.department));
    }
    if before.left_on != after.left_on {
        let day = |date: Option<Date>| date.map_or_else(|| "—".to_owned(), |date| date.to_string());
        what.push(format!("left {} → {}", day(before.left_on), day(after.left_on)));
    }
    if sorted(before) != sorted(after) {
        let values =
            |entry: &PersonEntry| sorted(entry).into_iter().map(|(_, value)| value).collect::<Vec<_>>().join(" ");
        what.push(format!("[{}] → [{}]", values(before), values(after)));
    }
    (!what.is_empty()).then(|| what.join("; "))
}

fn owner(
    sql: &Connection,
    organisation: OrganisationId,
    kind: &str,
    value: &str,
) -> Result<Option<PersonId>, JournalError> {
    let mut find =
        sql.prepare_cached("SELECT person FROM credential WHERE organisation = ?1 AND kind = ?2 AND value = ?3")?;
    Ok(find.query_row((organisation, kind, value), |row| row.get(0)).optional()?)
}

fn put(sql: &Connection, organisation: OrganisationId, entry: &PersonEntry) -> Result<(), JournalError> {
    let person: PersonId = sql
        .prepare_cached(
            "INSERT INTO person (organisation, userid, userid_folded, name, department, left_on) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (organisation, userid_folded) DO UPDATE SET userid = ?2, name = ?4, department = ?5, left_on = ?6
             RETURNING person",
        )?
        .query_row(
            (
                organisation,
                entry.userid.as_str(),
                entry.userid.folded(),
                &entry.name,
                &entry.department,
                entry.left_on.map(|date| date.to_string()),
            ),
            |row| row.get(0),
        )?;
    for kind in entry.speaks_for.kinds() {
        sql.prepare_cached("DELETE FROM credential WHERE person = ?1 AND kind = ?2")?.execute((person, kind))?;
    }
    for (kind, value) in &entry.credentials {
        sql.prepare_cached("INSERT OR REPLACE INTO credential VALUES (?1, ?2, ?3, ?4)")?.execute((
            organisation,
            kind,
            value,
            person,
        ))?;
    }
    Ok(())
}

/// A person of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PersonRow {
    /// The number.
    pub person: PersonId,
    /// The rest.
    #[serde(flatten)]
    pub entry: PersonEntry,
}

/// Everyone of an organisation, by userid.
pub fn list(sql: &Connection, organisation: OrganisationId) -> Result<Vec<PersonRow>, JournalError> {
    let mut credentials: HashMap<PersonId, Vec<(String, String)>> = HashMap::new();
    let mut rows =
        sql.prepare_cached("SELECT person, kind, value FROM credential WHERE organisation = ?1 ORDER BY kind, value")?;
    let mut rows = rows.query([organisation])?;
    while let Some(row) = rows.next()? {
        credentials.entry(row.get(0)?).or_default().push((row.get(1)?, row.get(2)?));
    }
    let mut people = sql.prepare_cached(
        "SELECT person, userid, name, department, left_on FROM person WHERE organisation = ?1 ORDER BY userid_folded",
    )?;
    let mut rows = people.query([organisation])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let person = row.get(0)?;
        let userid: String = row.get(1)?;
        let left_on: Option<String> = row.get(4)?;
        all.push(PersonRow {
            person,
            entry: PersonEntry {
                userid: UserId::new(userid).map_err(|error| JournalError::Damaged(error.to_string()))?,
                name: row.get(2)?,
                department: row.get(3)?,
                left_on: left_on.and_then(|date| date.parse().ok()),
                credentials: credentials.remove(&person).unwrap_or_default(),
                speaks_for: SpeaksFor::All,
            },
        });
    }
    Ok(all)
}

/// The people list in memory, one copy for all judging.
#[derive(Clone, Debug, Default)]
pub struct People {
    by_credential: HashMap<(OrganisationId, &'static str, String), Known>,
    by_userid: HashMap<(OrganisationId, String), Known>,
}

/// What judging needs of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The number.
    pub person: PersonId,
    /// The name for displays.
    pub name: String,
    /// The last day at work.
    pub left_on: Option<Date>,
}

const KINDS: [&str; 5] = ["user_id", "card", "finger", "token", "badge"];

impl People {
    /// Everyone of every organisation.
    pub fn load(sql: &Connection) -> Result<Self, JournalError> {
        let mut people = Self::default();
        let mut organisations = sql.prepare("SELECT organisation FROM organisation")?;
        let organisations: Vec<OrganisationId> =
            organisations.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        for organisation in organisations {
            for PersonRow { person, entry } in list(sql, organisation)? {
                let known = Known { person, name: entry.name, left_on: entry.left_on };
                for (kind, value) in entry.credentials {
                    if let Some(kind) = KINDS.iter().find(|known| **known == kind) {
                        people.by_credential.insert((organisation, kind, value), known.clone());
                    }
                }
                people.by_userid.insert((organisation, entry.userid.folded()), known);
            }
        }
        Ok(people)
    }

    /// Whose credential this is by the people list.
    pub fn listed(&self, organisation: OrganisationId, credential: &Credential) -> Option<&Known> {
        self.by_credential.get(&(organisation, credential.kind(), credential.value()))
    }

    /// The person with this userid.
    pub fn by_userid(&self, organisation: OrganisationId, userid: &str) -> Option<&Known> {
        self.by_userid.get(&(organisation, userid.to_ascii_lowercase()))
    }

    /// Who this is for an organisation: first by the people list, then by the device's rule.
    pub fn find(&self, organisation: OrganisationId, credential: &Credential, rule: &UserIdRule) -> Option<&Known> {
        let listed = self.listed(organisation, credential);
        if listed.is_some() {
            return listed;
        }
        let Credential::UserId(id) = credential else { return None };
        let userid = match rule {
            UserIdRule::Mapped => return None,
            UserIdRule::Userid => id.to_ascii_lowercase(),
            UserIdRule::Prefixed(prefix) => format!("{prefix}{id}").to_ascii_lowercase(),
        };
        self.by_userid.get(&(organisation, userid))
    }
}

/// The organisation with this name; the only one if no name is given.
pub fn organisation(sql: &Connection, name: Option<&str>) -> Result<OrganisationId, JournalError> {
    let mut all = sql.prepare("SELECT organisation, name FROM organisation WHERE active = 1 ORDER BY name")?;
    let all: Vec<(OrganisationId, String)> =
        all.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let names = || all.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(", ");
    match (name, all.as_slice()) {
        (Some(name), all) => match all.iter().find(|(_, known)| known == name) {
            Some((id, _)) => Ok(*id),
            None => Err(JournalError::Refused(format!("no organisation {name:?}; there are: {}", names()))),
        },
        (None, [(id, _)]) => Ok(*id),
        (None, _) => Err(JournalError::Refused(format!("say which organisation: {}", names()))),
    }
}

impl Write<'_> {
    /// Imports people; see [`import`].
    pub fn import_people(
        &self,
        organisation: OrganisationId,
        people: &[PersonEntry],
        apply: bool,
    ) -> Result<Difference, JournalError> {
        import(self.sql(), organisation, people, apply)
    }
}
