//! A note beside the journal that says: verify everything before you accept anything.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The note. It is left when a write failed in a way that may have damaged the file, and removed when the file was found whole.
#[derive(Clone, Debug)]
pub struct Suspicion {
    path: PathBuf,
}

impl Suspicion {
    /// The note of the journal in this folder.
    pub fn of(folder: &Path) -> Self {
        Self { path: folder.join("journal.suspect") }
    }

    /// What was noted, if anything.
    pub fn raised(&self) -> Option<String> {
        fs::read_to_string(&self.path).ok()
    }

    /// Leaves the note, durably if the disk still can.
    pub fn raise(&self, why: &str) -> io::Result<()> {
        let mut file = File::create(&self.path)?;
        file.write_all(why.as_bytes())?;
        file.sync_all()
    }

    /// Removes the note.
    pub fn clear(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
