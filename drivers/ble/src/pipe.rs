//! A Bluetooth device as a line, so that a driver for serial modules works over a Bluetooth bridge.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use punchd_contract::{LineError, Place};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::bluez::System;
use crate::protocol::address::Target;
use crate::radio::air::Gatt;
use crate::radio::{Link, Radio, Source, Trouble, Wanted};
use crate::terminal::{gatt, is_adapter};

/// How long opening may take in all: a driver has to say within its first minute how its device is.
const OPENS_WITHIN: Duration = Duration::from_secs(45);
const SILENCE: Duration = Duration::from_secs(600);
const CHECK: Duration = Duration::from_secs(20);
/// The most that one write takes: the line waits until it is with the device.
const PIECE: usize = 512;

/// Opens the pipe to a device: what stands behind `ble://`. That is its address or advertised name, and, where the first known serial
/// service is not the right one, `?service=…&notify=…&write=…&adapter=hci1` behind it.
pub async fn open_pipe(place: &str) -> Result<Pipe, LineError> {
    open_pipe_over::<System>(place).await
}

/// The same over Bluetooth from this source.
pub async fn open_pipe_over<S: Source>(place: &str) -> Result<Pipe, LineError> {
    let at = Place::Ble(place.to_owned());
    let (adapter, wanted) = parse(place).map_err(|why| LineError::Failed { place: at.clone(), why })?;
    let radio = Radio::of::<S>(adapter);
    let link = tokio::time::timeout(OPENS_WITHIN, radio.link(&wanted)).await.unwrap_or(Err(Trouble::Hangs("connect")));
    link.map(Pipe::over).map_err(|trouble| trouble.of_line(&at))
}

fn parse(place: &str) -> Result<(Option<&str>, Wanted), String> {
    let (device, rest) = place.split_once('?').unwrap_or((place, ""));
    let mut pairs = Vec::new();
    for pair in rest.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some((key @ ("service" | "notify" | "write" | "adapter"), value)) => pairs.push((key, value)),
            _ => return Err(format!("{pair:?} is not service=…, notify=…, write=… or adapter=…")),
        }
    }
    let text = |wanted: &str| pairs.iter().find(|(key, _)| *key == wanted).map(|(_, value)| *value);
    let target = Target::parse(device).ok_or("there is no Bluetooth address or name behind ble://")?;
    let gatt: Gatt = gatt(text).map_err(|mistake| format!("`{}` must be {}", mistake.key, mistake.right))?;
    let adapter = text("adapter");
    if adapter.is_some_and(|adapter| !is_adapter(adapter)) {
        return Err("`adapter` must be the id of an adapter, such as hci0".into());
    }
    Ok((adapter, Wanted { target, gatt, silence: SILENCE, check: CHECK }))
}

/// An open pipe. Ends when the device is gone; dropping it disconnects.
pub struct Pipe {
    link: Link,
    /// What was notified and is not read yet.
    unread: Vec<u8>,
    /// What is on its way to the device.
    writing: Option<BoxFuture<'static, Result<(), Trouble>>>,
}

impl std::fmt::Debug for Pipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pipe({})", self.link.pipe())
    }
}

impl Pipe {
    fn over(link: Link) -> Self {
        Self { link, unread: Vec::new(), writing: None }
    }

    /// Waits until what is on its way has arrived.
    fn poll_written(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(writing) = &mut self.writing else { return Poll::Ready(Ok(())) };
        let written = ready!(writing.as_mut().poll(context));
        self.writing = None;
        Poll::Ready(written.map_err(|trouble| io::Error::new(io::ErrorKind::BrokenPipe, trouble)))
    }
}

impl AsyncRead for Pipe {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.unread.is_empty() {
            match ready!(self.link.poll_read(context)) {
                Some(bytes) => self.unread = bytes,
                None => return Poll::Ready(Ok(())),
            }
        }
        let taken = self.unread.len().min(into.remaining());
        into.put_slice(self.unread.get(..taken).unwrap_or_default());
        self.unread.drain(..taken);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_written(context))?;
        let piece = bytes.get(..bytes.len().min(PIECE)).unwrap_or_default().to_vec();
        let (writer, length) = (self.link.writer(), piece.len());
        self.writing = Some(async move { writer.write(&piece).await }.boxed());
        // It may be done at once; a fault is told by the next write or flush.
        match self.poll_written(context) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(length)),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_written(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_written(context)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::uuid::HM10;

    #[test]
    fn a_place_names_a_device_and_perhaps_its_pipe() {
        let (adapter, wanted) = parse("C0:00:00:00:00:01").unwrap();
        assert_eq!((adapter, wanted.gatt), (None, Gatt::Known));
        let (adapter, wanted) = parse("Gate 1?service=ffe0&adapter=hci1").unwrap();
        let named = Gatt::Named { service: HM10.service, notify: HM10.notify, write: Some(HM10.write) };
        assert_eq!((adapter, wanted.target, wanted.gatt), (Some("hci1"), Target::Named("Gate 1".into()), named));
        for wrong in ["", "?service=ffe0", "x?notify=ffe1", "x?baud=9600", "x?adapter=/", "x?service"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_place_is_too_strange(place: String) {
            let _ = parse(&place);
        }
    }
}
