//! `punchd verify`: whether anything was altered, removed or put in, said in words.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::exit::Exit;
use super::failure::Failure;
use super::place::Place;
use super::screen::Screen;
use crate::journal::{self, Broken, ChainHead, Finding, JournalError};

/// Defects of the file that are shown.
const SHOWN: usize = 10;

#[derive(Debug, Args)]
pub struct Verify {
    /// A head of the chain that was kept elsewhere, as `punchd status` showed it
    #[arg(long, value_name = "SEQ:DIGEST")]
    head: Option<ChainHead>,
    /// Verify this export instead of the journal; needs neither the journal nor the configuration
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
}

impl Verify {
    /// Only an export is to be looked at.
    pub fn needs_no_journal(&self) -> bool {
        self.export.is_some()
    }
}

/// Verifies an export alone.
pub fn of_an_export(verify: &Verify, screen: &mut Screen) -> Result<Exit, Failure> {
    let path = verify.export.clone().unwrap_or_default();
    let file = File::open(&path)
        .map_err(|error| Failure::plain(Exit::Usage, format!("cannot read {}: {error}", path.display())))?;
    let finding = journal::verify_export(BufReader::new(file), verify.head)?;
    tell(&finding, &[], screen)
}

/// Verifies the chain, and lets SQLite check the whole file.
pub fn of_the_journal(verify: &Verify, place: &Place, screen: &mut Screen) -> Result<Exit, Failure> {
    let sql = place.journal()?;
    let defects = match integrity(&sql) {
        Err(JournalError::Damaged(why)) => vec![why],
        other => other?,
    };
    match journal::verify(&sql, verify.head) {
        Ok(finding) => tell(&finding, &defects, screen),
        Err(JournalError::Damaged(why)) => {
            let defects = if defects.is_empty() { vec![why] } else { defects };
            if screen.json {
                screen.value(&json!({ "whole": false, "file": defects }))?;
            } else {
                tell_defects(&defects, screen);
            }
            Ok(Exit::Negative)
        }
        Err(error) => Err(error.into()),
    }
}

fn integrity(sql: &rusqlite::Connection) -> Result<Vec<String>, JournalError> {
    let mut check = sql.prepare("PRAGMA integrity_check")?;
    let said: Vec<String> = check.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(if said == ["ok"] { Vec::new() } else { said })
}

fn tell(finding: &Finding, defects: &[String], screen: &mut Screen) -> Result<Exit, Failure> {
    let whole = finding.broken.is_none() && defects.is_empty();
    let exit = if whole { Exit::Done } else { Exit::Negative };
    if screen.json {
        screen.value(&json!({ "whole": whole, "file": defects, "chain": finding }))?;
        return Ok(exit);
    }
    tell_defects(defects, screen);
    for cut in finding.cuts.iter() {
        let (from, to) = (cut.seq.saturating_add(1), cut.next_seq.saturating_sub(1));
        let first = finding.first.is_some_and(|first| cut.next_seq <= first);
        let (en, zh) = match (cut.reason.as_str(), first) {
            ("retention", true) => (
                format!("Readings up to {to} were removed by retention; the chain begins after them."),
                format!("截至 {to} 的记录已按保留期清除，链从其后开始。"),
            ),
            _ => (
                format!("Readings {from} to {to} were lost when the damaged file was salvaged; this is known."),
                format!("记录 {from} 至 {to} 在修复损坏文件时丢失，已有登记。"),
            ),
        };
        screen.say(en, zh);
    }
    match finding.broken {
        Some(broken) => {
            let (en, zh) = words(broken);
            screen.say(en, zh);
        }
        None => {
            let rows = finding.rows;
            screen.say(
                format!("{rows} readings follow from one another. Head, to be kept elsewhere:"),
                format!("{rows} 条记录环环相扣，未见改动。链首请另行保存："),
            );
            screen.line(&format!("  {}:{}", finding.head_seq, finding.head_digest));
        }
    }
    Ok(exit)
}

fn tell_defects(defects: &[String], screen: &mut Screen) {
    if defects.is_empty() {
        return;
    }
    screen.say(
        "The journal's file is damaged. Restart punchd (systemctl restart punchd): it salvages what can be read and keeps the old file. SQLite says:",
        "日志文件已损坏。请重启 punchd（systemctl restart punchd）：它会转存可读内容并保留旧文件。SQLite 报告：",
    );
    for defect in defects.iter().take(SHOWN) {
        screen.line(&format!("  {}", super::printable(defect)));
    }
}

fn words(broken: Broken) -> (String, String) {
    match broken {
        Broken::Altered { seq } => (
            format!("BROKEN at reading {seq}: it was altered, or put in; everything before it is as it was written."),
            format!("在记录 {seq} 处断开：该记录被改动或是插入的；之前的记录均为原样。"),
        ),
        Broken::Removed { from, to } => {
            let last = to.saturating_sub(1);
            (
                format!("BROKEN: readings {from} to {last} were removed; everything before them is as it was written."),
                format!("断开：记录 {from} 至 {last} 被删除；之前的记录均为原样。"),
            )
        }
        Broken::EndRemoved { last, known } => (
            format!("BROKEN at the end: the last reading is {last}, but there was a reading {known}."),
            format!("末尾缺失：现有最后一条是 {last}，但曾有记录 {known}。"),
        ),
        Broken::OtherHead { seq } => (
            format!(
                "BROKEN: reading {seq} has another digest than the head that was kept: the chain was written anew."
            ),
            format!("断开：记录 {seq} 的摘要与另行保存的链首不同：整条链被重写过。"),
        ),
    }
}
