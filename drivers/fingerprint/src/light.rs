//! How a module answers the person: by its ring of light, or by blinking where it has only one light.

use std::time::Duration;

use punchd_contract::Tone;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::protocol::{Ask, Aura, Control};
use crate::session::Session;
use crate::trouble::Trouble;

/// What light a module has (facts/readers.md C.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Light {
    /// A ring of red, blue and purple.
    ThreeColours,
    /// A ring that has green, yellow, cyan and white, too.
    SevenColours,
    /// One light, on or off.
    Blinks,
    /// None that can be told anything.
    Dark,
}

/// What is shown during an enrolment, beside the tones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guide {
    /// A finger is awaited.
    Touch,
    /// It has been taken: lift it.
    Lift,
    /// Here I am.
    Here,
    /// Nothing.
    Nothing,
}

const RED: u8 = 1;
const BLUE: u8 = 2;
const PURPLE: u8 = 3;
const GREEN: u8 = 4;
const YELLOW: u8 = 5;
/// About half a second a flash: 255 is five seconds (R503 manual 1.2.2 page 28).
const QUICK: u8 = 25;
const SLOW: u8 = 100;

/// Between two blinks.
pub const BETWEEN_BLINKS: Duration = Duration::from_millis(150);

impl Light {
    /// Asks the module what it has. One with a ring that tells its product is of the newer kind, with seven colours.
    pub async fn find(session: &mut Session, tells_product: bool) -> Result<Self, Trouble> {
        if session.probe(Ask::AuraLed(aura(Control::Off, BLUE, 0))).await?.is_some() {
            return Ok(if tells_product { Self::SevenColours } else { Self::ThreeColours });
        }
        let blinks = session.probe(Ask::LedOff).await?.is_some();
        Ok(if blinks { Self::Blinks } else { Self::Dark })
    }

    /// Shows what became of a reading.
    pub async fn show(self, session: &mut Session, tone: Tone) -> Result<(), Trouble> {
        let (good, unknown) = if self == Self::SevenColours { (GREEN, YELLOW) } else { (BLUE, PURPLE) };
        let ring = match tone {
            Tone::Accepted => aura(Control::On, good, 0),
            Tone::Already => aura(Control::Flash, BLUE, 2),
            Tone::Unknown => aura(Control::Flash, unknown, 3),
            Tone::Refused => aura(Control::Flash, RED, 3),
            Tone::OutOfOrder => aura(Control::On, RED, 0),
        };
        self.shine(session, ring, blinks_for(tone)).await
    }

    /// How long each blink lasts by which it shows this, where blinking is all it can: it takes a while, in which the gate goes on
    /// looking.
    pub fn blinks(self, tone: Tone) -> &'static [u64] {
        if self == Self::Blinks { blinks_for(tone) } else { &[] }
    }

    /// Shows what is to be done next.
    pub async fn guide(self, session: &mut Session, guide: Guide) -> Result<(), Trouble> {
        match guide {
            Guide::Touch => self.shine(session, Aura { speed: SLOW, ..aura(Control::Breathe, BLUE, 0) }, &[]).await,
            Guide::Lift => self.shine(session, aura(Control::On, PURPLE, 0), &[]).await,
            Guide::Here => self.shine(session, aura(Control::Flash, BLUE, 6), &[200; 6]).await,
            Guide::Nothing => self.shine(session, aura(Control::Off, BLUE, 0), &[]).await,
        }
    }

    async fn shine(self, session: &mut Session, ring: Aura, blinks: &[u64]) -> Result<(), Trouble> {
        match self {
            Self::SevenColours | Self::ThreeColours => {
                // A light that refuses is no reason to stop reading.
                session.suggest(Ask::AuraLed(ring)).await?;
            }
            Self::Blinks => {
                for lasts in blinks {
                    session.suggest(Ask::LedOn).await?;
                    sleep(Duration::from_millis(*lasts)).await;
                    session.suggest(Ask::LedOff).await?;
                    sleep(BETWEEN_BLINKS).await;
                }
            }
            Self::Dark => {}
        }
        Ok(())
    }
}

/// In milliseconds.
fn blinks_for(tone: Tone) -> &'static [u64] {
    match tone {
        Tone::Accepted => &[800],
        Tone::Already => &[150; 2],
        Tone::Unknown | Tone::Refused => &[150; 3],
        Tone::OutOfOrder => &[2500],
    }
}

fn aura(control: Control, colour: u8, count: u8) -> Aura {
    Aura { control, speed: QUICK, colour, count }
}
