//! A serial port behind a TCP serial server.

use std::io::ErrorKind;
use std::time::Duration;

use punchd_contract::{LineError, Place};
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

/// How long a connection may take: a serial server in the same building answers at once.
const CONNECTS_WITHIN: Duration = Duration::from_secs(5);

/// A line over which nothing has come for so long is asked whether it is there: a serial server that lost its power says no word,
/// and readers are silent for hours.
const ASKED_AFTER: Duration = Duration::from_secs(15);
/// It is asked again after this.
const ASKED_EVERY: Duration = Duration::from_secs(5);
/// So many questions without an answer: it is gone.
const UNANSWERED: u32 = 5;
/// What was sent and is not acknowledged for so long: the same. With the questions, a dead line is noticed within 45 s.
const UNACKNOWLEDGED: Duration = Duration::from_secs(40);

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
            watch(&stream).map_err(|error| failed(error.to_string()))?;
            Ok(stream)
        }
    }
}

/// Lets the kernel notice that the other end is gone.
fn watch(stream: &TcpStream) -> std::io::Result<()> {
    let socket = SockRef::from(stream);
    let asks = TcpKeepalive::new().with_time(ASKED_AFTER).with_interval(ASKED_EVERY).with_retries(UNANSWERED);
    socket.set_tcp_keepalive(&asks)?;
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn the_kernel_watches_whether_the_other_end_is_there() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let place = Place::Tcp { host: "127.0.0.1".into(), port };
        let stream = open("127.0.0.1", port, &place).await.unwrap();
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().unwrap());
        let notices = socket.tcp_keepalive_time().unwrap()
            + socket.tcp_keepalive_interval().unwrap() * socket.tcp_keepalive_retries().unwrap();
        assert!(notices <= Duration::from_secs(45), "{notices:?}");
        assert!(socket.tcp_user_timeout().unwrap().is_some_and(|timeout| timeout <= Duration::from_secs(45)));
        assert!(socket.tcp_nodelay().unwrap());
    }

    #[tokio::test]
    async fn nobody_at_the_address_is_told_as_such() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let place = Place::Tcp { host: "127.0.0.1".into(), port };
        assert_eq!(open("127.0.0.1", port, &place).await.unwrap_err(), LineError::NotThere(place));
    }
}
