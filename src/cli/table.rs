//! Tables of text: columns that line up, also with Chinese names, and that fit into the screen where words allow.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Between two columns.
const GAP: &str = "  ";

/// A table with headings.
#[derive(Clone, Debug)]
pub struct Table {
    headings: Vec<String>,
    right: Vec<bool>,
    firm: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// With these headings. One that begins with `>` stands above numbers, which line up at the right; one that begins with `!`
    /// is never broken into lines.
    pub fn new(headings: &[&str]) -> Self {
        let bare = |heading: &str| heading.trim_start_matches(['>', '!']).to_owned();
        Self {
            headings: headings.iter().map(|heading| bare(heading)).collect(),
            right: headings.iter().map(|heading| heading.starts_with('>')).collect(),
            firm: headings.iter().map(|heading| heading.starts_with(['>', '!'])).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row. Cells may hold anything: what is not printable is shown as an escape.
    pub fn row<C: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = C>) {
        let mut cells: Vec<String> = cells.into_iter().map(|cell| printable(cell.as_ref())).collect();
        cells.resize(self.headings.len(), String::new());
        self.rows.push(cells);
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The lines. Where a row does not fit into the width, its longest cells go on in further lines; nothing is cut, and no word is broken.
    /// Without a width every row is one line.
    pub fn lines(&self, width: Option<usize>) -> Vec<String> {
        let widths = self.widths(width.unwrap_or(usize::MAX));
        std::iter::once(&self.headings).chain(&self.rows).flat_map(|row| self.row_lines(row, &widths)).collect()
    }

    fn widths(&self, most: usize) -> Vec<usize> {
        let mut widths: Vec<usize> = self.headings.iter().map(|heading| heading.width()).collect();
        let mut least: Vec<usize> = self.headings.iter().map(|heading| heading.width()).collect();
        for row in &self.rows {
            for (at, cell) in row.iter().enumerate() {
                let firm = self.firm.get(at).copied().unwrap_or(false);
                let whole = cell.width();
                let word = if firm { whole } else { widest_word(cell) };
                if let (Some(width), Some(least)) = (widths.get_mut(at), least.get_mut(at)) {
                    *width = (*width).max(whole);
                    *least = (*least).max(word);
                }
            }
        }
        let gaps = GAP.len() * widths.len().saturating_sub(1);
        loop {
            let total: usize = widths.iter().sum::<usize>() + gaps;
            let wider = widths.iter_mut().zip(&least).filter(|(width, least)| **width > **least);
            let Some((widest, _)) = wider.max_by_key(|(width, _)| **width).filter(|_| total > most) else {
                return widths;
            };
            *widest -= 1;
        }
    }

    fn row_lines(&self, row: &[String], widths: &[usize]) -> Vec<String> {
        let cells: Vec<Vec<String>> = row.iter().zip(widths).map(|(cell, width)| wrap(cell, *width)).collect();
        let lines = cells.iter().map(Vec::len).max().unwrap_or(0);
        (0..lines)
            .map(|at| self.line(cells.iter().map(|cell| cell.get(at).map_or("", String::as_str)), widths))
            .collect()
    }

    fn line<'c>(&self, cells: impl Iterator<Item = &'c str>, widths: &[usize]) -> String {
        let mut line = String::new();
        for (at, ((cell, width), right)) in cells.zip(widths).zip(&self.right).enumerate() {
            if at > 0 {
                line.push_str(GAP);
            }
            let fill = " ".repeat(width.saturating_sub(cell.width()));
            if *right {
                line.push_str(&fill);
                line.push_str(cell);
            } else {
                line.push_str(cell);
                line.push_str(&fill);
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// The text in lines of at most so many columns, broken at blanks and between Chinese characters; a longer word has a line of its own.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for piece in pieces(text) {
        let Some(line) = lines.last_mut() else { break };
        if used + piece.trim_end().width() > width && used > 0 {
            line.truncate(line.trim_end().len());
            lines.push(piece.to_owned());
            used = piece.width();
        } else {
            line.push_str(piece);
            used += piece.width();
        }
    }
    if let Some(last) = lines.last_mut() {
        last.truncate(last.trim_end().len());
    }
    lines
}

/// What is not to be broken, each with the blanks behind it: words, and Chinese characters with the punctuation that follows them. What
/// stands in backquotes is a command, to be copied whole.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut quoted = false;
        let mut end = rest.len();
        for (at, c) in rest.char_indices() {
            if c == '`' {
                quoted = !quoted;
            }
            let after = at + c.len_utf8();
            let Some(next) = rest.get(after..).and_then(|rest| rest.chars().next()) else { break };
            let wide = |c: char| c.width().unwrap_or(0) > 1;
            let closes = |c: char| "，。；：、！？）】》」』”’".contains(c);
            let opens = |c: char| "（【《「『“‘".contains(c);
            let between =
                (c == ' ' && next != ' ') || ((wide(c) || wide(next)) && !closes(next) && !opens(c) && next != ' ');
            if between && !(quoted && rest.get(after..).is_some_and(|rest| rest.contains('`'))) {
                end = after;
                break;
            }
        }
        let (piece, after) = rest.split_at_checked(end)?;
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

fn widest_word(text: &str) -> usize {
    pieces(text).map(|piece| piece.trim_end().width()).max().unwrap_or(0)
}

/// The text with everything that could move the cursor, end the line or turn the direction of writing shown as an escape.
/// Names and serial numbers come from devices, and a terminal obeys what it is sent.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        let moves =
            matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}');
        if c.is_control() || moves {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn chinese_names_take_two_columns_a_character_and_still_line_up() {
        let mut table = Table::new(&["name", ">punches", "state"]);
        table.row(["张三", "12", "in"]);
        table.row(["Li Si", "7", "out"]);
        let lines = table.lines(Some(80));
        let column_of = |line: &str, word: &str| line.split(word).next().unwrap().width();
        assert_eq!(column_of(&lines[1], "in"), column_of(&lines[2], "out"));
        assert_eq!(column_of(&lines[1], "12") + 1, column_of(&lines[2], "7"));
    }

    #[test]
    fn a_table_fits_by_breaking_its_widest_cells_and_nothing_is_cut() {
        let (department, sentence) = ("制造部".repeat(10), "long words ".repeat(10));
        let mut table = Table::new(&["!seq", "department", "sentence"]);
        table.row(["123456", &department, &sentence]);
        for width in [80, 60, 40] {
            let lines = table.lines(Some(width));
            assert!(lines.iter().all(|line| line.width() <= width), "{width}: {lines:#?}");
            let all: String = lines[1..].concat();
            assert_eq!(all.matches('部').count(), 10);
            assert_eq!(all.matches("long").count(), 10);
        }
        let lines = table.lines(None);
        assert_eq!(lines.len(), 2, "a pipe gets a row a line");
        assert!(lines[1].contains(&department) && lines[1].contains(sentence.trim()));
    }

    #[test]
    fn an_id_is_never_broken_however_narrow_the_screen_is() {
        let userid = "a_user_id_of_sixty_four_characters_that_somebody_will_want_to_copy";
        let mut table = Table::new(&["userid", "!serial", "why"]);
        table.row([userid, "CJ9H210360001", "the reason in words"]);
        let lines = table.lines(Some(40));
        assert!(
            lines.iter().any(|line| line.contains(userid)) && lines.iter().any(|line| line.contains("CJ9H210360001"))
        );
    }

    #[test]
    fn a_command_in_a_sentence_stays_whole() {
        let text = "Nobody is known: see `punchd punches unknown`, then import";
        let lines = wrap(text, 24);
        assert!(lines.iter().any(|line| line.contains("`punchd punches unknown`,")), "{lines:?}");
    }

    proptest! {
        #[test]
        fn breaking_a_text_loses_nothing_but_blanks(text in "([a-z]{1,9}|[张三，。]{1,5}|`[a-z ]{1,8}`| ){0,20}", width in 1usize..60) {
            let bare = |text: &str| text.chars().filter(|c| *c != ' ').collect::<String>();
            let lines = wrap(&text, width);
            prop_assert_eq!(bare(&lines.concat()), bare(&text));
            for line in &lines {
                prop_assert!(line.width() <= width || pieces(line).count() <= 1, "{:?}", line);
            }
        }
    }

    #[test]
    fn what_a_device_calls_itself_cannot_steer_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\r\n\u{202e}"), "a\\u{1b}[2Jb\\u{d}\\u{a}\\u{202e}");
        let mut table = Table::new(&["a", "b"]);
        table.row(["\u{1b}]0;x\u{7}", "y"]);
        assert!(table.lines(Some(80)).iter().all(|line| !line.contains('\u{1b}')));
    }

    #[test]
    fn an_empty_first_cell_keeps_its_place() {
        let mut table = Table::new(&["a", "b"]);
        table.row(["", "x"]);
        table.row(["123", "y"]);
        assert_eq!(table.lines(Some(80)), ["a    b", "     x", "123  y"]);
    }
}
