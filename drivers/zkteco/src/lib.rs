//! Drivers for ZKTeco-family terminals: the gateway asks (pull) or the terminal comes (push). The two share no bytes.

pub mod push;

pub use push::ZktecoPush;
