//! The tables that terminals upload, as the vendor's documents name them, and what each is answered.
//!
//! A name that is in no document is not answered OK: what it holds may be punches. Which document names which is in docs/sources/push.md.

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Punches of an attendance terminal.
    Attendance,
    /// Operations, and people and templates between them.
    Operations,
    /// Events at doors, live or from the log.
    Events,
    /// The states of doors and barriers.
    States,
    /// What the terminal is and has.
    Options,
    /// Photos that were taken with punches.
    Photos,
    /// People, in the words of either dialect.
    People,
    /// Something that is documented and not used here: templates, pictures, identity cards, plans, errors.
    Unused,
}

/// The names, in lower case.
const NAMES: &[(&str, Table)] = &[
    ("attlog", Table::Attendance),
    ("operlog", Table::Operations),
    ("rtlog", Table::Events),
    ("transaction", Table::Events),
    ("acc_att_log", Table::Events),
    ("rtstate", Table::States),
    ("irstate", Table::States),
    ("options", Table::Options),
    ("attphoto", Table::Photos),
    ("user", Table::People),
    ("userinfo", Table::People),
    ("accgroup", Table::Unused),
    ("accessgroup", Table::Unused),
    ("accholiday", Table::Unused),
    ("acctimezone", Table::Unused),
    ("accunlockcomb", Table::Unused),
    ("adpic", Table::Unused),
    ("biodata", Table::Unused),
    ("biophoto", Table::Unused),
    ("blacklist", Table::Unused),
    ("deviceauthorization", Table::Unused),
    ("difftimezonevs", Table::Unused),
    ("doorparameters", Table::Unused),
    ("doorvstimezone", Table::Unused),
    ("dstsetting", Table::Unused),
    ("enrollinfodata", Table::Unused),
    ("errorlog", Table::Unused),
    ("extuser", Table::Unused),
    ("face", Table::Unused),
    ("facev7", Table::Unused),
    ("fingertmp", Table::Unused),
    ("firstcard", Table::Unused),
    ("fp", Table::Unused),
    ("fvein", Table::Unused),
    ("fvtemplate", Table::Unused),
    ("holiday", Table::Unused),
    ("idcard", Table::Unused),
    ("identitycard", Table::Unused),
    ("inoutfun", Table::Unused),
    ("mulcarduser", Table::Unused),
    ("multicard", Table::Unused),
    ("multimcard", Table::Unused),
    ("outrelaysetting", Table::Unused),
    ("personalvstimezone", Table::Unused),
    ("sms", Table::Unused),
    ("starttime", Table::Unused),
    ("templatev10", Table::Unused),
    ("timezone", Table::Unused),
    ("timezonevs", Table::Unused),
    ("user_sms", Table::Unused),
    ("userauthorize", Table::Unused),
    ("userpic", Table::Unused),
    ("usersms", Table::Unused),
    ("wallpaper", Table::Unused),
    ("whitelist", Table::Unused),
    ("workcode", Table::Unused),
];

impl Table {
    /// The table of this name, in any letter case.
    pub fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, table)| *table)
    }

    /// Every documented name.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_known_in_any_letter_case_and_nothing_else_is() {
        assert_eq!(Table::named("AttLog"), Some(Table::Attendance));
        assert_eq!(Table::named("ERRORLOG"), Some(Table::Unused));
        for unknown in ["", "ATTLOG2", "XATTLOG", "attlog ", "transactions"] {
            assert_eq!(Table::named(unknown), None, "{unknown}");
        }
    }
}
