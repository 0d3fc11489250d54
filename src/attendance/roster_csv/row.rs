//! One row of the people file against what its columns may hold.

use jiff::civil::Date;

use super::card::{CardNumber, NotACard};
use super::cells::{self, Day, bare, half_width};
use super::defects::{Defects, shown};
use super::headings::Column;
use super::records::Record;
use crate::attendance::UserId;

/// The longest name, department or id, in characters.
const MAX_TEXT: usize = 64;

/// One person as the file has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterRow {
    /// The row as the spreadsheet counts.
    pub row: usize,
    /// The WeCom member.
    pub userid: UserId,
    /// The name.
    pub name: Option<String>,
    /// Ids at terminals.
    pub user_ids: Vec<String>,
    /// Cards.
    pub cards: Vec<CardNumber>,
    /// The department.
    pub department: Option<String>,
    /// The organisation as written; `None`: the only one.
    pub organisation: Option<String>,
    /// The last day.
    pub left: Option<Date>,
}

/// The columns of the file that mean something: position, meaning, heading as written.
pub(super) struct Columns {
    pub(super) list: Vec<(usize, Column, String)>,
    pub(super) width: usize,
    /// Widths of cards of this file that hold a letter, so that digits alone of the same width are hexadecimal too.
    pub(super) hex_widths: std::collections::BTreeSet<usize>,
}

impl Columns {
    pub(super) fn heading(&self, column: Column) -> Option<&str> {
        self.list.iter().find(|(_, known, _)| *known == column).map(|(_, _, heading)| heading.as_str())
    }

    /// The cell of a column, with the spreadsheet's tricks undone, and its heading.
    pub(super) fn cell<'c>(&'c self, record: &Record, column: Column) -> Option<(String, &'c str)> {
        let (at, _, heading) = self.list.iter().find(|(_, known, _)| *known == column)?;
        let plain = half_width(record.cells.get(*at)?);
        let cell = bare(&plain);
        (!cell.is_empty()).then(|| (cell.to_owned(), heading.as_str()))
    }
}

/// The parts of a cell that holds several things.
pub(super) fn parts(cell: &str) -> impl Iterator<Item = &str> {
    cell.split([';', '、', '\n', '\r']).map(bare).filter(|part| !part.is_empty())
}

/// Reads one row; `None` if it holds an error.
pub(super) fn row(record: &Record, columns: &Columns, defects: &mut Defects) -> Option<RosterRow> {
    let at = record.row;
    let surplus = record.cells.iter().skip(columns.width).any(|cell| !cell.trim().is_empty());
    if surplus {
        defects.error(
            at,
            None,
            "has more cells than there are headings: put a text that holds the separator into quotes, or separate several ids with ;",
            "单元格多于标题：含分隔符的文本请加引号，多个编号请用 ; 分隔",
        );
        return None;
    }
    changed_width(record, columns, defects);
    let userid = userid(record, columns, defects);
    let user_ids = user_ids(record, columns, defects);
    let cards = cards(record, columns, defects);
    let left = left(record, columns, defects);
    let name = text(record, columns, Column::Name, defects);
    let department = text(record, columns, Column::Department, defects);
    let organisation = text(record, columns, Column::Organisation, defects);
    let userid = userid?;
    let name = name?;
    if let (None, Some(heading)) = (&name, columns.heading(Column::Name)) {
        defects.warning(
            at,
            Some(heading),
            format!("has no name: {userid} will be shown instead"),
            format!("没有姓名：将显示 {userid}"),
        );
    }
    let (user_ids, cards, left, department, organisation) = (user_ids?, cards?, left?, department?, organisation?);
    Some(RosterRow { row: at, userid, name, user_ids, cards, department, organisation, left })
}

fn changed_width(record: &Record, columns: &Columns, defects: &mut Defects) {
    for (at, column, heading) in &columns.list {
        let wide = |c: char| matches!(c, '\u{ff10}'..='\u{ff19}' | '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}');
        let counts = matches!(column, Column::Userid | Column::UserIds | Column::Cards | Column::Left);
        if counts && record.cells.get(*at).is_some_and(|cell| cell.contains(wide)) {
            defects.note(
                record.row,
                Some(heading),
                "holds full-width letters or digits, which were read as ordinary ones",
                "含全角字母或数字，已按半角读取",
            );
        }
    }
}

fn userid(record: &Record, columns: &Columns, defects: &mut Defects) -> Option<UserId> {
    let heading = columns.heading(Column::Userid);
    let Some((cell, _)) = columns.cell(record, Column::Userid) else {
        defects.error(
            record.row,
            heading,
            "has no userid: copy it from the member's page in the WeCom console (账号), or remove the row",
            "没有账号：请从企业微信管理后台的成员页面复制，或删去此行",
        );
        return None;
    };
    let cell = number_as_text(record.row, heading?, &cell, defects)?;
    match UserId::new(cell) {
        Ok(userid) => Some(userid),
        Err(error) => {
            defects.error(
                record.row,
                heading,
                error.to_string(),
                "不是企业微信账号：应为 1–64 个字母、数字或 _ - . @，请从管理后台的成员页面复制",
            );
            None
        }
    }
}

fn user_ids(record: &Record, columns: &Columns, defects: &mut Defects) -> Option<Vec<String>> {
    let Some((cell, heading)) = columns.cell(record, Column::UserIds) else { return Some(Vec::new()) };
    let mut ids: Vec<String> = Vec::new();
    let mut whole = true;
    for part in parts(&cell) {
        let Some(id) = number_as_text(record.row, heading, part, defects) else {
            whole = false;
            continue;
        };
        let too_long = id.chars().count() > MAX_TEXT;
        if too_long || id.chars().any(|c| c.is_whitespace() || c.is_control() || c == ',') {
            let part = shown(part);
            defects.error(
                record.row,
                Some(heading),
                format!(
                    "{part:?} is no id of a terminal: several are separated with ; and none holds a space or a comma"
                ),
                format!("{part:?} 不是终端编号：多个编号用 ; 分隔，编号中不能有空格或逗号"),
            );
            whole = false;
        } else if !ids.contains(&id) {
            ids.push(id);
        }
    }
    whole.then_some(ids)
}

/// An id as it was before a spreadsheet took it for a number or a day; an error if that is lost.
fn number_as_text(row: usize, heading: &str, cell: &str, defects: &mut Defects) -> Option<String> {
    let said = shown(cell);
    if cells::is_scientific(cell) {
        defects.error(
            row,
            Some(heading),
            format!("{said} is a number whose last digits the spreadsheet has dropped: format the column as text, enter the id again and export"),
            format!("{said} 是科学计数法，末尾数字已丢失：请把该列设为文本，重新填写后导出"),
        );
        return None;
    }
    if cells::looks_like_a_day(cell) {
        defects.error(
            row,
            Some(heading),
            format!("{said} is a date, which the spreadsheet made of an id: format the column as text and enter the id again"),
            format!("{said} 是日期，表格把编号变成了日期：请把该列设为文本后重新填写"),
        );
        return None;
    }
    let rounded = cell.len() > 15 && cell.ends_with("000") && cell.chars().all(|c| c.is_ascii_digit());
    if rounded {
        defects.warning(
            row,
            Some(heading),
            format!("{said} may have been rounded, since a spreadsheet keeps 15 digits of a number: compare it with the original"),
            format!("{said} 可能被四舍五入（表格只保留 15 位数字）：请与原编号核对"),
        );
    }
    match cells::without_decimal_zero(cell) {
        Some(id) => {
            defects.warning(
                row,
                Some(heading),
                format!("{said} was exported as a decimal number and is read as {id}: if the id has zeros before it, format the column as text"),
                format!("{said} 被导出成了小数，按 {id} 读取：若编号前面有 0，请把该列设为文本"),
            );
            Some(id.to_owned())
        }
        None => Some(cell.to_owned()),
    }
}

fn cards(record: &Record, columns: &Columns, defects: &mut Defects) -> Option<Vec<CardNumber>> {
    let Some((cell, heading)) = columns.cell(record, Column::Cards) else { return Some(Vec::new()) };
    let mut cards: Vec<CardNumber> = Vec::new();
    let mut whole = true;
    for part in parts(&cell) {
        let Some(card) = card(record.row, heading, part, columns, defects) else {
            whole = false;
            continue;
        };
        if card.is_partial() {
            defects.warning(
                record.row,
                Some(heading),
                format!(
                    "{} has only {} bytes, which several cards can share: use the whole number if the reader gives it",
                    card.hex(),
                    card.bytes().len()
                ),
                format!(
                    "{} 只有 {} 字节，多张卡可能相同：若读卡器能给出完整卡号，请使用完整卡号",
                    card.hex(),
                    card.bytes().len()
                ),
            );
        }
        if !cards.contains(&card) {
            cards.push(card);
        }
    }
    whole.then_some(cards)
}

fn card(row: usize, heading: &str, part: &str, columns: &Columns, defects: &mut Defects) -> Option<CardNumber> {
    if cells::is_scientific(part) {
        number_as_text(row, heading, part, defects);
        return None;
    }
    let refused = match CardNumber::parse(part) {
        Ok(card) => return Some(card),
        Err(refused) => refused,
    };
    if refused == NotACard::Ambiguous
        && columns.hex_widths.contains(&part.len())
        && let Some(card) = CardNumber::from_hex(part)
    {
        defects.warning(
            row,
            Some(heading),
            format!("{part} has digits alone and is read as hexadecimal, because other cards of the column are: check that it is the card's bytes"),
            format!("{part} 只有数字，因本列其他卡号为十六进制而按十六进制读取：请核对"),
        );
        return Some(card);
    }
    defects.add(super::Severity::Error, row, Some(heading), refused.say(&shown(part)));
    None
}

/// Outer `None`: an error. Inner `None`: the person is there.
fn left(record: &Record, columns: &Columns, defects: &mut Defects) -> Option<Option<Date>> {
    let Some((cell, heading)) = columns.cell(record, Column::Left) else { return Some(None) };
    let said = shown(&cell);
    match cells::day(&cell) {
        Day::Is(day) => Some(Some(day)),
        Day::Counted(day) => {
            defects.warning(
                record.row,
                Some(heading),
                format!("{said} is a spreadsheet's number for a day and is read as {day}: check it"),
                format!("{said} 是表格内部的日期数字，按 {day} 读取：请核对"),
            );
            Some(Some(day))
        }
        Day::Ambiguous => {
            defects.error(
                record.row,
                Some(heading),
                format!("{said} leaves open which is the day and which the month: write it as 2026-03-01"),
                format!("{said} 分不清日和月：请写成 2026-03-01"),
            );
            None
        }
        Day::Unreadable => {
            defects.error(
                record.row,
                Some(heading),
                format!("{said} is no day: write it as 2026-03-01, or leave the cell empty"),
                format!("{said} 不是日期：请写成 2026-03-01，或留空"),
            );
            None
        }
    }
}

/// Outer `None`: an error. Inner `None`: nothing there. Names keep their full-width characters.
fn text(record: &Record, columns: &Columns, column: Column, defects: &mut Defects) -> Option<Option<String>> {
    let Some((at, _, heading)) = columns.list.iter().find(|(_, known, _)| *known == column) else { return Some(None) };
    let Some(cell) = record.cells.get(*at) else { return Some(None) };
    let cell: String =
        cell.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}')).to_owned();
    if cell.is_empty() {
        return Some(None);
    }
    let lost = cell.contains('\u{fffd}') || cell.contains("锟斤拷") || cell.chars().all(|c| c == '?');
    let fits = cell.chars().count() <= MAX_TEXT && !cell.chars().any(char::is_control);
    if lost {
        defects.error(
            record.row,
            Some(heading),
            "holds characters that were lost when the file was saved in a wrong encoding: export it again as \"CSV UTF-8\"",
            "文字在保存时因编码错误而丢失：请重新导出为“CSV UTF-8”",
        );
    } else if !fits {
        defects.error(
            record.row,
            Some(heading),
            format!("wants one line of at most {MAX_TEXT} characters"),
            format!("应为一行，最多 {MAX_TEXT} 个字符"),
        );
    }
    (fits && !lost).then_some(Some(cell))
}
