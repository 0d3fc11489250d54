//! A driver as the agent runs it: started again when it returns, stopped by being dropped at any await point.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::{DeviceName, DriverError, Kind, Member, Port, Values};

/// What is needed to start the driver of one device, again and again.
pub(super) struct Subject<K: Kind> {
    name: DeviceName,
    settings: Arc<K::Settings>,
    zone: TimeZone,
    port: Port,
}

impl<K: Kind> Subject<K> {
    /// Parses what the device says how it is reached.
    #[expect(clippy::panic, reason = "the suite runs in tests alone: a device that its driver refuses fails the test")]
    pub fn new(values: &Values, zone: TimeZone, port: Port) -> Self {
        let settings = match K::settings(values) {
            Ok(settings) => Arc::new(settings),
            Err(mistakes) => panic!("the virtual device gives settings that its driver refuses: {mistakes:?}"),
        };
        let name = match DeviceName::new("under-test") {
            Ok(name) => name,
            Err(error) => panic!("{error}"),
        };
        Self { name, settings, zone, port }
    }

    /// One run, which ends when the driver does.
    pub fn run(&self) -> impl Future<Output = Result<(), DriverError>> + Send + 'static {
        let (zone, settings, port) = (self.zone.clone(), self.settings.clone(), self.port.clone());
        K::run(vec![Member { device: self.name.clone(), zone, settings, port }])
    }

    /// Runs it in the background, as the agent does, until the answer is dropped.
    pub fn start(&self) -> JoinSet<()> {
        let (name, settings) = (self.name.clone(), self.settings.clone());
        let again = Self { name, settings, zone: self.zone.clone(), port: self.port.clone() };
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            loop {
                // The agent shows the error; here its restart is what matters.
                let _ = again.run().await;
                sleep(Duration::from_secs(1)).await;
            }
        });
        tasks
    }
}

/// Drops the future after it was polled so many times.
pub(super) async fn stop_after_polls<F: Future>(future: F, polls: usize) {
    struct Limited<F> {
        future: Pin<Box<F>>,
        left: usize,
    }
    impl<F: Future> Future for Limited<F> {
        type Output = ();
        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
            if self.left == 0 || self.future.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            self.left -= 1;
            // Ready at the end of its polls, without waiting for another reason to be woken.
            if self.left == 0 {
                context.waker().wake_by_ref();
            }
            Poll::Pending
        }
    }
    Limited { future: Box::pin(future), left: polls }.await;
}
