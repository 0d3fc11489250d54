//! Importing what a source says, and telling what that changes.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::book::{Book, Page};
use super::{Part, PersonEntry, Source};
use crate::clock::UnixMillis;
use crate::journal::{JournalError, OrganisationId, Write};

/// Up to so many people lose something without being asked about.
const FEW: usize = 5;
/// And up to one in so many of those who have it.
const SHARE: usize = 10;

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
    /// What people had and have no more, because it is empty here.
    #[serde(default)]
    pub removed: Vec<Removal>,
    /// Credentials that this source gives to somebody else than another one does; they stay where they are.
    #[serde(default)]
    pub contested: Vec<Contested>,
    /// Where this source says something else than what holds.
    #[serde(default)]
    pub differing: Vec<Differing>,
}

/// Something that people had and have no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// What.
    pub part: Part,
    /// Whose.
    pub userids: Vec<String>,
    /// How many people had it.
    pub of: usize,
}

impl Removal {
    /// Whether it is so many that somebody is to confirm it.
    pub fn is_mass(&self) -> bool {
        self.userids.len() > FEW && self.userids.len() * SHARE > self.of
    }
}

/// A credential that two sources give to two people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contested {
    /// The credential.
    pub value: String,
    /// Who has it, and keeps it.
    pub holder: String,
    /// Who gives it to them.
    pub holder_by: Source,
    /// Who else is to have it.
    pub claimant: String,
    /// By whom.
    pub claimant_by: Source,
}

/// Something about a person of which two sources say different things.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Differing {
    /// The person.
    pub userid: String,
    /// What it is about.
    pub part: Part,
    /// What holds.
    pub holds: String,
    /// Who says so.
    pub holds_by: Source,
    /// What the other one says.
    pub other: String,
    /// That one.
    pub other_by: Source,
}

/// Puts what a source says into the journal: adds and changes, never removes a person. `apply = false` only tells the difference.
pub fn import(
    sql: &Connection,
    organisation: OrganisationId,
    source: Source,
    people: &[PersonEntry],
    apply: bool,
) -> Result<Difference, JournalError> {
    let before = Book::load(sql, organisation)?;
    let mut after = before.clone();
    after.take(source, people);
    let difference = difference(&before, &after, source, people);
    if apply {
        after.store(sql, organisation, &before)?;
    }
    Ok(difference)
}

/// Since when the credentials that an import has just given to other people are theirs.
pub fn handed_on(sql: &Connection, now: UnixMillis) -> Result<(), JournalError> {
    sql.prepare_cached("UPDATE credential SET since_ms = ?1 WHERE former IS NOT NULL AND since_ms IS NULL")?
        .execute([now.0])?;
    Ok(())
}

type Held<'b> = BTreeMap<&'b str, BTreeSet<(&'static str, &'b str)>>;

/// Who holds what.
fn held(book: &Book) -> Held<'_> {
    let mut held: Held<'_> = BTreeMap::new();
    for ((kind, value), holder) in &book.holders {
        held.entry(holder).or_default().insert((kind, value));
    }
    held
}

fn difference(before: &Book, after: &Book, source: Source, people: &[PersonEntry]) -> Difference {
    let mut difference = Difference::default();
    let (had, has) = (held(before), held(after));
    let listed: BTreeSet<String> = people.iter().map(|entry| entry.userid.folded()).collect();
    let none = BTreeSet::new();
    for (key, page) in &after.pages {
        let old = before.pages.get(key);
        let (had, has) = (had.get(key.as_str()).unwrap_or(&none), has.get(key.as_str()).unwrap_or(&none));
        let what = old.map(|old| changes(old, page, had, has));
        let userid = page.userid.to_string();
        match what {
            None => difference.added.push(userid),
            Some(Some(what)) => difference.changed.push((userid, what)),
            Some(None) if listed.contains(key) => difference.unchanged += 1,
            Some(None) => {}
        }
        if !listed.contains(key) && before.pages.contains_key(key) {
            difference.absent.push(page.userid.to_string());
        }
    }
    let name = |key: &str| after.pages.get(key).map(|page| page.userid.to_string()).unwrap_or_default();
    for (credential, holder) in &before.holders {
        if let Some(new) = after.holders.get(credential).filter(|new| *new != holder) {
            difference.moved.push((credential.1.clone(), name(holder), name(new)));
        }
    }
    difference.removed = removed(before, after);
    difference.contested = contested(after, source);
    difference.differing = differing(after, source, &listed);
    difference
}

type Values<'b> = BTreeSet<(&'static str, &'b str)>;

fn changes(before: &Page, after: &Page, had: &Values<'_>, has: &Values<'_>) -> Option<String> {
    let mut what = Vec::new();
    if before.userid.as_str() != after.userid.as_str() {
        what.push(format!("{} → {}", before.userid, after.userid));
    }
    if before.name() != after.name() {
        what.push(format!("{} → {}", before.name(), after.name()));
    }
    if before.department() != after.department() {
        what.push(format!("{} → {}", before.department(), after.department()));
    }
    if before.left_on() != after.left_on() {
        let day = |page: &Page| page.left_on().map_or_else(|| "—".to_owned(), |day| day.to_string());
        what.push(format!("left {} → {}", day(before), day(after)));
    }
    if had != has {
        let values = |all: &Values<'_>| all.iter().map(|(_, value)| *value).collect::<Vec<_>>().join(" ");
        what.push(format!("[{}] → [{}]", values(had), values(has)));
    }
    (!what.is_empty()).then(|| what.join("; "))
}

/// What somebody had of a part and has no more, while nobody else got it.
fn removed(before: &Book, after: &Book) -> Vec<Removal> {
    let mut all: BTreeMap<Part, (BTreeSet<String>, usize)> = BTreeMap::new();
    for (key, old) in &before.pages {
        let Some(new) = after.pages.get(key) else { continue };
        for part in [Part::Name, Part::Department, Part::LeftOn] {
            if old.holds(part).is_some() {
                let (who, of) = all.entry(part).or_default();
                *of += 1;
                if new.holds(part).is_none() {
                    who.insert(new.userid.to_string());
                }
            }
        }
    }
    let mut had: BTreeMap<(Part, &str), bool> = BTreeMap::new();
    for (credential, holder) in &before.holders {
        let Some(part) = Part::of_kind(credential.0) else { continue };
        // Whoever keeps one of a kind, or whose went to somebody else, has not lost them.
        let gone = !after.holders.contains_key(credential);
        *had.entry((part, holder)).or_insert(true) &= gone;
    }
    let mut keeps: BTreeSet<(Part, &str)> = BTreeSet::new();
    for (credential, holder) in &after.holders {
        keeps.extend(Part::of_kind(credential.0).map(|part| (part, holder.as_str())));
    }
    for ((part, holder), gone) in had {
        let (who, of) = all.entry(part).or_default();
        *of += 1;
        if gone && !keeps.contains(&(part, holder)) {
            who.insert(after.pages.get(holder).map(|page| page.userid.to_string()).unwrap_or_default());
        }
    }
    all.into_iter()
        .filter(|(_, (who, _))| !who.is_empty())
        .map(|(part, (who, of))| Removal { part, userids: who.into_iter().collect(), of })
        .collect()
}

fn contested(after: &Book, source: Source) -> Vec<Contested> {
    let mut all = Vec::new();
    for (credential, claims) in &after.claims {
        let Some(holder) = after.holders.get(credential) else { continue };
        let by =
            |who: &str| claims.iter().find(|((of, _), current)| of == who && **current).map(|((_, source), _)| *source);
        let Some(holder_by) = by(holder) else { continue };
        for ((claimant, claimant_by), current) in claims {
            let stays = after.pages.get(claimant).is_some_and(|page| page.left_on().is_none());
            let of_this = *claimant_by == source || holder_by == source;
            if claimant != holder && *current && stays && of_this {
                let name = |key: &str| after.pages.get(key).map(|page| page.userid.to_string()).unwrap_or_default();
                all.push(Contested {
                    value: credential.1.clone(),
                    holder: name(holder),
                    holder_by,
                    claimant: name(claimant),
                    claimant_by: *claimant_by,
                });
            }
        }
    }
    all
}

fn differing(after: &Book, source: Source, listed: &BTreeSet<String>) -> Vec<Differing> {
    let mut all = Vec::new();
    for page in listed.iter().filter_map(|key| after.pages.get(key)) {
        for ((part, other_by), word) in &page.said {
            let (Some((holds_by, holds)), Some(other)) = (page.holds(*part), &word.value) else { continue };
            if word.current && holds != other && (*other_by == source || holds_by == source) {
                all.push(Differing {
                    userid: page.userid.to_string(),
                    part: *part,
                    holds: holds.to_owned(),
                    holds_by,
                    other: other.clone(),
                    other_by: *other_by,
                });
            }
        }
    }
    all
}

impl Write<'_> {
    /// Imports people from a spreadsheet; see [`import`].
    pub fn import_people(
        &self,
        organisation: OrganisationId,
        people: &[PersonEntry],
        apply: bool,
    ) -> Result<Difference, JournalError> {
        import(self.sql(), organisation, Source::Spreadsheet, people, apply)
    }
}
