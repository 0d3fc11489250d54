//! Names of people in the terminal's character set (facts/terminals.md A.9).

use encoding_rs::GBK;

use super::bytes::until_nul;

/// How a terminal writes names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Chinese firmware.
    Gbk,
    /// Newer firmware.
    Utf8,
}

impl Encoding {
    /// The encoding in which all of these fields make sense: a list that is UTF-8 throughout is UTF-8, any other is GBK.
    /// Nothing but ASCII decides nothing.
    pub fn guess<'a>(fields: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let mut speaking = fields.into_iter().map(until_nul).filter(|name| !name.is_ascii()).peekable();
        speaking.peek()?;
        let utf8 = speaking.all(|name| std::str::from_utf8(name).map_or_else(|e| e.error_len().is_none(), |_| true));
        Some(if utf8 { Self::Utf8 } else { Self::Gbk })
    }

    /// The name in a field; half a character at its end is left out.
    pub fn decode(self, field: &[u8]) -> String {
        let name = until_nul(field);
        let text = match self {
            Self::Utf8 => String::from_utf8_lossy(name),
            Self::Gbk => GBK.decode_without_bom_handling(name).0,
        };
        text.trim_end_matches(char::REPLACEMENT_CHARACTER).to_owned()
    }

    /// The name as at most `most` bytes, cut between characters. What the encoding does not have becomes `?`.
    pub fn encode(self, name: &str, most: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for character in name.chars().filter(|c| *c != '\0') {
            let mut utf8 = [0; 4];
            let text = character.encode_utf8(&mut utf8);
            let piece = match self {
                Self::Utf8 => text.as_bytes().to_vec(),
                Self::Gbk => match GBK.encode(text) {
                    (piece, _, false) => piece.into_owned(),
                    _ => b"?".to_vec(),
                },
            };
            if bytes.len() + piece.len() > most {
                break;
            }
            bytes.extend(piece);
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cut_in_the_middle_of_a_character_loses_only_that_character() {
        let gbk = Encoding::Gbk.encode("王小明", 24);
        assert_eq!(gbk.len(), 6);
        assert_eq!(Encoding::Gbk.decode(gbk.get(..5).unwrap()), "王小");
        let utf8 = "王小明".as_bytes();
        assert_eq!(Encoding::Utf8.decode(utf8.get(..7).unwrap()), "王小");
        assert_eq!(Encoding::Utf8.encode("王小明", 8), "王小".as_bytes());
    }

    #[test]
    fn a_list_of_names_tells_its_encoding() {
        let (gbk, utf8) = (Encoding::Gbk.encode("王小明", 24), "王小明".as_bytes());
        assert_eq!(Encoding::guess([b"Ann".as_slice(), &gbk]), Some(Encoding::Gbk));
        assert_eq!(Encoding::guess([b"Ann".as_slice(), utf8]), Some(Encoding::Utf8));
        assert_eq!(Encoding::guess([utf8.get(..8).unwrap()]), Some(Encoding::Utf8));
        assert_eq!(Encoding::guess([b"Ann".as_slice()]), None);
    }
}
