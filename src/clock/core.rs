//! What the machine's clock and a test's have in common: the judgement, and telling that something was learned.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::anchor::Anchor;
use super::kernel::Reading;
use super::trust::Trust;

/// The judgement, shared by everyone who asks.
#[derive(Debug)]
pub(super) struct Core {
    trust: Mutex<Trust>,
    news: watch::Sender<u64>,
}

impl Core {
    pub fn new(trust: Trust) -> Self {
        Self { trust: Mutex::new(trust), news: watch::Sender::new(0) }
    }

    pub fn trust(&self) -> MutexGuard<'_, Trust> {
        self.trust.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn learn(&self, anchor: &Anchor, reading: &Reading) {
        let better = self.trust().learn(anchor, reading);
        if better {
            self.tell();
        }
    }

    /// Says that there is something new.
    pub fn tell(&self) {
        self.news.send_modify(|number| *number += 1);
    }

    pub fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }
}
