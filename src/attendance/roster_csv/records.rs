//! From text to rows of cells, with the row numbers that the spreadsheet shows.

/// The most rows.
pub const MAX_ROWS: usize = 100_000;
/// The most cells of a row.
const MAX_CELLS: usize = 200;

/// One row that is not blank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// As the spreadsheet counts, from 1.
    pub(super) row: usize,
    pub(super) cells: Vec<String>,
}

/// Why the rows could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// A quote that opens in this row is never closed.
    Quote(usize),
    TooManyRows,
    /// This row has too many cells.
    TooManyCells(usize),
}

/// Reads at most `limit` rows. Rows without any character are counted but not given.
pub(super) fn records(text: &str, separator: char, limit: usize) -> (Vec<Record>, Option<Broken>) {
    let mut found = Vec::new();
    let mut row = 1;
    let mut cells: Vec<String> = Vec::new();
    let mut cell = String::new();
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if cell.is_empty() => loop {
                match characters.next() {
                    Some('"') if characters.peek() == Some(&'"') => {
                        characters.next();
                        cell.push('"');
                    }
                    Some('"') => break,
                    Some(other) => cell.push(other),
                    None => return (found, Some(Broken::Quote(row))),
                }
            },
            '\n' | '\r' => {
                if c == '\r' && characters.peek() == Some(&'\n') {
                    characters.next();
                }
                cells.push(std::mem::take(&mut cell));
                end_row(&mut found, row, &mut cells);
                if found.len() > limit {
                    return (found, Some(Broken::TooManyRows));
                }
                row += 1;
            }
            c if c == separator => {
                cells.push(std::mem::take(&mut cell));
                if cells.len() >= MAX_CELLS {
                    return (found, Some(Broken::TooManyCells(row)));
                }
            }
            other => cell.push(other),
        }
    }
    cells.push(cell);
    end_row(&mut found, row, &mut cells);
    (found, None)
}

fn end_row(found: &mut Vec<Record>, row: usize, cells: &mut Vec<String>) {
    let cells = std::mem::take(cells);
    if cells.len() > 1 || cells.iter().any(|cell| !cell.is_empty()) {
        found.push(Record { row, cells });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cells(text: &str) -> Vec<(usize, Vec<String>)> {
        records(text, ',', MAX_ROWS).0.into_iter().map(|record| (record.row, record.cells)).collect()
    }

    #[test]
    fn a_line_break_inside_quotes_does_not_begin_a_row() {
        let found = cells("a,\"x\ny\"\r\n\r\nb,\"say \"\"hi\"\"\"\rc,");
        let text = |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>();
        assert_eq!(found, [(1, text(&["a", "x\ny"])), (3, text(&["b", "say \"hi\""])), (4, text(&["c", ""]))]);
    }

    #[test]
    fn a_quote_that_is_never_closed_is_named_by_its_row() {
        assert_eq!(records("a\nb,\"c\nd", ',', 9).1, Some(Broken::Quote(2)));
    }

    proptest! {
        #[test]
        fn what_was_written_in_quotes_is_read_again(rows in proptest::collection::vec(
            proptest::collection::vec("[a,\"\r\n;张]{0,6}", 2..5), 0..6)) {
            let text: String = rows
                .iter()
                .map(|row| {
                    let quoted: Vec<String> =
                        row.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
                    quoted.join(",") + "\r\n"
                })
                .collect();
            let (found, broken) = records(&text, ',', MAX_ROWS);
            prop_assert_eq!(broken, None);
            prop_assert_eq!(found.into_iter().map(|record| record.cells).collect::<Vec<_>>(), rows);
        }
    }
}
