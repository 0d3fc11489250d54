//! Opening the lines that drivers ask for: each carrier in a file of its own.

mod ports;
mod serial;
mod tcp;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use punchd_contract::{Line, LineError, Lines, Mode, Place};

pub use ports::{Port, ports};

/// The lines of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemLines;

impl Lines for SystemLines {
    fn open(&self, place: Place, mode: Mode) -> BoxFuture<'_, Result<Line, LineError>> {
        async move {
            match &place {
                Place::Serial(path) => serial::open(path, mode, &place).map(|stream| Line::new(place, stream)),
                Place::Tcp { host, port } => {
                    tcp::open(host, *port, &place).await.map(|stream| Line::new(place, stream))
                }
                Place::Ble(device) => punchd_ble::open_pipe(device).await.map(|pipe| Line::new(place, pipe)),
            }
        }
        .boxed()
    }
}
