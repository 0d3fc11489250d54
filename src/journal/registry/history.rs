//! Which punches that the journal holds already go to a destination.

use rusqlite::Row;
use rusqlite::types::Type;

/// The setting `history` of a destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum History {
    /// None: what is recorded from now on goes there, whenever it happened.
    #[default]
    None,
    /// Everything that counts.
    All,
    /// What happened at this second or later, whenever it was recorded.
    From(i64),
}

impl History {
    /// The word in the journal.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::All => "all",
            Self::From(_) => "from",
        }
    }

    /// The second in the journal.
    pub(super) fn first_s(self) -> Option<i64> {
        match self {
            Self::From(second) => Some(second),
            Self::None | Self::All => None,
        }
    }
}

/// Which punches go to a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Takes {
    history: History,
    first_seq: i64,
    /// Readings of times when it was not configured: the first, and the one behind the last.
    gaps: Vec<(i64, i64)>,
}

impl Takes {
    /// From the columns history, first_seq, from_s and gaps, which begin here.
    pub fn read(row: &Row<'_>, at: usize) -> rusqlite::Result<Self> {
        let word: String = row.get(at)?;
        let from_s: Option<i64> = row.get(at + 2)?;
        let history = match (word.as_str(), from_s) {
            ("all", _) => History::All,
            ("from", Some(second)) => History::From(second),
            _ => History::None,
        };
        let gaps: String = row.get(at + 3)?;
        let gaps = serde_json::from_str(&gaps)
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(at + 3, Type::Text, error.into()))?;
        Ok(Self { history, first_seq: row.get(at + 1)?, gaps })
    }

    /// Whether this punch goes there.
    pub fn takes(&self, seq: i64, time_s: i64) -> bool {
        match self.history {
            History::All => true,
            History::From(second) => time_s >= second,
            History::None => {
                seq >= self.first_seq && !self.gaps.iter().any(|(first, behind)| (*first..*behind).contains(&seq))
            }
        }
    }
}

/// The same in SQL, over the verdict `v` and the destination `d`.
pub const TAKES: &str = "CASE d.history WHEN 'all' THEN true WHEN 'from' THEN v.time_s >= d.from_s
       ELSE v.seq >= d.first_seq AND NOT EXISTS (SELECT 1 FROM json_each(d.gaps) g
              WHERE v.seq >= json_extract(g.value, '$[0]') AND v.seq < json_extract(g.value, '$[1]')) END";
