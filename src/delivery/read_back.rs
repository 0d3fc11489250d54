//! A pass of reading back: which members and days are asked for, in which calls, and what the answers show.
//!
//! A call takes 100 members and 30 days (facts/wecom-api.md 3.1). WeCom selects by rule day, and a shift that ends after
//! midnight belongs to the day before, so a day and a half is added on either side. Whether one unknown member spoils a whole call is not
//! documented: a refused call is split until that member is alone.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::attendance::UserId;
use crate::wecom::{CheckinData, MAX_USERS, Period, Refusal, UnixSeconds};

const DAY: i64 = 86_400;
/// Added on either side.
const MARGIN: i64 = DAY + DAY / 2;
/// The longest stretch of punches in one call.
const SPAN: i64 = Period::MAX_SECONDS - 2 * MARGIN;

/// A delivery that is looked for.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub delivery: i64,
    pub person: i64,
    /// `None`: what the journal has is no userid.
    pub userid: Option<UserId>,
    pub time_s: i64,
    pub changed_ms: i64,
    pub batch: Option<i64>,
    pub code: Option<i64>,
}

impl Row {
    /// From the columns delivery, person, userid, time_s, changed_ms, batch, code.
    pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        let userid: String = row.get(2)?;
        Ok(Self {
            delivery: row.get(0)?,
            person: row.get(1)?,
            userid: UserId::new(userid).ok(),
            time_s: row.get(3)?,
            changed_ms: row.get(4)?,
            batch: row.get(5)?,
            code: row.get(6)?,
        })
    }
}

/// What a look says about one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// WeCom shows a punch of this member and second.
    Present,
    /// It does not.
    Absent,
    /// Parts of the answer could not be read.
    Unclear,
    /// It refuses to show this member, with this code.
    Stranger(i64),
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub users: Vec<UserId>,
    pub period: Period,
}

/// What was shown of a member.
#[derive(Clone, Debug, Default)]
struct View {
    seconds: HashSet<i64>,
    owes: bool,
    stranger: Option<Refusal>,
}

/// All calls of one look, and what they showed. Bounded by the rows that it began with.
#[derive(Debug)]
pub(super) struct Pass {
    pub rows: Vec<Row>,
    /// When the first question was asked.
    pub began_ms: i64,
    /// Whether the answers show punches that are owed.
    pub shows_owed: bool,
    questions: VecDeque<Question>,
    views: HashMap<UserId, View>,
    unclear: bool,
}

impl Pass {
    /// Looks for these deliveries from now on.
    pub(super) fn new(rows: Vec<Row>, began_ms: i64) -> Self {
        let questions = questions(&rows);
        Self { rows, began_ms, questions, views: HashMap::new(), shows_owed: false, unclear: false }
    }

    /// What to ask next.
    pub(super) fn question(&self) -> Option<&Question> {
        self.questions.front()
    }

    /// Takes the answer to the question.
    pub(super) fn answered(&mut self, data: &CheckinData) {
        self.questions.pop_front();
        self.unclear |= data.unreadable > 0;
        self.shows_owed |= !data.missed.is_empty();
        for punched in &data.punched {
            self.views.entry(punched.userid.clone()).or_default().seconds.insert(punched.checkin_time.get());
        }
        for missed in &data.missed {
            self.views.entry(missed.userid.clone()).or_default().owes = true;
        }
    }

    /// The question was refused on account of a member, or its answer was too large: ask in halves. `false` if one member
    /// stands alone.
    pub(super) fn split(&mut self) -> bool {
        let Some(question) = self.questions.pop_front() else { return false };
        let (first, second) = question.users.split_at(question.users.len() / 2);
        if first.is_empty() {
            self.questions.push_front(question);
            return false;
        }
        for half in [second, first] {
            self.questions.push_front(Question { users: half.to_vec(), period: question.period });
        }
        true
    }

    /// The one member of the question is not shown to us. Nor will be for other days.
    pub(super) fn stranger(&mut self, refusal: &Refusal) {
        let Some(question) = self.questions.pop_front() else { return };
        for user in question.users {
            for other in &mut self.questions {
                other.users.retain(|known| *known != user);
            }
            self.views.entry(user).or_default().stranger = Some(refusal.clone());
        }
        self.questions.retain(|question| !question.users.is_empty());
    }

    /// What the look says.
    pub(super) fn finding(&self, userid: &UserId, time_s: i64) -> Finding {
        let view = self.views.get(userid);
        match view {
            Some(view) if view.seconds.contains(&time_s) => Finding::Present,
            Some(View { stranger: Some(refusal), .. }) => Finding::Stranger(refusal.code),
            _ if self.unclear => Finding::Unclear,
            _ => Finding::Absent,
        }
    }

    /// Whether anything of this member was shown.
    pub(super) fn covers(&self, userid: &UserId) -> bool {
        self.views.get(userid).is_some_and(|view| view.owes || !view.seconds.is_empty())
    }

    /// Whether anything of anybody was shown.
    pub(super) fn shows_anybody(&self) -> bool {
        self.views.values().any(|view| view.owes || !view.seconds.is_empty())
    }

    /// In what words WeCom refused to show this member.
    pub(super) fn message_about(&self, userid: &UserId) -> String {
        let refusal = self.views.get(userid).and_then(|view| view.stranger.as_ref());
        refusal.map(|refusal| refusal.message.clone()).unwrap_or_default()
    }
}

/// Few calls that cover all rows: stretches of days, and in each of them its members by the hundred.
fn questions(rows: &[Row]) -> VecDeque<Question> {
    let mut asked: Vec<(i64, &UserId)> =
        rows.iter().filter_map(|row| row.userid.as_ref().map(|userid| (row.time_s, userid))).collect();
    asked.sort_by_key(|(time_s, _)| *time_s);
    let mut questions = VecDeque::new();
    while let Some((first, _)) = asked.first().copied() {
        let stretch = asked.partition_point(|(time_s, _)| time_s.saturating_sub(first) <= SPAN);
        let rest = asked.split_off(stretch);
        let last = asked.last().map_or(first, |(time_s, _)| *time_s);
        let mut seen = HashSet::new();
        let users: Vec<UserId> =
            asked.iter().filter(|(_, userid)| seen.insert(*userid)).map(|(_, userid)| (*userid).clone()).collect();
        // Times were accepted by WeCom once, or are of a row that the journal has: those outside the range are asked at its ends.
        if let (Ok(from), Ok(to)) = (UnixSeconds::new(first.max(0)), UnixSeconds::new(last.max(0)))
            && let Ok(period) = Period::new(from.plus(-MARGIN), to.plus(MARGIN))
        {
            questions.extend(users.chunks(MAX_USERS).map(|users| Question { users: users.to_vec(), period }));
        }
        asked = rest;
    }
    questions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(userid: &str, time_s: i64) -> Row {
        let userid = UserId::new(userid).ok();
        Row { delivery: 1, person: 1, userid, time_s, changed_ms: 0, batch: None, code: None }
    }

    const MORNING: i64 = 1_793_577_600;

    #[test]
    fn a_call_asks_for_at_most_a_hundred_members_and_thirty_days_and_every_punch_lies_well_inside() {
        let rows: Vec<Row> = (0..250).map(|n| row(&format!("u{n}"), MORNING + n * DAY / 2)).collect();
        let pass = Pass::new(rows.clone(), 0);
        for question in &pass.questions {
            assert!(question.users.len() <= MAX_USERS);
            assert!(question.period.end().get() - question.period.start().get() <= Period::MAX_SECONDS);
        }
        for row in &rows {
            let asked = pass.questions.iter().any(|question| {
                question.users.contains(row.userid.as_ref().unwrap())
                    && question.period.start().get() + DAY < row.time_s
                    && row.time_s + DAY < question.period.end().get()
            });
            assert!(asked, "{row:?}");
        }
        assert_eq!(pass.questions.len(), 5, "125 days in stretches of 27");
    }

    #[test]
    fn a_batch_of_one_morning_is_two_calls() {
        let pass = Pass::new((0..200).map(|n| row(&format!("u{n}"), MORNING + n)).collect(), 0);
        assert_eq!(pass.questions.len(), 2);
    }

    #[test]
    fn a_member_that_spoils_the_call_is_found_by_splitting() {
        let mut pass = Pass::new((0..100).map(|n| row(&format!("u{n}"), MORNING)).collect(), 0);
        let bad = UserId::new("U37").unwrap();
        let refusal = Refusal { code: 60111, message: "userid not found".into() };
        let mut calls = 0;
        while let Some(question) = pass.question() {
            calls += 1;
            match question.users.contains(&bad) {
                true if pass.split() => {}
                true => pass.stranger(&refusal),
                false => pass.answered(&CheckinData::default()),
            }
        }
        assert!(calls <= 15, "{calls}");
        assert_eq!(pass.finding(&bad, MORNING), Finding::Stranger(60111));
        assert_eq!(pass.finding(&UserId::new("u36").unwrap(), MORNING), Finding::Absent);
    }

    #[test]
    fn rows_that_cannot_be_read_leave_nothing_absent() {
        let mut pass = Pass::new(vec![row("a", MORNING)], 0);
        pass.answered(&CheckinData { unreadable: 1, ..CheckinData::default() });
        assert_eq!(pass.finding(&UserId::new("a").unwrap(), MORNING), Finding::Unclear);
    }
}
