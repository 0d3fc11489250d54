//! The stand-in: a server that behaves like WeCom's, for tests, the demo and rehearsals.
//!
//! It answers `gettoken`, `add_checkin_record` and `getcheckindata`, refuses what WeCom refuses, and can be told to behave in
//! each of the ways that the vendor leaves open ([`Behaviour`](crate::standin::Behaviour)) and to fail in each of the ways that a network can
//! ([`Disturbance`](crate::standin::Disturbance)). It keeps everything that it stored, so that a test can say what arrived and how often. It keeps
//! nothing on disk and does no TLS: it is never to be reached from anywhere but a test bench.
//!
//! The module list follows a call.

/// A batch of punches comes in.
mod add_checkin_record;
/// From a request to an answer.
mod answer;
/// How it behaves.
mod behaviour;
/// What was called.
mod calls;
/// What goes wrong.
mod disturbance;
/// The numbers of refusals.
mod errcode;
/// Punches are read back.
mod getcheckindata;
/// What is held.
mod held;
/// Connections: taken, served, cut.
mod http;
/// How often may be called.
mod limits;
/// What it is started with.
mod options;
/// What it shows of itself.
mod own_pages;
/// Who has logged in.
mod token;

use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

pub use behaviour::{Atomicity, Behaviour, ChangeError, Duplicates, Lengths, Reach, Reissue, UnknownRead};
pub use calls::Calls;
pub use disturbance::{Call, Disturbance, Instead};
pub use errcode::Errcode;
pub use held::{CheckinRecord, HeldRecord, Twice};
pub use options::{CORP_ID, Limits, Members, Options, SECRET};

/// What changes while it runs.
#[derive(Debug)]
struct State {
    behaviour: Behaviour,
    members: HashSet<String>,
    tokens: token::Tokens,
    rates: limits::Rates,
    held: held::Held,
    calls: Calls,
}

/// What every connection works on.
struct Shared {
    options: Options,
    state: Mutex<State>,
    reach: watch::Sender<Reach>,
    stored: Notify,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Behaviour)) {
        let mut state = self.state();
        change(&mut state.behaviour);
        state.behaviour.fold();
        let reach = state.behaviour.reach;
        self.reach.send_if_modified(|now| std::mem::replace(now, reach) != reach);
    }

    fn forget(&self) {
        let mut state = self.state();
        state.held = held::Held::default();
        state.calls = Calls::default();
    }
}

/// A running stand-in. Dropped, it stops: the port is closed and every connection is cut.
#[derive(Debug)]
pub struct Standin {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: tokio::task::JoinHandle<()>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.options.fmt(f)
    }
}

impl Drop for Standin {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Standin {
    /// Starts one on the running tokio runtime. Fails when it cannot listen.
    pub async fn start(options: Options) -> io::Result<Self> {
        let listener = http::listen(options.listen)?;
        let address = listener.local_addr()?;
        let mut behaviour = options.behaviour.clone();
        behaviour.fold();
        let members = match &options.members {
            Members::Listed(userids) => userids.iter().map(|userid| userid.to_ascii_lowercase()).collect(),
            Members::Matching(_) => HashSet::new(),
        };
        let shared = Arc::new(Shared {
            reach: watch::Sender::new(behaviour.reach),
            state: Mutex::new(State {
                behaviour,
                members,
                tokens: token::Tokens::default(),
                rates: limits::Rates::default(),
                held: held::Held::default(),
                calls: Calls::default(),
            }),
            stored: Notify::new(),
            options,
        });
        let server = tokio::spawn(http::serve(Arc::clone(&shared), listener, address));
        Ok(Self { address, shared, server })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What stands before `/cgi-bin` in its addresses: `http://127.0.0.1:34567`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything it holds, in the order of arrival.
    pub fn held(&self) -> Vec<HeldRecord> {
        self.shared.state().held.page(0, usize::MAX)
    }

    /// How many records it holds.
    pub fn held_count(&self) -> usize {
        self.shared.state().held.len()
    }

    /// How often a member's second arrived; 0 when it never did.
    pub fn arrived(&self, userid: &str, checkin_time: i64) -> u32 {
        self.shared.state().held.arrived(userid, checkin_time)
    }

    /// What arrived more than once.
    pub fn twice(&self) -> Vec<Twice> {
        self.shared.state().held.twice(usize::MAX)
    }

    /// Waits until it holds at least so many records. Waits for ever if they never come: the caller sets the bound.
    pub async fn until_held(&self, records: usize) {
        loop {
            let stored = self.shared.stored.notified();
            tokio::pin!(stored);
            stored.as_mut().enable();
            if self.held_count() >= records {
                return;
            }
            stored.await;
        }
    }

    /// What was called, and what came of it.
    pub fn calls(&self) -> Calls {
        self.shared.state().calls.clone()
    }

    /// Forgets the records and the counters. Tokens, members and behaviour stay.
    pub fn forget(&self) {
        self.shared.forget();
    }

    /// How it behaves now.
    pub fn behaves(&self) -> Behaviour {
        self.shared.state().behaviour.clone()
    }

    /// Changes how it behaves. Holds for every call that has not been looked at yet.
    pub fn behaviour(&self, change: impl FnOnce(&mut Behaviour)) {
        self.shared.change(change);
    }

    /// Behaves like this from now on.
    pub fn set(&self, behaviour: Behaviour) {
        self.shared.change(|now| *now = behaviour);
    }

    /// Adds one thing that goes wrong, after those that are already due.
    pub fn disturb(&self, disturbance: Disturbance) {
        self.shared.change(|behaviour| behaviour.disturbances.push(disturbance));
    }

    /// Hires somebody.
    pub fn add_user(&self, userid: &str) {
        self.shared.state().members.insert(userid.to_ascii_lowercase());
    }

    /// Lets a member go. Has no effect on those whom a pattern lets in.
    pub fn remove_user(&self, userid: &str) {
        self.shared.state().members.remove(&userid.to_ascii_lowercase());
    }

    /// Says whether a punch rule covers somebody.
    pub fn cover(&self, userid: &str, covered: bool) {
        self.shared.change(|behaviour| {
            let userid = userid.to_ascii_lowercase();
            match covered {
                true => behaviour.uncovered.remove(&userid),
                false => behaviour.uncovered.insert(userid),
            };
        });
    }

    /// Makes every token too old: 42001.
    pub fn expire_tokens(&self) {
        self.shared.state().tokens.expire();
    }

    /// Makes every token unknown: 40014.
    pub fn void_tokens(&self) {
        self.shared.state().tokens.void();
    }
}
