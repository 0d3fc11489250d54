//! Readers at pseudo terminals, the real agent and the stand-in: from what is presented to what arrives, with cables pulled,
//! noise and cut frames in between.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod fingerprint;
mod pn532;
mod serial_line;
mod site;
