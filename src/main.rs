//! punchd: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    punchd::cli::main()
}
