//! What is wrong with a line, for its author.

use punchd_contract::Text;

/// Why a line was not understood, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// No JSON.
    #[error("it is no JSON ({0}); every line has to be one JSON object in UTF-8")]
    NoJson(String),
    /// JSON, and no object.
    #[error("it is JSON but no object; every line has to be one JSON object")]
    NoObject,
    /// No `type`.
    #[error("it has no `type`; say {{\"type\":\"reading\",…}}")]
    NoType,
    /// A `type` that is not known.
    #[error("its type {0:?} is not known; there are {1}")]
    UnknownType(String, &'static str),
    /// A field is missing or has another shape.
    #[error("{0}")]
    Shape(String),
    /// A field has the right shape and a value that cannot be.
    #[error("`{field}` has to be {right}")]
    Field {
        /// Which.
        field: &'static str,
        /// What would be right.
        right: &'static str,
    },
    /// Longer than a line may be.
    #[error("it is longer than 1 MiB; send the readings in more batches")]
    TooLong,
}

impl Wrong {
    /// A field with a wrong value.
    pub fn field(field: &'static str, right: &'static str) -> Self {
        Self::Field { field, right }
    }

    /// The sentence for people, about this line.
    pub fn text(&self, program: &str, line: u64) -> Text {
        Text::new(
            format!("{program}: line {line} was not taken: {self}"),
            format!("{program}：第 {line} 行未被接受：{self}"),
        )
    }
}

impl From<serde_json::Error> for Wrong {
    fn from(error: serde_json::Error) -> Self {
        match error.classify() {
            serde_json::error::Category::Data => Self::Shape(error.to_string()),
            _ => Self::NoJson(error.to_string()),
        }
    }
}
