//! Who is known: what each source says of people, the list in the journal that follows from it, and the copy of it in memory that
//! readings are judged by.

mod book;
mod corrections;
mod import;
mod known;
mod said;
pub mod unlisted;

use std::collections::{BTreeSet, HashMap};

use jiff::civil::Date;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::userid::UserId;
use crate::journal::{JournalError, OrganisationId, PersonId};

pub use corrections::{Correction, corrections};
pub use import::{Contested, Difference, Differing, Removal, handed_on, import};
pub use known::{HandedOn, Known, People};
pub use said::{Said, said};

/// Someone as one source has them, or as all of them together do.
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
    /// Everything by which devices know the person, besides the userid itself: kind and value as in
    /// [`punchd_contract::Credential`].
    pub credentials: Vec<(String, String)>,
    /// What the source contains of all this. What it does not contain stays as it is; what it contains and is empty is removed.
    #[serde(default = "Contains::table")]
    pub contains: Contains,
}

/// Where people come from. The order is that in which their word counts where they differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// `[[person]]`: what stands there is all that it says.
    Configuration,
    /// Files that were imported: each may hold some people and some columns.
    #[default]
    Spreadsheet,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Configuration, Self::Spreadsheet];

    /// The word in the journal.
    pub fn word(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Spreadsheet => "spreadsheet",
        }
    }

    /// From the word in the journal.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.word() == word)
    }

    /// For people.
    pub fn text(self) -> punchd_contract::Text {
        match self {
            Self::Configuration => punchd_contract::Text::new("the configuration", "配置文件"),
            Self::Spreadsheet => punchd_contract::Text::new("the spreadsheet", "人员表格"),
        }
    }

    /// Whether what it does not contain any more is not said by it any more.
    fn is_whole(self) -> bool {
        self == Self::Configuration
    }
}

/// A part of what can be said of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The name.
    Name,
    /// The department.
    Department,
    /// The last day.
    LeftOn,
    /// Ids at terminals.
    UserIds,
    /// Cards.
    Cards,
    /// Contents of codes.
    Codes,
    /// Bluetooth badges.
    Badges,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Name, Self::Department, Self::LeftOn, Self::UserIds, Self::Cards, Self::Codes, Self::Badges];

    /// The word in the journal.
    pub fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Department => "department",
            Self::LeftOn => "left_on",
            Self::UserIds => "user_ids",
            Self::Cards => "cards",
            Self::Codes => "codes",
            Self::Badges => "badges",
        }
    }

    /// From the word in the journal.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.word() == word)
    }

    /// The kind of credential, where it is one.
    pub fn kind(self) -> Option<&'static str> {
        match self {
            Self::Name | Self::Department | Self::LeftOn => None,
            Self::UserIds => Some("user_id"),
            Self::Cards => Some("card"),
            Self::Codes => Some("token"),
            Self::Badges => Some("badge"),
        }
    }

    /// The part that holds credentials of this kind. Fingers are enrolled at a module and stand in no list.
    pub fn of_kind(kind: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.kind() == Some(kind))
    }

    /// For people, of several persons.
    pub fn text(self) -> punchd_contract::Text {
        let (en, zh) = match self {
            Self::Name => ("names", "姓名"),
            Self::Department => ("departments", "部门"),
            Self::LeftOn => ("leaving dates", "离职日期"),
            Self::UserIds => ("terminal ids", "终端编号"),
            Self::Cards => ("cards", "卡号"),
            Self::Codes => ("codes", "条码或二维码"),
            Self::Badges => ("badges", "工牌"),
        };
        punchd_contract::Text::new(en, zh)
    }
}

/// What a source contains of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Contains(BTreeSet<Part>);

impl Contains {
    /// Everything.
    pub fn all() -> Self {
        Part::ALL.into_iter().collect()
    }

    /// What a spreadsheet with every column contains.
    pub fn table() -> Self {
        Part::ALL.into_iter().filter(|part| !matches!(part, Part::Codes | Part::Badges)).collect()
    }

    /// Whether it contains this.
    pub fn has(&self, part: Part) -> bool {
        self.0.contains(&part)
    }
}

impl FromIterator<Part> for Contains {
    fn from_iter<I: IntoIterator<Item = Part>>(parts: I) -> Self {
        Self(parts.into_iter().collect())
    }
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
                contains: Contains::all(),
            },
        });
    }
    Ok(all)
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

#[cfg(test)]
mod tests;
