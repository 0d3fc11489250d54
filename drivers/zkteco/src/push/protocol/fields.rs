//! `Key=Value` fields of a line, in any letter case.

/// The fields of one line, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Splits at `between`; parts without `=` are left out.
    pub fn parse(line: &str, between: char) -> Self {
        let pair = |part: &str| {
            let (key, value) = part.split_once('=')?;
            Some((key.trim().to_owned(), value.trim().to_owned()))
        };
        Self(line.split(between).filter_map(pair).collect())
    }

    /// The first value under any of these names.
    pub fn get(&self, names: &[&str]) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| names.iter().any(|name| key.eq_ignore_ascii_case(name)))
            .map(|(_, value)| value.as_str())
    }

    /// The first value under any of these names as a number.
    pub fn number<N: std::str::FromStr>(&self, names: &[&str]) -> Option<N> {
        self.get(names)?.parse().ok()
    }

    /// Adds what another line says.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}
