//! The other side of a site, without hardware and without a tenant: the stand-in that behaves like WeCom's server, the
//! people of an invented company, and (as the binary `punchd-sim`) everything that can be started alone to rehearse a site.
//!
//! What the stand-in knows of WeCom comes from facts/wecom-api.md and from nothing of punchd's own client, so that
//! a mistake there does not meet the same mistake here.

/// What should have arrived, held against what did.
pub mod account;
/// Where the stand-in's time comes from.
pub mod clock;
/// People at local readers.
pub mod gate;
/// What they have punched until now.
pub mod history;
/// An invented roster: who works at the site.
pub mod people;
/// A serial port that does not exist.
pub mod pty;
/// A whole site that does not exist.
pub mod site;
/// The server that behaves like WeCom's.
pub mod standin;
/// Virtual terminals with people and a past.
pub mod terminals;
