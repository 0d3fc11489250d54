//! The kinds of false dates, as a terminal in Berlin shows them at one o'clock on 2 November 2026.

/// True ones around most of them.
pub const NEIGHBOURS: [&str; 4] =
    ["2026-10-31 08:00:00", "2026-10-31 17:00:00", "2026-11-01 08:00:00", "2026-11-02 08:00:00"];
/// And around the night in which summer time ended.
const OF_THAT_NIGHT: [&str; 4] =
    ["2026-10-24 08:00:00", "2026-10-24 17:00:00", "2026-10-25 08:00:00", "2026-10-25 17:00:00"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Before any possible date: the clock began anew.
    TooEarly,
    /// Half a year behind its neighbours.
    Behind,
    /// Later than now, and so than the terminal's own clock.
    AfterNow,
    NextYear,
    /// A day that does not exist.
    Impossible,
    /// In the hour that was passed twice.
    RepeatedHour,
}

impl Kind {
    pub const ALL: [Self; 6] =
        [Self::TooEarly, Self::Behind, Self::AfterNow, Self::NextYear, Self::Impossible, Self::RepeatedHour];

    pub fn date(self) -> &'static str {
        match self {
            Self::TooEarly => "2000-01-01 00:12:07",
            Self::Behind => "2026-05-04 09:00:00",
            Self::AfterNow => "2026-11-02 15:00:00",
            Self::NextYear => "2027-03-01 08:00:00",
            Self::Impossible => "2026-02-31 08:00:00",
            Self::RepeatedHour => "2026-10-25 02:30:00",
        }
    }

    /// What stands before it in the terminal's order, and what behind.
    pub fn neighbours(self) -> (&'static [&'static str], &'static [&'static str]) {
        let all: &'static [&'static str] = if self == Self::RepeatedHour { &OF_THAT_NIGHT } else { &NEIGHBOURS };
        all.split_at(2)
    }

    /// One of these words stands in the reason.
    pub fn reasons(self) -> &'static [&'static str] {
        match self {
            Self::TooEarly => &["\"too_early\""],
            Self::Behind => &["\"behind\""],
            // Where the terminal's clock is known, it says so itself.
            Self::AfterNow | Self::NextYear => &["\"after_clock\"", "\"ahead\"", "\"future\""],
            Self::Impossible => &["\"impossible_date\""],
            Self::RepeatedHour => &["\"repeated_hour\""],
        }
    }
}
