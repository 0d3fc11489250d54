//! Our own connection to the system bus, and what is asked and watched over it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dbus::arg::{AppendAll, PropMap, ReadAll};
use dbus::channel::{BusType, Channel, MatchingReceiver};
use dbus::message::{MatchRule, MessageType};
use dbus::nonblock::{Proxy, SyncConnection};
use dbus::{Message, Path};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::radio::Trouble;

/// The daemon's name on the bus.
pub(super) const BLUEZ: &str = "org.bluez";
const DBUS: &str = "org.freedesktop.DBus";
/// How long the daemon may take for an answer. The radio waits no longer either.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// How many signals wait to be taken; beyond, the newest are dropped. Devices repeat themselves, and a device that left is noticed by its link.
const WAITING: usize = 1024;

/// Everything that the daemon has, by path and interface.
pub(super) type Objects = HashMap<Path<'static>, HashMap<String, PropMap>>;

/// A connection. Dropping it closes it, and the daemon ends what it does for us.
pub(super) struct Bus {
    connection: Arc<SyncConnection>,
    /// Reads and writes for the connection.
    reading: JoinSet<()>,
}

/// What comes over the bus without being asked.
pub(super) struct Signals {
    /// Signals of anybody.
    pub messages: mpsc::Receiver<Message>,
    /// Why the daemon cannot be asked any more.
    pub lost: watch::Receiver<Option<Trouble>>,
}

impl Bus {
    /// Connects, and watches whether the daemon leaves.
    pub async fn connect() -> Result<(Self, Signals), Trouble> {
        // Connecting blocks on the bus's socket.
        let channel = tokio::task::spawn_blocking(|| Channel::get_private(BusType::System)).await;
        let channel =
            channel.map_err(|error| Trouble::Failed(error.to_string()))?.map_err(|error| match trouble(&error) {
                Trouble::Failed(_) => Trouble::NoBus,
                other => other,
            })?;
        let (resource, connection) =
            dbus_tokio::connection::from_channel::<SyncConnection>(channel).map_err(|error| trouble(&error))?;
        let (lose, lost) = watch::channel(None);
        let (take, messages) = mpsc::channel(WAITING);
        let mut reading = JoinSet::new();
        let ended = lose.clone();
        reading.spawn(async move {
            let error = resource.await;
            tracing::debug!(%error, "the system bus is gone");
            ended.send_replace(Some(Trouble::NoBus));
            super::gatt::forget_session().await;
        });
        let bus = Self { connection, reading };
        let told = AtomicBool::new(false);
        let receive = move |message: Message, _: &SyncConnection| {
            if message.member().as_deref() == Some("NameOwnerChanged") {
                // The bus alone may say so. A daemon that just came has nobody before it.
                let (_, before, _) = message.get3::<&str, &str, &str>();
                if message.sender().as_deref() == Some(DBUS) && before.is_some_and(|before| !before.is_empty()) {
                    lose.send_replace(Some(Trouble::NoService));
                }
            } else if matches!(take.try_send(message), Err(TrySendError::Full(_)))
                && !told.swap(true, Ordering::Relaxed)
            {
                tracing::warn!("more Bluetooth signals than can be taken: some advertisements are not heard");
            }
            true
        };
        bus.connection.start_receive(MatchRule::new().with_type(MessageType::Signal), Box::new(receive));
        bus.subscribe(&format!("type='signal',sender='{DBUS}',member='NameOwnerChanged',arg0='{BLUEZ}'")).await?;
        Ok((bus, Signals { messages, lost }))
    }

    /// Has signals sent to us.
    pub async fn subscribe(&self, rule: &str) -> Result<(), Trouble> {
        self.connection.add_match_no_cb(rule).await.map_err(|error| trouble(&error))
    }

    /// Who the daemon is on the bus now.
    pub async fn owner(&self) -> Result<String, Trouble> {
        let proxy = Proxy::new(DBUS, "/org/freedesktop/DBus", ANSWERS_WITHIN, self.connection.clone());
        let (owner,): (String,) =
            proxy.method_call(DBUS, "GetNameOwner", (BLUEZ,)).await.map_err(|error| trouble(&error))?;
        Ok(owner)
    }

    /// Everything that the daemon has. The bus starts the daemon for this if it can.
    pub async fn objects(&self) -> Result<Objects, Trouble> {
        let (objects,) = self.call("/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", ()).await?;
        Ok(objects)
    }

    /// Asks the daemon.
    pub async fn call<R: ReadAll + 'static>(
        &self,
        path: &str,
        interface: &str,
        member: &str,
        arguments: impl AppendAll,
    ) -> Result<R, Trouble> {
        let proxy = Proxy::new(BLUEZ, path.to_owned(), ANSWERS_WITHIN, self.connection.clone());
        proxy.method_call(interface.to_owned(), member.to_owned(), arguments).await.map_err(|error| trouble(&error))
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        self.reading.abort_all();
    }
}

/// What an error of the bus means.
pub(super) fn trouble(error: &dbus::Error) -> Trouble {
    Trouble::of_dbus(error.name().unwrap_or_default(), error.message().unwrap_or("no words"))
}
