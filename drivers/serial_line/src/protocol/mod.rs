//! What readers on a serial port send and understand: bytes and values, no input or output (facts/readers.md B.3, E.4).

pub mod decoder;
pub mod gm65;
pub mod lines;
pub mod rdm6300;

#[cfg(test)]
mod properties;

/// Turns a Honeywell or Metrologic scanner on, in its host-trigger mode: SYN T CR.
pub const HONEYWELL_ON: &[u8] = &[0x16, 0x54, 0x0D];
/// Turns it off: SYN U CR.
pub const HONEYWELL_OFF: &[u8] = &[0x16, 0x55, 0x0D];
