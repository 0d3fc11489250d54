//! Bluetooth that exists only in memory: an adapter, and devices around it that notify, advertise, vanish and come back.
//!
//! It behaves as BlueZ does where that hurts (facts/readers.md D.3): no stream ever ends by itself, a device that is gone is silent and no more, and after
//! the service was restarted everything of before answers with an error.

mod air;
mod terminal;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::protocol::address::Address;
use crate::protocol::badge::Told;
use crate::protocol::uuid::{Pipe, Uuid};
use crate::radio::air::{Advertisement, Air, Event};
use crate::radio::{Radios, Source};

pub use terminal::VirtualTerminal;

/// How often devices advertise.
const ADVERTISES: Duration = Duration::from_millis(500);

/// What was asked of the adapter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// Opened.
    Open,
    /// Scan for these services.
    Scan(Vec<Uuid>),
    /// Scan no more.
    StopScan,
    /// Switched.
    Power(bool),
    /// Connect.
    Connect(Address),
    /// Disconnect.
    Disconnect(Address),
    /// Forget passing devices.
    Tidy,
}

/// Bluetooth in memory. Cheap to clone; all clones are one. Gone with the last one.
#[derive(Clone)]
pub struct VirtualAir(Arc<Core>);

struct Core {
    adapter: String,
    state: Mutex<State>,
    advertising: AbortHandle,
}

#[derive(Default)]
struct State {
    stopped: bool,
    off: bool,
    /// Scans hear nothing, as of a daemon that hangs.
    deaf: bool,
    slow: Duration,
    generation: u64,
    events: Option<mpsc::UnboundedSender<Event>>,
    scan: Option<Vec<Uuid>>,
    devices: BTreeMap<Address, Device>,
    calls: Vec<Call>,
}

struct Device {
    name: String,
    pipe: Pipe,
    room: usize,
    /// Out of range, or without power.
    gone: bool,
    connected: bool,
    /// Where notifications go, in as many streams as there were subscriptions.
    notifies: Vec<mpsc::UnboundedSender<Vec<u8>>>,
    written: Vec<u8>,
    writes: usize,
}

/// The adapters in memory, found by their names in the settings.
static AIRS: Mutex<BTreeMap<String, Weak<Core>>> = Mutex::new(BTreeMap::new());
static NAMES: AtomicUsize = AtomicUsize::new(0);
static RADIOS: Radios = Radios::new();

/// Bluetooth in memory, as a source for drivers. An adapter that is not in memory is not there.
#[derive(Clone, Copy, Debug)]
pub struct Rehearsed;

impl Source for Rehearsed {
    fn air(adapter: Option<&str>) -> Arc<dyn Air> {
        let name = adapter.unwrap_or_default().to_owned();
        let core = lock(&AIRS).get(&name).cloned().unwrap_or_default();
        Arc::new(air::InMemory { name, core })
    }

    fn radios() -> &'static Radios {
        &RADIOS
    }
}

impl std::fmt::Debug for VirtualAir {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VirtualAir({})", self.0.adapter)
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.advertising.abort();
        lock(&AIRS).remove(&self.adapter);
    }
}

impl Default for VirtualAir {
    fn default() -> Self {
        Self::new()
    }
}

impl VirtualAir {
    /// An adapter without devices. It belongs to the runtime it is made in.
    pub fn new() -> Self {
        let adapter = format!("virtual{}", NAMES.fetch_add(1, Ordering::Relaxed));
        let core = Arc::new_cyclic(|weak: &Weak<Core>| {
            let advertising = tokio::spawn(advertise(weak.clone())).abort_handle();
            Core { adapter: adapter.clone(), state: Mutex::default(), advertising }
        });
        lock(&AIRS).insert(adapter, Arc::downgrade(&core));
        Self(core)
    }

    /// What stands behind `adapter` in the settings.
    pub fn adapter(&self) -> &str {
        &self.0.adapter
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0.state)
    }

    /// A device with a serial pipe is there and advertises until somebody connects. `room` bytes go into one write and one notification.
    pub fn add(&self, address: Address, name: &str, pipe: Pipe, room: usize) {
        let device = Device {
            name: name.to_owned(),
            pipe,
            room: room.max(1),
            gone: false,
            connected: false,
            notifies: Vec::new(),
            written: Vec::new(),
            writes: 0,
        };
        self.state().devices.insert(address, device);
    }

    /// The device sends this, in as many notifications as it takes. Answers whether anybody is connected.
    pub fn notify(&self, address: Address, bytes: &[u8]) -> bool {
        let mut state = self.state();
        let Some(device) = state.devices.get_mut(&address).filter(|device| device.connected && !device.gone) else {
            return false;
        };
        for piece in bytes.chunks(device.room) {
            device.notifies.retain(|notify| notify.send(piece.to_vec()).is_ok());
        }
        true
    }

    /// What was written to the device since this was asked last, and in how many writes.
    pub fn written(&self, address: Address) -> (Vec<u8>, usize) {
        let mut state = self.state();
        let Some(device) = state.devices.get_mut(&address) else { return Default::default() };
        (std::mem::take(&mut device.written), std::mem::take(&mut device.writes))
    }

    /// Whether somebody is connected to the device.
    pub fn is_connected(&self, address: Address) -> bool {
        self.state().devices.get(&address).is_some_and(|device| device.connected)
    }

    /// The device disconnects, and that is told.
    pub fn disconnect(&self, address: Address) {
        let mut state = self.state();
        if let Some(device) = state.devices.get_mut(&address).filter(|device| device.connected) {
            device.connected = false;
            state.tell(Event::Left(address));
        }
    }

    /// The device goes out of range without a word, or comes back.
    pub fn gone(&self, address: Address, gone: bool) {
        if let Some(device) = self.state().devices.get_mut(&address) {
            device.gone = gone;
            device.connected &= !gone;
        }
    }

    /// The Bluetooth service stops or is there again, with nothing left of before.
    pub fn stop_service(&self, stopped: bool) {
        let mut state = self.state();
        if stopped {
            state.tell(Event::Lost(crate::radio::Trouble::NoService));
        }
        state.stopped = stopped;
        state.generation += 1;
        state.scan = None;
        for device in state.devices.values_mut() {
            device.connected = false;
        }
    }

    /// Somebody switches the adapter off or on.
    pub fn switch_off(&self, off: bool) {
        let mut state = self.state();
        state.switch(off);
        state.tell(Event::Power);
    }

    /// Scans hear nothing from now on, or hear again.
    pub fn deafen(&self, deaf: bool) {
        self.state().deaf = deaf;
    }

    /// Every answer takes so long.
    pub fn slow(&self, slow: Duration) {
        self.state().slow = slow;
    }

    /// Something advertises, once.
    pub fn advertise(&self, address: Address, rssi: i16, told: Told) {
        let heard = Advertisement { address, name: None, rssi: Some(rssi), services: Vec::new(), told };
        self.state().hear(heard);
    }

    /// Whether the adapter scans, and for which services.
    pub fn scan(&self) -> Option<Vec<Uuid>> {
        self.state().scan.clone()
    }

    /// What was asked of the adapter since this was asked last.
    pub fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.state().calls)
    }
}

impl State {
    fn tell(&mut self, event: Event) {
        // Nobody may have opened the adapter.
        self.events.as_ref().map(|events| events.send(event));
    }

    fn hear(&mut self, heard: Advertisement) {
        let Some(services) = &self.scan else { return };
        let told = &heard.told.service;
        let named = |service: &Uuid| heard.services.contains(service) || told.iter().any(|(one, _)| one == service);
        if !self.deaf && !self.off && (services.is_empty() || services.iter().any(named)) {
            self.tell(Event::Heard(heard));
        }
    }

    fn switch(&mut self, off: bool) {
        self.off = off;
        if off {
            self.scan = None;
            for device in self.devices.values_mut() {
                device.connected = false;
            }
        }
    }
}

/// Lets the devices advertise that nobody is connected to.
async fn advertise(core: Weak<Core>) {
    loop {
        tokio::time::sleep(ADVERTISES).await;
        let Some(core) = core.upgrade() else { return };
        let mut state = lock(&core.state);
        if state.scan.is_none() {
            continue;
        }
        let free = state.devices.iter().filter(|(_, device)| !device.gone && !device.connected);
        let heard: Vec<_> = free
            .map(|(address, device)| Advertisement {
                address: *address,
                name: Some(device.name.clone()),
                rssi: Some(-60),
                services: vec![device.pipe.service],
                told: Told::default(),
            })
            .collect();
        heard.into_iter().for_each(|heard| state.hear(heard));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
