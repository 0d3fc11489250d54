//! Serving a line: commands in, ACKs and answers out, with what disturbs them.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep_until};

use super::chip::{Outcome, Search};
use super::{Disturbance, REMEMBERED, State, VirtualPn532, note_pins};
use crate::protocol::frame::{Decoder, Frame};

/// A command that is under way.
struct Running {
    /// When there is something to do about it.
    at: Instant,
    /// Its ACK was held back until then.
    ack: bool,
    what: What,
    /// Before which loss of power it was given.
    outages: u64,
}

enum What {
    Say(Frame),
    Search(Search),
}

impl VirtualPn532 {
    /// Serves this line until its other end is closed. What the chip remembers outlives it.
    pub async fn serve(&self, mut line: impl AsyncRead + AsyncWrite + Unpin + Send) {
        let mut decoder = Decoder::default();
        let mut running: Option<Running> = None;
        let mut last: Option<Frame> = None;
        let mut piece = [0; 512];
        loop {
            let due = running.as_ref().map_or_else(Instant::now, |running| running.at);
            let mut saying = Vec::new();
            tokio::select! {
                biased;
                read = line.read(&mut piece) => match read {
                    Ok(0) | Err(_) => return,
                    Ok(length) => {
                        self.hear(piece.get(..length).unwrap_or_default(), &mut decoder);
                        while let Some(frame) = decoder.next_frame() {
                            match frame {
                                // Gives up what is under way, silently.
                                Frame::Ack => running = None,
                                Frame::Nack => saying.extend(last.iter().flat_map(Frame::encode)),
                                // A new command gives up the last one as well.
                                Frame::Command(message) => running = self.take_command(&message, &mut saying),
                                Frame::Answer(_) | Frame::NotUnderstood => {}
                            }
                        }
                    }
                },
                () = sleep_until(due), if running.is_some() => {
                    running = running.take().and_then(|running| self.go_on(running, &mut saying, &mut last));
                }
                () = self.shared.unasked.notified() => saying = std::mem::take(&mut self.state().unasked),
            }
            if !saying.is_empty() && (line.write_all(&saying).await.is_err() || line.flush().await.is_err()) {
                return;
            }
        }
    }

    /// Passes on what the chip hears.
    fn hear(&self, bytes: &[u8], decoder: &mut Decoder) {
        let mut state = self.state();
        for byte in bytes {
            if state.chip.hears(*byte) {
                decoder.push(&[*byte]);
            } else {
                decoder.reset();
            }
        }
    }

    fn take_command(&self, message: &[u8], saying: &mut Vec<u8>) -> Option<Running> {
        let mut state = self.state();
        let outcome = state.chip.execute(message)?;
        note_pins(&mut state);
        state.taken += 1;
        let lost = state.disturbances.front() == Some(&Disturbance::LoseAck);
        if lost {
            state.disturbances.pop_front();
        }
        let now = Instant::now() + state.slow;
        let ack = !lost && !state.slow.is_zero();
        if !lost && !ack {
            saying.extend(Frame::Ack.encode());
        }
        let (what, takes) = match outcome {
            Outcome::Answer(answer) => (What::Say(Frame::Answer(answer)), state.options.thinks),
            Outcome::NotUnderstood => (What::Say(Frame::NotUnderstood), state.options.thinks),
            Outcome::Search(search) => (What::Search(search), state.options.attempt),
        };
        Some(Running { at: now + takes, ack, what, outages: state.outages })
    }

    /// What is due of a command: its answer, or the next step of a search.
    fn go_on(&self, running: Running, saying: &mut Vec<u8>, last: &mut Option<Frame>) -> Option<Running> {
        let mut state = self.state();
        if running.outages != state.outages {
            return None;
        }
        if running.ack {
            saying.extend(Frame::Ack.encode());
        }
        let answer = match running.what {
            What::Say(frame) => frame,
            What::Search(mut search) => match state.chip.step(&mut search) {
                Some(answer) => {
                    if !matches!(answer[..], [_, 0, ..]) && state.told.len() < REMEMBERED {
                        state.told.push(Instant::now());
                    }
                    Frame::Answer(answer)
                }
                None => {
                    let step = search.step.unwrap_or(state.options.attempt);
                    let at = Instant::now() + step;
                    return Some(Running { at, ack: false, what: What::Search(search), ..running });
                }
            },
        };
        saying.extend(disturbed(&mut state, answer.encode()));
        *last = Some(answer);
        None
    }
}

/// The bytes that arrive of an answer.
fn disturbed(state: &mut State, mut answer: Vec<u8>) -> Vec<u8> {
    match state.disturbances.pop_front() {
        Some(Disturbance::NoiseBefore(noise)) => [noise, answer].concat(),
        Some(Disturbance::Corrupt) => {
            let middle = answer.len() / 2;
            if let Some(byte) = answer.get_mut(middle) {
                *byte ^= 0x5A;
            }
            answer
        }
        Some(Disturbance::Change { at, bits }) => {
            let at = at % answer.len().max(1);
            if let Some(byte) = answer.get_mut(at) {
                *byte ^= bits;
            }
            answer
        }
        Some(Disturbance::Cut(kept)) => {
            answer.truncate(kept);
            answer
        }
        Some(Disturbance::Twice) => answer.repeat(2),
        Some(Disturbance::LoseAck) | None => answer,
    }
}
