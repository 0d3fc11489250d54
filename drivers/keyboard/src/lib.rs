//! punchd driver for USB keyboard-wedge card readers and barcode scanners over evdev.

pub mod protocol;
