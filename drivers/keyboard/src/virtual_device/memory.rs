//! A keyboard in memory: it can be pulled and put back, loses keys as the kernel does, and goes with virtual time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use punchd_contract::{Found, Text, Tone};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::strokes::Habits;
use crate::protocol::typing::Stroke;
use crate::source::{Event, InputError, Reader, Source};
use crate::wanted::Wanted;

/// Between two keys.
const KEY_EVERY: Duration = Duration::from_millis(2);
/// No reader reads two things without a pause; where it types no Enter, the pause is what tells them apart.
const BETWEEN: Duration = Duration::from_millis(150);
/// Events that the kernel keeps for who does not read them; then all are lost.
const KEPT: usize = 64;
/// A sign is over when nothing has changed for so long.
const SIGN_ENDS: Duration = Duration::from_millis(300);

/// All virtual keyboards of this process, by name.
static KEYBOARDS: Mutex<BTreeMap<String, Weak<Shared>>> = Mutex::new(BTreeMap::new());
static NUMBER: AtomicU64 = AtomicU64::new(1);

/// A keyboard. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct VirtualKeyboard(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    name: String,
    has_lights: bool,
    started: Instant,
    state: Mutex<State>,
    moved: Notify,
}

#[derive(Debug, Default)]
struct State {
    unplugged: bool,
    /// Whoever opened it before the last unplugging is told.
    plugs: u64,
    taken: bool,
    events: VecDeque<Event>,
    changes: Vec<(Instant, bool)>,
}

impl VirtualKeyboard {
    /// Plugged in, with a name of its own that `device` takes.
    pub fn new(has_lights: bool) -> Self {
        let name = format!("Virtual Reader {}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let (started, moved) = (Instant::now(), Notify::new());
        let shared = Arc::new(Shared { name: name.clone(), has_lights, started, state: Mutex::default(), moved });
        lock(&KEYBOARDS).insert(name, Arc::downgrade(&shared));
        Self(shared)
    }

    /// What it calls itself.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Types a text as a reader with these habits. What is typed while nobody has taken the keyboard goes elsewhere.
    pub async fn type_text(&self, text: &str, habits: Habits) {
        for (code, stroke) in habits.strokes(text) {
            self.key(code, stroke);
            sleep(KEY_EVERY).await;
        }
        sleep(BETWEEN).await;
    }

    /// One key event.
    pub fn key(&self, code: u16, stroke: Stroke) {
        self.event(Event::Key { code, stroke, at: self.0.started.elapsed() });
    }

    /// The kernel loses what nobody has read yet.
    pub fn lose(&self) {
        let mut state = self.state();
        state.events.clear();
        drop(state);
        self.event(Event::Lost);
    }

    /// Pulls it.
    pub fn unplug(&self) {
        let mut state = self.state();
        (state.unplugged, state.taken) = (true, false);
        state.plugs += 1;
        state.events.clear();
        drop(state);
        self.0.moved.notify_waiters();
    }

    /// Puts it back.
    pub fn replug(&self) {
        self.state().unplugged = false;
    }

    /// Somebody else takes it, or gives it back.
    pub fn take_elsewhere(&self, taken: bool) {
        self.state().taken = taken;
    }

    /// The sign that its lights have shown, once it is over. Forgotten when told; three short flashes are told as unknown.
    pub fn shown(&self) -> Option<Tone> {
        let mut state = self.state();
        let (last, on) = state.changes.last()?;
        if *on || last.elapsed() < SIGN_ENDS {
            return None;
        }
        let changes = std::mem::take(&mut state.changes);
        let flash = |pair: &[(Instant, bool)]| match pair {
            [(on, true), (off, false)] => Some((*on, *off)),
            _ => None,
        };
        let flashes: Vec<_> = changes.chunks(2).map(flash).collect::<Option<_>>()?;
        // Nobody may have looked at the sign before this one.
        let sign = flashes.chunk_by(|(_, off), (on, _)| *on - *off < SIGN_ENDS).last()?;
        let lengths: Vec<_> = sign.iter().map(|(on, off)| *off - *on).collect();
        match lengths[..] {
            [one] if one > Duration::from_secs(2) => Some(Tone::OutOfOrder),
            [one] if one > Duration::from_millis(500) => Some(Tone::Accepted),
            [_, _] => Some(Tone::Already),
            [_, _, _] => Some(Tone::Unknown),
            _ => None,
        }
    }

    fn event(&self, event: Event) {
        let mut state = self.state();
        if state.unplugged || !state.taken {
            return;
        }
        if state.events.len() == KEPT {
            state.events.clear();
            state.events.push_back(Event::Lost);
        }
        state.events.push_back(event);
        drop(state);
        self.0.moved.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0.state)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The virtual keyboards of this process, found by their names.
#[derive(Debug)]
pub struct InMemory;

/// One of them, taken.
#[derive(Debug)]
pub struct Taken {
    keyboard: VirtualKeyboard,
    plugs: u64,
}

impl Source for InMemory {
    type Reader = Taken;

    async fn open(wanted: &Wanted) -> Result<Taken, InputError> {
        let shared = lock(&KEYBOARDS).get(&wanted.to_string()).and_then(Weak::upgrade);
        let keyboard = VirtualKeyboard(shared.ok_or_else(|| InputError::NotThere(wanted.clone()))?);
        let mut state = keyboard.state();
        if state.unplugged {
            return Err(InputError::NotThere(wanted.clone()));
        }
        if std::mem::replace(&mut state.taken, true) {
            return Err(InputError::Taken(keyboard.name().to_owned()));
        }
        let plugs = state.plugs;
        drop(state);
        Ok(Taken { keyboard, plugs })
    }

    async fn readers() -> Vec<Found> {
        let found = |name: &String| Found {
            kind: "keyboard",
            place: name.clone(),
            says: Text::new(name.clone(), name.clone()),
            settings: vec![("device", format!("{name:?}"))],
        };
        lock(&KEYBOARDS).iter().filter(|(_, shared)| shared.strong_count() > 0).map(|(name, _)| found(name)).collect()
    }
}

impl Reader for Taken {
    fn name(&self) -> &str {
        self.keyboard.name()
    }

    async fn next(&mut self) -> Result<Event, InputError> {
        loop {
            let moved = self.keyboard.0.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            {
                let mut state = self.keyboard.state();
                if state.plugs != self.plugs {
                    return Err(InputError::Gone(self.keyboard.name().to_owned()));
                }
                if let Some(event) = state.events.pop_front() {
                    return Ok(event);
                }
            }
            moved.await;
        }
    }

    fn can_show(&self) -> bool {
        self.keyboard.0.has_lights
    }

    fn show(&mut self, on: bool) {
        self.keyboard.state().changes.push((Instant::now(), on));
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut state = self.keyboard.state();
        if state.plugs == self.plugs {
            state.taken = false;
            // Who opens it next hears what is typed from then on.
            state.events.clear();
        }
    }
}
