//! `punchd-sim people`: the invented roster as a table.

use std::io::{BufWriter, Write};

use clap::Args;
use punchd_sim::people::roster;

use super::Failure;

/// Print invented people.
#[derive(Debug, Args)]
pub(super) struct People {
    /// How many.
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
}

impl People {
    pub(super) fn run(self) -> Result<(), Failure> {
        let mut out = BufWriter::new(std::io::stdout().lock());
        let mut write = || {
            writeln!(out, "userid,name,user_id")?;
            for person in roster(self.count as usize) {
                writeln!(out, "{},{},{}", person.userid, person.name, person.number)?;
            }
            out.flush()
        };
        match write() {
            // `punchd-sim people 500 | head` closes the pipe, which is no mistake.
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(Failure::Unavailable(format!("cannot write to stdout: {error}")))
            }
            _ => Ok(()),
        }
    }
}
