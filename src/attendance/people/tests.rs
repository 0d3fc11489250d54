//! Sources joined, and what no source contains left alone.

use proptest::prelude::*;

use super::book::Book;
use super::import::Removal;
use super::*;

fn entry(userid: &str, ids: &[&str], contains: &[Part]) -> PersonEntry {
    PersonEntry {
        userid: UserId::new(userid).unwrap(),
        name: format!("{userid} name"),
        department: "Welding".into(),
        left_on: Some(jiff::civil::date(2026, 12, 31)).filter(|_| contains.contains(&Part::LeftOn)),
        credentials: ids.iter().map(|id| ("user_id".to_owned(), (*id).to_owned())).collect(),
        contains: contains.iter().copied().collect(),
    }
}

fn holder<'b>(book: &'b Book, id: &str) -> Option<&'b str> {
    book.holders.get(&("user_id", id.to_owned())).map(String::as_str)
}

#[test]
fn the_configuration_says_nothing_of_what_it_does_not_contain() {
    let mut book = Book::default();
    book.take(
        Source::Spreadsheet,
        &[entry("anna", &["1001"], &[Part::Name, Part::UserIds, Part::Department, Part::LeftOn])],
    );
    let mut codes = entry("anna", &[], &[Part::Name, Part::Codes]);
    codes.credentials = vec![("token".into(), "A".into())];
    for _restart in 0..3 {
        book.take(Source::Configuration, std::slice::from_ref(&codes));
    }
    let anna = &book.pages["anna"];
    assert_eq!((anna.department(), anna.left_on().is_some()), ("Welding", true));
    assert_eq!(holder(&book, "1001"), Some("anna"));
    assert_eq!(book.holders.len(), 2);
}

#[test]
fn an_empty_cell_removes_and_an_absent_column_does_not() {
    let mut book = Book::default();
    book.take(Source::Spreadsheet, &[entry("anna", &["1"], &[Part::Name, Part::UserIds])]);
    book.take(Source::Spreadsheet, &[entry("anna", &[], &[Part::Name])]);
    assert_eq!(holder(&book, "1"), Some("anna"));
    book.take(Source::Spreadsheet, &[entry("anna", &[], &[Part::Name, Part::UserIds])]);
    assert_eq!(holder(&book, "1"), None);
}

#[test]
fn a_contradiction_of_two_sources_moves_nothing_and_the_same_source_moves() {
    let mut book = Book::default();
    let ids = [Part::UserIds];
    book.take(Source::Spreadsheet, &[entry("anna", &["1"], &ids)]);
    book.take(Source::Configuration, &[entry("bob", &["1"], &ids)]);
    assert_eq!(holder(&book, "1"), Some("anna"));
    book.take(Source::Spreadsheet, &[entry("carl", &["1"], &ids)]);
    assert_ne!(holder(&book, "1"), Some("anna"), "the one who gave it to her gave it to somebody else");
}

#[test]
fn a_credential_that_was_handed_on_stays_with_the_one_who_left_among_the_claims() {
    let mut book = Book::default();
    let left = entry("anna", &["1"], &[Part::UserIds, Part::LeftOn]);
    book.take(Source::Spreadsheet, &[left, entry("bob", &["1"], &[Part::UserIds])]);
    assert_eq!(holder(&book, "1"), Some("bob"));
    assert_eq!(book.claims[&("user_id", "1".to_owned())].len(), 2);
}

#[test]
fn the_loss_of_few_is_no_mass_and_that_of_many_is() {
    let removal = |n: usize, of| Removal { part: Part::Cards, userids: vec![String::new(); n], of };
    assert!(!removal(5, 5).is_mass() && !removal(20, 400).is_mass());
    assert!(removal(140, 150).is_mass() && removal(6, 20).is_mass());
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    proptest::sample::subsequence(Part::ALL.to_vec(), 0..=Part::ALL.len())
}

/// Who, which ids, and whether they have left.
type Row = (usize, Vec<usize>, bool);

/// Whether it is the configuration, which columns it has, and its rows.
type Statement = (bool, Vec<Part>, Vec<Row>);

fn statements() -> impl Strategy<Value = Vec<Statement>> {
    let rows =
        proptest::collection::vec((0_usize..4, proptest::collection::vec(0_usize..5, 0..3), any::<bool>()), 1..4);
    proptest::collection::vec((any::<bool>(), parts(), rows), 1..12)
}

proptest! {
    /// Whatever sources say in whatever order: of what a statement does not contain nothing changes, saying it again (a restart)
    /// changes nothing, and nobody has a credential that no source gives them.
    #[test]
    fn what_no_source_contains_never_changes(all in statements()) {
        let mut book = Book::default();
        for (configuration, contains, rows) in all {
            let source = if configuration { Source::Configuration } else { Source::Spreadsheet };
            let mut people: Vec<PersonEntry> = Vec::new();
            for (who, ids, left) in rows {
                let ids: Vec<String> = ids.iter().map(|id| id.to_string()).collect();
                let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
                let mut person = entry(&format!("p{who}"), &ids, &contains);
                person.left_on = person.left_on.filter(|_| left);
                if people.iter().all(|known| known.userid != person.userid) {
                    people.push(person);
                }
            }
            let before = book.clone();
            book.take(source, &people);
            for (key, old) in &before.pages {
                let new = &book.pages[key];
                for part in [Part::Name, Part::Department, Part::LeftOn] {
                    if !contains.contains(&part) {
                        let value = |page: &book::Page| page.holds(part).map(|(_, value)| value.to_owned());
                        let spoke_before = source.is_whole() && old.said.contains_key(&(part, source));
                        prop_assert!(spoke_before || value(old) == value(new), "{part:?} of {key}");
                    }
                }
            }
            if !contains.contains(&Part::UserIds) && !contains.contains(&Part::LeftOn) && !source.is_whole() {
                prop_assert_eq!(&before.holders, &book.holders);
            }
            for (credential, holder) in &book.holders {
                prop_assert!(book.claims[credential].keys().any(|(who, _)| who == holder));
            }
            let once = book.clone();
            book.take(source, &people);
            prop_assert_eq!(&once, &book, "a restart changes nothing");
        }
    }
}
