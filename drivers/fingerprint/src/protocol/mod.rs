//! Bytes and values of the EF01 family (facts/readers.md C.1): packets, what is asked, what is answered. No input or output here.

mod answer;
mod ask;
mod code;
mod notepad;
mod packet;
#[cfg(test)]
mod vectors;

pub use answer::{Baud, Hit, INDEX_BYTES, Parameters, Product, index_page, slots_of};
pub use ask::{Ask, Aura, Control, NOTEPAD_BYTES, Params};
pub use code::Code;
pub use notepad::Label;
pub use packet::{Address, BadChecksum, Decoder, MOST_CONTENT, Packet, Pid};
