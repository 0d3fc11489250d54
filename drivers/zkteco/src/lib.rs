//! ZKTeco-family terminals: asked by us on port 4370 (pull), or calling us over HTTP (push).

pub mod pull;
pub mod push;

pub use pull::ZktecoPull;
pub use push::ZktecoPush;
