//! Which column holds what: the headings, Chinese or English, in any order.

use super::cells::half_width;
use crate::attendance::people::Part;

/// A column that means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Column {
    Userid,
    Name,
    UserIds,
    Cards,
    Department,
    Organisation,
    Left,
}

impl Column {
    /// What it says of a person.
    pub(super) fn part(self) -> Option<Part> {
        match self {
            Self::Name => Some(Part::Name),
            Self::UserIds => Some(Part::UserIds),
            Self::Cards => Some(Part::Cards),
            Self::Department => Some(Part::Department),
            Self::Left => Some(Part::LeftOn),
            Self::Userid | Self::Organisation => None,
        }
    }
}

/// As headings are written, after [`folded`]. `userid` is WeCom's word and `user_id` a terminal's.
const HEADINGS: [(Column, &[&str]); 7] = [
    (
        Column::Userid,
        &["userid", "账号", "帐号", "企业微信账号", "企业微信帐号", "成员账号", "成员帐号", "企业微信userid", "acctid"],
    ),
    (Column::Name, &["name", "姓名", "名字", "成员姓名", "员工姓名"]),
    (
        Column::UserIds,
        &[
            "user_id",
            "user_ids",
            "terminal_id",
            "terminal_ids",
            "工号",
            "考勤号",
            "考勤号码",
            "登记号",
            "登记号码",
            "编号",
            "人员编号",
            "考勤编号",
            "用户编号",
            "终端编号",
            "enroll_number",
            "pin",
            "ac_no",
            "ac_no.",
        ],
    ),
    (
        Column::Cards,
        &[
            "card",
            "cards",
            "card_no",
            "card_no.",
            "card_number",
            "card_numbers",
            "卡号",
            "考勤卡号",
            "ic卡号",
            "门禁卡号",
        ],
    ),
    (Column::Department, &["department", "dept", "部门", "所属部门"]),
    (Column::Organisation, &["organisation", "organization", "corp", "company", "企业", "公司"]),
    (Column::Left, &["left", "left_on", "离职日期", "离职时间", "离职"]),
];

impl Column {
    /// The column of this heading.
    pub(super) fn of(heading: &str) -> Option<Self> {
        let folded = folded(heading);
        HEADINGS.into_iter().find(|(_, words)| words.contains(&folded.as_str())).map(|(column, _)| column)
    }

    /// The column whose heading this is with a slip in it.
    pub(super) fn near(heading: &str) -> Option<&'static str> {
        let folded = folded(heading);
        if folded.chars().count() < 3 || folded.len() > 80 {
            return None;
        }
        let words = HEADINGS.into_iter().flat_map(|(_, words)| words.iter().copied());
        words
            .map(|word| (strsim::jaro_winkler(&folded, word), word))
            .filter(|(likeness, _)| *likeness >= 0.88)
            .max_by(|(a, _), (b, _)| a.total_cmp(b))
            .map(|(_, word)| word)
    }
}

/// Without the decoration that templates add: `*姓名（必填）` is `姓名`.
fn folded(heading: &str) -> String {
    let plain = half_width(heading).to_lowercase();
    let bare =
        plain.split('(').next().unwrap_or("").trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | ':' | '"'));
    bare.split([' ', '-', '_']).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_known_in_both_languages_and_with_decoration() {
        for (heading, column) in [
            ("userid", Column::Userid),
            ("UserID", Column::Userid),
            ("帐号", Column::Userid),
            ("*姓名（必填）", Column::Name),
            ("user_id", Column::UserIds),
            ("User ID", Column::UserIds),
            ("工号", Column::UserIds),
            ("编号", Column::UserIds),
            ("考勤编号", Column::UserIds),
            ("AC-No.", Column::UserIds),
            ("Card No", Column::Cards),
            ("ＩＣ卡号", Column::Cards),
            ("离职日期", Column::Left),
        ] {
            assert_eq!(Column::of(heading), Some(column), "{heading}");
        }
        assert_eq!(Column::of("职务"), None);
        assert_eq!(Column::near("deparment"), Some("department"));
    }
}
