//! Tables of text: columns that line up, also with Chinese names, and that fit into the screen.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Between two columns.
const GAP: &str = "  ";
/// No column is made narrower than this.
const NARROWEST: usize = 6;

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
    /// is never cut.
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

    /// The lines, each at most `width` columns wide as far as the columns that may not be cut allow.
    pub fn lines(&self, width: usize) -> Vec<String> {
        let widths = self.widths(width);
        std::iter::once(&self.headings).chain(&self.rows).map(|row| self.line(row, &widths)).collect()
    }

    fn widths(&self, most: usize) -> Vec<usize> {
        let mut widths: Vec<usize> = self.headings.iter().map(|heading| heading.width()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        let gaps = GAP.len() * widths.len().saturating_sub(1);
        loop {
            let total: usize = widths.iter().sum::<usize>() + gaps;
            let widest = widths.iter_mut().zip(&self.firm).filter(|(width, firm)| !**firm && **width > NARROWEST);
            let Some((widest, _)) = widest.max_by_key(|(width, _)| **width).filter(|_| total > most) else {
                return widths;
            };
            *widest -= 1;
        }
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for (at, ((cell, width), right)) in row.iter().zip(widths).zip(&self.right).enumerate() {
            if at > 0 {
                line.push_str(GAP);
            }
            let cell = cut(cell, *width);
            let fill = " ".repeat(width.saturating_sub(cell.width()));
            if *right {
                line.push_str(&fill);
                line.push_str(&cell);
            } else {
                line.push_str(&cell);
                line.push_str(&fill);
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// The text in at most so many columns, with … where something is missing.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        kept.push(c);
    }
    kept.push('…');
    kept
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
    use super::*;

    #[test]
    fn chinese_names_take_two_columns_a_character_and_still_line_up() {
        let mut table = Table::new(&["name", ">punches", "state"]);
        table.row(["张三", "12", "in"]);
        table.row(["Li Si", "7", "out"]);
        let lines = table.lines(80);
        let column_of = |line: &str, word: &str| line.split(word).next().unwrap().width();
        assert_eq!(column_of(&lines[1], "in"), column_of(&lines[2], "out"));
        assert_eq!(column_of(&lines[1], "12") + 1, column_of(&lines[2], "7"));
    }

    #[test]
    fn a_table_fits_by_cutting_its_widest_columns_and_never_the_firm_ones() {
        let mut table = Table::new(&["!seq", "department", "sentence"]);
        table.row(["123456", &"制造部".repeat(10), &"long words ".repeat(10)]);
        for width in [80, 60, 40] {
            let lines = table.lines(width);
            assert!(lines.iter().all(|line| line.width() <= width), "{width}: {lines:#?}");
            assert!(lines[1].starts_with("123456") && lines[1].contains('…'));
        }
    }

    #[test]
    fn what_a_device_calls_itself_cannot_steer_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\r\n\u{202e}"), "a\\u{1b}[2Jb\\u{d}\\u{a}\\u{202e}");
        let mut table = Table::new(&["a", "b"]);
        table.row(["\u{1b}]0;x\u{7}", "y"]);
        assert!(table.lines(80).iter().all(|line| !line.contains('\u{1b}')));
    }

    #[test]
    fn an_empty_first_cell_keeps_its_place() {
        let mut table = Table::new(&["a", "b"]);
        table.row(["", "x"]);
        table.row(["123", "y"]);
        assert_eq!(table.lines(80), ["a    b", "     x", "123  y"]);
    }

    #[test]
    fn a_cut_in_the_middle_of_a_wide_character_leaves_it_out() {
        assert_eq!(cut("张三李四", 6), "张三…");
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
    }
}
