//! punchd driver for fingerprint modules of the EF01 family (ZFM-20, R30x, AS608, R503).

pub mod protocol;
#[cfg(feature = "virtual")]
pub mod virtual_device;
