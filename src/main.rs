//! punchd.
fn main() {}
