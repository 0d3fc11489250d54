//! Why a delivery is where a person has to look at it: as the journal stores it, and in words.

use punchd_contract::Text;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use serde::{Deserialize, Serialize};

use crate::wecom::advice;

/// Stored as JSON in `delivery.reason`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// WeCom refused the record when it stood alone, so it is not there; the code stands beside it.
    Refused {
        /// WeCom's own words.
        message: String,
    },
    /// It may have arrived, but WeCom refuses to show this person; the code stands beside it.
    Stranger {
        /// WeCom's own words.
        message: String,
    },
    /// It may have arrived, but WeCom shows nothing of this person at all.
    NotShown,
    /// It was accepted and has not been seen since.
    Invisible,
    /// No record can be made of it.
    Unsendable {
        /// What is wrong.
        what: String,
    },
    /// A person dropped it.
    Dropped {
        /// Who.
        by: String,
        /// Why, in that person's words.
        reason: String,
    },
}

impl Why {
    /// What is wrong and what to do.
    pub fn text(&self, code: Option<i64>) -> Text {
        match self {
            Self::Refused { message } | Self::Stranger { message } => {
                let advice = advice(code.unwrap_or_default());
                let code = code.map(|code| format!(" {code}")).unwrap_or_default();
                Text::new(
                    format!("{} Then retry. (WeCom:{code} {message})", advice.en),
                    format!("{}然后重试。（企业微信：{code} {message}）", advice.zh),
                )
            }
            Self::NotShown => Text::new(
                "It may have arrived, but WeCom shows no punches of this person, probably because no punch rule covers them: add the person to a rule, then retry.",
                "该记录可能已送达，但企业微信不显示此人的任何打卡，很可能没有打卡规则覆盖此人：请将其加入打卡规则后重试。",
            ),
            Self::Invisible => Text::new(
                "WeCom accepted it but does not show it, probably because no punch rule covers the person on that day: add the person to a rule. It is not sent again.",
                "企业微信已接受但不显示该记录，很可能当天没有打卡规则覆盖此人：请将其加入打卡规则。不会重复上传。",
            ),
            Self::Unsendable { what } => Text::new(
                format!("No record can be made of it: {what}. Correct that, then retry."),
                format!("无法生成打卡记录：{what}。请更正后重试。"),
            ),
            Self::Dropped { by, reason } => {
                Text::new(format!("Dropped by {by}: {reason}"), format!("由 {by} 放弃：{reason}"))
            }
        }
    }
}

impl ToSql for Why {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let json =
            serde_json::to_string(self).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        Ok(ToSqlOutput::from(json))
    }
}

impl FromSql for Why {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map_err(|error| FromSqlError::Other(error.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_says_what_to_do_in_both_languages() {
        let refused = Why::Refused { message: "userid not found".into() }.text(Some(60111));
        assert!(refused.en.contains("people list") && refused.en.contains("60111 userid not found"), "{}", refused.en);
        assert!(Why::NotShown.text(None).en.contains("rule") && Why::NotShown.text(None).zh.contains("规则"));
    }
}
