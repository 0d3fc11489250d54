//! The socket and its connections: a fixed number at a time, each with bounded patience.

use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

/// Connections at the same time; further ones wait in the system's queue.
const CONNECTIONS: usize = 32;
/// How long a client may take to say what it wants.
const HEADER_WAITS: Duration = Duration::from_secs(10);
/// How long open requests may take to end when the console stops.
const END_WAITS: Duration = Duration::from_secs(3);
/// The pause after a connection could not be accepted, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);

/// Why there is no console.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody answers there.
    #[error("another punchd answers at {}: stop that one first (systemctl stop punchd)", .0.display())]
    InUse(PathBuf),
    /// Something else has the name.
    #[error("{} is there and is no socket: set another `socket` in [gateway], or remove it", .0.display())]
    NotASocket(PathBuf),
    /// The system refuses.
    #[error("cannot open the socket {}: {why}; check that its folder exists and belongs to the user that runs punchd", path.display())]
    Refused {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        why: io::Error,
    },
}

/// The open console. Stops when dropped; [`Console::stop`] lets open requests end.
#[derive(Debug)]
pub struct Console {
    path: PathBuf,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Console {
    /// Opens the socket for the owner and its group, and serves `router` there.
    pub async fn open(path: &Path, router: Router) -> Result<Self, BindError> {
        let refused = |why| BindError::Refused { path: path.to_owned(), why };
        if let Some(folder) = path.parent() {
            std::fs::DirBuilder::new().recursive(true).mode(0o750).create(folder).map_err(refused)?;
        }
        remove_stale(path).await?;
        let listener = UnixListener::bind(path).map_err(refused)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660)).map_err(refused)?;
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve(listener, router, stop.clone()));
        Ok(Self { path: path.to_owned(), stop, task: Some(task) })
    }

    /// Where it listens.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes no more connections, lets open requests end (bounded) and removes the socket.
    pub async fn stop(mut self) {
        // Removed first: whoever comes now is told that nobody is there, instead of waiting.
        self.remove();
        self.stop.cancel();
        if let Some(task) = self.task.take()
            && task.await.is_err()
        {
            tracing::warn!("the console ended by a defect");
        }
    }

    fn remove(&self) {
        if let Err(error) = std::fs::remove_file(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::debug!(%error, "the socket could not be removed; the next start does it");
        }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(task) = self.task.take() {
            task.abort();
            self.remove();
        }
    }
}

/// Removes what an agent that was killed has left; never the socket of one that lives.
async fn remove_stale(path: &Path) -> Result<(), BindError> {
    let refused = |why| BindError::Refused { path: path.to_owned(), why };
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(refused(error)),
        Ok(found) if !found.file_type().is_socket() => return Err(BindError::NotASocket(path.to_owned())),
        Ok(_) => {}
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path).map_err(refused),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // A full queue is somebody's too.
        Ok(_) => Err(BindError::InUse(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(BindError::InUse(path.to_owned())),
        Err(error) => Err(refused(error)),
    }
}

async fn serve(listener: UnixListener, router: Router, stop: CancellationToken) {
    let turns = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = async {
            // Closed never: the semaphore lives as long as this loop.
            let turn = turns.clone().acquire_owned().await.ok()?;
            Some((turn, listener.accept().await))
        };
        let (turn, accepted) = tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            Some(accepted) = accepted => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let (router, stop) = (router.clone(), stop.clone());
                connections.spawn(async move {
                    converse(stream, router, stop).await;
                    drop(turn);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection to the console could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(END_WAITS, all).await.is_err() {
        tracing::debug!("requests to the console were cut off by the stop");
    }
}

async fn converse(stream: UnixStream, router: Router, stop: CancellationToken) {
    let service = TowerToHyperService::new(router);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_WAITS)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to the console broke");
    }
}
