//! What spreadsheets do to people files, and that each of it is named by its row.

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Roster {
    Roster::read(text.as_bytes(), &Known::default())
}

/// The defects as `row severity`, for those whose text holds the word.
fn about(roster: &Roster, word: &str) -> Vec<(usize, Severity)> {
    let found = roster.defects.iter().filter(|defect| defect.text.en.contains(word));
    found.map(|defect| (defect.row, defect.severity)).collect()
}

fn gbk(text: &str) -> Vec<u8> {
    encoding_rs::GBK.encode(text).0.into_owned()
}

fn wide(text: &str, little: bool) -> Vec<u8> {
    text.encode_utf16().flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
}

const PLAIN: &str =
    "账号,姓名,工号,卡号,部门,离职日期\r\nzhangsan,张三,0012;0013,04A1B2C3,一车间,\r\nlisi,李四,0014,,,2026-03-01\r\n";

#[test]
fn a_clean_file_is_read_without_a_word() {
    let roster = read(PLAIN);
    assert_eq!(roster.defects, []);
    let rows = roster.rows().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[0].row, rows[0].userid.as_str(), rows[0].name.as_deref()), (2, "zhangsan", Some("张三")));
    assert_eq!(rows[0].user_ids, ["0012", "0013"]);
    assert_eq!(rows[0].cards[0].hex(), "04A1B2C3");
    assert_eq!(rows[0].department.as_deref(), Some("一车间"));
    assert_eq!(rows[1].left, Some(jiff::civil::date(2026, 3, 1)));
}

#[test]
fn every_encoding_of_a_spreadsheet_gives_the_same_people() {
    let rows = read(PLAIN).rows().unwrap().to_vec();
    let marked = |mark: &[u8], body: Vec<u8>| [mark, &body].concat();
    let files = [
        (marked(&[0xEF, 0xBB, 0xBF], PLAIN.as_bytes().to_vec()), "byte order mark"),
        (gbk(PLAIN), "GBK"),
        (marked(&[0xFF, 0xFE], wide(PLAIN, true)), "UTF-16LE"),
        (marked(&[0xFE, 0xFF], wide(PLAIN, false)), "UTF-16BE"),
        (wide(PLAIN, true), "UTF-16LE"),
        (wide(PLAIN, false), "UTF-16BE"),
        (PLAIN.replace(';', "、").replace(',', ";").into_bytes(), "separated by ;"),
        (PLAIN.replace(',', "\t").into_bytes(), "separated by a tab"),
    ];
    for (bytes, said) in files {
        let roster = Roster::read(&bytes, &Known::default());
        assert_eq!(roster.rows(), Some(&rows[..]), "{said}");
        assert_eq!(about(&roster, said), [(1, Severity::Note)], "{:?}", roster.defects);
    }
}

#[test]
fn what_is_no_csv_is_refused_with_the_way_out() {
    for (bytes, word) in [
        (&b"PK\x03\x04rest"[..], "Excel workbook"),
        (b"userid,name\na,\xff\xff\n", "neither UTF-8 nor GBK"),
        (b"", "no headings"),
        (b"zhangsan,1001\n", "no headings"),
        (b"userid,name\n,,\n", "nobody"),
        ("userid,name\na,\"b\n".as_bytes(), "never closed"),
    ] {
        let roster = Roster::read(bytes, &Known::default());
        assert_eq!(roster.rows(), None, "{word}");
        assert_eq!(about(&roster, word).len(), 1, "{word}: {:?}", roster.defects);
    }
    assert_eq!(
        about(&Roster::read(b"userid,name\na,\xff\xff\n", &Known::default()), "neither"),
        [(2, Severity::Error)]
    );
}

#[test]
fn columns_may_stand_in_any_order_below_a_template_s_instructions() {
    let roster = read("填写须知：请勿修改标题\n\n卡号（选填）,*姓名,*帐号,职务\n04:A1:B2:C3,张三,zs,工人\n");
    let row = &roster.rows().unwrap()[0];
    assert_eq!((row.row, row.userid.as_str(), row.cards[0].hex()), (4, "zs", "04A1B2C3".to_owned()));
    assert_eq!(about(&roster, "not used"), [(3, Severity::Note)]);
}

#[test]
fn a_missing_or_doubled_heading_is_an_error() {
    let nameless = read("userid,card\na,04A1B2C3\n");
    assert_eq!(about(&nameless, "no column name"), [(1, Severity::Note)], "it says nothing of names");
    assert!(nameless.rows().is_some() && !nameless.contains.has(crate::attendance::people::Part::Name));
    assert_eq!(about(&read("name,card\na,04A1B2C3\n"), "no column userid"), [(1, Severity::Error)]);
    assert_eq!(about(&read("userid,name,工号,考勤号\na,b,1,2\n"), "two columns"), [(1, Severity::Error)]);
    let slip = read("userid,name,deparment\na,b,c\n");
    assert_eq!(about(&slip, "department"), [(1, Severity::Warning)]);
    assert!(slip.rows().is_some());
}

#[test]
fn numbers_that_a_spreadsheet_destroyed_are_refused_by_row() {
    let roster = read("userid,name,user_id,card\na,A,1.00E+09,\nb,B,1月2日,\nc,C,7,1.23E+15\nd,D,8,\n");
    assert_eq!(about(&roster, "last digits"), [(2, Severity::Error), (4, Severity::Error)]);
    assert_eq!(about(&roster, "is a date"), [(3, Severity::Error)]);
    assert_eq!(roster.rows(), None);
}

#[test]
fn tricks_and_full_width_digits_are_undone() {
    let roster = read("userid,name,user_id\na,A,\"=\"\"0012\"\"\"\nb,B,'0013\nc,C,　００１４ \nd,D,1001.0\n");
    let ids: Vec<&str> =
        roster.rows().unwrap().iter().flat_map(|row| row.user_ids.iter().map(String::as_str)).collect();
    assert_eq!(ids, ["0012", "0013", "0014", "1001"]);
    assert_eq!(about(&roster, "full-width"), [(4, Severity::Note)]);
    assert_eq!(about(&roster, "decimal number"), [(5, Severity::Warning)]);
}

#[test]
fn lost_leading_zeros_are_suspected_by_row() {
    let others_padded = read("userid,name,user_id\na,A,0012\nb,B,13\nc,C,0014\n");
    assert_eq!(about(&others_padded, "0013"), [(3, Severity::Warning)]);

    let one_width = read("userid,name,user_id\na,A,1012\nb,B,13\nc,C,1014\n");
    assert_eq!(about(&one_width, "0013"), [(3, Severity::Warning)]);

    let known = Known { user_ids: BTreeSet::from(["00012".to_owned()]), ..Known::default() };
    let at_terminal = Roster::read(b"userid,name,user_id\na,A,12\nb,B,13\n", &known);
    assert_eq!(about(&at_terminal, "00012"), [(2, Severity::Warning)]);

    let counted: String = (1..=120).map(|n| format!("u{n},N,{n}\n")).collect();
    assert_eq!(read(&format!("userid,name,user_id\n{counted}")).defects, []);
}

#[test]
fn a_decimal_card_is_never_guessed() {
    let roster = read("userid,name,card\na,A,0077705923\n");
    assert_eq!(about(&roster, "04A1B2C3"), [(2, Severity::Error)]);
    let in_company = read("userid,name,card\na,A,04A1B2C3\nb,B,04100203\n");
    assert_eq!(in_company.rows().unwrap()[1].cards[0].hex(), "04100203");
    assert_eq!(about(&in_company, "hexadecimal"), [(3, Severity::Warning)]);
}

#[test]
fn a_person_in_two_rows_is_named_with_both() {
    let roster = read("userid,name,user_id\na,A,1\na,A,1\n");
    assert_eq!(about(&roster, "same as row 2"), [(3, Severity::Warning)]);
    assert_eq!(roster.rows().unwrap().len(), 1);
    assert_eq!(about(&read("userid,name,user_id\na,A,1\na,A,2\n"), "already in row 2"), [(3, Severity::Error)]);
    assert_eq!(about(&read("userid,name\nzs,A\nZS,A\n"), "differ in case"), [(3, Severity::Error)]);
}

#[test]
fn a_credential_has_one_holder_unless_the_other_left() {
    let both = read("userid,name,card,left\na,A,04A1B2C3,\nb,B,04a1b2c3,\n");
    assert_eq!(about(&both, "also stands in row 2"), [(3, Severity::Error)]);
    let handed_on = read("userid,name,card,left\na,A,04A1B2C3,2026/3/1\nb,B,04a1b2c3,\n");
    assert_eq!(about(&handed_on, "also stands in row 2"), [(3, Severity::Warning)]);
    assert!(handed_on.rows().is_some());
    let third = read("userid,name,card,left\na,A,04A1B2C3,2026/3/1\nb,B,04a1b2c3,\nc,C,04A1B2C3,\n");
    assert_eq!(about(&third, "also stands in row 3"), [(4, Severity::Error)]);
}

#[test]
fn organisations_keep_the_same_card_apart_and_must_exist() {
    let known = Known { organisations: vec!["acme".into(), "beta".into()], ..Known::default() };
    let roster = Roster::read(b"userid,name,card,organisation\na,A,04A1B2C3,acme\na,A,04A1B2C3,beta\n", &known);
    assert_eq!((roster.rows().map(<[_]>::len), &roster.defects[..]), (Some(2), &[][..]));
    let wrong = Roster::read(b"userid,name,organisation\na,A,gamma\nb,B,\n", &known);
    assert_eq!(about(&wrong, "acme"), [(2, Severity::Error), (3, Severity::Error)]);
    let without = Roster::read(b"userid,name\na,A\n", &known);
    assert_eq!(about(&without, "several organisations"), [(1, Severity::Error)]);
}

#[test]
fn days_of_leaving_are_read_or_refused() {
    let roster = read("userid,name,left\na,A,46082\nb,B,1/3/2026\nc,C,soon\n");
    assert_eq!(about(&roster, "2026-03-01"), [(2, Severity::Warning), (3, Severity::Error), (4, Severity::Error)]);
}

#[test]
fn damaged_names_and_invalid_userids_are_refused() {
    let roster = read("userid,name\na,???\n张三,B\n,C\nd,\n");
    assert_eq!(about(&roster, "lost"), [(2, Severity::Error)]);
    assert_eq!(about(&roster, "userid may not"), [(3, Severity::Error)]);
    assert_eq!(about(&roster, "no userid"), [(4, Severity::Error)]);
    assert_eq!(about(&roster, "no name"), [(5, Severity::Warning)]);
}

#[test]
fn trailing_empty_rows_are_skipped_and_surplus_cells_are_not() {
    let roster = read("userid,name\na,A\n,\n　,\n");
    assert_eq!(about(&roster, "2 empty rows"), [(3, Severity::Note)]);
    assert_eq!(roster.rows().unwrap().len(), 1);
    assert_eq!(about(&read("userid,name\na,A,x\n"), "more cells"), [(2, Severity::Error)]);
}

#[test]
fn the_limits_are_named() {
    let rows: String = (0..=MAX_ROWS + 10).map(|n| format!("u{n},N\n")).collect();
    assert_eq!(about(&read(&format!("userid,name\n{rows}")), "more than 100000 rows").len(), 1);
    assert_eq!(about(&Roster::read(&vec![b'a'; MAX_BYTES + 1], &Known::default()), "16 MiB").len(), 1);
    assert_eq!(about(&read(&format!("userid,name{}", ",".repeat(300))), "200 cells").len(), 1);
}

#[test]
fn a_flood_of_defects_is_cut_but_still_refuses() {
    let rows: String = (0..3000).map(|n| format!("u{n},,\n")).collect();
    let roster = read(&format!("userid,name,card\n{rows}last,L,77705923\n"));
    assert_eq!(roster.rows(), None);
    assert!(roster.defects.len() <= 1001);
    assert_eq!(about(&roster, "77705923"), [(3002, Severity::Error)]);
    assert_eq!(about(&roster, "not listed").len(), 1);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Roster::read(&bytes, &Known::default());
    }

    #[test]
    fn no_rows_below_true_headings_make_it_panic(body in "[a0-9,;\"\r\n\t.E+:/'=张　０月日-]{0,200}") {
        let roster = read(&format!("userid,name,user_id,card,department,organisation,left\n{body}"));
        let refused = roster.defects.iter().any(|defect| defect.severity == Severity::Error);
        prop_assert_eq!(roster.rows().is_none(), refused);
    }
}
