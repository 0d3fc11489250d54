//! Delivery against the stand-in: what arrives, how often, and what is said about it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod allowance;
mod decisions;
mod health;
mod law_five;
mod restored;
mod site;
mod visibility;
