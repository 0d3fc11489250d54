//! The way to a device: find it, take it, connect to it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::air::{Adapter, Gatt};
use super::link::Link;
use super::shared::{Shared, State};
use super::{Radio, Trouble};
use crate::protocol::address::{Address, Target};

/// How long the radio may take to be there.
const OPENS_WITHIN: Duration = Duration::from_secs(10);
/// How long a question may take.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// How long devices are looked for by their services; then all are looked at, because not every one names its service.
const BY_SERVICE: Duration = Duration::from_secs(8);
/// How long a device is looked for in all.
const LOOKS_FOR: Duration = Duration::from_secs(25);
/// A little longer than the stack itself gives a device to connect and to tell its services (facts/readers.md D.3).
const CONNECTS_WITHIN: Duration = Duration::from_secs(35);
/// How long a user before is given to let go of the device.
const LETS_GO: Duration = Duration::from_secs(8);

/// The device that is wanted, and how it is watched.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Which.
    pub target: Target,
    /// Which pipe of it.
    pub gatt: Gatt,
    /// After how much silence of the whole air something is wrong.
    pub silence: Duration,
    /// How often a link is asked whether it still stands.
    pub check: Duration,
}

impl Radio {
    /// Finds the device and connects, within a good minute. Dropping it gives up.
    pub async fn link(self: &Arc<Self>, wanted: &Wanted) -> Result<Link, Trouble> {
        let adapter = self.adapter(OPENS_WITHIN).await?;
        let address = self.find(&*adapter, wanted).await?;
        let claim = Claim::take(self.shared.clone(), address, &wanted.target).await?;
        let connect = adapter.connect(address, wanted.gatt.clone());
        let connection = timeout(CONNECTS_WITHIN, connect).await.unwrap_or(Err(Trouble::Hangs("connect")))?;
        tracing::debug!(device = %wanted.target, pipe = connection.pipe, room = connection.room, "connected over Bluetooth");
        Ok(Link::over(self.clone(), claim, connection, wanted))
    }

    /// Where it is: already connected (as after a crash of ours), or heard.
    async fn find(self: &Arc<Self>, adapter: &dyn Adapter, wanted: &Wanted) -> Result<Address, Trouble> {
        let known = timeout(ANSWERS_WITHIN, adapter.connected()).await.unwrap_or(Err(Trouble::Hangs("devices")))?;
        let found = known.iter().find(|known| wanted.target.is(known.address, known.name.as_deref()));
        if let Some(found) = found {
            return Ok(found.address);
        }
        let (start, mut state) = (Instant::now(), self.state());
        for (services, until) in [(wanted.gatt.services(), BY_SERVICE), (Vec::new(), LOOKS_FOR)] {
            let mut listener = self.listen(services, wanted.silence);
            let heard = async {
                loop {
                    let advertisement = listener.next().await;
                    if wanted.target.is(advertisement.address, advertisement.name.as_deref()) {
                        return advertisement.address;
                    }
                }
            };
            tokio::select! {
                heard = timeout_at(start + until, heard) => if let Ok(address) = heard {
                    return Ok(address);
                },
                trouble = closed(&mut state) => return Err(trouble),
            }
        }
        Err(Trouble::NotHeard(wanted.target.to_string()))
    }
}

/// Waits until the radio does not work any more.
pub(super) async fn closed(state: &mut watch::Receiver<State>) -> Trouble {
    let closed = state.wait_for(|state| !matches!(state, State::Open(_))).await;
    match closed.as_deref() {
        Ok(State::Closed(trouble)) => trouble.clone(),
        Ok(_) | Err(_) => Trouble::NoService,
    }
}

/// The right to a device: no two users have one device.
pub(super) struct Claim {
    shared: Arc<Shared>,
    pub address: Address,
}

impl Claim {
    async fn take(shared: Arc<Shared>, address: Address, target: &Target) -> Result<Self, Trouble> {
        let end = Instant::now() + LETS_GO;
        while !shared.claim(address) {
            if Instant::now() >= end {
                return Err(Trouble::Taken(target.to_string()));
            }
            sleep(Duration::from_millis(100)).await;
        }
        Ok(Self { shared, address })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.shared.release(self.address);
    }
}
