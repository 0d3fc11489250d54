//! A link to a device: what it notifies comes in, what is written goes out, and it ends when the device is gone.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::air::{Connection, Peer};
use super::connect::{Claim, Wanted, closed};
use super::shared::State;
use super::{Radio, Trouble};
use crate::protocol::address::Address;

/// How many notifications wait to be read. A device that is this far ahead is not one to wait for.
const WAITING: usize = 1024;
/// How long a write may take.
const WRITES_WITHIN: Duration = Duration::from_secs(5);
/// How long the stack may take to say whether the device is there.
const TELLS_WITHIN: Duration = Duration::from_secs(10);
/// How long letting go of a device may take.
const LETS_GO: Duration = Duration::from_secs(5);

/// A link. Dropping it disconnects.
pub struct Link {
    notified: mpsc::Receiver<(Instant, Vec<u8>)>,
    ended: watch::Receiver<Option<Trouble>>,
    peer: Arc<dyn Peer>,
    room: usize,
    pipe: String,
    device: String,
    task: AbortHandle,
    claim: Option<Claim>,
    /// The watching goes on as long as the link is there.
    _radio: Arc<Radio>,
}

impl Link {
    pub(super) fn over(radio: Arc<Radio>, claim: Claim, connection: Connection, wanted: &Wanted) -> Self {
        let Connection { peer, notifications, room, pipe } = connection;
        let (incoming, notified) = mpsc::channel(WAITING);
        let (ends, ended) = watch::channel(None);
        let device = wanted.target.to_string();
        let watch = Watch {
            address: claim.address,
            device: device.clone(),
            check: wanted.check,
            peer: peer.clone(),
            left: radio.shared.left.subscribe(),
            state: radio.state(),
        };
        let sender = device.clone();
        let task = tokio::spawn(async move {
            let trouble = tokio::select! {
                // What came before the end is still told.
                biased;
                trouble = forward(notifications, &incoming, sender) => trouble,
                trouble = watch.until_gone() => trouble,
            };
            ends.send_replace(Some(trouble));
        });
        let task = task.abort_handle();
        Self { notified, ended, peer, room: room.max(1), pipe, device, task, claim: Some(claim), _radio: radio }
    }

    /// Which pipe of the device it is.
    pub fn pipe(&self) -> &str {
        &self.pipe
    }

    /// The next notification; cancel-safe. What arrived before the end is still told.
    pub async fn read(&mut self) -> Result<Vec<u8>, Trouble> {
        self.read_at().await.map(|(_, bytes)| bytes)
    }

    /// The same, with when it arrived.
    pub async fn read_at(&mut self) -> Result<(Instant, Vec<u8>), Trouble> {
        match self.notified.recv().await {
            Some(notified) => Ok(notified),
            None => Err(self.end()),
        }
    }

    /// The same, for a poll.
    pub(crate) fn poll_read(&mut self, context: &mut std::task::Context<'_>) -> std::task::Poll<Option<Vec<u8>>> {
        self.notified.poll_recv(context).map(|notified| notified.map(|(_, bytes)| bytes))
    }

    /// Writes all of it, in pieces that the device takes.
    pub async fn write(&self, bytes: &[u8]) -> Result<(), Trouble> {
        self.writer().write(bytes).await
    }

    /// What writes, apart from the link.
    pub(crate) fn writer(&self) -> Writer {
        Writer { peer: self.peer.clone(), room: self.room, ended: self.ended.clone(), device: self.device.clone() }
    }

    fn end(&self) -> Trouble {
        self.ended.borrow().clone().unwrap_or_else(|| Trouble::Broken(self.device.clone()))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
        let (peer, claim) = (self.peer.clone(), self.claim.take());
        // A device that stays connected is lost for everybody else, and does not advertise. Nobody waits for this, and its bound ends it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Ok(Err(error)) = timeout(LETS_GO, peer.disconnect()).await {
                    tracing::debug!(%error, "the device was not disconnected");
                }
                drop(claim);
            });
        }
    }
}

/// Writes to a device.
#[derive(Clone)]
pub(crate) struct Writer {
    peer: Arc<dyn Peer>,
    room: usize,
    ended: watch::Receiver<Option<Trouble>>,
    device: String,
}

impl Writer {
    /// Writes all of it, in pieces that the device takes.
    pub async fn write(&self, bytes: &[u8]) -> Result<(), Trouble> {
        for piece in bytes.chunks(self.room) {
            if let Some(trouble) = self.ended.borrow().clone() {
                return Err(trouble);
            }
            match timeout(WRITES_WITHIN, self.peer.write(piece.to_vec())).await {
                Ok(written) => written?,
                Err(_) => return Err(Trouble::Broken(self.device.clone())),
            }
        }
        Ok(())
    }
}

/// Takes what the device notifies, until nobody reads or too much waits.
async fn forward(
    mut notifications: BoxStream<'static, Vec<u8>>,
    incoming: &mpsc::Sender<(Instant, Vec<u8>)>,
    device: String,
) -> Trouble {
    while let Some(bytes) = notifications.next().await {
        if incoming.try_send((Instant::now(), bytes)).is_err() {
            return Trouble::Flood(device);
        }
    }
    Trouble::Broken(device)
}

/// What tells that a device is gone.
struct Watch {
    address: Address,
    device: String,
    check: Duration,
    peer: Arc<dyn Peer>,
    left: broadcast::Receiver<Address>,
    state: watch::Receiver<State>,
}

impl Watch {
    async fn until_gone(mut self) -> Trouble {
        let period = self.check.max(Duration::from_millis(100));
        let mut check = interval_at(Instant::now() + period, period);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                left = self.left.recv() => match left {
                    Ok(address) if address == self.address => return Trouble::Broken(self.device),
                    Ok(_) => continue,
                    // Too many left at once, or none can any more: ask.
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return Trouble::Broken(self.device),
                },
                trouble = closed(&mut self.state) => return trouble,
                _ = check.tick() => {}
            }
            match timeout(TELLS_WITHIN, self.peer.connected()).await {
                Ok(Ok(true)) => {}
                Ok(Ok(false) | Err(_)) | Err(_) => return Trouble::Broken(self.device),
            }
        }
    }
}
