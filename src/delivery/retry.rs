//! When something is tried again: one policy, with a name for every class of failure.

use std::time::Duration;

use punchd_contract::Text;

use crate::wecom::{Class, NotSent, Refusal, Unknown};

/// A pause that doubles with every failure in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Growth {
    /// After the first failure.
    pub first: Duration,
    /// Never longer.
    pub longest: Duration,
}

impl Growth {
    const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest }
    }

    /// The pause after the n-th failure in a row.
    pub fn after(self, in_a_row: u32) -> Duration {
        self.first.saturating_mul(2u32.saturating_pow(in_a_row.saturating_sub(1))).min(self.longest)
    }
}

/// All pauses of a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pauses {
    /// The server was not reached: nothing was sent, nothing is lost by trying.
    pub unreachable: Growth,
    /// Calls break or are not answered: each one puts its records in doubt.
    pub broken: Growth,
    /// WeCom says that it is busy, or refuses with a code that nobody knows.
    pub busy: Growth,
    /// WeCom refuses one record after the other and takes none.
    pub refusing: Growth,
    /// Somebody must change a setting: one record now and then, to see whether that was done.
    pub probing: Duration,
    /// After the first look at something in doubt; the next ones come ever later until it has settled.
    pub first_look: Duration,
    /// Between two readings of the confirming pass, far below the 600 calls a minute of the corp.
    pub between_confirmations: Duration,
    /// A delivered punch that is not seen for so long is marked.
    pub invisible_after: Duration,
    /// And after so long nobody looks for it any more.
    pub given_up_after: Duration,
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

impl Default for Pauses {
    fn default() -> Self {
        Self {
            unreachable: Growth::new(SECOND, MINUTE),
            broken: Growth::new(Duration::from_secs(5), Duration::from_secs(300)),
            busy: Growth::new(Duration::from_secs(5), Duration::from_secs(300)),
            refusing: Growth::new(Duration::from_secs(5), MINUTE),
            probing: Duration::from_secs(300),
            first_look: Duration::from_secs(5),
            between_confirmations: Duration::from_secs(15),
            invisible_after: DAY,
            // As far back as one reading goes (facts/wecom-api.md 3.1).
            given_up_after: Duration::from_secs(30 * 86_400),
        }
    }
}

/// What keeps a destination from delivering, or from reading back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hindrance {
    /// The server was not reached.
    Unreachable(NotSent),
    /// Calls break.
    Broken(Unknown),
    /// WeCom is busy.
    Busy(Refusal),
    /// Too many calls; the pace of the client waits.
    Limited(Refusal),
    /// Fresh tokens are rejected; the client waits before it asks for another.
    Token(Refusal),
    /// A code that nobody knows.
    Unlisted(Refusal),
    /// One record after the other is refused, and none is taken.
    Refusing(Refusal),
    /// Somebody must change a setting.
    Stopped(Refusal),
    /// The same, and no token is given before.
    NoToken(Refusal),
}

impl Hindrance {
    /// Why a request did not leave.
    pub fn of_not_sent(why: NotSent) -> Self {
        match (why.refusal(), why.was_given_a_token()) {
            (Some(refusal), true) if stops(refusal.class()) => Self::Stopped(refusal.clone()),
            (Some(refusal), false) if stops(refusal.class()) => Self::NoToken(refusal.clone()),
            _ => Self::Unreachable(why),
        }
    }

    /// The refusal that only a person can do something about.
    pub fn stop(&self) -> Option<&Refusal> {
        match self {
            Self::Stopped(refusal) | Self::NoToken(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// How long nothing is tried.
    pub fn pause(&self, pauses: &Pauses, in_a_row: u32) -> Duration {
        match self {
            Self::Unreachable(_) => pauses.unreachable.after(in_a_row),
            Self::Broken(_) => pauses.broken.after(in_a_row),
            Self::Busy(_) | Self::Unlisted(_) | Self::Token(_) => pauses.busy.after(in_a_row),
            Self::Refusing(_) => pauses.refusing.after(in_a_row),
            Self::Limited(_) => Duration::ZERO,
            Self::Stopped(_) | Self::NoToken(_) => pauses.probing,
        }
    }

    /// Whether the next call carries one record only: it is to learn whether calls go through at all.
    pub fn probes(&self) -> bool {
        !matches!(self, Self::Limited(_))
    }

    /// What is wrong and what to do.
    pub fn text(&self) -> Text {
        match self {
            Self::Unreachable(why) => why.text(),
            Self::Broken(why) => why.text(),
            Self::Busy(refusal)
            | Self::Limited(refusal)
            | Self::Token(refusal)
            | Self::Unlisted(refusal)
            | Self::Stopped(refusal) => refusal.text(),
            Self::NoToken(refusal) => refusal.text_without_token(),
            Self::Refusing(refusal) => {
                let Text { en, zh } = refusal.text();
                Text::new(
                    format!("WeCom refuses one punch after the other ({}). {en}", refusal.code),
                    format!("企业微信连续拒绝打卡记录（{}）。{zh}", refusal.code),
                )
            }
        }
    }
}

/// Whether only a person can help.
pub(super) fn stops(class: Class) -> bool {
    matches!(class, Class::Configuration | Class::SecretWrong | Class::Stopped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wecom::Unreachable;

    #[test]
    fn pauses_grow_to_their_limit_and_a_wrong_setting_is_probed_slowly_from_the_start() {
        let pauses = Pauses::default();
        let unreachable = Hindrance::Unreachable(Unreachable::Timeout.into());
        let seconds = |hindrance: &Hindrance, n| hindrance.pause(&pauses, n).as_secs();
        assert_eq!([1, 2, 3, 7, 40].map(|n| seconds(&unreachable, n)), [1, 2, 4, 60, 60]);
        assert_eq!([1, 2, 9].map(|n| seconds(&Hindrance::Broken(Unknown::Timeout), n)), [5, 10, 300]);
        let stopped = Hindrance::Stopped(Refusal { code: 48002, message: String::new() });
        assert_eq!([1, 2, 9].map(|n| seconds(&stopped, n)), [300, 300, 300]);
    }
}
