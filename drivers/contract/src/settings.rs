//! A device's settings after the general check: every value has the shape that the declaration asks for, defaults are filled in.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::{Place, Text};

/// The checked values of one device block.
#[derive(Clone, Debug, Default)]
pub struct Values {
    values: BTreeMap<String, Value>,
}

/// One checked value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// [`Shape::Text`](crate::Shape::Text) and [`Shape::Word`](crate::Shape::Word).
    Text(String),
    /// A whole number in range.
    Integer(i64),
    /// A truth value.
    Boolean(bool),
    /// A length of time.
    Duration(Duration),
    /// Where a line leads.
    Line(Place),
    /// Host and port.
    Endpoint(Endpoint),
    /// A list of texts.
    Texts(Vec<String>),
    /// A list of whole numbers.
    Integers(Vec<i64>),
    /// A resolved secret.
    Secret(Secret),
}

/// Host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// A secret. Shows itself to nobody: `Debug` and `Display` print dots.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps the text of a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
    /// The secret itself, for the one call that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("•••")
    }
}

/// A mistake that only the driver can see, such as two settings that do not go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The setting to point at.
    pub key: &'static str,
    /// What would be right.
    pub right: String,
    /// The same in Chinese; absent: only English is known.
    pub right_zh: Option<String>,
}

impl Mistake {
    /// A mistake at this key.
    pub fn new(key: &'static str, right: impl Into<String>) -> Self {
        Self { key, right: right.into(), right_zh: None }
    }

    /// The same sentence in Chinese.
    #[must_use]
    pub fn in_chinese(mut self, right: impl Into<String>) -> Self {
        self.right_zh = Some(right.into());
        self
    }

    /// What would be right, in both languages.
    pub fn text(&self) -> Text {
        Text::new(self.right.clone(), self.right_zh.clone().unwrap_or_else(|| self.right.clone()))
    }
}

impl Values {
    /// No values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets one; the config check and tests do so.
    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.values.insert(key.to_owned(), value);
        self
    }

    /// The value as it is.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    /// A text or word.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.get(key) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A whole number.
    pub fn integer(&self, key: &str) -> Option<i64> {
        match self.get(key) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    /// A truth value; `false` if absent.
    pub fn boolean(&self, key: &str) -> bool {
        matches!(self.get(key), Some(Value::Boolean(true)))
    }

    /// A length of time.
    pub fn duration(&self, key: &str) -> Option<Duration> {
        match self.get(key) {
            Some(Value::Duration(length)) => Some(*length),
            _ => None,
        }
    }

    /// Where a line leads.
    pub fn line(&self, key: &str) -> Option<&Place> {
        match self.get(key) {
            Some(Value::Line(place)) => Some(place),
            _ => None,
        }
    }

    /// Host and port.
    pub fn endpoint(&self, key: &str) -> Option<&Endpoint> {
        match self.get(key) {
            Some(Value::Endpoint(endpoint)) => Some(endpoint),
            _ => None,
        }
    }

    /// A list of texts; empty if absent.
    pub fn texts(&self, key: &str) -> &[String] {
        match self.get(key) {
            Some(Value::Texts(texts)) => texts,
            _ => &[],
        }
    }

    /// A list of whole numbers; empty if absent.
    pub fn integers(&self, key: &str) -> &[i64] {
        match self.get(key) {
            Some(Value::Integers(numbers)) => numbers,
            _ => &[],
        }
    }

    /// A secret.
    pub fn secret(&self, key: &str) -> Option<&Secret> {
        match self.get(key) {
            Some(Value::Secret(secret)) => Some(secret),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_in_debug_output() {
        let values = Values::new().with("comm_key", Value::Secret(Secret::new("123456")));
        assert!(!format!("{values:?}").contains("123456"));
    }
}
