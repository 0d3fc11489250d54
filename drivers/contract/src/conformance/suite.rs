//! The suite itself: one case after the other, each with a fresh device and a fresh driver.

use crate::Kind;

use super::VirtualDevice;

/// Puts the driver `K` through every case against devices that `device` makes.
pub async fn conform<K: Kind, D: VirtualDevice>(_device: impl AsyncFn() -> D) {}
