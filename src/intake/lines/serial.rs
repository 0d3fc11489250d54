//! A serial port, opened so that nobody else speaks into it.

use std::io::ErrorKind as Io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use punchd_contract::{LineError, Mode, Parity, Place};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_serial::{ErrorKind, SerialPortBuilderExt, SerialStream};

/// An open port. What the kernel has taken counts as written: tokio-serial's flush waits, in the thread that everything else runs in,
/// until the last bit has left (tcdrain), and for ever at an adapter that hangs.
#[derive(Debug)]
pub(super) struct Port(SerialStream);

impl AsyncRead for Port {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl AsyncWrite for Port {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Opens the port. Opening does not wait for the other end, so nothing blocks here.
pub(super) fn open(path: &Path, mode: Mode, place: &Place) -> Result<Port, LineError> {
    let parity = match mode.parity {
        Parity::None => tokio_serial::Parity::None,
        Parity::Even => tokio_serial::Parity::Even,
        Parity::Odd => tokio_serial::Parity::Odd,
    };
    // A name under /dev/serial is a link; the port is locked under what it leads to.
    let real = path.canonicalize().map_err(|error| refused(error.kind(), &error, place))?;
    let port = tokio_serial::new(real.to_string_lossy(), mode.baud).parity(parity).open_native_async();
    port.map(Port).map_err(|error| match error.kind() {
        ErrorKind::NoDevice if error.description.contains("lock") => LineError::Taken(place.clone()),
        ErrorKind::NoDevice => match std::fs::metadata(&real) {
            // EBUSY is told with the same kind as an absent device (serialport's own mapping).
            Ok(_) => LineError::Taken(place.clone()),
            Err(_) => LineError::NotThere(place.clone()),
        },
        ErrorKind::Io(kind) => refused(kind, &error, place),
        _ => LineError::Failed { place: place.clone(), why: error.to_string() },
    })
}

fn refused(kind: Io, error: &dyn std::fmt::Display, place: &Place) -> LineError {
    match kind {
        Io::NotFound => LineError::NotThere(place.clone()),
        Io::PermissionDenied => LineError::Forbidden(place.clone()),
        Io::ResourceBusy | Io::WouldBlock => LineError::Taken(place.clone()),
        _ => LineError::Failed { place: place.clone(), why: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use punchd_sim::pty::Pty;

    use super::*;

    fn plugged() -> (Pty, Place) {
        let pty = Pty::to(None, |line| async move { drop((line, std::future::pending::<()>().await)) }).unwrap();
        let place = Place::Serial(pty.path().unwrap());
        (pty, place)
    }

    fn path(place: &Place) -> &Path {
        match place {
            Place::Serial(path) => path,
            _ => unreachable!(),
        }
    }

    #[tokio::test]
    async fn a_port_that_is_not_there_is_told_as_such() {
        let place = Place::Serial("/dev/serial/by-id/none".into());
        assert_eq!(open(path(&place), Mode::at(9600), &place).unwrap_err(), LineError::NotThere(place));
    }

    #[tokio::test]
    async fn a_port_in_use_is_told_as_such_and_free_again_when_closed() {
        let (_pty, place) = plugged();
        let first = open(path(&place), Mode::at(9600), &place).unwrap();
        assert_eq!(open(path(&place), Mode::at(9600), &place).unwrap_err(), LineError::Taken(place.clone()));
        drop(first);
        open(path(&place), Mode::at(115_200), &place).unwrap();
    }

    #[tokio::test]
    async fn what_is_no_serial_port_is_refused() {
        let place = Place::Serial("/dev/null".into());
        assert!(matches!(open(path(&place), Mode::at(9600), &place), Err(LineError::Failed { .. })));
    }
}
