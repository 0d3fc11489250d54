//! Commands that a program has been given and has not answered.

use std::collections::BTreeMap;
use std::task::Poll;

use punchd_contract::{CommandError, Request, Text};

use crate::protocol::{CommandWord, Failure, Hello, Order, Time, ToProgram};

/// The most that may be under way; more wait with the agent.
pub const MOST: usize = 8;

/// What is under way.
#[derive(Debug, Default)]
pub struct Commands {
    last: u64,
    open: BTreeMap<u64, Request>,
}

impl Commands {
    /// Whether another one may be given.
    pub fn have_room(&self) -> bool {
        self.open.len() < MOST
    }

    /// What to tell the program, or nothing where it was answered at once.
    pub fn begin(&mut self, request: Request, hello: &Hello, now: Time) -> Option<(u64, ToProgram)> {
        let (order, word) = Order::of(request.command.clone(), now);
        if !hello.can.contains(&word) {
            request.answer(Err(CommandError::Unsupported));
            return None;
        }
        if word == CommandWord::SetClock && now.bound_ms.is_none() {
            request.answer(Err(CommandError::Failed(Text::new(
                "the gateway's own clock is not to be trusted yet: try again when it is",
                "网关自身的时钟尚不可信，请稍后再试",
            ))));
            return None;
        }
        self.last += 1;
        self.open.insert(self.last, request);
        Some((self.last, ToProgram::Command { id: self.last, order }))
    }

    /// It could not even be said.
    pub fn too_long(&mut self, id: u64) {
        if let Some(request) = self.open.remove(&id) {
            request.answer(Err(CommandError::Failed(Text::new(
                "it is too large for one line (1 MiB): give a smaller picture",
                "内容超过一行的上限（1 MiB）：请使用更小的图片",
            ))));
        }
    }

    /// A step on the way.
    pub fn step(&self, id: u64, text: Text) {
        if let Some(request) = self.open.get(&id) {
            request.step(text);
        }
    }

    /// The answer. Of a command that was given up nobody wants to know.
    pub fn end(&mut self, id: u64, answer: Result<punchd_contract::Done, Failure>) {
        let Some(request) = self.open.remove(&id) else { return };
        request.answer(answer.map_err(|failure| match failure {
            Failure::Unsupported => CommandError::Unsupported,
            Failure::Unreachable(text) => CommandError::Unreachable(text),
            Failure::Failed(text) => CommandError::Failed(text),
        }));
    }

    /// Waits until one is not waited for any more; safe to drop.
    pub async fn given_up(&mut self) -> u64 {
        let id = std::future::poll_fn(|context| {
            let closed = self
                .open
                .iter_mut()
                .find_map(|(id, request)| request.answer.poll_closed(context).is_ready().then_some(*id));
            closed.map_or(Poll::Pending, Poll::Ready)
        })
        .await;
        self.open.remove(&id);
        id
    }
}
