//! Lines of the table OPERLOG: what was done at the terminal, and who is stored on it (facts/terminals.md B.3, B.7).

use punchd_contract::TerminalUser;

use super::fields::Fields;

/// One line of OPERLOG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Somebody did something at the terminal's menu.
    Operation(Operation),
    /// Somebody is stored on the terminal.
    User(TerminalUser),
    /// A template or a picture; its content was taken out before.
    Biometric,
    /// Something else.
    Unknown,
}

/// Something that was done at the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// What.
    pub deed: Deed,
    /// The number of the operation.
    pub code: u16,
    /// The administrator's id; `0` where nobody was logged in.
    pub who: String,
    /// When, by the terminal's clock, as sent.
    pub time: String,
    /// The affected thing, such as a user id.
    pub object: String,
}

/// The operations that somebody should hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// 21: the clock was set.
    ClockSet,
    /// 23: punches were deleted.
    PunchesDeleted,
    /// 13: everything was deleted.
    EverythingDeleted,
    /// 24: the administrators were cleared, so that anybody can open the menu.
    AdministratorsCleared,
    /// 32: somebody punched under duress.
    Duress,
    /// Daily life.
    Other,
}

/// Reads one line, already as text.
pub fn parse(line: &str) -> Line {
    let (word, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    match word.to_ascii_uppercase().as_str() {
        "OPLOG" => operation(rest).map_or(Line::Unknown, Line::Operation),
        "USER" => user(&Fields::parse(rest, '\t')).map_or(Line::Unknown, Line::User),
        "FP" | "FACE" | "FVEIN" | "USERPIC" | "BIOPHOTO" | "BIODATA" => Line::Biometric,
        _ => Line::Unknown,
    }
}

fn operation(rest: &str) -> Option<Operation> {
    let mut columns = rest.split('\t').map(str::trim);
    let code = columns.next()?.parse().ok()?;
    let deed = match code {
        13 => Deed::EverythingDeleted,
        21 => Deed::ClockSet,
        23 => Deed::PunchesDeleted,
        24 => Deed::AdministratorsCleared,
        32 => Deed::Duress,
        _ => Deed::Other,
    };
    let mut next = || columns.next().unwrap_or("").chars().filter(|c| !c.is_control()).take(32).collect::<String>();
    Some(Operation { deed, code, who: next(), time: next(), object: next() })
}

/// Somebody stored on a terminal, in either dialect.
pub fn user(fields: &Fields) -> Option<TerminalUser> {
    let cut = |text: &str, most: usize| text.chars().filter(|c| !c.is_control()).take(most).collect::<String>();
    let user_id = cut(fields.get(&["PIN"])?, 64);
    let card = fields.get(&["Card", "CardNo"]).map(|card| cut(card, 32)).filter(|card| is_card(card));
    let name = cut(fields.get(&["Name"]).unwrap_or(""), 64);
    (!user_id.is_empty()).then_some(TerminalUser { user_id, name, card })
}

/// Firmware writes "no card" as nothing, as 0 or as ten zeros, and the bytes form in brackets.
fn is_card(card: &str) -> bool {
    card.chars().any(|c| c.is_ascii_hexdigit() && c != '0')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_deeds_that_change_evidence_are_told_apart() {
        let deed = |line: &str| match parse(line) {
            Line::Operation(operation) => operation.deed,
            other => panic!("{other:?}"),
        };
        assert_eq!(deed("OPLOG 21\t1\t2026-01-05 08:00:00\t0\t0\t0\t0"), Deed::ClockSet);
        assert_eq!(deed("OPLOG 23\t1\t2026-01-05 08:00:00\t0\t0\t0\t0"), Deed::PunchesDeleted);
        assert_eq!(deed("OPLOG\t4\t0\t2026-01-05 08:00:00"), Deed::Other);
        assert_eq!(parse("OPLOG x"), Line::Unknown);
    }

    #[test]
    fn a_user_line_gives_id_name_and_card() {
        let Line::User(user) = parse("USER PIN=7\tName=张三\tPri=0\tPasswd=\tCard=3221225472\tGrp=1\tTZ=0") else {
            panic!("a user was sent");
        };
        assert_eq!(
            (user.user_id.as_str(), user.name.as_str(), user.card.as_deref()),
            ("7", "张三", Some("3221225472"))
        );
        let Line::User(user) = parse("USER PIN=7\tName=\tCard=[0000000000]") else { panic!("a user was sent") };
        assert_eq!(user.card, None);
    }

    proptest! {
        #[test]
        fn any_line_is_read_without_a_panic(line in any::<String>()) {
            let _ = parse(&line);
        }
    }
}
