//! The radio that all devices of a process share, and where it is found.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{broadcast, watch};
use tokio::task::{AbortHandle, JoinHandle};

use super::air::{Adapter, Advertisement, Air};
use super::{Trouble, serve};
use crate::protocol::address::Address;
use crate::protocol::uuid::Uuid;

/// How many advertisements wait for a listener that is busy; beyond, it loses the oldest. Devices repeat themselves.
const WAITING: usize = 512;
/// The same for devices that left; a link that loses some asks for itself.
const LEAVING: usize = 64;

/// Where the radios of a kind of air are kept.
pub trait Source: Send + Sync + 'static {
    /// The air of this adapter; absent: the first there is.
    fn air(adapter: Option<&str>) -> Arc<dyn Air>;
    /// The radios that are in use.
    fn radios() -> &'static Radios;
}

/// The radios that are in use, by adapter.
///
/// The one thing of this crate that the process holds: two scanners on one adapter disturb each other (facts/readers.md D.3), and the kinds `ble` and
/// `ble-badge` and lines over Bluetooth know nothing of each other. It keeps no radio alive; the last user that goes ends it.
#[derive(Debug, Default)]
pub struct Radios {
    by_adapter: Mutex<BTreeMap<String, Weak<Radio>>>,
}

impl Radios {
    /// None yet.
    pub const fn new() -> Self {
        Self { by_adapter: Mutex::new(BTreeMap::new()) }
    }
}

/// How the radio is.
#[derive(Clone)]
pub enum State {
    /// On the way to the adapter.
    Opening,
    /// Works.
    Open(Arc<dyn Adapter>),
    /// Does not, and is tried again.
    Closed(Trouble),
}

/// The radio of one adapter. Ends with its last user.
pub struct Radio {
    pub(super) shared: Arc<Shared>,
    task: AbortHandle,
}

/// What the radio's task and its users share.
pub(super) struct Shared {
    pub air: Arc<dyn Air>,
    pub state: watch::Sender<State>,
    pub heard: broadcast::Sender<Arc<Advertisement>>,
    pub left: broadcast::Sender<Address>,
    /// Nothing at all is heard, and every step was taken.
    pub silent: watch::Sender<bool>,
    wishes: Mutex<Wishes>,
    /// The devices that somebody has.
    linked: Mutex<BTreeSet<Address>>,
    pub wished: watch::Sender<u64>,
}

#[derive(Default)]
struct Wishes {
    next: u64,
    by_number: BTreeMap<u64, Wish>,
}

/// What somebody wants to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    /// Devices that name one of these; all if there are none.
    pub services: Vec<Uuid>,
    /// After how much silence something is wrong.
    pub silence: Duration,
}

impl std::fmt::Debug for Radio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Radio")
    }
}

impl Drop for Radio {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Radio {
    /// The radio of this adapter (absent: the first there is), the same for everybody.
    pub fn of<S: Source>(adapter: Option<&str>) -> Arc<Self> {
        let radios = S::radios();
        let mut known = lock(&radios.by_adapter);
        let key = adapter.unwrap_or_default();
        if let Some(radio) = known.get(key).and_then(Weak::upgrade) {
            return radio;
        }
        known.retain(|_, radio| radio.strong_count() > 0);
        let radio = Arc::new(Self::on(S::air(adapter)));
        known.insert(key.to_owned(), Arc::downgrade(&radio));
        radio
    }

    fn on(air: Arc<dyn Air>) -> Self {
        let shared = Arc::new(Shared {
            air,
            state: watch::Sender::new(State::Opening),
            heard: broadcast::Sender::new(WAITING),
            left: broadcast::Sender::new(LEAVING),
            silent: watch::Sender::new(false),
            wishes: Mutex::default(),
            linked: Mutex::default(),
            wished: watch::Sender::new(0),
        });
        let task: JoinHandle<()> = tokio::spawn(serve::run(shared.clone()));
        Self { shared, task: task.abort_handle() }
    }

    /// How it is, now and at every change.
    pub fn state(&self) -> watch::Receiver<State> {
        self.shared.state.subscribe()
    }

    /// Whether a scan hears nothing at all, now and at every change.
    pub fn silent(&self) -> watch::Receiver<bool> {
        self.shared.silent.subscribe()
    }

    /// Whether it works within this time.
    pub async fn opens(&self, within: Duration) -> bool {
        self.adapter(within).await.is_ok()
    }

    /// The adapter, within this time.
    pub(super) async fn adapter(&self, within: Duration) -> Result<Arc<dyn Adapter>, Trouble> {
        let mut state = self.state();
        let open = state.wait_for(|state| !matches!(state, State::Opening));
        match tokio::time::timeout(within, open).await {
            Ok(Ok(state)) => match &*state {
                State::Open(adapter) => Ok(adapter.clone()),
                State::Closed(trouble) => Err(trouble.clone()),
                State::Opening => Err(Trouble::Hangs("open")),
            },
            // The task ends with the radio, and the radio is here.
            Ok(Err(_)) | Err(_) => Err(Trouble::Hangs("open")),
        }
    }
}

impl Shared {
    pub fn wish(&self, wish: Wish) -> u64 {
        let mut wishes = lock(&self.wishes);
        let number = wishes.next;
        wishes.next += 1;
        wishes.by_number.insert(number, wish);
        drop(wishes);
        self.wished.send_modify(|changes| *changes = changes.wrapping_add(1));
        number
    }

    pub fn unwish(&self, number: u64) {
        lock(&self.wishes).by_number.remove(&number);
        self.wished.send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    /// All wishes as one; `None` where nobody wants to hear anything.
    pub fn wanted(&self) -> Option<Wish> {
        let wishes = lock(&self.wishes);
        let silence = wishes.by_number.values().map(|wish| wish.silence).min()?;
        let everything = wishes.by_number.values().any(|wish| wish.services.is_empty());
        let mut services = Vec::new();
        if !everything {
            services.extend(wishes.by_number.values().flat_map(|wish| wish.services.iter().copied()));
            services.sort();
            services.dedup();
        }
        Some(Wish { services, silence })
    }

    /// Takes a device for one user. Answers whether it was free.
    pub fn claim(&self, address: Address) -> bool {
        lock(&self.linked).insert(address)
    }

    pub fn release(&self, address: Address) {
        lock(&self.linked).remove(&address);
    }

    /// The devices that somebody has.
    pub fn claimed(&self) -> Vec<Address> {
        lock(&self.linked).iter().copied().collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
