//! What a driver is: an async function over typed settings and ports.

use std::any::Any;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::tz::TimeZone;

use crate::{Declaration, DeviceName, Found, Mistake, Port, Search, Text, Values};

/// One kind of device, as its author writes it.
///
/// Most kinds serve one device a task. Kinds in which several devices share one thing of ours (push terminals that all connect
/// to the same listening address) name that thing in [`Kind::group`]; the agent then runs one task for all members.
pub trait Kind: Send + Sync + 'static {
    /// What it is and what can be set.
    const DECLARATION: Declaration;
    /// Its settings, parsed once.
    type Settings: Send + Sync + 'static;

    /// Turns checked values into settings, or names what does not go together. Opens nothing.
    fn settings(values: &Values) -> Result<Self::Settings, Vec<Mistake>>;

    /// The shared thing, if devices of this kind share one.
    fn group(_settings: &Self::Settings) -> Option<String> {
        None
    }

    /// Looks for devices of this kind that nobody has configured.
    fn discover(_search: &Search) -> impl Future<Output = Vec<Found>> + Send {
        std::future::ready(Vec::new())
    }

    /// Serves the members until something goes wrong. Returning at all is an error to the agent, which starts it again with
    /// back-off. May be dropped at any await point.
    fn run(members: Vec<Member<Self::Settings>>) -> impl Future<Output = Result<(), DriverError>> + Send;
}

/// One device that a driver serves.
#[derive(Debug)]
pub struct Member<S> {
    /// What the operator calls it.
    pub device: DeviceName,
    /// Where its local time holds.
    pub zone: TimeZone,
    /// Its settings.
    pub settings: Arc<S>,
    /// The way to the agent.
    pub port: Port,
}

/// Why a driver gave up; the agent shows it and starts the driver again.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct DriverError(pub Text);

/// A [`Kind`] as the agent sees it, with the settings' type hidden.
pub trait Driver: Send + Sync + 'static {
    /// What it is and what can be set.
    fn declaration(&self) -> &'static Declaration;
    /// Parses the settings and names the group.
    fn prepare(&self, values: &Values) -> Result<Prepared, Vec<Mistake>>;
    /// Looks for devices of this kind that nobody has configured.
    fn discover<'a>(&self, search: &'a Search) -> BoxFuture<'a, Vec<Found>>;
    /// Runs a task for these members, all prepared by this driver.
    fn run(&self, members: Vec<Member<Prepared>>) -> BoxFuture<'static, Result<(), DriverError>>;
}

/// Settings that a driver has parsed.
#[derive(Clone)]
pub struct Prepared {
    settings: Arc<dyn Any + Send + Sync>,
    /// The shared thing, if any.
    pub group: Option<String>,
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prepared").field("group", &self.group).finish_non_exhaustive()
    }
}

/// Puts a [`Kind`] into the static slice of drivers.
#[derive(Debug)]
pub struct Registered<K>(PhantomData<K>);

impl<K> Registered<K> {
    /// The entry for the slice.
    pub const NEW: Self = Self(PhantomData);
}

impl<K: Kind> Registered<K> {
    const DECLARATION: &'static Declaration = &K::DECLARATION;
}

impl<K: Kind> Driver for Registered<K> {
    fn declaration(&self) -> &'static Declaration {
        Self::DECLARATION
    }

    fn prepare(&self, values: &Values) -> Result<Prepared, Vec<Mistake>> {
        let settings = K::settings(values)?;
        let group = K::group(&settings);
        Ok(Prepared { settings: Arc::new(settings), group })
    }

    fn discover<'a>(&self, search: &'a Search) -> BoxFuture<'a, Vec<Found>> {
        Box::pin(K::discover(search))
    }

    fn run(&self, members: Vec<Member<Prepared>>) -> BoxFuture<'static, Result<(), DriverError>> {
        let mut typed = Vec::with_capacity(members.len());
        for member in members {
            let Ok(settings) = member.settings.settings.clone().downcast::<K::Settings>() else {
                let kind = K::DECLARATION.kind;
                let text = Text::new(
                    format!("settings of another kind were given to {kind}: a defect of punchd"),
                    format!("{kind} 收到了其他类型的设置，这是 punchd 的缺陷"),
                );
                return Box::pin(async move { Err(DriverError(text)) });
            };
            typed.push(Member { device: member.device, zone: member.zone, settings, port: member.port });
        }
        Box::pin(K::run(typed))
    }
}
