//! Ids whose leading zeros a spreadsheet may have dropped: `12` is not `0012` to a terminal.

use std::collections::{BTreeSet, HashMap};

use super::defects::Defects;

/// An id of digits alone and where it stands.
pub(super) struct Id<'r> {
    pub(super) row: usize,
    pub(super) heading: &'r str,
    pub(super) id: &'r str,
}

/// Names the ids that are probably shorter than they were.
///
/// Three signs, the strongest first: the id is unknown but is known with zeros before it; other ids of the column begin
/// with zeros and this one is shorter than they are; most ids of the column have one width of four or more and this one is
/// shorter (a column that counts from 1 has most of its ids in its widest hundred too, but not at four digits in a list
/// that people write).
pub(super) fn lost(ids: &[Id<'_>], known: &BTreeSet<String>, defects: &mut Defects) {
    let padded = ids.iter().filter(|id| id.id.len() > 1 && id.id.starts_with('0')).map(|id| id.id.len()).max();
    let common = common_width(ids);
    let known: HashMap<&str, &str> = known
        .iter()
        .filter(|id| id.len() > 1 && id.starts_with('0') && id.chars().all(|c| c.is_ascii_digit()))
        .map(|id| (id.trim_start_matches('0'), id.as_str()))
        .collect();
    for Id { row, heading, id } in ids {
        if let Some(whole) = known.get(id).filter(|_| !id.starts_with('0')) {
            defects.warning(
                *row,
                Some(heading),
                format!("{id} is known to the terminals as {whole}: the spreadsheet probably dropped the zeros; format the column as text and write {whole}"),
                format!("终端上的编号是 {whole}，而这里是 {id}：表格可能丢掉了前面的 0，请把该列设为文本并写成 {whole}"),
            );
        } else if let Some(width) = padded.filter(|width| id.len() < *width) {
            defects.warning(
                *row,
                Some(heading),
                shorter(id, width, "others begin with zeros").0,
                shorter(id, width, "").1,
            );
        } else if let Some(width) = common.filter(|width| id.len() < *width) {
            defects.warning(
                *row,
                Some(heading),
                shorter(id, width, "most have that width").0,
                shorter(id, width, "").1,
            );
        }
    }
}

fn shorter(id: &str, width: usize, why: &str) -> (String, String) {
    let whole = format!("{id:0>width$}");
    (
        format!(
            "{id} is shorter than the other ids of this column, which have {width} digits ({why}): if it is {whole} at the terminal, the spreadsheet dropped the zeros; format the column as text"
        ),
        format!("{id} 比本列其他编号（{width} 位）短：若终端上是 {whole}，则表格丢掉了前面的 0，请把该列设为文本格式"),
    )
}

/// The width that more than half of the ids have, if it is the widest and at least four.
fn common_width(ids: &[Id<'_>]) -> Option<usize> {
    let widest = ids.iter().map(|id| id.id.len()).max()?;
    let of_it = ids.iter().filter(|id| id.id.len() == widest).count();
    (widest >= 4 && of_it * 2 > ids.len()).then_some(widest)
}
