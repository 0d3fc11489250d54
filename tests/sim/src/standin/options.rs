//! What the stand-in is started with: the corp, its members, its limits, its clock.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::clock::Clock;

use super::behaviour::Behaviour;

/// Who works at the corp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Members {
    /// These userids, in any case.
    Listed(Vec<String>),
    /// Every userid that fits the pattern, in which `*` stands for any text: `*` alone is everybody.
    Matching(String),
}

/// How often may be called. `None`: as often as one likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `add_checkin_record` a minute (facts/wecom-api.md 1.5).
    pub add_checkin_record: Option<u32>,
    /// `getcheckindata` a minute (facts/wecom-api.md 3.1).
    pub getcheckindata: Option<u32>,
    /// `gettoken` a minute (facts/wecom-api.md 4.4, one corp and one API).
    pub gettoken: Option<u32>,
    /// Wrong secrets within an hour after which the caller's address is banned for an hour (facts/wecom-api.md 4.2).
    pub wrong_secrets: Option<u32>,
}

impl Limits {
    /// What is known of WeCom's.
    pub const WECOM: Limits = Limits {
        add_checkin_record: Some(60),
        getcheckindata: Some(600),
        gettoken: Some(10_000),
        wrong_secrets: Some(2_000),
    };
    /// None at all.
    pub const NONE: Limits =
        Limits { add_checkin_record: None, getcheckindata: None, gettoken: None, wrong_secrets: None };
}

/// What the stand-in is started with.
#[derive(Clone)]
pub struct Options {
    /// Where to listen. Port 0: any free one.
    pub listen: SocketAddr,
    /// The corp.
    pub corp_id: String,
    /// The secrets of the apps that may log in, one an app.
    pub secrets: Vec<String>,
    /// Who works there.
    pub members: Members,
    /// Uploaded pictures that a record may name. Empty: every `mediaids` entry is refused with 40007.
    pub media: Vec<String>,
    /// How often may be called.
    pub limits: Limits,
    /// How it behaves from the start.
    pub behaviour: Behaviour,
    /// What time it is.
    pub clock: Clock,
    /// How many connections at once; one more is closed unanswered.
    pub max_connections: usize,
    /// How many records are held; when it is full, -1 is answered and nothing more is stored.
    pub max_held: usize,
    /// How long a connection may take to send a request, or stay silent between two.
    pub patience: Duration,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("listen", &self.listen).field("corp_id", &self.corp_id).finish_non_exhaustive()
    }
}

/// The corp id when none is given.
pub const CORP_ID: &str = "ww0123456789abcdef";
/// The secret when none is given.
pub const SECRET: &str = "stand-in-secret-0123456789";

impl Options {
    /// Everybody is a member, any free port of this machine, WeCom's limits.
    pub fn new(clock: Clock) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            corp_id: CORP_ID.into(),
            secrets: vec![SECRET.into()],
            members: Members::Matching("*".into()),
            media: Vec::new(),
            limits: Limits::WECOM,
            behaviour: Behaviour::default(),
            clock,
            max_connections: 256,
            max_held: 2_000_000,
            patience: Duration::from_secs(60),
        }
    }
}
