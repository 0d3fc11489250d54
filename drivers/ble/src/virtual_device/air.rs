//! The adapter in memory, as the radio sees it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream;
use tokio::sync::mpsc;

use super::{Call, Core, Device, State, lock};
use crate::protocol::address::Address;
use crate::protocol::uuid::Uuid;
use crate::radio::Trouble;
use crate::radio::air::{Adapter, Air, Connection, Gatt, Known, Opened, Peer};

/// How long the stack tries to connect to a device that is not there.
const TRIES: Duration = Duration::from_secs(20);

pub(super) struct InMemory {
    pub name: String,
    pub core: Weak<Core>,
}

impl Air for InMemory {
    fn open(&self) -> BoxFuture<'_, Result<Opened, Trouble>> {
        async move {
            let core = self.core.upgrade().ok_or_else(|| Trouble::NoAdapter(Some(self.name.clone())))?;
            let (events, received) = mpsc::unbounded_channel();
            let generation = {
                let mut state = lock(&core.state);
                state.calls.push(Call::Open);
                if state.stopped {
                    return Err(Trouble::NoService);
                }
                state.switch(false);
                state.scan = None;
                state.generation += 1;
                state.events = Some(events);
                state.generation
            };
            let adapter = Opening { id: self.name.clone(), core: Arc::downgrade(&core), generation };
            Ok(Opened { adapter: Arc::new(adapter), events: endless(received) })
        }
        .boxed()
    }
}

/// A stream that goes silent where the channel ends, as those of BlueZ do.
fn endless<T: Send + 'static>(received: mpsc::UnboundedReceiver<T>) -> stream::BoxStream<'static, T> {
    stream::unfold(received, |mut received| async move {
        match received.recv().await {
            Some(item) => Some((item, received)),
            None => std::future::pending().await,
        }
    })
    .boxed()
}

#[derive(Clone)]
struct Opening {
    id: String,
    core: Weak<Core>,
    generation: u64,
}

impl Opening {
    /// Does something to the adapter, after the time that answers take.
    async fn ask<T>(
        &self,
        call: Option<Call>,
        answer: impl FnOnce(&mut State) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let core = self.core.upgrade().ok_or(Trouble::NoService)?;
        let slow = {
            let mut state = lock(&core.state);
            state.calls.extend(call);
            state.slow
        };
        tokio::time::sleep(slow).await;
        let mut state = lock(&core.state);
        match state.stopped || state.generation != self.generation {
            true => Err(Trouble::NoService),
            false => answer(&mut state),
        }
    }
}

impl Adapter for Opening {
    fn id(&self) -> &str {
        &self.id
    }

    fn scan(&self, services: Vec<Uuid>) -> BoxFuture<'_, Result<(), Trouble>> {
        self.ask(Some(Call::Scan(services.clone())), |state| match (state.off, state.scan.is_some()) {
            (true, _) => Err(Trouble::Off),
            (false, true) => Err(Trouble::Failed("Operation already in progress".into())),
            (false, false) => {
                state.scan = Some(services);
                Ok(())
            }
        })
        .boxed()
    }

    fn stop_scan(&self) -> BoxFuture<'_, Result<(), Trouble>> {
        self.ask(Some(Call::StopScan), |state| match state.scan.take() {
            Some(_) => Ok(()),
            None => Err(Trouble::Failed("No discovery started".into())),
        })
        .boxed()
    }

    fn powered(&self) -> BoxFuture<'_, Result<bool, Trouble>> {
        self.ask(None, |state| Ok(!state.off)).boxed()
    }

    fn power(&self, on: bool) -> BoxFuture<'_, Result<(), Trouble>> {
        self.ask(Some(Call::Power(on)), move |state| {
            state.switch(!on);
            state.tell(crate::radio::air::Event::Power);
            Ok(())
        })
        .boxed()
    }

    fn connected(&self) -> BoxFuture<'_, Result<Vec<Known>, Trouble>> {
        self.ask(None, |state| {
            let connected = state.devices.iter().filter(|(_, device)| device.connected);
            Ok(connected
                .map(|(address, device)| Known { address: *address, name: Some(device.name.clone()) })
                .collect())
        })
        .boxed()
    }

    fn connect(&self, address: Address, gatt: Gatt) -> BoxFuture<'_, Result<Connection, Trouble>> {
        async move {
            let there = |state: &mut State| Ok(state.devices.get(&address).is_some_and(|device| !device.gone));
            if !self.ask(Some(Call::Connect(address)), there).await? {
                tokio::time::sleep(TRIES).await;
                return Err(Trouble::Failed("Software caused connection abort".into()));
            }
            let peer = Arc::new(Remote { opening: self.clone(), address });
            self.ask(None, |state| {
                let device = device(state, address)?;
                let pipe = device.pipe;
                let fits = |(service, notify, _, _): &(Uuid, Uuid, Option<Uuid>, String)| {
                    (*service, *notify) == (pipe.service, pipe.notify)
                };
                let Some((.., pipe)) = gatt.choices().into_iter().find(fits) else {
                    return Err(Trouble::NoPipe { device: address.to_string(), has: format!("{:?}", pipe.service) });
                };
                let (notify, notified) = mpsc::unbounded_channel();
                device.connected = true;
                device.notifies.push(notify);
                Ok(Connection { peer, notifications: endless(notified), room: device.room, pipe })
            })
            .await
        }
        .boxed()
    }

    fn tidy(&self, _keep: Vec<Address>) -> BoxFuture<'_, Result<usize, Trouble>> {
        self.ask(Some(Call::Tidy), |_| Ok(0)).boxed()
    }
}

struct Remote {
    opening: Opening,
    address: Address,
}

/// A device that is in range.
fn device(state: &mut State, address: Address) -> Result<&mut Device, Trouble> {
    let device = state.devices.get_mut(&address).filter(|device| !device.gone);
    device.ok_or_else(|| Trouble::Failed("Not connected".into()))
}

impl Peer for Remote {
    fn write(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), Trouble>> {
        self.opening
            .ask(None, move |state| {
                let device = device(state, self.address)?;
                if !device.connected || bytes.len() > device.room {
                    return Err(Trouble::Failed("Not connected, or too long".into()));
                }
                device.written.extend(bytes);
                device.writes += 1;
                Ok(())
            })
            .boxed()
    }

    fn connected(&self) -> BoxFuture<'_, Result<bool, Trouble>> {
        self.opening
            .ask(None, |state| Ok(state.devices.get(&self.address).is_some_and(|device| device.connected)))
            .boxed()
    }

    fn disconnect(&self) -> BoxFuture<'_, Result<(), Trouble>> {
        self.opening
            .ask(Some(Call::Disconnect(self.address)), |state| {
                if let Some(device) = state.devices.get_mut(&self.address) {
                    device.connected = false;
                    device.notifies.clear();
                }
                Ok(())
            })
            .boxed()
    }
}
