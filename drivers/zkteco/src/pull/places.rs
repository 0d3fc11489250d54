//! Which addresses are being talked to: a terminal serves one client, so that no two tasks may try the same one.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard};

static TAKEN: Mutex<BTreeSet<SocketAddr>> = Mutex::new(BTreeSet::new());

fn taken() -> MutexGuard<'static, BTreeSet<SocketAddr>> {
    TAKEN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The right to talk to an address, given back when dropped.
#[derive(Debug)]
pub struct Place(SocketAddr);

impl Place {
    /// Takes the address, unless somebody in this process talks to it.
    pub fn take(address: SocketAddr) -> Option<Self> {
        // Made only if it was free: dropping a second one would give the first one's place back.
        taken().insert(address).then(|| Self(address))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        taken().remove(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_by_one_and_free_again_after() {
        let address: SocketAddr = ([192, 0, 2, 1], 4370).into();
        let place = Place::take(address).unwrap();
        assert!(Place::take(address).is_none());
        assert!(Place::take(address).is_none(), "a refusal gives nothing back");
        drop(place);
        assert!(Place::take(address).is_some());
    }
}
