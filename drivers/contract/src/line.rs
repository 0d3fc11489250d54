//! A line of bytes to a device, whatever carries it: a serial port, a TCP serial server, a Bluetooth pipe.
//!
//! A driver asks its [`Port`](crate::Port) for the line and speaks its protocol over it, so that the same driver works over every
//! carrier. The agent opens what is really there; the conformance suite gives a [`Cable`](crate::conformance::Cable) in memory.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::{Endpoint, Text};

/// How long a write may take before the device counts as stuck: a line this slow is broken.
const WRITE_WAITS: Duration = Duration::from_secs(5);
/// The most that is thrown away in one go: a device that never pauses must not hold its driver.
const MOST_DRAINED: usize = 64 << 10;

/// Where a line leads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A serial port, best under a name that stays (`/dev/serial/by-path/…`).
    Serial(PathBuf),
    /// A TCP serial server: `tcp://10.0.0.9:4001`.
    Tcp {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// A Bluetooth device that offers a serial pipe: `ble://AA:BB:CC:DD:EE:FF`, or its advertised name.
    Ble(String),
}

impl Place {
    /// Reads `/dev/…`, `tcp://host:port` or `ble://address-or-name`.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix("tcp://") {
            let (host, port) = rest.rsplit_once(':')?;
            let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
            let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':');
            let port: u16 = port.parse().ok().filter(|port| *port != 0)?;
            let named = !host.is_empty() && host.len() <= 253 && host.chars().all(good);
            return named.then(|| Self::Tcp { host: host.to_owned(), port });
        }
        if let Some(rest) = text.strip_prefix("ble://") {
            let named = !rest.trim().is_empty() && rest.len() <= 248 && !rest.chars().any(char::is_control);
            return named.then(|| Self::Ble(rest.trim().to_owned()));
        }
        let path = text.len() > 1 && text.len() <= 4096 && text.starts_with('/') && !text.chars().any(char::is_control);
        path.then(|| Self::Serial(PathBuf::from(text)))
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Serial(path) => write!(f, "{}", path.display()),
            Self::Tcp { host, port } => write!(f, "tcp://{}", Endpoint { host: host.clone(), port: *port }),
            Self::Ble(device) => write!(f, "ble://{device}"),
        }
    }
}

/// How a serial port is set; carriers without one take no notice. Always 8 data bits without flow control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// Bits a second.
    pub baud: u32,
    /// The check bit.
    pub parity: Parity,
}

impl Mode {
    /// 8N1 at this speed.
    pub const fn at(baud: u32) -> Self {
        Self { baud, parity: Parity::None }
    }
}

/// The check bit of a serial character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parity {
    /// None.
    None,
    /// Even.
    Even,
    /// Odd.
    Odd,
}

/// What can be a line.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// An open line. Dropping it closes it.
pub struct Line {
    stream: Box<dyn Stream>,
    place: Place,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Line({})", self.place)
    }
}

/// Why there is no line, or no longer one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Nothing is plugged in there, or nobody answers at the address.
    #[error(
        "nothing is at {0}: check the plug, the power and the setting `port` (`punchd devices discover` lists what there is)"
    )]
    NotThere(Place),
    /// It is there, and punchd may not use it.
    #[error(
        "punchd may not open {0}: give its user the group of the device (dialout for serial ports), see the manual"
    )]
    Forbidden(Place),
    /// Another program, or another device of the configuration, has it open.
    #[error("{0} is in use by another program or device: close it there, or correct `port`")]
    Taken(Place),
    /// It was there and is gone: unplugged, switched off, out of range.
    #[error("{0} is gone: check the plug and the power")]
    Gone(Place),
    /// Anything else.
    #[error("{place} cannot be used: {why}")]
    Failed {
        /// Where.
        place: Place,
        /// What the system said.
        why: String,
    },
}

impl LineError {
    /// The sentence for people.
    pub fn text(&self) -> Text {
        let zh = match self {
            Self::NotThere(place) => {
                format!(
                    "{place} 处没有设备：请检查插头、电源和 `port` 设置（`punchd devices discover` 可列出现有设备）"
                )
            }
            Self::Forbidden(place) => {
                format!("punchd 无权打开 {place}：请将其用户加入设备所属组（串口为 dialout），见手册")
            }
            Self::Taken(place) => format!("{place} 正被其他程序或设备占用：请关闭占用者，或更正 `port`"),
            Self::Gone(place) => format!("{place} 已断开：请检查插头和电源"),
            Self::Failed { place, why } => format!("{place} 无法使用：{why}"),
        };
        Text::new(self.to_string(), zh)
    }
}

impl Line {
    /// A line over this stream.
    pub fn new(place: Place, stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), place }
    }

    /// Where it leads.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Waits for bytes and appends them; how many is at least 1 and depends on nothing that the protocol knows: frames are split
    /// and joined at will (facts/readers.md A.7). Cancel-safe. A serial port whose adapter was pulled reads nothing for ever
    /// (facts/readers.md F.10), which is told as [`LineError::Gone`].
    pub async fn read(&mut self, into: &mut Vec<u8>) -> Result<usize, LineError> {
        let mut piece = [0; 512];
        match self.stream.read(&mut piece).await {
            Ok(0) => Err(LineError::Gone(self.place.clone())),
            Ok(length) => {
                into.extend_from_slice(piece.get(..length).unwrap_or_default());
                Ok(length)
            }
            Err(error) => Err(self.broken(&error)),
        }
    }

    /// Writes all of it, bounded.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), LineError> {
        let work = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        match tokio::time::timeout(WRITE_WAITS, work).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.broken(&error)),
            Err(_) => Err(LineError::Failed { place: self.place.clone(), why: "nothing takes the bytes".into() }),
        }
    }

    /// Throws away what has arrived and what arrives until it has been quiet for this long. Answers how much it was.
    pub async fn drain(&mut self, quiet: Duration) -> Result<usize, LineError> {
        let mut waste = Vec::new();
        let mut drained = 0;
        while drained < MOST_DRAINED {
            match tokio::time::timeout(quiet, self.read(&mut waste)).await {
                Ok(read) => drained += read?,
                Err(_) => break,
            }
            waste.clear();
        }
        Ok(drained)
    }

    fn broken(&self, error: &std::io::Error) -> LineError {
        use std::io::ErrorKind as E;
        let place = self.place.clone();
        match error.kind() {
            E::BrokenPipe
            | E::ConnectionReset
            | E::ConnectionAborted
            | E::NotConnected
            | E::UnexpectedEof
            | E::NotFound => LineError::Gone(place),
            // EIO and ENODEV: what a pulled adapter answers.
            _ if matches!(error.raw_os_error(), Some(5 | 6 | 19)) => LineError::Gone(place),
            _ => LineError::Failed { place, why: error.to_string() },
        }
    }
}

/// Whoever can open lines: the agent, or the bench.
pub trait Lines: Send + Sync {
    /// Opens the line, bounded.
    fn open(&self, place: Place, mode: Mode) -> BoxFuture<'_, Result<Line, LineError>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_and_shown_alike() {
        for text in
            ["/dev/ttyUSB0", "tcp://10.0.0.9:4001", "tcp://[fe80::1]:4001", "ble://F0:F1:F2:F3:F4:F5", "ble://PUNCH-FP"]
        {
            assert_eq!(Place::parse(text).map(|place| place.to_string()).as_deref(), Some(text));
        }
        for wrong in
            ["", "/", "ttyUSB0", "tcp://", "tcp://host", "tcp://host:0", "tcp://a b:1", "ble://", "usb://1", "/dev/\n"]
        {
            assert_eq!(Place::parse(wrong), None, "{wrong:?}");
        }
    }

    #[tokio::test]
    async fn a_line_without_its_other_end_is_gone() {
        let (ours, theirs) = tokio::io::duplex(64);
        let mut line = Line::new(Place::Serial("/dev/ttyUSB0".into()), ours);
        drop(theirs);
        let place = Place::Serial("/dev/ttyUSB0".into());
        assert_eq!(line.read(&mut Vec::new()).await, Err(LineError::Gone(place.clone())));
        assert_eq!(line.write(b"x").await, Err(LineError::Gone(place)));
    }

    #[tokio::test(start_paused = true)]
    async fn draining_ends_even_if_the_device_never_pauses() {
        let (ours, mut theirs) = tokio::io::duplex(4096);
        let mut line = Line::new(Place::Serial("/dev/ttyUSB0".into()), ours);
        let chatter = tokio::spawn(async move { while theirs.write_all(&[0x55; 1024]).await.is_ok() {} });
        assert!(line.drain(Duration::from_millis(20)).await.unwrap() >= MOST_DRAINED);
        chatter.abort();
    }
}
