//! The people list in memory: whose a credential is, on a day.

use std::collections::HashMap;

use jiff::civil::Date;
use punchd_contract::Credential;
use rusqlite::Connection;

use super::{PersonRow, list};
use crate::attendance::rules::UserIdRule;
use crate::clock::UnixMillis;
use crate::journal::{JournalError, OrganisationId, PersonId};

/// A credential of an organisation: its kind and its value.
type Presented = (OrganisationId, &'static str, String);

/// The people list in memory, one copy for all judging.
#[derive(Clone, Debug, Default)]
pub struct People {
    by_credential: HashMap<Presented, Known>,
    /// Those who left and whose credential was handed on, the first to leave first.
    before: HashMap<Presented, Vec<(Date, Known)>>,
    /// What somebody else had before.
    handed_on: HashMap<Presented, HandedOn>,
    by_userid: HashMap<(OrganisationId, String), Known>,
}

/// A credential that was given to another person while the one who had it was not said to have left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandedOn {
    /// When the list said so.
    pub since: UnixMillis,
    /// The name of whose it was.
    pub former: String,
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

fn kind_of(word: &str) -> Option<&'static str> {
    KINDS.into_iter().find(|known| *known == word)
}

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
                    if let Some(kind) = kind_of(&kind) {
                        people.by_credential.insert((organisation, kind, value), known.clone());
                    }
                }
                people.by_userid.insert((organisation, entry.userid.folded()), known);
            }
        }
        people.load_before(sql)?;
        people.load_handed_on(sql)?;
        Ok(people)
    }

    fn load_before(&mut self, sql: &Connection) -> Result<(), JournalError> {
        let mut select = sql.prepare(
            "SELECT DISTINCT s.organisation, s.kind, s.value, s.person, p.name, p.left_on
               FROM credential c JOIN credential_said s USING (organisation, kind, value) JOIN person p ON p.person = s.person
              WHERE s.person <> c.person AND p.left_on IS NOT NULL ORDER BY p.left_on",
        )?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let (kind, left_on): (String, String) = (row.get(1)?, row.get(5)?);
            let (Some(kind), Ok(last)) = (kind_of(&kind), left_on.parse::<Date>()) else { continue };
            let known = Known { person: row.get(3)?, name: row.get(4)?, left_on: Some(last) };
            self.before.entry((row.get(0)?, kind, row.get(2)?)).or_default().push((last, known));
        }
        Ok(())
    }

    fn load_handed_on(&mut self, sql: &Connection) -> Result<(), JournalError> {
        let mut select = sql.prepare(
            "SELECT c.organisation, c.kind, c.value, c.since_ms, p.name, p.person, p.left_on
               FROM credential c JOIN person p ON p.person = c.former WHERE c.since_ms IS NOT NULL",
        )?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let Some(kind) = kind_of(&row.get::<_, String>(1)?) else { continue };
            let (presented, name): (Presented, String) = ((row.get(0)?, kind, row.get(2)?), row.get(4)?);
            match row.get::<_, Option<String>>(6)?.and_then(|last| last.parse::<Date>().ok()) {
                // The day is known by now: until then it was theirs.
                Some(last) => {
                    let before = self.before.entry(presented).or_default();
                    before.push((last, Known { person: row.get(5)?, name, left_on: Some(last) }));
                    before.sort_by_key(|(last, _)| *last);
                }
                None => {
                    self.handed_on.insert(presented, HandedOn { since: UnixMillis(row.get(3)?), former: name });
                }
            }
        }
        Ok(())
    }

    /// Whether it cannot be told whose this was: dated before the credential was given to another person, and it came afterwards,
    /// when the list no longer says on which day it changed hands.
    pub fn contested(
        &self,
        organisation: OrganisationId,
        credential: &Credential,
        happened: UnixMillis,
        came: UnixMillis,
    ) -> Option<&HandedOn> {
        let handed_on = self.handed_on.get(&(organisation, credential.kind(), credential.value()))?;
        (happened < handed_on.since && came > handed_on.since).then_some(handed_on)
    }

    /// The person with this userid.
    pub fn by_userid(&self, organisation: OrganisationId, userid: &str) -> Option<&Known> {
        self.by_userid.get(&(organisation, userid.to_ascii_lowercase()))
    }

    /// Whose credential this is by the people list.
    pub fn listed(&self, organisation: OrganisationId, credential: &Credential) -> Option<&Known> {
        self.by_credential.get(&(organisation, credential.kind(), credential.value()))
    }

    /// The same on a day: until the last day of those who left it was theirs.
    fn listed_on(&self, organisation: OrganisationId, credential: &Credential, day: Option<Date>) -> Option<&Known> {
        let key = (organisation, credential.kind(), credential.value());
        let then =
            day.and_then(|day| self.before.get(&key)?.iter().find(|(last, _)| day <= *last).map(|(_, known)| known));
        then.or_else(|| self.by_credential.get(&key))
    }

    /// Who this is for an organisation: first by the people list, then by the device's rule.
    pub fn find(
        &self,
        organisation: OrganisationId,
        credential: &Credential,
        rule: &UserIdRule,
        day: Option<Date>,
    ) -> Option<&Known> {
        let listed = self.listed_on(organisation, credential, day);
        if listed.is_some() {
            return listed;
        }
        let Credential::UserId(id) = credential else { return None };
        let userid = rule.userid(id)?.to_ascii_lowercase();
        self.by_userid.get(&(organisation, userid))
    }
}
