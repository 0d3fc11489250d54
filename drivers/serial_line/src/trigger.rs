//! Telling a scanner to read, again and again: each command is good for one code or a few seconds.

use std::time::Duration;

use punchd_contract::Text;
use tokio::time::Instant;

use crate::protocol::{HONEYWELL_ON, gm65};
use crate::settings::Trigger;

/// A command that read nothing is given again after this; scanners give up after about as long.
const AGAIN: Duration = Duration::from_secs(5);
/// After a code was read: long enough for the light not to flicker, short enough for the next person.
const AFTER_READING: Duration = Duration::from_millis(300);
/// A command that was not acknowledged is given again sooner.
const UNACKNOWLEDGED: Duration = Duration::from_secs(1);
/// So many commands without acknowledgement: the scanner is not there.
const SILENT: u32 = 4;

/// When to give the command, and whether the scanner takes it.
#[derive(Debug)]
pub struct Triggering {
    trigger: Trigger,
    due: Instant,
    /// Commands since the last acknowledgement.
    unacknowledged: u32,
    acknowledged: bool,
    /// Something was read since the last command.
    spent: bool,
}

impl Triggering {
    /// The first command is due now.
    pub fn new(trigger: Trigger, now: Instant) -> Self {
        Self { trigger, due: now, unacknowledged: 0, acknowledged: false, spent: false }
    }

    /// When the next command is due; never for a scanner that reads by itself.
    pub fn due(&self) -> Option<Instant> {
        (self.trigger != Trigger::Free).then_some(self.due)
    }

    /// The command, due now.
    pub fn fire(&mut self, now: Instant) -> Option<&'static [u8]> {
        self.spent = false;
        match self.trigger {
            Trigger::Free => None,
            Trigger::Honeywell => {
                self.due = now + AGAIN;
                Some(HONEYWELL_ON)
            }
            Trigger::Gm65 => {
                self.unacknowledged = self.unacknowledged.saturating_add(1);
                self.due = now + if self.unacknowledged < SILENT { UNACKNOWLEDGED } else { AGAIN };
                Some(gm65::TRIGGER)
            }
        }
    }

    /// The scanner has taken the command.
    pub fn acknowledged(&mut self, now: Instant) {
        (self.acknowledged, self.unacknowledged) = (true, 0);
        if !self.spent {
            self.due = now + AGAIN;
        }
    }

    /// Something was read: the command is spent.
    pub fn read(&mut self, now: Instant) {
        (self.spent, self.due) = (true, now + AFTER_READING);
    }

    /// Whether the scanner can be taken for working.
    pub fn is_working(&self) -> bool {
        self.trigger != Trigger::Gm65 || self.acknowledged
    }

    /// What to say where the scanner does not answer.
    pub fn silent(&self) -> Option<Text> {
        (self.unacknowledged >= SILENT).then(|| {
            Text::new(
                "the scanner does not acknowledge commands: check its power, the wiring and `baud`, and that it is in command mode, or set trigger = \"none\"",
                "扫码器没有应答命令：请检查电源、接线和 `baud`，并确认其处于命令模式；否则请设置 trigger = \"none\"",
            )
        })
    }
}
