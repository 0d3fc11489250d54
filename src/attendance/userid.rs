//! A WeCom member id: how it may look and when two are the same.

use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

/// A WeCom `userid`: 1–64 of letters, digits and `_ - . @`. Two that differ only
/// in case are the same member, and WeCom gives them back in lower case (facts/wecom-api.md 4.5); the case as written is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserId(String);

/// Why a text is no userid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserIdError {
    /// Empty, or longer than 64.
    #[error(
        "a userid has 1 to 64 characters; this one has {0}: copy it from the member's page in the WeCom console (账号)"
    )]
    Length(usize),
    /// A character that WeCom does not know.
    #[error("a userid may not contain {0:?}: copy it from the member's page in the WeCom console (账号)")]
    Character(char),
}

impl UserId {
    /// Checks and wraps.
    pub fn new(text: impl Into<String>) -> Result<Self, UserIdError> {
        let text = text.into();
        let length = text.chars().count();
        if length == 0 || length > 64 {
            return Err(UserIdError::Length(length));
        }
        match text.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '@'))) {
            Some(c) => Err(UserIdError::Character(c)),
            None => Ok(Self(text)),
        }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form by which two are compared and stored as a key.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl PartialEq for UserId {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for UserId {}

impl Hash for UserId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded().hash(state);
    }
}

impl TryFrom<String> for UserId {
    type Error = UserIdError;
    fn try_from(text: String) -> Result<Self, UserIdError> {
        Self::new(text)
    }
}

impl From<UserId> for String {
    fn from(id: UserId) -> String {
        id.0
    }
}

impl std::fmt::Display for UserId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_userids_that_differ_in_case_are_one_member() {
        let (a, b) = (UserId::new("ZhangSan").unwrap(), UserId::new("zhangsan").unwrap());
        assert_eq!(a, b);
        assert_eq!(std::collections::HashSet::from([a, b]).len(), 1);
    }

    #[test]
    fn a_userid_has_the_characters_that_wecom_allows() {
        assert!(UserId::new("a_b-c.d@e9").is_ok());
        assert_eq!(UserId::new("张三").unwrap_err(), UserIdError::Character('张'));
        assert_eq!(UserId::new("").unwrap_err(), UserIdError::Length(0));
        assert_eq!(UserId::new("x".repeat(65)).unwrap_err(), UserIdError::Length(65));
    }
}
