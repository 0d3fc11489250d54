//! A reader that types and does not exist: in memory for tests under virtual time, or at the kernel's uinput.

mod memory;
mod strokes;
mod uinput;

pub use memory::{InMemory, VirtualKeyboard};
pub use strokes::{Ending, Habits};
pub use uinput::{Built, UinputKeyboard};
