//! The query part of an address: names without letter case, values as sent.

/// More pairs than any terminal sends; what is beyond is ignored.
const MAX_PAIRS: usize = 64;

/// The pairs of a query, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Takes `a=1&b=2` apart; a broken percent sign stands for itself.
    pub fn parse(text: &str) -> Self {
        let pair = |part: &str| {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            (plain(key), plain(value))
        };
        Self(text.split('&').filter(|part| !part.is_empty()).take(MAX_PAIRS).map(pair).collect())
    }

    /// The first value of this name, in any letter case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

fn plain(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        let escaped = match (first, tail.first_chunk::<2>()) {
            (b'%', Some([high, low])) => hex(*high).zip(hex(*low)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        match (first, escaped) {
            (_, Some(byte)) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            (b'+', None) => bytes.push(b' '),
            (byte, None) => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_values_are_unescaped() {
        let query = Query::parse("SN=CJ9D%32&options=all&x&pushver=2.2.14&name=a+b%zz%");
        assert_eq!(query.get("sn"), Some("CJ9D2"));
        assert_eq!(query.get("x"), Some(""));
        assert_eq!(query.get("name"), Some("a b%zz%"));
        assert_eq!(query.get("absent"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_taken_apart_without_a_panic(text in any::<String>()) {
            let _ = Query::parse(&text);
        }
    }
}
