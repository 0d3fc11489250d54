//! The commands that the driver sends (facts/readers.md A.3, A.4).

use super::target::Technology;

/// A command with its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Which chip and firmware it is.
    GetFirmwareVersion,
    /// Leave the state after power-on and be a plain reader.
    SamConfiguration(Dialect),
    /// Ask ISO 14443-4 cards for their ATS at once, and let them answer in frames with pre- and postamble.
    SetParameters,
    /// How often a card that does not answer is asked again; without it the chip asks for ever (A.4).
    Retries {
        /// For a card in the field: further tries after the first.
        activation: u8,
    },
    /// Switch the field off; the next list switches it on again.
    FieldOff,
    /// See what lies there, and select it.
    List(Technology),
    /// Say this to a selected card.
    Exchange {
        /// Its number in the list.
        target: u8,
        /// What to say.
        data: Vec<u8>,
    },
    /// Forget the selected cards.
    ReleaseAll,
    /// Set the chip's own pins (UM0701-02, WriteGPIO; not in the facts: general knowledge).
    WriteGpio(Pins),
}

/// How SAMConfiguration is said: three ways are known from the field, and some boards hear only one (A.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// The mode alone.
    Short,
    /// Mode, timeout of 20 × 50 ms, interrupt line in use.
    WithInterrupt,
    /// Mode, no timeout, interrupt line not in use.
    WithoutInterrupt,
}

/// The levels of the chip's pins P30–P35 and P71, P72.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pins {
    /// Bits 0–5 are P30–P35.
    pub p3: u8,
    /// Bits 1 and 2 are P71 and P72.
    pub p7: u8,
}

impl Pins {
    /// As after a reset: all high.
    pub const HIGH: Self = Self { p3: 0x3F, p7: 0x06 };
}

/// Says that the port is to be written; without it the chip leaves the port as it is.
const WRITE: u8 = 0x80;

impl Command {
    /// The code; the answer has the next one.
    pub fn code(&self) -> u8 {
        match self {
            Self::GetFirmwareVersion => 0x02,
            Self::WriteGpio(_) => 0x0E,
            Self::SetParameters => 0x12,
            Self::SamConfiguration(_) => 0x14,
            Self::Retries { .. } | Self::FieldOff => 0x32,
            Self::Exchange { .. } => 0x40,
            Self::List(_) => 0x4A,
            Self::ReleaseAll => 0x52,
        }
    }

    /// Code and data, for [`Frame::Command`](super::frame::Frame::Command).
    pub fn message(&self) -> Vec<u8> {
        let mut message = vec![self.code()];
        match self {
            Self::GetFirmwareVersion => {}
            Self::SamConfiguration(Dialect::Short) => message.push(0x01),
            Self::SamConfiguration(Dialect::WithInterrupt) => message.extend([0x01, 0x14, 0x01]),
            Self::SamConfiguration(Dialect::WithoutInterrupt) => message.extend([0x01, 0x00, 0x00]),
            Self::SetParameters => message.push(0x14),
            Self::Retries { activation } => message.extend([0x05, 0x00, 0x01, *activation]),
            Self::FieldOff => message.extend([0x01, 0x00]),
            Self::List(technology) => {
                // Two at most, so that a second card shows (A.4).
                message.push(0x02);
                message.extend_from_slice(match technology {
                    Technology::A => &[0x00],
                    // AFI 00: every kind of application.
                    Technology::B => &[0x03, 0x00],
                    // Every system, and say which.
                    Technology::Felica212 => &[0x01, 0x00, 0xFF, 0xFF, 0x01, 0x00],
                    Technology::Felica424 => &[0x02, 0x00, 0xFF, 0xFF, 0x01, 0x00],
                });
            }
            Self::Exchange { target, data } => {
                message.push(*target);
                message.extend_from_slice(data);
            }
            Self::ReleaseAll => message.push(0x00),
            Self::WriteGpio(pins) => message.extend([WRITE | (pins.p3 & 0x3F), WRITE | (pins.p7 & 0x06)]),
        }
        message
    }
}
