//! A serial port behind a TCP serial server.

use std::io::ErrorKind;
use std::time::Duration;

use punchd_contract::{LineError, Place};
use tokio::net::TcpStream;

/// How long a connection may take: a serial server in the same building answers at once.
const CONNECTS_WITHIN: Duration = Duration::from_secs(5);

/// Connects, bounded.
pub(super) async fn open(host: &str, port: u16, place: &Place) -> Result<TcpStream, LineError> {
    let connected = tokio::time::timeout(CONNECTS_WITHIN, TcpStream::connect((host, port))).await;
    let failed = |why: String| LineError::Failed { place: place.clone(), why };
    match connected {
        Err(_) => Err(LineError::NotThere(place.clone())),
        Ok(Err(error)) => Err(match error.kind() {
            ErrorKind::ConnectionRefused
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::TimedOut => LineError::NotThere(place.clone()),
            _ => failed(error.to_string()),
        }),
        Ok(Ok(stream)) => {
            // Frames are short and each is waited for.
            stream.set_nodelay(true).map_err(|error| failed(error.to_string()))?;
            Ok(stream)
        }
    }
}
