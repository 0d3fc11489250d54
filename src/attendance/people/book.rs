//! The joining of sources: what each said of everybody, and what holds together.
//!
//! A source speaks only for what it contains. Of several that speak of one thing, the first in the order of [`Source`] that has a
//! value holds; credentials are joined. What a source does not contain any more stays until somebody says otherwise.
//!
//! A credential stays with whoever has it as long as a source still gives it to them; that another source gives it to somebody
//! else is a contradiction for people to resolve, and moves nothing. Where the same source gives it to another person, it moves;
//! if the one who had it has left, it stays theirs until that day.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use rusqlite::{Connection, params};

use super::{Part, PersonEntry, Source};
use crate::attendance::UserId;
use crate::journal::{JournalError, OrganisationId, PersonId};

/// A credential: kind and value.
pub(super) type Credential = (&'static str, String);

/// What a source said of one part: the value, or that there is none; and whether the source still contains it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub value: Option<String>,
    pub current: bool,
}

/// One person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub person: Option<PersonId>,
    pub userid: UserId,
    pub said: BTreeMap<(Part, Source), Word>,
    /// The place in the list that brought a new person.
    pub listed: usize,
}

impl Page {
    /// What holds of a part, and who says so.
    pub fn holds(&self, part: Part) -> Option<(Source, &str)> {
        let of = |current: bool| {
            Source::ALL.into_iter().find_map(|source| {
                let word = self.said.get(&(part, source)).filter(|word| word.current == current)?;
                Some((source, word.value.as_deref()?))
            })
        };
        of(true).or_else(|| of(false))
    }

    pub fn name(&self) -> &str {
        self.holds(Part::Name).map_or(self.userid.as_str(), |(_, name)| name)
    }

    pub fn department(&self) -> &str {
        self.holds(Part::Department).map_or("", |(_, department)| department)
    }

    pub fn left_on(&self) -> Option<Date> {
        self.holds(Part::LeftOn).and_then(|(_, day)| day.parse().ok())
    }
}

/// Everybody of an organisation by folded userid, who claims which credential, and who has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Book {
    pub pages: BTreeMap<String, Page>,
    /// By credential: person and source, and whether the source still contains it.
    pub claims: BTreeMap<Credential, BTreeMap<(String, Source), bool>>,
    pub holders: BTreeMap<Credential, String>,
}

impl Book {
    /// As the journal has it.
    pub fn load(sql: &Connection, organisation: OrganisationId) -> Result<Self, JournalError> {
        let mut book = Self::default();
        let mut folded: BTreeMap<PersonId, String> = BTreeMap::new();
        let mut select =
            sql.prepare_cached("SELECT person, userid, userid_folded FROM person WHERE organisation = ?1")?;
        let mut rows = select.query([organisation])?;
        while let Some(row) = rows.next()? {
            let (person, userid, key): (PersonId, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let userid = UserId::new(userid).map_err(|error| JournalError::Damaged(error.to_string()))?;
            book.pages.insert(key.clone(), Page { person: Some(person), userid, said: BTreeMap::new(), listed: 0 });
            folded.insert(person, key);
        }
        let mut select = sql.prepare_cached(
            "SELECT s.person, s.part, s.source, s.value, s.current FROM person_said s JOIN person p USING (person)
              WHERE p.organisation = ?1",
        )?;
        let mut rows = select.query([organisation])?;
        while let Some(row) = rows.next()? {
            let (person, part, source): (PersonId, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let page = folded.get(&person).and_then(|key| book.pages.get_mut(key));
            if let (Some(page), Some(part), Some(source)) = (page, Part::from_word(&part), Source::from_word(&source)) {
                page.said.insert((part, source), Word { value: row.get(3)?, current: row.get(4)? });
            }
        }
        book.load_credentials(sql, organisation, &folded)?;
        Ok(book)
    }

    fn load_credentials(
        &mut self,
        sql: &Connection,
        organisation: OrganisationId,
        folded: &BTreeMap<PersonId, String>,
    ) -> Result<(), JournalError> {
        let kind = |word: &str| Part::of_kind(word).and_then(Part::kind);
        let mut select = sql.prepare_cached(
            "SELECT kind, value, person, source, current FROM credential_said WHERE organisation = ?1",
        )?;
        let mut rows = select.query([organisation])?;
        while let Some(row) = rows.next()? {
            let (word, person, source): (String, PersonId, String) = (row.get(0)?, row.get(2)?, row.get(3)?);
            if let (Some(kind), Some(key), Some(source)) =
                (kind(&word), folded.get(&person), Source::from_word(&source))
            {
                self.claims.entry((kind, row.get(1)?)).or_default().insert((key.clone(), source), row.get(4)?);
            }
        }
        let mut select = sql.prepare_cached("SELECT kind, value, person FROM credential WHERE organisation = ?1")?;
        let mut rows = select.query([organisation])?;
        while let Some(row) = rows.next()? {
            let word: String = row.get(0)?;
            if let (Some(kind), Some(key)) = (kind(&word), folded.get(&row.get(2)?)) {
                self.holders.insert((kind, row.get(1)?), key.clone());
            }
        }
        Ok(())
    }

    /// Takes what a source says now.
    pub fn take(&mut self, source: Source, people: &[PersonEntry]) {
        let mut touched: BTreeSet<Credential> = BTreeSet::new();
        if source.is_whole() {
            self.nothing_is_current(source, &mut touched);
        }
        let mut given: BTreeSet<(Credential, String)> = BTreeSet::new();
        let mut theirs: BTreeMap<String, BTreeSet<Credential>> = BTreeMap::new();
        for (credential, claims) in &self.claims {
            for (who, _) in claims.keys() {
                theirs.entry(who.clone()).or_default().insert(credential.clone());
            }
        }
        for entry in people {
            let claimed = theirs.remove(&entry.userid.folded()).unwrap_or_default();
            self.state(source, entry, &claimed, &mut touched, &mut given);
        }
        for (credential, key) in given {
            self.hand_over(source, &credential, &key);
        }
        for credential in touched {
            self.settle(&credential);
        }
    }

    fn nothing_is_current(&mut self, source: Source, touched: &mut BTreeSet<Credential>) {
        for ((_, of), word) in self.pages.values_mut().flat_map(|page| &mut page.said) {
            if *of == source {
                word.current = false;
            }
        }
        for (credential, claims) in &mut self.claims {
            for ((_, of), current) in claims {
                if *of == source && *current {
                    *current = false;
                    touched.insert(credential.clone());
                }
            }
        }
    }

    fn state(
        &mut self,
        source: Source,
        entry: &PersonEntry,
        claimed: &BTreeSet<Credential>,
        touched: &mut BTreeSet<Credential>,
        given: &mut BTreeSet<(Credential, String)>,
    ) {
        let key = entry.userid.folded();
        let listed = self.pages.len();
        let fresh = Page { person: None, userid: entry.userid.clone(), said: BTreeMap::new(), listed };
        let page = self.pages.entry(key.clone()).or_insert(fresh);
        page.userid = entry.userid.clone();
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        for (part, value) in [
            (Part::Name, text(&entry.name)),
            (Part::Department, text(&entry.department)),
            (Part::LeftOn, entry.left_on.map(|day| day.to_string())),
        ] {
            if entry.contains.has(part) {
                // Nobody stands by what is contradicted now.
                page.said.retain(|(of, _), word| *of != part || word.current);
                page.said.insert((part, source), Word { value, current: true });
            }
        }
        let stated: BTreeSet<Credential> = entry
            .credentials
            .iter()
            .filter_map(|(kind, value)| Some((Part::of_kind(kind)?, value)))
            .filter(|(part, _)| entry.contains.has(*part))
            .filter_map(|(part, value)| Some((part.kind()?, value.clone())))
            .collect();
        for credential in claimed {
            let spoken_of = Part::of_kind(credential.0).is_some_and(|part| entry.contains.has(part));
            let Some(claims) = self.claims.get_mut(credential).filter(|_| spoken_of && !stated.contains(credential))
            else {
                continue;
            };
            let before = claims.len();
            claims.retain(|(who, of), current| *who != key || (*of != source && *current));
            if claims.len() < before {
                touched.insert(credential.clone());
            }
        }
        for credential in stated {
            self.claims.entry(credential.clone()).or_default().insert((key.clone(), source), true);
            touched.insert(credential.clone());
            given.insert((credential, key.clone()));
        }
    }

    /// The source gives the credential to this person: to nobody else, unless they have left.
    fn hand_over(&mut self, source: Source, credential: &Credential, to: &str) {
        let pages = &self.pages;
        let left = |who: &str| pages.get(who).is_some_and(|page| page.left_on().is_some());
        if let Some(claims) = self.claims.get_mut(credential).filter(|_| !left(to)) {
            claims.retain(|(who, of), current| who == to || left(who) || (*of != source && *current));
        }
    }

    /// Who has it now.
    fn settle(&mut self, credential: &Credential) {
        let Some(claims) = self.claims.get(credential).filter(|claims| !claims.is_empty()) else {
            self.claims.remove(credential);
            self.holders.remove(credential);
            return;
        };
        let left = |who: &str| self.pages.get(who).and_then(Page::left_on);
        let has = self.holders.get(credential).map(String::as_str);
        // The least is taken: those who are there, before those who left; what is still said, before what was; whoever has it.
        let best = claims.iter().min_by_key(|((who, source), current)| {
            let gone = left(who);
            (gone.is_some(), std::cmp::Reverse(gone), !**current, has != Some(who.as_str()), *source, who.clone())
        });
        if let Some(((who, _), _)) = best {
            self.holders.insert(credential.clone(), who.clone());
        }
    }

    /// Writes down what is different from before.
    pub fn store(&mut self, sql: &Connection, organisation: OrganisationId, before: &Self) -> Result<(), JournalError> {
        let mut insert = sql.prepare_cached(
            "INSERT INTO person (organisation, userid, userid_folded, name, department, left_on) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (organisation, userid_folded) DO UPDATE SET userid = ?2, name = ?4, department = ?5, left_on = ?6
             RETURNING person",
        )?;
        let mut unsay = sql.prepare_cached("DELETE FROM person_said WHERE person = ?1")?;
        let mut say = sql.prepare_cached("INSERT INTO person_said VALUES (?1, ?2, ?3, ?4, ?5)")?;
        // New people are numbered in the order in which they were listed.
        let mut pages: Vec<(&String, &mut Page)> = self.pages.iter_mut().collect();
        pages.sort_by_key(|(_, page)| page.listed);
        for (key, page) in pages {
            let same = |old: &Page| old == page && old.userid.as_str() == page.userid.as_str();
            if before.pages.get(key).is_some_and(same) && page.person.is_some() {
                continue;
            }
            let left_on = page.left_on().map(|day| day.to_string());
            let row = params![organisation, page.userid.as_str(), key, page.name(), page.department(), left_on];
            let person: PersonId = insert.query_row(row, |row| row.get(0))?;
            unsay.execute([person])?;
            for ((part, source), word) in &page.said {
                say.execute(params![person, part.word(), source.word(), word.value, word.current])?;
            }
            page.person = Some(person);
        }
        self.store_credentials(sql, organisation, before)
    }

    fn store_credentials(
        &self,
        sql: &Connection,
        organisation: OrganisationId,
        before: &Self,
    ) -> Result<(), JournalError> {
        let person = |key: &String| self.pages.get(key).and_then(|page| page.person);
        let all: BTreeSet<&Credential> = before.claims.keys().chain(self.claims.keys()).collect();
        for credential in all {
            let (kind, value) = credential;
            if before.claims.get(credential) != self.claims.get(credential) {
                sql.prepare_cached("DELETE FROM credential_said WHERE organisation = ?1 AND kind = ?2 AND value = ?3")?
                    .execute(params![organisation, kind, value])?;
                let mut say = sql.prepare_cached("INSERT INTO credential_said VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
                for ((who, source), current) in self.claims.get(credential).into_iter().flatten() {
                    say.execute(params![organisation, kind, value, person(who), source.word(), current])?;
                }
            }
            if before.holders.get(credential) != self.holders.get(credential) {
                sql.prepare_cached("DELETE FROM credential WHERE organisation = ?1 AND kind = ?2 AND value = ?3")?
                    .execute(params![organisation, kind, value])?;
                if let Some(holder) = self.holders.get(credential) {
                    // Under another userid it is the same person: that was a correction.
                    let name = |key: &str| self.pages.get(key).map(|page| page.name().to_lowercase());
                    let former = before.holders.get(credential).filter(|former| name(former) != name(holder));
                    sql.prepare_cached(
                        "INSERT INTO credential (organisation, kind, value, person, former) VALUES (?1, ?2, ?3, ?4, ?5)",
                    )?
                    .execute(params![organisation, kind, value, person(holder), former.and_then(person)])?;
                }
            }
        }
        Ok(())
    }
}
