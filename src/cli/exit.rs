//! What an exit code means, in one place: the program, its help, the manual and systemd's unit all use this.

use std::fmt::Write;

/// Why the program ends, with the codes of sysexits.h where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done, and nothing is wrong.
    Done = 0,
    /// Done, and the answer is no; or not done for a reason that the message says.
    Negative = 1,
    /// The arguments or the configuration are wrong.
    Usage = 64,
    /// The agent, the journal or a device is not there.
    Unavailable = 69,
    /// A file or folder cannot be created.
    CannotCreate = 73,
    /// The disk failed or is full.
    Disk = 74,
    /// Not now.
    TryAgain = 75,
    /// This user may not.
    NoPermission = 77,
}

impl Exit {
    /// Every code, rising.
    pub const ALL: [Self; 8] = [
        Self::Done,
        Self::Negative,
        Self::Usage,
        Self::Unavailable,
        Self::CannotCreate,
        Self::Disk,
        Self::TryAgain,
        Self::NoPermission,
    ];

    /// The number.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// What it means, for the help and the manual.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done, and nothing is wrong",
            Self::Negative => {
                "the answer is no: something is wrong or wants a look, a chain is broken, an import has mistakes"
            }
            Self::Usage => "the arguments or the configuration are wrong; nothing was opened",
            Self::Unavailable => "the agent, the journal or a device is not there, or somebody else has it",
            Self::CannotCreate => "a file, folder or socket cannot be created",
            Self::Disk => "the disk failed or is full (systemd starts punchd again, which then checks the journal)",
            Self::TryAgain => "not now: try again in a moment",
            Self::NoPermission => "this user may not do that: use sudo, or become a member of the group punchd",
        }
    }
}

/// All codes and their meanings, a line each.
pub fn table() -> String {
    let mut lines = String::from("Exit codes:\n");
    for exit in Exit::ALL {
        // Writing to a String cannot fail.
        let _ = writeln!(lines, "  {:>2}  {}", exit.code(), exit.meaning());
    }
    lines
}
