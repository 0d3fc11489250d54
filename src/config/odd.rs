//! Characters that word processors, chat programs and input methods put in place of plain ones: they look right and are not.

/// A character that is not what it looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Odd {
    /// The character.
    pub(super) found: char,
    /// What stands in its place in a configuration; nothing where it is to be removed.
    pub(super) right: Option<char>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Quote,
    FullWidth,
    Dash,
    Blank,
    Invisible,
}

impl Odd {
    /// What is odd about this character, if anything is.
    pub(super) fn of(found: char) -> Option<Self> {
        let (kind, right) = match found {
            '“' | '”' | '„' | '‟' | '＂' | '「' | '」' | '『' | '』' | '«' | '»' | '〝' | '〞' | '″' => {
                (Kind::Quote, Some('"'))
            }
            '‘' | '’' | '‚' | '‛' | '＇' | '´' | '‹' | '›' | '′' => (Kind::Quote, Some('\'')),
            '，' | '、' => (Kind::FullWidth, Some(',')),
            '。' => (Kind::FullWidth, Some('.')),
            '【' => (Kind::FullWidth, Some('[')),
            '】' => (Kind::FullWidth, Some(']')),
            '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | '－' => (Kind::Dash, Some('-')),
            // The full-width forms stand in the order of ASCII.
            '！'..='～' => (Kind::FullWidth, char::from_u32(u32::from(found) - 0xFEE0)),
            '\u{A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}' => {
                (Kind::Blank, Some(' '))
            }
            '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}' => {
                (Kind::Invisible, None)
            }
            _ => return None,
        };
        Some(Self { found, right, kind })
    }

    /// The first odd character of a text.
    pub(super) fn first_in(text: &str) -> Option<Self> {
        text.chars().find_map(Self::of)
    }

    /// What it is and what to write, in both languages.
    pub(super) fn words(&self) -> (String, String) {
        let code = format!("U+{:04X}", u32::from(self.found));
        let name = match self.kind {
            Kind::Quote => ("a typographic quote", "中文或排版引号"),
            Kind::FullWidth => ("a full-width character", "全角字符"),
            Kind::Dash => ("a typographic dash", "排版用的破折号"),
            Kind::Blank if self.found == '\u{3000}' => ("a full-width blank", "全角空格"),
            Kind::Blank => ("a no-break or typographic blank", "不间断空格等特殊空格"),
            Kind::Invisible if self.found == '\u{FEFF}' => {
                ("a byte-order mark, which cannot be seen", "看不见的 BOM 标记")
            }
            Kind::Invisible => ("a character that cannot be seen", "看不见的字符"),
        };
        let shown = match self.kind {
            Kind::Blank | Kind::Invisible => code,
            _ => format!("{} ({code})", self.found),
        };
        match (self.right, self.kind) {
            (_, Kind::Blank) => (
                format!("{shown} is {}: write a plain blank instead", name.0),
                format!("{shown} 是{}：请改为普通空格", name.1),
            ),
            (Some(right), _) => (
                format!("{shown} is {}: write a plain {right} instead", name.0),
                format!("{shown} 是{}：请改为英文半角 {right}", name.1),
            ),
            (None, _) => (format!("{shown} is {}: remove it", name.0), format!("{shown} 是{}：请删去", name.1)),
        }
    }

    /// The same as the end of a sentence about a value, or nothing where all characters are plain.
    pub(super) fn note(text: &str) -> (String, String) {
        match Self::first_in(text) {
            Some(odd) => {
                let (en, zh) = odd.words();
                (format!("; {en}"), format!("；{zh}"))
            }
            None if text.contains('\t') => ("; it holds a tab".to_owned(), "；其中含有制表符（Tab）".to_owned()),
            None => (String::new(), String::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_looks_right_is_named_with_what_to_write() {
        for (found, right) in [('“', '"'), ('」', '"'), ('’', '\''), ('＝', '='), ('：', ':'), ('０', '0'), ('ｎ', 'n')]
        {
            let (en, zh) = Odd::of(found).unwrap().words();
            assert!(en.contains(&format!("plain {right} ")) && zh.contains(right), "{en} {zh}");
        }
        assert!(Odd::of('\u{3000}').unwrap().words().0.contains("full-width blank"));
        assert!(Odd::of('\u{A0}').unwrap().words().0.contains("U+00A0"));
        assert!(Odd::of('\u{FEFF}').unwrap().words().0.contains("byte-order mark"));
    }

    #[test]
    fn plain_characters_and_chinese_words_are_not_odd() {
        assert!(('\u{1}'..='~').all(|c| Odd::of(c).is_none()));
        assert_eq!(Odd::first_in("上海工厂一号门 Zürich"), None);
    }
}
