//! The edges of requested lines, read from the kernel as it writes them: `struct gpio_v2_line_event`, several a read.
//!
//! gpiocdev 0.8 reads up to eight of them and answers the first alone (`read_edge_event`), so the reading is done here.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::mem::size_of;

use gpiocdev_uapi::v2::LineEdgeEvent;
use gpiocdev_uapi::{Error, has_event, read_event};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::task::coop::consume_budget;

use crate::protocol::frames::{Edge, Wire};

/// 48 bytes, in words.
const WORDS: usize = size_of::<LineEdgeEvent>() / size_of::<u64>();
/// So many a read: a card, and a few more.
const EVENTS: usize = 64;

/// What the request of two lines tells.
#[derive(Debug)]
pub struct Events {
    file: AsyncFd<File>,
    data0: u32,
    data1: u32,
    waiting: VecDeque<Edge>,
}

impl Events {
    /// The edges that are read from `file`, of these lines.
    #[expect(unsafe_code, reason = "the reactor's registration asks that the descriptor stays what it is")]
    pub fn new(file: File, data0: u32, data1: u32) -> io::Result<Self> {
        // SAFETY: a `File` owns its descriptor, and this one is closed only when it is dropped.
        let file = unsafe { AsyncFd::register_with_interest(file, Interest::READABLE) }?;
        Ok(Self { file, data0, data1, waiting: VecDeque::new() })
    }

    /// The next one; safe to drop.
    pub async fn next(&mut self) -> io::Result<Edge> {
        // Edges that come without end leave room for others on the same thread.
        consume_budget().await;
        loop {
            if let Some(edge) = self.waiting()? {
                return Ok(edge);
            }
            let mut ready = self.file.readable().await?;
            // A readiness that was remembered from before is cleared only where nothing waits, or an edge in between would be slept over.
            let _ = ready.try_io(|file| match has_event(file.get_ref()) {
                Ok(true) => Ok(()),
                Ok(false) => Err(io::ErrorKind::WouldBlock.into()),
                Err(error) => Err(into_io(error)),
            });
        }
    }

    /// One that has come already, as the kernel itself tells and not as the runtime remembers.
    pub fn waiting(&mut self) -> io::Result<Option<Edge>> {
        while self.waiting.is_empty() && has_event(self.file.get_ref()).map_err(into_io)? {
            self.read()?;
        }
        Ok(self.waiting.pop_front())
    }

    fn read(&mut self) -> io::Result<()> {
        let mut words = [0_u64; EVENTS * WORDS];
        let count = match read_event(self.file.get_ref(), &mut words) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => count,
            Err(error) => return Err(into_io(error)),
        };
        for event in words.get(..count).unwrap_or_default().chunks(WORDS) {
            let event = LineEdgeEvent::from_slice(event).map_err(into_io)?;
            // An edge of another line is nothing that was asked for: it leaves a gap in the count, which spoils the frame visibly.
            let wire = match event.offset {
                line if line == self.data0 => Wire::Data0,
                line if line == self.data1 => Wire::Data1,
                _ => continue,
            };
            self.waiting.push_back(Edge { wire, at: event.timestamp_ns, seq: event.seqno });
        }
        Ok(())
    }
}

fn into_io(error: Error) -> io::Error {
    match error {
        Error::Os(errno) => io::Error::from_raw_os_error(errno.0),
        Error::UnderRead(short) => io::Error::new(io::ErrorKind::UnexpectedEof, short.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::OwnedFd;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::protocol::bits::Bits;
    use crate::protocol::frames::{Frame, Frames, edges};

    /// As `include/uapi/linux/gpio.h` has it, in the machine's byte order.
    fn line_event(edge: Edge) -> [u8; 48] {
        let mut bytes = [0; 48];
        bytes[..8].copy_from_slice(&edge.at.to_ne_bytes());
        for (at, word) in [2, if edge.wire == Wire::Data1 { 18 } else { 17 }, edge.seq, 1_u32].into_iter().enumerate() {
            bytes[8 + 4 * at..12 + 4 * at].copy_from_slice(&word.to_ne_bytes());
        }
        bytes
    }

    /// A pipe in the place of the request: blocking, as the kernel gives it.
    fn request() -> (Events, std::io::PipeWriter) {
        let (reader, writer) = std::io::pipe().unwrap();
        (Events::new(File::from(OwnedFd::from(reader)), 17, 18).unwrap(), writer)
    }

    fn frames(events: &mut Events) -> Vec<Frame> {
        let (mut frames, mut found) = (Frames::new(), Vec::new());
        while let Some(edge) = events.waiting().unwrap() {
            found.extend(frames.push(edge));
        }
        found.extend(frames.silence());
        found.into_iter().map(|burst| burst.frame).collect()
    }

    const MS: u64 = 1_000_000;

    #[tokio::test]
    async fn every_edge_that_waits_is_read_and_then_the_next_is_waited_for() {
        let (mut events, mut writer) = request();
        let card = edges(Bits::new(0x2_0A1B_2C3D, 34), MS, 2 * MS, 5);
        for edge in &card {
            writer.write_all(&line_event(*edge)).unwrap();
        }
        for edge in &card {
            assert_eq!(events.next().await.unwrap(), *edge);
        }
        assert!(tokio::time::timeout(Duration::from_millis(20), events.next()).await.is_err());
        let late = Edge { wire: Wire::Data1, at: 900 * MS, seq: 39 };
        let sent = tokio::spawn(async move { writer.write_all(&line_event(late)).map(|()| writer) });
        assert_eq!(events.next().await.unwrap(), late);
        drop(sent.await.unwrap().unwrap());
        assert!(events.next().await.is_err(), "an adapter that is gone");
    }

    #[tokio::test]
    async fn an_edge_of_another_line_spoils_what_it_stands_in() {
        let (mut events, mut writer) = request();
        for edge in edges(Bits::new(0b1010_1010, 8), MS, 2 * MS, 5) {
            let mut event = line_event(edge);
            if edge.seq == 9 {
                event[12] = 4;
            }
            writer.write_all(&event).unwrap();
        }
        assert!(matches!(frames(&mut events)[..], [Frame::Spoilt(_)]));
    }

    proptest! {
        /// Cards that waited together are the cards that were sent.
        #[test]
        fn cards_that_waited_together_are_told_apart(cards in proptest::collection::vec((26u8..38, any::<u64>()), 1..20)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
            let _entered = runtime.enter();
            let (mut events, mut writer) = request();
            let (mut at, mut seq) = (MS, u32::MAX - 40);
            let cards: Vec<_> = cards.into_iter().map(|(length, value)| Bits::new(value, length)).collect();
            for card in &cards {
                for edge in edges(*card, at, MS / 5, seq) {
                    writer.write_all(&line_event(edge)).unwrap();
                    (at, seq) = (edge.at + 100 * MS, seq.wrapping_add(1));
                }
            }
            prop_assert_eq!(frames(&mut events), cards.into_iter().map(Frame::Whole).collect::<Vec<_>>());
        }
    }
}
