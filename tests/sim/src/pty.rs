//! A serial port that does not exist: a pseudo terminal with a virtual device at its other end, that can be pulled and put back.

use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::JoinSet;
use tokio_serial::{SerialPort, SerialStream};

type Serve = Box<dyn Fn(SerialStream, &mut JoinSet<()>) + Send>;

/// A port with a device plugged in. Dropping it unplugs.
pub struct Pty(Mutex<State>);

struct State {
    serve: Serve,
    link: Option<PathBuf>,
    plugged: Option<Plugged>,
}

struct Plugged {
    path: PathBuf,
    /// Whoever plays the device; owns the master's end.
    device: JoinSet<()>,
    /// Held open: a program that closes the port must not hang it up for the next (facts/readers.md A.9). Nobody reads it.
    _port: SerialStream,
}

impl std::fmt::Debug for Pty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Pty").field(&self.path()).finish()
    }
}

impl Pty {
    /// Makes a port and plugs the device in: `serve` is called with the device's end now and at every replug, and dropped at every unplug;
    /// programs that open and close the port are not seen by it, as at a real UART. `link` is a name that stays the same over
    /// replugs, as `/dev/serial/by-id` gives: a link that is made, and replaced where it is a link already.
    ///
    /// Needs a tokio runtime. Errors: the system gives no pseudo terminal, or `link` cannot be made.
    pub fn to<F>(link: Option<PathBuf>, serve: impl Fn(SerialStream) -> F + Send + 'static) -> io::Result<Self>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let serve: Serve = Box::new(move |line, device| {
            device.spawn(serve(line));
        });
        let mut state = State { serve, link, plugged: None };
        state.plug()?;
        Ok(Self(Mutex::new(state)))
    }

    /// What programs open: the link where there is one, else the pseudo terminal of now. `None` while unplugged without a link.
    pub fn path(&self) -> Option<PathBuf> {
        let state = self.state();
        state.link.clone().or_else(|| state.plugged.as_ref().map(|plugged| plugged.path.clone()))
    }

    /// Pulls it: who has it open reads nothing for ever, and the name is gone.
    pub fn unplug(&self) {
        self.state().unplug();
    }

    /// Puts it back under the same link, as another pseudo terminal. Plugged in already: nothing happens.
    pub fn replug(&self) -> io::Result<()> {
        self.state().plug()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn plug(&mut self) -> io::Result<()> {
        if self.plugged.is_some() {
            return Ok(());
        }
        // Raw mode is set before anybody else can open it.
        let (line, port) = SerialStream::pair()?;
        let path = PathBuf::from(port.name().ok_or_else(|| io::Error::other("the pseudo terminal has no name"))?);
        if let Some(link) = &self.link {
            point(link, &path)?;
        }
        let mut device = JoinSet::new();
        (self.serve)(line, &mut device);
        self.plugged = Some(Plugged { path, device, _port: port });
        Ok(())
    }

    fn unplug(&mut self) {
        let Some(mut plugged) = self.plugged.take() else { return };
        plugged.device.abort_all();
        if let Some(link) = &self.link
            && std::fs::read_link(link).is_ok_and(|to| to == plugged.path)
        {
            // Somebody else may have taken it away just now: all the same.
            let _ = std::fs::remove_file(link);
        }
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.unplug();
    }
}

/// Makes the link lead there. Replaces a link, and nothing else.
fn point(link: &Path, to: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(link) {
        Ok(found) if !found.file_type().is_symlink() => {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is something that is no link"));
        }
        Ok(_) => std::fs::remove_file(link)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    symlink(to, link)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::timeout;
    use tokio_serial::SerialPortBuilderExt;

    use super::*;

    /// Says every byte back.
    async fn echo(mut line: SerialStream) {
        let mut byte = [0];
        while line.read_exact(&mut byte).await.is_ok() {
            if line.write_all(&byte).await.is_err() {
                return;
            }
        }
    }

    fn open(path: &Path) -> SerialStream {
        let real = path.canonicalize().unwrap();
        tokio_serial::new(real.to_string_lossy(), 115_200).open_native_async().unwrap()
    }

    async fn says_back(line: &mut SerialStream) {
        // Bytes that a line in cooked mode would change, hold back or act upon.
        let sent = [0x00, 0x03, 0x04, 0x0A, 0x0D, 0x11, 0x13, 0x7F, 0xFF];
        line.write_all(&sent).await.unwrap();
        let mut got = [1; 9];
        timeout(Duration::from_secs(10), line.read_exact(&mut got)).await.unwrap().unwrap();
        assert_eq!(got, sent);
    }

    #[tokio::test]
    async fn every_byte_goes_through_and_programs_may_come_and_go() {
        let pty = Pty::to(None, echo).unwrap();
        for _ in 0..3 {
            says_back(&mut open(&pty.path().unwrap())).await;
        }
    }

    #[tokio::test]
    async fn an_unplugged_port_breaks_and_comes_back_under_its_link() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("reader");
        let pty = Pty::to(Some(link.clone()), echo).unwrap();
        assert_eq!(pty.path(), Some(link.clone()));
        let mut line = open(&link);
        says_back(&mut line).await;

        pty.unplug();
        let broken = timeout(Duration::from_secs(10), line.read(&mut [0])).await.unwrap();
        assert!(matches!(broken, Ok(0) | Err(_)), "{broken:?}");
        assert!(std::fs::symlink_metadata(&link).is_err(), "the link is still there");

        pty.replug().unwrap();
        says_back(&mut open(&link)).await;
        drop(pty);
        assert!(std::fs::symlink_metadata(&link).is_err(), "the link is left behind");
    }

    #[tokio::test]
    async fn a_file_in_the_place_of_the_link_is_left_alone() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let taken = Pty::to(Some(file.path().to_owned()), echo).unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AlreadyExists);
        assert!(file.path().is_file());
    }
}
