//! The five signs at a reader's own lights and buzzer.
//!
//! Green is taken, red is not; the number and length of the beeps say the same to who does not see the light. Green and red together are
//! yellow at most readers.

use std::time::Duration;

use punchd_contract::Tone;
use tokio::time::Instant;

use crate::board::{BoardError, Lamp, OpenLines};

/// How long the light stays at least.
const LIGHT: Duration = Duration::from_millis(1000);
const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_millis(500);
const VERY_LONG: Duration = Duration::from_millis(1500);

/// Lights, and beeps of a length each.
fn pattern(tone: Tone) -> (&'static [Lamp], usize, Duration) {
    match tone {
        Tone::Accepted => (&[Lamp::Green], 1, LONG),
        Tone::Already => (&[Lamp::Green], 2, SHORT),
        Tone::Unknown => (&[Lamp::Green, Lamp::Red], 3, SHORT),
        Tone::Refused => (&[Lamp::Red], 3, SHORT),
        Tone::OutOfOrder => (&[Lamp::Red], 1, VERY_LONG),
    }
}

/// A sign on its way.
#[derive(Debug, Default)]
pub struct Showing {
    /// Beeps to come, counted in halves: on, off, on, off.
    halves: usize,
    each: Duration,
    next: Option<Instant>,
    light_until: Option<Instant>,
}

impl Showing {
    /// Begins a sign; the one before is over.
    pub async fn begin(&mut self, tone: Tone, lines: &mut impl OpenLines) -> Result<(), BoardError> {
        self.end(lines).await?;
        let (lights, beeps, each) = pattern(tone);
        for light in lights {
            lines.switch(*light, true).await?;
        }
        lines.switch(Lamp::Buzzer, true).await?;
        let now = Instant::now();
        *self = Self { halves: beeps * 2 - 1, each, next: Some(now + each), light_until: Some(now + LIGHT.max(each)) };
        Ok(())
    }

    /// Switches everything off.
    pub async fn end(&mut self, lines: &mut impl OpenLines) -> Result<(), BoardError> {
        *self = Self::default();
        for lamp in Lamp::ALL {
            lines.switch(lamp, false).await?;
        }
        Ok(())
    }

    /// When there is something to switch.
    pub fn due(&self) -> Option<Instant> {
        self.next.or(self.light_until)
    }

    /// Switches what is due.
    pub async fn go_on(&mut self, lines: &mut impl OpenLines) -> Result<(), BoardError> {
        let Some(due) = self.next else { return self.end(lines).await };
        lines.switch(Lamp::Buzzer, self.halves.is_multiple_of(2)).await?;
        self.halves -= 1;
        self.next = (self.halves > 0).then_some(due + self.each);
        Ok(())
    }
}
