//! Which questions a terminal leaves without an answer, so that none of them stops everything else.
//!
//! Firmware answers some commands not at all (pyzk #79): asked again at every visit, each would cost a timeout, and taken for a dead
//! connection, each would end the visit before the log was read. A question that got no answer while a later one did is silent: it
//! is left out for some hours. Several in a row without any answer mean that nobody is there any more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use punchd_contract::Text;
use tokio::time::Instant;

use super::protocol::bulk::Table;

/// After so long a silent question is tried again: a terminal may have been busy, or got new firmware.
const ASK_AGAIN: Duration = Duration::from_secs(6 * 3600);
/// So many in a row that this session has never had answered may be silent and the terminal be there.
const UNHEARD: usize = 4;
/// So many in a row that were answered before in this session mean that it is gone.
const ONCE_HEARD: usize = 2;

/// Something that can be left unanswered without harm to the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// The value of an option.
    Option(&'static str),
    /// The firmware's name.
    Version,
    /// The counts.
    Sizes,
    /// The clock.
    Clock,
    /// Events from now on.
    Events,
    /// The memory of a buffered read is free again.
    FreeData,
    /// A table by the buffered read.
    Buffered(Table),
    /// A table by the plain command.
    Plain(Table),
}

impl Question {
    /// What it asks for.
    pub fn text(self) -> Text {
        let (en, zh) = match self {
            Self::Option(_) => ("its serial number or model (11)", "序列号或型号（11）"),
            Self::Version => ("its firmware (1100)", "固件版本（1100）"),
            Self::Sizes => ("its counts (50)", "记录数（50）"),
            Self::Clock => ("its clock (201)", "时钟（201）"),
            Self::Events => ("live events (500)", "实时事件（500）"),
            Self::FreeData => ("the end of a read (1502)", "读取结束（1502）"),
            Self::Buffered(Table::Users) => ("the buffered read of its user list (1503)", "缓冲读取人员名单（1503）"),
            Self::Buffered(Table::Punches) => ("the buffered read of its log (1503)", "缓冲读取记录（1503）"),
            Self::Plain(Table::Users) => ("its user list (9)", "人员名单（9）"),
            Self::Plain(Table::Punches) => ("its log (13)", "考勤记录（13）"),
        };
        Text::new(en, zh)
    }
}

/// What is remembered of one terminal from visit to visit; clones remember together.
#[derive(Clone, Debug, Default)]
pub struct Silences(Arc<Mutex<Memory>>);

#[derive(Debug, Default)]
struct Memory {
    silent: BTreeMap<Question, Instant>,
    /// Answered in this session.
    heard: Vec<Question>,
    /// Unanswered since the last answer: silence, or the end.
    open: Vec<Question>,
    /// With these the last session ended, so that this one goes on without them: what is asked next may be answered.
    suspected: Vec<Question>,
}

/// Tells which terminal it is, and so is asked in every session: nothing is read from another one than the expected.
const SERIAL: Question = Question::Option("~SerialNumber");

impl Silences {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// A new session. What was heard in the last one before it ended is asked as ever.
    pub fn begin(&self) {
        let mut memory = self.memory();
        let heard = std::mem::take(&mut memory.heard);
        let mut open = std::mem::take(&mut memory.open);
        open.retain(|open| !heard.contains(open) && !memory.suspected.contains(open));
        memory.suspected.extend(open);
    }

    /// Whether it is worth asking.
    pub fn worth_asking(&self, question: Question) -> bool {
        let memory = self.memory();
        let suspected = question != SERIAL && memory.suspected.contains(&question);
        !suspected && memory.silent.get(&question).is_none_or(|since| since.elapsed() >= ASK_AGAIN)
    }

    /// It was answered, whatever the answer: so the terminal is there, and what it left open before is silent.
    pub fn answered(&self, question: Question) {
        let mut memory = self.memory();
        memory.silent.remove(&question);
        if memory.suspected.contains(&question) {
            // Then it was gone for a while, and none of them need be silent.
            memory.suspected.clear();
        }
        if !memory.heard.contains(&question) {
            memory.heard.push(question);
        }
        memory.decide();
    }

    /// Something else arrived.
    pub fn is_there(&self) {
        self.memory().decide();
    }

    /// It got no answer. Tells whether the terminal may still be there.
    pub fn unanswered(&self, question: Question) -> bool {
        let mut memory = self.memory();
        memory.open.push(question);
        let heard = memory.open.iter().all(|open| memory.heard.contains(open));
        memory.open.len() < if heard { ONCE_HEARD } else { UNHEARD }
    }

    /// Is to be asked again: the other way to the same thing does not work either.
    pub fn forget(&self, question: Question) {
        let mut memory = self.memory();
        memory.silent.remove(&question);
        memory.open.retain(|open| *open != question);
        memory.suspected.retain(|suspected| *suspected != question);
    }

    /// What is left out just now.
    pub fn left_out(&self) -> Vec<Question> {
        self.memory().silent.keys().copied().collect()
    }
}

impl Memory {
    fn decide(&mut self) {
        for silent in std::mem::take(&mut self.open).into_iter().chain(std::mem::take(&mut self.suspected)) {
            self.silent.insert(silent, Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_question_without_an_answer_is_left_out_once_a_later_one_was_answered() {
        let silences = Silences::default();
        assert!(silences.unanswered(Question::Events));
        assert!(silences.worth_asking(Question::Events), "it may have been the end of the connection");
        silences.answered(Question::Clock);
        assert!(!silences.worth_asking(Question::Events) && silences.worth_asking(Question::Clock));
        tokio::time::advance(ASK_AGAIN).await;
        assert!(silences.worth_asking(Question::Events));
        silences.answered(Question::Events);
        assert_eq!(silences.left_out(), []);
    }

    #[test]
    fn nobody_is_there_after_several_silent_in_a_row_and_sooner_if_they_were_heard_before() {
        let silences = Silences::default();
        let asked = [Question::Version, Question::Events, Question::Clock, Question::Sizes];
        assert_eq!(asked.map(|question| silences.unanswered(question)), [true, true, true, false]);
        silences.begin();
        silences.answered(Question::Clock);
        silences.answered(Question::Sizes);
        assert!(silences.unanswered(Question::Clock) && !silences.unanswered(Question::Sizes));
        silences.begin();
        assert!(silences.worth_asking(Question::Clock), "a dead connection makes nothing silent");
    }

    #[test]
    fn where_a_session_ended_in_silence_the_next_one_goes_on_behind_it_unless_the_terminal_was_only_away() {
        let asked = [SERIAL, Question::Version, Question::Events, Question::Clock];
        let ended = || {
            let silences = Silences::default();
            silences.answered(Question::Sizes);
            assert!(!asked.map(|question| silences.unanswered(question))[3]);
            silences.begin();
            assert_eq!(asked.map(|question| silences.worth_asking(question)), [true, false, false, false]);
            silences
        };
        let silent = ended();
        silent.unanswered(SERIAL);
        silent.answered(Question::Sizes);
        assert_eq!(silent.left_out().len(), 4);
        let away = ended();
        away.answered(SERIAL);
        assert_eq!(away.left_out(), []);
        assert!(away.worth_asking(Question::Clock));
    }
}
