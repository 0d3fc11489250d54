//! What a reader shows the person who is waiting at it: the same few signs whatever the hardware.
//!
//! Every reader tells at once what became of a reading, by sound, light or text as it can. Which sign a receipt is, is decided here,
//! so that green means the same at every gate.

use crate::{NotRecorded, Receipt, Text, Verdict};

/// The signs that a light or a sound can tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tone {
    /// Taken: it counts, or is kept until the time is known. Green, one long beep.
    Accepted,
    /// Has punched already; nothing more is needed. Blue or green, two short beeps.
    Already,
    /// Nobody is known by this. Kept; see the office. Yellow or red, three short beeps.
    Unknown,
    /// Known, and it does not count (has left, a random number of a phone). Red, three short beeps.
    Refused,
    /// Not recorded: try again. Red, one very long beep.
    OutOfOrder,
}

impl Tone {
    /// All of them, for tables of what to send.
    pub const ALL: [Self; 5] = [Self::Accepted, Self::Already, Self::Unknown, Self::Refused, Self::OutOfOrder];

    /// The word in settings and the process protocol.
    pub fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Already => "already",
            Self::Unknown => "unknown",
            Self::Refused => "refused",
            Self::OutOfOrder => "out_of_order",
        }
    }

    /// From the word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tone| tone.word() == word)
    }
}

/// What to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sign {
    /// For lights and sounds.
    pub tone: Tone,
    /// The person's name, where the verdict tells it.
    pub name: Option<String>,
    /// One short line for a display.
    pub text: Text,
}

impl Sign {
    /// A sign that is no receipt's: something that the driver itself turned away, and what the person should do.
    pub fn refused(text: Text) -> Self {
        Self { tone: Tone::Refused, name: None, text }
    }

    /// The sign where only a part of what was presented arrived: it credits nobody, and a second try will do.
    pub fn part() -> Self {
        let text = Text::new("Only a part was read. Please try again.", "只读到一部分，请重试");
        Self { tone: Tone::OutOfOrder, name: None, text }
    }

    /// The sign for the answer to a reading.
    pub fn of(answer: &Result<Receipt, NotRecorded>) -> Self {
        let say = |tone, name: Option<&str>, en: &str, zh: &str| Self {
            tone,
            name: name.map(str::to_owned),
            text: Text::new(en, zh),
        };
        let Ok(receipt) = answer else {
            return say(Tone::OutOfOrder, None, "Not recorded. Please try again.", "未记录，请重试");
        };
        match &receipt.verdict {
            Verdict::Punch { name, .. } => {
                say(Tone::Accepted, Some(name), &format!("OK {name}"), &format!("{name} 打卡成功"))
            }
            Verdict::Merged { name, .. } => {
                say(Tone::Already, Some(name), &format!("{name}: already punched"), &format!("{name} 已打卡"))
            }
            Verdict::Repeated => say(Tone::Already, None, "Already punched", "已打卡"),
            Verdict::Unknown => {
                say(Tone::Unknown, None, "Unknown. Kept; see the office.", "未登记，已留存，请联系管理员")
            }
            // Taken and safe, whatever it is held for: the person has nothing to do.
            Verdict::Held { .. } => say(Tone::Accepted, None, "Taken", "已收到"),
            Verdict::Refused { reason } => Self { tone: Tone::Refused, name: None, text: reason.clone() },
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn every_answer_has_its_sign() {
        let tone = |verdict| Sign::of(&Ok(Receipt { seq: 1, verdict })).tone;
        let name = || "张三".to_owned();
        assert_eq!(tone(Verdict::Punch { name: name(), time: Timestamp::UNIX_EPOCH }), Tone::Accepted);
        assert_eq!(tone(Verdict::Merged { name: name(), into: Timestamp::UNIX_EPOCH }), Tone::Already);
        assert_eq!(tone(Verdict::Unknown), Tone::Unknown);
        assert_eq!(tone(Verdict::Held { reason: Text::new("r", "r") }), Tone::Accepted);
        assert_eq!(tone(Verdict::Refused { reason: Text::new("r", "r") }), Tone::Refused);
        assert_eq!(Sign::of(&Err(NotRecorded::Busy)).tone, Tone::OutOfOrder);
        for tone in Tone::ALL {
            assert_eq!(Tone::from_word(tone.word()), Some(tone));
        }
    }
}
