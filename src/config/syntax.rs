//! What is wrong where a file is not TOML, in our own words: the parser's are English, and rarely say what to write.

use punchd_contract::Text;

use super::odd::Odd;

/// A broken spot.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken {
    /// Where to look; may be before the spot at which the parser noticed.
    pub(super) offset: usize,
    /// What is wrong and what to write.
    pub(super) text: Text,
}

/// Explains what the parser said about this offset. `repeated` are the sections that are written in two brackets.
pub(super) fn explain(text: &str, offset: usize, message: &str, repeated: &[&str]) -> Broken {
    let offset = offset.min(text.len());
    let line = line_around(text, offset);
    if let Some((at, odd)) = odd_of_line(text.get(line.clone()).unwrap_or_default()) {
        let (en, zh) = odd.words();
        return broken(line.start + at, &en, &zh);
    }
    if message.contains("duplicate key") || message.contains("cannot extend") {
        return twice(text, offset, &line, repeated);
    }
    let (en, zh) = what(message, text.get(line).unwrap_or_default());
    broken(offset, &en, &zh)
}

fn broken(offset: usize, en: &str, zh: &str) -> Broken {
    Broken { offset, text: Text::new(format!("is not TOML here: {en}"), format!("这里不符合 TOML 语法：{zh}")) }
}

/// The line in which this offset lies, without its end.
pub(super) fn line_around(text: &str, offset: usize) -> std::ops::Range<usize> {
    let start = text.get(..offset).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1);
    let end = text.get(offset..).and_then(|after| after.find('\n')).map_or(text.len(), |length| offset + length);
    start..end
}

/// The first odd character that stands outside a text or a comment, or in a text that is not closed.
fn odd_of_line(line: &str) -> Option<(usize, Odd)> {
    let mut within: Option<char> = None;
    let mut in_text = None;
    let mut escaped = false;
    for (at, c) in line.char_indices() {
        match within {
            Some(quote) => {
                if c == quote && !escaped {
                    (within, in_text) = (None, None);
                } else {
                    in_text = in_text.or_else(|| Odd::of(c).map(|odd| (at, odd)));
                }
                escaped = quote == '"' && c == '\\' && !escaped;
            }
            None if c == '"' || c == '\'' => within = Some(c),
            None if c == '#' => break,
            None => {
                if let Some(odd) = Odd::of(c) {
                    return Some((at, odd));
                }
            }
        }
    }
    // In a text that ends with its line, the quote that was meant to close it is what is odd.
    in_text.filter(|_| within.is_some())
}

fn what(message: &str, line: &str) -> (String, String) {
    let right_en = "a setting is written key = \"text\", key = 5 or key = true";
    let right_zh = "正确写法如 key = \"text\"、key = 5 或 key = true";
    let heading = line.trim_start().starts_with('[');
    let (en, zh) = match message {
        _ if heading => (
            "the heading of a section stands alone on its line in brackets, such as [gateway] or [[device]]".to_owned(),
            "段标题应单独成行并用方括号括起，如 [gateway] 或 [[device]]".to_owned(),
        ),
        m if m.contains("escape") || m.contains("unicode value") => (
            "\\ in a text has a meaning of its own: write \\\\, or put the text into ' instead of \"".to_owned(),
            "文本中的 \\ 有特殊含义：请写 \\\\，或用 ' 代替 \" 括起文本".to_owned(),
        ),
        m if m.contains("must be quoted") => (
            format!("a text stands in quotes; {right_en}"),
            format!("文本需要加英文引号；{right_zh}"),
        ),
        m if m.contains("basic string") || m.contains("literal string") || m.contains("quote") => (
            format!("a quote is missing, or \\ stands in a text (write \\\\, or use ' instead of \"); {right_en}"),
            format!("缺少引号，或文本中有 \\（请写 \\\\，或用 ' 代替 \"）；{right_zh}"),
        ),
        m if m.contains("array") || m.contains("inline table") => (
            "a list is written [\"a\", \"b\"] and a table { file = \"…\" }, with commas between and its bracket at the end".to_owned(),
            "列表写作 [\"a\", \"b\"]，表写作 { file = \"…\" }，各项用英文逗号分隔，并以括号结尾".to_owned(),
        ),
        m if m.contains("number") || m.contains("leading") || m.contains("float") || m.contains("digit") => (
            format!("this is no number as TOML writes it (no leading zero, no unit; a text needs quotes); {right_en}"),
            format!("数字写法不对（不能以 0 开头，不能带单位；文本需要加引号）；{right_zh}"),
        ),
        m if m.contains("unquoted key") || m.contains("invalid key") => (
            format!("a setting's name consists of letters, digits, _ and -; {right_en}"),
            format!("设置名只能由字母、数字、_ 和 - 组成；{right_zh}"),
        ),
        m if m.contains("value") => (format!("a value is missing or broken; {right_en}"), format!("缺少值或值不完整；{right_zh}")),
        _ => (format!("this line is not understood; {right_en}"), format!("无法理解这一行；{right_zh}")),
    };
    (en, zh)
}

/// A section or a setting that is there a second time.
fn twice(text: &str, offset: usize, line: &std::ops::Range<usize>, repeated: &[&str]) -> Broken {
    let written = text.get(line.clone()).unwrap_or_default().trim();
    if let Some(name) = heading_of(written) {
        let first = headings(text, line.start).find(|(_, known, _)| *known == name);
        let (number, single) = first.map_or((1, true), |(number, _, single)| (number, single));
        let (en, zh) = if repeated.contains(&name) && (single || !written.starts_with("[[")) {
            (
                format!(
                    "there may be several [[{name}]], so each begins with two brackets: write [[{name}]], here and in line {number}"
                ),
                format!("[[{name}]] 可以有多段，每段都用双方括号：请在此处和第 {number} 行写 [[{name}]]"),
            )
        } else {
            (
                format!(
                    "the section [{name}] begins a second time; the first is in line {number}: put its settings together there"
                ),
                format!("段 [{name}] 重复出现，第一处在第 {number} 行：请把设置合并到一处"),
            )
        };
        return broken(offset, &en, &zh);
    }
    let key = text.get(line.clone()).and_then(|line| line.split('=').next()).unwrap_or_default().trim();
    let shown: String = key.chars().take(60).collect();
    let section = text.get(..line.start).unwrap_or_default();
    let start = section.rfind("\n[").map_or(0, |at| at + 1);
    let first = section
        .get(start..)
        .unwrap_or_default()
        .lines()
        .enumerate()
        .find(|(_, line)| line.split_once('=').is_some_and(|(known, _)| known.trim() == key));
    let (en, zh) = match first {
        Some((at, _)) => {
            let number = section.get(..start).unwrap_or_default().matches('\n').count() + at + 1;
            (
                format!("`{shown}` is set a second time; the first is in line {number}: keep one of them"),
                format!("`{shown}` 重复设置，第一处在第 {number} 行：请只保留一处"),
            )
        }
        None => {
            (format!("`{shown}` is set a second time: keep one of them"), format!("`{shown}` 重复设置：请只保留一处"))
        }
    };
    broken(offset, &en, &zh)
}

/// The headings before this offset: line, name, whether in one bracket.
fn headings(text: &str, before: usize) -> impl Iterator<Item = (usize, &str, bool)> {
    let lines = text.get(..before).unwrap_or_default().lines().enumerate();
    lines.filter_map(|(at, line)| {
        let line = line.trim();
        Some((at + 1, heading_of(line)?, !line.starts_with("[[")))
    })
}

fn heading_of(line: &str) -> Option<&str> {
    let line = line.split('#').next()?.trim();
    let name = line.strip_prefix("[[").and_then(|rest| rest.strip_suffix("]]"));
    name.or_else(|| line.strip_prefix('[')?.strip_suffix(']')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(text: &str) -> (String, String, usize) {
        let (_, errors) = toml::de::DeTable::parse_recoverable(text);
        let error = errors.first().expect("a broken text");
        let broken = explain(text, error.span().map_or(0, |span| span.start), error.message(), &["device"]);
        let column = text[line_around(text, broken.offset).start..broken.offset].chars().count() + 1;
        (broken.text.en, broken.text.zh, column)
    }

    #[test]
    fn typographic_characters_are_named_where_they_stand() {
        for (text, word, column) in [
            ("zone = “Asia/Shanghai”", "“ (U+201C) is a typographic quote", 8),
            ("zone = 「Asia/Shanghai」", "「 (U+300C) is a typographic quote", 8),
            ("zone = ‘Asia/Shanghai’", "‘ (U+2018)", 8),
            ("zone = \"Asia/Shanghai”", "” (U+201D)", 22),
            ("zone ＝ \"Asia/Shanghai\"", "＝ (U+FF1D) is a full-width character: write a plain = instead", 6),
            ("zone：\"Asia/Shanghai\"", "： (U+FF1A)", 5),
            ("device_type = １", "１ (U+FF11)", 15),
            ("zone\u{a0}= \"x\"", "U+00A0 is a no-break", 5),
            ("\u{3000}zone = \"x\"", "full-width blank", 1),
            ("zone = \u{feff}\"x\"", "byte-order mark", 8),
            ("【gateway】", "plain [ instead", 1),
        ] {
            let (en, zh, at) = first(text);
            assert!(en.contains(word), "{text}: {en}");
            assert_eq!(at, column, "{text}: {en}");
            assert!(zh.starts_with("这里不符合 TOML 语法："), "{zh}");
        }
    }

    #[test]
    fn odd_characters_in_texts_and_comments_are_left_alone() {
        let (en, ..) = first("name = \"上海“一号”门\" x # “好”");
        assert!(!en.contains("U+"), "{en}");
    }

    #[test]
    fn a_second_block_in_one_bracket_is_told_to_have_two() {
        let (en, zh, _) = first("[device]\nname = \"a\"\n[device]\nname = \"b\"\n");
        assert!(en.contains("write [[device]], here and in line 1"), "{en}");
        assert!(zh.contains("[[device]]"), "{zh}");
        let (en, ..) = first("[device]\nname = \"a\"\n[[device]]\nname = \"b\"\n");
        assert!(en.contains("write [[device]], here and in line 1"), "{en}");
        let (en, ..) = first("[gateway]\n\n[clock]\n[gateway]\n");
        assert!(en.contains("[gateway] begins a second time; the first is in line 1"), "{en}");
    }

    #[test]
    fn a_setting_that_is_there_twice_names_the_first() {
        let (en, zh, _) = first("[clock]\nname = 1\n[gateway]\n\nname = \"a\"\nzone = \"b\"\nname = \"c\"\n");
        assert!(en.contains("`name` is set a second time; the first is in line 5"), "{en}");
        assert!(zh.contains("第 5 行"), "{zh}");
    }

    #[test]
    fn a_backslash_in_a_text_is_named() {
        let (en, zh, _) = first("data = \"C:\\punchd\"");
        assert!(en.contains("has a meaning of its own") && zh.contains("特殊含义"), "{en}");
    }

    #[test]
    fn what_the_parser_says_is_never_repeated_in_a_foreign_language() {
        for text in [
            "a = ",
            "a = = 5",
            "a = x",
            "[gateway",
            "a = [1, 2",
            "a = 01",
            "a = \"x",
            "a b = 1",
            "名称 = 1",
            "= 3",
            "a",
        ] {
            let (en, zh, _) = first(text);
            let ascii_words = zh.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() > 5);
            let foreign: Vec<&str> = ascii_words.filter(|word| !["gateway", "device"].contains(word)).collect();
            assert!(foreign.is_empty(), "{text}: {zh}");
            assert!(en.starts_with("is not TOML here: "), "{en}");
        }
    }
}
