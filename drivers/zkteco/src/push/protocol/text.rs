//! Lines and characters of a body: GB2312/GBK where the terminal speaks Chinese, else UTF-8 (facts/terminals.md B.1).

use std::borrow::Cow;

use encoding_rs::{Encoding, GBK, UTF_8, UTF_16BE, UTF_16LE};

/// How the operator says the terminal writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// By what the bytes are.
    Auto,
    /// GB2312 and its superset.
    Gbk,
    /// UTF-8.
    Utf8,
}

/// The language number that Chinese terminals give in the handshake.
pub const CHINESE: &str = "83";

impl Charset {
    /// What this body is written in. Newer Chinese firmware writes UTF-8 all the same, so what is valid UTF-8 is UTF-8.
    pub fn of(self, body: &[u8]) -> &'static Encoding {
        match self {
            Self::Gbk => GBK,
            Self::Utf8 => UTF_8,
            Self::Auto if std::str::from_utf8(body).is_ok() => UTF_8,
            Self::Auto => GBK,
        }
    }

    /// What to write commands in, for a terminal of this language.
    pub fn to_terminal(self, language: Option<&str>) -> &'static Encoding {
        match self {
            Self::Gbk => GBK,
            Self::Utf8 => UTF_8,
            Self::Auto if language == Some(CHINESE) => GBK,
            Self::Auto => UTF_8,
        }
    }
}

/// One line as text; what cannot be read becomes U+FFFD.
pub fn decode<'a>(line: &'a [u8], encoding: &'static Encoding) -> Cow<'a, str> {
    encoding.decode_without_bom_handling(line).0
}

/// The lines that hold something, without their ends. Neither encoding has LF, CR, NUL or TAB inside a character.
pub fn lines(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    body.split(|byte| matches!(byte, b'\n' | b'\r' | 0)).map(trimmed).filter(|line| !line.is_empty())
}

/// A body that begins with the mark of UTF-16 in UTF-8; any other as it is.
pub fn utf8(body: &[u8]) -> Cow<'_, [u8]> {
    let encoding = match body {
        [0xFF, 0xFE, ..] => UTF_16LE,
        [0xFE, 0xFF, ..] => UTF_16BE,
        _ => return Cow::Borrowed(body),
    };
    Cow::Owned(encoding.decode_with_bom_removal(body).0.into_owned().into_bytes())
}

/// Without spaces at both ends; a TAB at an end is an empty column and stays.
fn trimmed(mut line: &[u8]) -> &[u8] {
    while let Some((b' ', rest)) = line.split_first() {
        line = rest;
    }
    while let Some((b' ', rest)) = line.split_last() {
        line = rest;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_gb2312_and_the_same_in_utf_8_read_alike() {
        let gbk = [0xD5, 0xC5, 0xC8, 0xFD];
        assert_eq!(decode(&gbk, Charset::Auto.of(&gbk)), "张三");
        assert_eq!(decode("张三".as_bytes(), Charset::Auto.of("张三".as_bytes())), "张三");
    }

    #[test]
    fn lines_end_in_any_usual_way() {
        let found: Vec<&[u8]> = lines(b"\xEF\xBB\xBFa\tb\r\n\r\n  \nc\t\rd\0e\0").collect();
        assert_eq!(found, [b"a\tb".as_slice(), b"c\t", b"d", b"e"]);
        assert_eq!(&*utf8(b"\xFF\xFEa\0\t\0"), b"a\t");
        assert_eq!(&*utf8(b"a\t"), b"a\t");
    }
}
