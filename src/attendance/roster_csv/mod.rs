//! People and their credentials from a spreadsheet's CSV file, with everything that spreadsheets do to such files named by row.
//!
//! Pure: bytes in, rows and defects out. What cannot be read without guessing is an error, and a file with one error changes
//! nothing: half an import gives punches to nobody or to the wrong person.

mod card;
mod cells;
mod decode;
mod defects;
mod headings;
mod records;
mod row;
#[cfg(test)]
mod tests;
mod twins;
mod zeros;

use std::collections::BTreeSet;

use crate::attendance::people::Contains;

pub use card::{CardNumber, NotACard};
pub use defects::{Defect, Severity};
pub use records::MAX_ROWS;
pub use row::RosterRow;

use defects::Defects;
use headings::Column;
use records::{Broken, Record, records};

use row::Columns;

/// The longest file.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;

/// In how many of the first rows the headings are looked for: templates put instructions above them.
const HEADINGS_WITHIN: usize = 10;

/// What is known besides the file, to hold it against.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// User ids that terminals have, so that dropped zeros show.
    pub user_ids: BTreeSet<String>,
    /// The names of the organisations; empty: they are not checked.
    pub organisations: Vec<String>,
}

/// A people file after reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    rows: Option<Vec<RosterRow>>,
    /// In the order of rows.
    pub defects: Vec<Defect>,
    /// What the columns hold: of what has no column the file says nothing.
    pub contains: Contains,
}

impl Roster {
    /// Reads a file. Never fails: what is wrong is among the defects.
    pub fn read(bytes: &[u8], known: &Known) -> Self {
        let mut defects = Defects::default();
        let mut contains = Contains::default();
        let rows = read(bytes, known, &mut contains, &mut defects);
        let rows = rows.filter(|_| !defects.are_fatal());
        Self { rows, defects: defects.finish(), contains }
    }

    /// The people, or `None` if an error stands among the defects: then the import changes nothing.
    pub fn rows(&self) -> Option<&[RosterRow]> {
        self.rows.as_deref()
    }
}

fn read(bytes: &[u8], known: &Known, contains: &mut Contains, defects: &mut Defects) -> Option<Vec<RosterRow>> {
    if bytes.len() > MAX_BYTES {
        defects.error(1, None, "the file is larger than 16 MiB: split it", "文件超过 16 MiB：请拆分");
        return None;
    }
    let text = decode::decode(bytes, defects)?;
    let (separator, text, first_row) = separator(&text, defects);
    let (mut found, broken) = records(text, separator, MAX_ROWS + HEADINGS_WITHIN);
    for record in &mut found {
        record.row += first_row;
    }
    if let Some(broken) = broken {
        name_broken(broken, first_row, defects);
        return None;
    }
    let mut columns = columns(&found, known, defects)?;
    *contains = columns.columns.list.iter().filter_map(|(_, column, _)| column.part()).collect();
    let people = people(found, &columns, defects);
    if people.is_empty() {
        defects.error(
            columns.row,
            None,
            "there is nobody below the headings: an empty file is not taken for a list without people",
            "标题下没有任何人员：空文件不会被当作空名单导入",
        );
        return None;
    }
    columns.columns.hex_widths = hex_widths(&people, &columns.columns);
    let columns = columns.columns;
    let rows: Vec<RosterRow> = people.iter().filter_map(|record| row::row(record, &columns, defects)).collect();
    organisations(&rows, &columns, known, defects);
    name_lost_zeros(&rows, &columns, known, defects);
    Some(twins::resolve(rows, &columns, defects))
}

fn name_broken(broken: Broken, first_row: usize, defects: &mut Defects) {
    match broken {
        Broken::Quote(row) => defects.error(
            row + first_row,
            None,
            "a quote that opens in this row is never closed: remove it, or close it in its cell",
            "此行有一个引号没有闭合：请删去，或在同一单元格内闭合",
        ),
        Broken::TooManyRows => defects.error(
            MAX_ROWS,
            None,
            format!("has more than {MAX_ROWS} rows: split the file"),
            format!("超过 {MAX_ROWS} 行：请拆分文件"),
        ),
        Broken::TooManyCells(row) => defects.error(
            row + first_row,
            None,
            "has 200 cells or more: keep the columns that are needed",
            "单元格达到 200 个：请只保留需要的列",
        ),
    }
}

/// What separates the cells: that by which most headings are known. Also the text after a `sep=` line and how many rows that took.
fn separator<'t>(text: &'t str, defects: &mut Defects) -> (char, &'t str, usize) {
    let first = text.lines().next().unwrap_or("");
    if let Some(separator) = first.strip_prefix("sep=").and_then(|rest| rest.chars().next()) {
        let rest = text.get(first.len()..).unwrap_or("");
        let rest = rest.strip_prefix("\r\n").or_else(|| rest.strip_prefix('\n')).unwrap_or(rest);
        return (separator, rest, 1);
    }
    let known = |separator: char| {
        let (records, _) = records(text, separator, HEADINGS_WITHIN);
        let of = |record: &Record| record.cells.iter().filter(|cell| Column::of(cell).is_some()).count();
        records.iter().take(HEADINGS_WITHIN).map(of).max().unwrap_or(0)
    };
    // The later of equals wins, so the most common stands last.
    let (_, separator) = ['|', '，', '\t', ';', ',']
        .into_iter()
        .map(|separator| (known(separator), separator))
        .max_by_key(|(known, _)| *known)
        .unwrap_or((0, ','));
    if separator != ',' {
        let name = if separator == '\t' { "a tab".to_owned() } else { separator.to_string() };
        let name_zh = if separator == '\t' { "制表符".to_owned() } else { separator.to_string() };
        defects.note(1, None, format!("cells are separated by {name}"), format!("单元格以 {name_zh} 分隔"));
    }
    (separator, text, 0)
}

struct HeadedColumns {
    row: usize,
    columns: Columns,
}

fn columns(found: &[Record], known: &Known, defects: &mut Defects) -> Option<HeadedColumns> {
    let known_in = |record: &Record| record.cells.iter().filter(|cell| Column::of(cell).is_some()).count();
    let mut headings: Option<(&Record, usize)> = None;
    for record in found.iter().take(HEADINGS_WITHIN) {
        let count = known_in(record);
        if count > headings.map_or(0, |(_, most)| most) {
            headings = Some((record, count));
        }
    }
    let Some((record, _)) = headings else {
        defects.error(
            found.first().map_or(1, |record| record.row),
            None,
            "there are no headings: the first row must name the columns, such as userid,name,user_id,card or 账号,姓名,工号,卡号",
            "没有标题行：第一行应为列名，如 账号,姓名,工号,卡号 或 userid,name,user_id,card",
        );
        return None;
    };
    let mut list: Vec<(usize, Column, String)> = Vec::new();
    for (at, cell) in record.cells.iter().enumerate() {
        let heading = cell.trim();
        match Column::of(heading) {
            Some(column) if list.iter().any(|(_, known, _)| *known == column) => defects.error(
                record.row,
                Some(heading),
                "two columns mean the same: remove one, or join them with ; between the values",
                "有两列含义相同：请删去一列，或合并为一列并用 ; 分隔",
            ),
            Some(column) => list.push((at, column, heading.to_owned())),
            None if !heading.is_empty() => unknown_heading(record.row, heading, defects),
            None => {}
        }
    }
    let has = |column: Column| list.iter().any(|(_, known, _)| *known == column);
    if !has(Column::Userid) {
        defects.error(
            record.row,
            None,
            "there is no column userid (账号): add it, or correct its heading",
            "缺少列 userid (账号)：请添加，或改正标题",
        );
    }
    if !has(Column::Name) {
        defects.note(
            record.row,
            None,
            "there is no column name (姓名): names stay as they are, and of new people the userid is shown",
            "没有列 name (姓名)：姓名保持不变，新人员显示账号",
        );
    }
    if known.organisations.len() > 1 && !has(Column::Organisation) {
        let names = known.organisations.join(", ");
        defects.error(
            record.row,
            None,
            format!("there is no column organisation (企业), which is needed with several organisations: {names}"),
            format!("缺少列 企业（organisation），有多个企业时必须填写：{names}"),
        );
    }
    let width = record.cells.len();
    Some(HeadedColumns { row: record.row, columns: Columns { list, width, hex_widths: BTreeSet::new() } })
}

fn unknown_heading(row: usize, heading: &str, defects: &mut Defects) {
    match Column::near(heading) {
        Some(near) => defects.warning(
            row,
            Some(heading),
            format!("this column is not known and is skipped; did you mean {near}?"),
            format!("未知的列，已跳过；是不是 {near}？"),
        ),
        None => defects.note(row, Some(heading), "this column is not used", "此列不使用"),
    }
}

/// The rows below the headings that hold anything.
fn people(found: Vec<Record>, columns: &HeadedColumns, defects: &mut Defects) -> Vec<Record> {
    let below = found.into_iter().filter(|record| record.row > columns.row);
    let empty = |record: &Record| record.cells.iter().all(|cell| cells::half_width(cell).trim().is_empty());
    let (empty, people): (Vec<Record>, Vec<Record>) = below.partition(empty);
    if let Some(first) = empty.first() {
        let count = empty.len();
        defects.note(first.row, None, format!("{count} empty rows are skipped"), format!("已跳过 {count} 个空行"));
    }
    people
}

fn hex_widths(people: &[Record], columns: &Columns) -> BTreeSet<usize> {
    let mut widths = BTreeSet::new();
    for (cell, _) in people.iter().filter_map(|record| columns.cell(record, Column::Cards)) {
        let cards = row::parts(&cell).filter(|part| part.chars().all(|c| c.is_ascii_hexdigit()));
        widths.extend(cards.filter(|part| CardNumber::parse(part).is_ok()).map(str::len));
    }
    widths
}

fn organisations(rows: &[RosterRow], columns: &Columns, known: &Known, defects: &mut Defects) {
    let heading = columns.heading(Column::Organisation);
    let names = known.organisations.join(", ");
    for row in rows {
        match &row.organisation {
            Some(name) if !known.organisations.is_empty() && !known.organisations.contains(name) => defects.error(
                row.row,
                heading,
                format!("no organisation is called {name:?}; there is: {names}"),
                format!("没有名为 {name:?} 的企业；现有：{names}"),
            ),
            None if known.organisations.len() > 1 && heading.is_some() => defects.error(
                row.row,
                heading,
                format!("needs an organisation: one of {names}"),
                format!("需要填写企业：{names} 之一"),
            ),
            _ => {}
        }
    }
}

fn name_lost_zeros(rows: &[RosterRow], columns: &Columns, known: &Known, defects: &mut Defects) {
    let Some(heading) = columns.heading(Column::UserIds) else { return };
    let digits = |id: &&String| id.chars().all(|c| c.is_ascii_digit());
    let ids: Vec<zeros::Id<'_>> = rows
        .iter()
        .flat_map(|row| row.user_ids.iter().filter(digits).map(move |id| zeros::Id { row: row.row, heading, id }))
        .collect();
    zeros::lost(&ids, &known.user_ids, defects);
}
