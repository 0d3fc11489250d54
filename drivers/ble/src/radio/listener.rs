//! Somebody who wants to hear advertisements; as long as there is one, the radio scans.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::{self, error::RecvError};

use super::Radio;
use super::air::Advertisement;
use super::shared::Wish;
use crate::protocol::uuid::Uuid;

/// Hears advertisements until it is dropped.
pub struct Listener {
    radio: Arc<Radio>,
    heard: broadcast::Receiver<Arc<Advertisement>>,
    wish: u64,
}

impl Radio {
    /// Listens for devices that name one of these services; for all if there are none. After so much silence the radio looks what is wrong.
    pub fn listen(self: &Arc<Self>, services: Vec<Uuid>, silence: Duration) -> Listener {
        let heard = self.shared.heard.subscribe();
        let wish = self.shared.wish(Wish { services, silence });
        Listener { radio: self.clone(), heard, wish }
    }
}

impl Listener {
    /// The next advertisement, of any device: others may listen for other services. What came while the listener was busy is lost from
    /// the oldest on. Waits for ever if nothing is heard; safe to drop.
    pub async fn next(&mut self) -> Arc<Advertisement> {
        loop {
            match self.heard.recv().await {
                Ok(advertisement) => return advertisement,
                Err(RecvError::Lagged(_)) => {}
                // Only with the radio, and that is held here.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.radio.shared.unwish(self.wish);
    }
}
