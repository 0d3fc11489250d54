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

    /// Splits at what stands between the fields: tabs, else `&`, `;` or commas, else blanks before the next key.
    pub fn of(line: &str) -> Self {
        let between = ['\t', '&', ';', ','].into_iter().find(|between| {
            let mut parts = line.split(*between).filter(|part| !part.trim().is_empty());
            parts.clone().count() > 1 && parts.all(|part| part.contains('='))
        });
        match between {
            Some(between) => Self::parse(line, between),
            None if line.contains('\t') => Self::parse(line, '\t'),
            None => Self::at_blanks(line),
        }
    }

    fn at_blanks(line: &str) -> Self {
        let mut fields: Vec<(String, String)> = Vec::new();
        for word in line.split(' ') {
            match (word.split_once('='), fields.last_mut()) {
                (Some((key, value)), _) if is_key(key) => fields.push((key.to_owned(), value.to_owned())),
                (_, Some((_, value))) => {
                    value.push(' ');
                    value.push_str(word);
                }
                _ => {}
            }
        }
        fields.iter_mut().for_each(|(_, value)| *value = value.trim().to_owned());
        Self(fields)
    }

    /// The first value under any of these names.
    pub fn get(&self, names: &[&str]) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| names.iter().any(|name| key.eq_ignore_ascii_case(name)))
            .map(|(_, value)| value.as_str())
    }

    /// Whether these names have more than one value.
    pub fn differs(&self, names: &[&str]) -> bool {
        let of_these = |key: &str| names.iter().any(|name| key.eq_ignore_ascii_case(name));
        let mut values = self.0.iter().filter(|(key, _)| of_these(key)).map(|(_, value)| value);
        let first = values.next();
        values.any(|value| Some(value) != first)
    }

    /// The first value under any of these names as a number.
    pub fn number<N: std::str::FromStr>(&self, names: &[&str]) -> Option<N> {
        self.get(names)?.parse().ok()
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Adds what another line says.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'~'))
}
