//! Rows that speak of one person twice, and credentials that two people claim.

use std::collections::HashMap;

use super::defects::Defects;
use super::headings::Column;
use super::row::{Columns, RosterRow};

/// Removes exact repetitions and names all else that cannot be.
pub(super) fn resolve(rows: Vec<RosterRow>, columns: &Columns, defects: &mut Defects) -> Vec<RosterRow> {
    let mut kept: Vec<RosterRow> = Vec::with_capacity(rows.len());
    let mut people: HashMap<(Option<String>, String), usize> = HashMap::new();
    for row in rows {
        let key = (row.organisation.clone(), row.userid.folded());
        match people.get(&key).and_then(|at| kept.get(*at)) {
            Some(first) => repeated(&row, first, columns, defects),
            None => {
                people.insert(key, kept.len());
                kept.push(row);
            }
        }
    }
    claims(&kept, columns, defects);
    kept
}

fn repeated(row: &RosterRow, first: &RosterRow, columns: &Columns, defects: &mut Defects) {
    let (heading, n) = (columns.heading(Column::Userid), first.row);
    let same = RosterRow { row: n, ..row.clone() } == *first;
    if row.userid.as_str() != first.userid.as_str() {
        let (this, that) = (row.userid.as_str(), first.userid.as_str());
        defects.error(
            row.row,
            heading,
            format!("{this} and {that} in row {n} differ in case alone and are one member to WeCom: keep one row"),
            format!("{this} 与第 {n} 行的 {that} 仅大小写不同，在企业微信中是同一成员：请只保留一行"),
        );
    } else if same {
        defects.warning(
            row.row,
            None,
            format!("says the same as row {n} and is skipped"),
            format!("与第 {n} 行相同，已跳过"),
        );
    } else {
        let userid = &row.userid;
        defects.error(
            row.row,
            heading,
            format!("{userid} is already in row {n} with other content: make one row of them; several ids or cards are separated with ;"),
            format!("{userid} 已在第 {n} 行出现且内容不同：请合并为一行，多个编号或卡号用 ; 分隔"),
        );
    }
}

fn claims(rows: &[RosterRow], columns: &Columns, defects: &mut Defects) {
    let mut holders: HashMap<(Option<&str>, Column, String), &RosterRow> = HashMap::new();
    for row in rows {
        let ids = row.user_ids.iter().map(|id| (Column::UserIds, id.clone()));
        let cards = row.cards.iter().map(|card| (Column::Cards, card.hex()));
        for (column, value) in ids.chain(cards) {
            let key = (row.organisation.as_deref(), column, value.clone());
            let Some(first) = holders.get(&key).copied() else {
                holders.insert(key, row);
                continue;
            };
            let (heading, n) = (columns.heading(column), first.row);
            if first.left.is_none() && row.left.is_none() {
                defects.error(
                    row.row,
                    heading,
                    format!("{value} also stands in row {n}: it cannot mean two people; if it was handed on, give the day on which the first left"),
                    format!("{value} 也在第 {n} 行：不能同时代表两个人；若已转交，请填写前一人的离职日期"),
                );
                continue;
            }
            defects.warning(
                row.row,
                heading,
                format!("{value} also stands in row {n}; it counts for the one who left until that day and for the other afterwards"),
                format!("{value} 也在第 {n} 行；离职日期之前归离职者，之后归另一人"),
            );
            // The one who stays holds it against the next claim.
            if row.left.is_none() {
                holders.insert(key, row);
            }
        }
    }
}
