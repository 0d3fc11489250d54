//! The virtual pull terminal by itself: how its frames follow each other.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is to be seen")]

use std::time::Duration;

use jiff::Timestamp;
use punchd_zkteco::pull::protocol::frame::{Reassembly, encode, with_top};
use punchd_zkteco::pull::protocol::time::RawTime;
use punchd_zkteco::pull::virtual_device::{Options, VirtualRecord, VirtualTerminal};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// The log of 100 records in blocks of 1000 bytes, asked for twice without waiting: when each frame of the answers came, by the
/// runtime's clock.
async fn arrivals(gap: Duration) -> Vec<Duration> {
    let mut options = Options::new(std::sync::Arc::new(|| Timestamp::UNIX_EPOCH));
    let record = VirtualRecord { user_id: "1001".to_owned(), time: RawTime(1), verify: 1, state: 0 };
    options.records = vec![record; 100];
    options.tcp_block = 1000;
    options.frame_gap = gap;
    let terminal = VirtualTerminal::start(options).unwrap();
    let mut stream = TcpStream::connect(terminal.address()).await.unwrap();
    let mut frames = Reassembly::default();
    let mut came = Vec::new();
    stream.write_all(&with_top(&encode(1000, 0, 0, &[]))).await.unwrap();
    let mut closings = 0;
    let began = Instant::now();
    while closings < 3 {
        stream.read_buf(frames.room()).await.unwrap();
        while let Some(packet) = frames.next_packet().unwrap() {
            if packet.command == 2000 && closings == 0 {
                let session = packet.session;
                let asked = [1, 2].map(|reply| with_top(&encode(13, session, reply, &[])));
                stream.write_all(&asked.concat()).await.unwrap();
            } else {
                came.push(began.elapsed());
            }
            closings += usize::from(packet.command == 2000);
        }
    }
    came
}

#[tokio::test(start_paused = true)]
async fn frames_are_as_far_apart_as_hardware_needs_also_from_one_answer_to_the_next() {
    let gap = Duration::from_millis(4);
    let came = arrivals(gap).await;
    // An announcement, five blocks (4 bytes of length before the records) and a closing word, twice.
    assert_eq!(came.len(), 14);
    assert!(came.windows(2).all(|pair| pair[1] - pair[0] >= gap), "{came:?}");
}

#[tokio::test(start_paused = true)]
async fn without_a_gap_nothing_waits() {
    let came = arrivals(Duration::ZERO).await;
    assert_eq!(came.len(), 14);
    assert_eq!(came.last(), came.first(), "{came:?}");
}
