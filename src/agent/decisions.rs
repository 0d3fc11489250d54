//! What people decide about readings that nothing else can settle: about some of them, or what time it was in a whole boot.
//!
//! Where the journal proves between what times a reading was, a decision outside of that is refused, unless somebody insists:
//! then the reason that is kept with it says why.

use std::time::Duration;

use punchd_contract::Text;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::judge_again;
use super::operations::{OperationError, Operations};
use crate::attendance::decisions::{self, About, Asked};
use crate::attendance::timeline::{Bounds, Moment, Timeline};
use crate::attendance::{Attendance, Decision};
use crate::clock::{Anchor, AnchorSource, UnixMillis};
use crate::journal::{JournalError, Seq, Word, Write, anchors};

/// How far off a person may be who says when something was. It counts all the same; it is what is known.
const PERSON_WITHIN: Duration = Duration::from_secs(60);

/// A decision about readings that could not be judged.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Decided {
    /// Which.
    pub seqs: Vec<i64>,
    /// When it was, or that it does not count; absent where only the person is decided.
    #[serde(default)]
    pub decision: Option<Decision>,
    /// Whose they are: a userid.
    #[serde(default)]
    pub person: Option<String>,
    /// Who decided.
    pub by: String,
    /// Why, in their words.
    pub reason: String,
    /// Also against what the journal proves.
    #[serde(default)]
    pub forced: bool,
}

/// What a decision changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// Readings that have a verdict now.
    pub settled: u64,
    /// Punches that may have arrived and are another person's now: to be corrected at the destination.
    #[serde(default)]
    pub to_correct: u64,
}

/// A decision about all readings of a boot: when one of them was; the others follow by boot time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BootDecided {
    /// The reading that somebody knows the time of; one that a reader of this gateway took.
    pub seq: i64,
    /// When it was, seconds since 1970 UTC.
    pub time_s: i64,
    /// Who decided.
    pub by: String,
    /// Why, in their words.
    pub reason: String,
    /// Also against what the journal proves.
    #[serde(default)]
    pub forced: bool,
}

/// What a decision about a boot changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootSettled {
    /// Open readings of local readers in that boot.
    pub open: u64,
    /// How many of them were settled.
    pub settled: u64,
}

impl Operations {
    /// Writes a decision down and judges the readings again.
    pub async fn decide(&self, decided: Decided) -> Result<Settled, OperationError> {
        wants_a_reason(&decided.reason)?;
        let about = match (&decided.decision, &decided.person) {
            (Some(_), None) => About::Time,
            (None, Some(_)) => About::Person,
            (Some(_), Some(_)) => About::TimeAndPerson,
            (None, None) => {
                return Err(OperationError::Declined(Text::new(
                    "say what is decided: a time, a person, or that it does not count",
                    "请说明决定的内容：时间、人员，或不计入",
                )));
            }
        };
        if let (Some(Decision::At { time_s }), false) = (&decided.decision, decided.forced) {
            self.check_bounds(decided.seqs.clone(), *time_s).await?;
        }
        let now = self.clock.now().time;
        let attendance = self.attendance.clone();
        let settled = self
            .journal
            .write_weighing(decided.seqs.len(), move |write| {
                let mut done = Settled::default();
                let mut seqs = Vec::new();
                for seq in &decided.seqs {
                    let seq = Seq(*seq);
                    let touched = decide_one(write, &attendance, &decided, about, seq, now)?;
                    done.to_correct += touched.to_correct;
                    seqs.push(seq);
                    seqs.extend(touched.followers);
                }
                seqs.sort_unstable();
                seqs.dedup();
                done.settled = attendance.reopen(write, &seqs)?;
                Ok(done)
            })
            .await?;
        self.punched.notify_one();
        Ok(settled)
    }

    /// Writes down when a reading was, as an anchor of its boot, and judges what is open of that boot again.
    pub async fn decide_boot(&self, decided: BootDecided) -> Result<BootSettled, OperationError> {
        wants_a_reason(&decided.reason)?;
        let seq = decided.seq;
        let found = self.journal.read(move |sql| Ok((Moment::of_reading(sql, Seq(seq))?, is_local(sql, seq)?))).await?;
        let (Some(moment), true) = found else {
            return Err(OperationError::Declined(Text::new(
                format!(
                    "reading {seq} is not one of a reader of this gateway: only their readings are dated by its boot. Decide its own time (--at without --whole-boot)"
                ),
                format!(
                    "记录 {seq} 不是本网关读卡器的记录：只有这类记录才按开机时间推算。请单独确定时间（--at，不带 --whole-boot）"
                ),
            )));
        };
        if !decided.forced {
            self.check_bounds(vec![seq], decided.time_s).await?;
        }
        let anchor = Anchor {
            boot: moment.boot_id.clone(),
            boottime: moment.boottime,
            true_time: UnixMillis(decided.time_s.saturating_mul(1000)),
            bound: PERSON_WITHIN,
            source: AnchorSource::Person,
        };
        let (its, boot) = (anchor.clone(), moment.boot);
        let open: Vec<Seq> = self
            .journal
            .write(move |write| {
                let open = open_of_boot(write.sql(), boot)?;
                if open.is_empty() {
                    return Err(JournalError::Declined(Text::new(
                        format!("nothing of the boot of reading {seq} is open: there is nothing to decide"),
                        format!("记录 {seq} 所在开机期间没有待定的记录：无需处理"),
                    )));
                }
                let word = Word { by: decided.by, reason: decided.reason };
                anchors::insert(write.sql(), boot, &its, Some(&word))?;
                Ok(open)
            })
            .await?;
        self.clock.learn(&anchor);
        let count = open.len() as u64;
        Ok(BootSettled { open: count, settled: judge_again(self, open).await? })
    }

    /// What the journal proves about these readings, where nothing dates them.
    pub async fn bounds(&self, seqs: Vec<i64>) -> Result<Vec<(i64, Bounds)>, OperationError> {
        let known = self.clock.now();
        let now = known.bound.map(|bound| UnixMillis(known.time.0.saturating_add(bound.as_millis() as i64)));
        Ok(self.journal.read(move |sql| bounds(sql, &seqs, now)).await?)
    }

    async fn check_bounds(&self, seqs: Vec<i64>, time_s: i64) -> Result<(), OperationError> {
        match self.bounds(seqs).await?.into_iter().find(|(_, bounds)| !bounds.allow(time_s)) {
            None => Ok(()),
            Some((seq, bounds)) => Err(OperationError::Declined(outside(seq, bounds))),
        }
    }
}

/// What the decision about one reading touched.
struct Touched {
    followers: Vec<Seq>,
    to_correct: u64,
}

/// Writes down what is decided about one reading, for everybody whom it concerns.
fn decide_one(
    write: &Write<'_>,
    attendance: &Attendance,
    decided: &Decided,
    about: About,
    seq: Seq,
    now: UnixMillis,
) -> Result<Touched, JournalError> {
    let person = |organisation| decided.person.as_ref().map(|userid| attendance.person_of(organisation, userid));
    let concerns = |organisation| !matches!(person(organisation), Some(None));
    if let Some(userid) = &decided.person
        && !decisions::organisations(write.sql(), seq)?.into_iter().any(concerns)
    {
        return Err(JournalError::Declined(Text::new(
            format!("nobody of the people list has the userid {userid}: see `punchd people list`"),
            format!("人员名单中没有 userid {userid}：请查看 `punchd people list`"),
        )));
    }
    if decided.decision == Some(Decision::Corrected) && decisions::measured_offset(write.sql(), seq)?.is_none() {
        return Err(JournalError::Declined(Text::new(
            format!(
                "no contact measured how far the terminal's clock was off when it handed over reading {seq}: say it with --shift DURATION or --first-at TIME"
            ),
            format!("终端上传记录 {seq} 时没有测得其时钟偏差：请用 --shift 或 --first-at 写明"),
        )));
    }
    let Asked { organisations, followers, left } = decisions::open_again(write, seq, about, concerns)?;
    let given = decided.person.as_ref().map(|userid| Decision::Given { userid: userid.clone() });
    for organisation in organisations.iter().chain(&left) {
        for what in given.iter().chain(&decided.decision) {
            let what = serde_json::to_string(what).map_err(|error| JournalError::Refused(error.to_string()))?;
            write.sql().execute(
                "INSERT INTO decision (seq, organisation, what, decided_by, reason, wall_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                (seq, organisation, &what, &decided.by, &decided.reason, now.0),
            )?;
        }
    }
    let mut to_correct = 0;
    for organisation in left {
        if let Some(Some(owner)) = person(organisation) {
            to_correct += u64::from(decisions::correct(write, seq, organisation, owner, now)?);
        }
    }
    Ok(Touched { followers, to_correct })
}

/// The bounds of those that only the gateway's clock could have dated.
fn bounds(sql: &Connection, seqs: &[i64], now: Option<UnixMillis>) -> Result<Vec<(i64, Bounds)>, JournalError> {
    let mut undated = Vec::new();
    for seq in seqs {
        if is_undated(sql, *seq)?
            && let Some(moment) = Moment::of_reading(sql, Seq(*seq))?
        {
            undated.push((*seq, moment));
        }
    }
    if undated.is_empty() {
        return Ok(Vec::new());
    }
    let timeline = Timeline::load(sql, now)?;
    Ok(undated
        .into_iter()
        .filter_map(|(seq, moment)| Some((seq, timeline.bounds(moment.boot, moment.boottime)?)))
        .collect())
}

/// Taken by a reader of this gateway while its clock was not trusted.
fn is_undated(sql: &Connection, seq: i64) -> Result<bool, JournalError> {
    let mut select = sql.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM reading r JOIN verdict v USING (seq)
          WHERE r.seq = ?1 AND r.happened = 2 AND v.outcome IN (2, 3) AND v.time_s IS NULL)",
    )?;
    Ok(select.query_row([seq], |row| row.get(0))?)
}

fn is_local(sql: &Connection, seq: i64) -> Result<bool, JournalError> {
    let mut select = sql.prepare_cached("SELECT EXISTS (SELECT 1 FROM reading WHERE seq = ?1 AND happened = 2)")?;
    Ok(select.query_row([seq], |row| row.get(0))?)
}

fn open_of_boot(sql: &Connection, boot: i64) -> Result<Vec<Seq>, JournalError> {
    let mut select = sql.prepare_cached(
        "SELECT DISTINCT v.seq FROM verdict v JOIN reading r USING (seq)
          WHERE v.outcome IN (2, 3) AND v.time_s IS NULL AND r.boot = ?1 AND r.happened = 2 ORDER BY v.seq",
    )?;
    Ok(select.query_map([boot], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

fn outside(seq: i64, bounds: Bounds) -> Text {
    let at = |ms: i64| UnixMillis(ms).timestamp().strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
    let not_before = at(bounds.not_before_ms);
    let not_after = bounds.not_after_ms.map(at);
    let (en, zh) = match &not_after {
        Some(not_after) => (format!(" and not after {not_after}"), format!("，且不晚于 {not_after}")),
        None => (String::new(), String::new()),
    };
    Text::new(
        format!(
            "the journal proves that reading {seq} was not before {not_before}{en}: give another time, or insist with --force and say why"
        ),
        format!("日志证明记录 {seq} 不早于 {not_before}{zh}：请写另一个时间，或用 --force 坚持并说明原因"),
    )
}

fn wants_a_reason(reason: &str) -> Result<(), OperationError> {
    if reason.trim().is_empty() {
        return Err(OperationError::Declined(Text::new(
            "say why: a decision is kept with its reason",
            "请说明原因：决定会与原因一同保存",
        )));
    }
    Ok(())
}
