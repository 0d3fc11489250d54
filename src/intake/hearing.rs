//! What is heard at a device, for an operator who listens.

use punchd_contract::{Batch, Credential, Method, NotRecorded, Reading, Receipt, Sign};
use tokio::sync::broadcast;

/// What may wait for somebody who listens; the oldest is dropped for one that does not keep up.
const WAITING: usize = 64;

/// Something that was presented, and what became of it.
#[derive(Clone, Debug)]
pub struct Heard {
    /// What.
    pub credential: Credential,
    /// How.
    pub method: Method,
    /// How the reader writes it.
    pub profile: Option<String>,
    /// Its number in the journal; `None`: not recorded, or known already.
    pub seq: Option<u64>,
    /// What the person was shown.
    pub sign: Sign,
}

/// Where those who listen at one device come together.
#[derive(Debug)]
pub(super) struct Ear(broadcast::Sender<Heard>);

/// What somebody who listens will be told, taken before the batch is handed on.
pub(super) struct Presented(Vec<(Credential, Method, Option<String>)>);

impl Ear {
    pub fn new() -> Self {
        Self(broadcast::channel(WAITING).0)
    }

    pub fn listen(&self) -> broadcast::Receiver<Heard> {
        self.0.subscribe()
    }

    /// Nothing is copied while nobody listens.
    pub fn presented(&self, batch: &Batch) -> Option<Presented> {
        let of = |reading: &Reading| (reading.credential.clone(), reading.method, reading.profile.clone());
        (self.0.receiver_count() > 0).then(|| Presented(batch.readings.iter().map(of).collect()))
    }

    pub fn tell(&self, presented: Presented, answer: &Result<Vec<Receipt>, NotRecorded>) {
        for (at, (credential, method, profile)) in presented.0.into_iter().enumerate() {
            let own = match answer {
                Ok(receipts) => match receipts.get(at) {
                    Some(receipt) => Ok(receipt.clone()),
                    None => continue,
                },
                Err(error) => Err(error.clone()),
            };
            let seq = own.as_ref().ok().map(|receipt| receipt.seq).filter(|seq| *seq > 0);
            // Whoever listened may just have gone.
            let _ = self.0.send(Heard { credential, method, profile, seq, sign: Sign::of(&own) });
        }
    }
}
