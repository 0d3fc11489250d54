//! punchd: an attendance gateway that loses no punch.
//!
//! The modules follow the way of a punch (DESIGN: device → driver → intake → journal → attendance → delivery → WeCom).

pub mod attendance;
pub mod clock;
pub mod config;
pub mod delivery;
pub mod health;
pub mod intake;
pub mod journal;
pub mod wecom;
