//! What lines of the table OPERLOG say: what was done at the terminal, and who is stored on it (facts/terminals.md B.3, B.7).

use punchd_contract::TerminalUser;

use super::fields::Fields;
use super::id_card::hidden;

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

/// What stands behind `OPLOG`: number, who, when, and what it was done to.
pub fn operation(rest: &str) -> Option<Operation> {
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
    let plain = |text: &str| text.chars().filter(|c| !c.is_control()).take(32).collect::<String>();
    let mut next = || hidden(&plain(columns.next().unwrap_or("")));
    Some(Operation { deed, code, who: next(), time: next(), object: next() })
}

/// Somebody stored on a terminal, in either dialect.
pub fn user(fields: &Fields) -> Option<TerminalUser> {
    let cut = |text: &str, most: usize| text.chars().filter(|c| !c.is_control()).take(most).collect::<String>();
    let user_id = hidden(&cut(fields.get(&["PIN"])?, 64));
    let card = fields.get(&["Card", "CardNo"]).map(|card| cut(card, 32)).filter(|card| is_card(card));
    let name = hidden(&cut(fields.get(&["Name"]).unwrap_or(""), 64));
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
        let deed = |rest: &str| operation(rest).map(|operation| operation.deed);
        assert_eq!(deed("21\t1\t2026-01-05 08:00:00\t0\t0\t0\t0"), Some(Deed::ClockSet));
        assert_eq!(deed("23\t1\t2026-01-05 08:00:00\t0\t0\t0\t0"), Some(Deed::PunchesDeleted));
        assert_eq!(deed("4\t0\t2026-01-05 08:00:00"), Some(Deed::Other));
        assert_eq!(deed("x"), None);
    }

    #[test]
    fn a_user_line_gives_id_name_and_card() {
        let parse = |line: &str| user(&Fields::parse(line, '\t')).unwrap();
        let user = parse("PIN=7\tName=张三\tPri=0\tPasswd=\tCard=3221225472\tGrp=1\tTZ=0");
        assert_eq!(
            (user.user_id.as_str(), user.name.as_str(), user.card.as_deref()),
            ("7", "张三", Some("3221225472"))
        );
        let user = parse("PIN=7\tName=\tCard=[0000000000]");
        assert_eq!(user.card, None);
    }

    proptest! {
        #[test]
        fn any_line_is_read_without_a_panic(line in any::<String>()) {
            let _ = (operation(&line), user(&Fields::parse(&line, '\t')));
        }
    }
}
