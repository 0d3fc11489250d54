//! Names that the operator gives: of organisations and of destinations. They end up in the journal, in paths and in addresses.

/// Why a name was refused: it wants 1–40 of `a-z A-Z 0-9 - _ .`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 40 of the characters a-z A-Z 0-9 - _ .")]
pub struct NotAName;

macro_rules! name {
    ($name:ident, $what:literal) => {
        #[doc = $what]
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Checks and wraps.
            pub fn new(text: impl Into<String>) -> Result<Self, NotAName> {
                let text = text.into();
                let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
                if (1..=40).contains(&text.len()) && text.chars().all(allowed) { Ok(Self(text)) } else { Err(NotAName) }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }
    };
}

name!(OrganisationName, "What the operator calls an organisation (a WeCom corp with its app and people).");
name!(DestinationName, "What the operator calls a destination.");

impl OrganisationName {
    /// The one organisation of a gateway that names none.
    pub fn main() -> Self {
        Self("main".to_owned())
    }
}
