//! The PN532's language: bytes ⇄ values, pure; any bytes give a value or an error, never a panic.

/// What makes a message of bytes on the line.
pub mod frame;

/// What the host asks.
pub mod command;

/// What the chip says of itself and of a command.
pub mod status;

/// What lies in the field.
pub mod target;

/// What an application on a card answers.
pub mod apdu;
