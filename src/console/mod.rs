//! The API that the CLI and the pages talk to.
