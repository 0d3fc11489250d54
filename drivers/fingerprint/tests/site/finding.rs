use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use punchd_contract::{Kind, Line, LineError, Lines, Mode, Place, Search};
use punchd_fingerprint::Fingerprint;
use punchd_fingerprint::virtual_device::{Options, VirtualModule};

/// Ports with modules of several speeds, and one with something that only talks.
struct Ports;

fn port(name: &str) -> Place {
    Place::Serial(format!("/dev/{name}").into())
}

impl Lines for Ports {
    fn open(&self, place: Place, mode: Mode) -> BoxFuture<'_, Result<Line, LineError>> {
        async move {
            let (ours, mut theirs) = tokio::io::duplex(4096);
            let options = match place.to_string().as_str() {
                "/dev/usual" if mode.baud == 57_600 => Options::r503(),
                "/dev/slow" if mode.baud == 9600 => Options::zfm20(),
                "/dev/locked" if mode.baud == 57_600 => Options { password: 7, ..Options::as608() },
                "/dev/scanner" => {
                    tokio::spawn(async move {
                        use tokio::io::AsyncWriteExt;
                        while theirs.write_all(b"6901234567892\r\n").await.is_ok() {
                            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                        }
                    });
                    return Ok(Line::new(place, ours));
                }
                "/dev/gone" => return Err(LineError::NotThere(place)),
                _ => {
                    // Something that does not answer, or hears another speed.
                    tokio::spawn(async move {
                        use tokio::io::AsyncReadExt;
                        let _ = theirs.read_to_end(&mut Vec::new()).await;
                    });
                    return Ok(Line::new(place, ours));
                }
            };
            let module = VirtualModule::new(options);
            tokio::spawn(async move { module.serve(theirs).await });
            Ok(Line::new(place, ours))
        }
        .boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn modules_are_found_at_ports_that_nobody_uses() {
    let ports = ["gone", "usual", "scanner", "slow", "nothing", "locked"].map(port).to_vec();
    let search = Search { ports, lines: Arc::new(Ports), subnets: Vec::new() };
    let found = Fingerprint::discover(&search).await;
    let settings: Vec<_> = found.iter().map(|found| (found.place.as_str(), found.settings.clone())).collect();
    assert_eq!(
        settings,
        [
            ("/dev/usual", vec![("port", "\"/dev/usual\"".to_owned())]),
            ("/dev/slow", vec![("port", "\"/dev/slow\"".to_owned()), ("baud", "9600".to_owned())]),
            ("/dev/locked", vec![("port", "\"/dev/locked\"".to_owned())]),
        ]
    );
    assert!(found.iter().all(|found| found.says.en != found.says.zh));
}
