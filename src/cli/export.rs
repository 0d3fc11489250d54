//! `punchd export`: every reading as JSON Lines, into a file that is there whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::exit::Exit;
use super::failure::Failure;
use super::place::Place;
use super::screen::Screen;
use crate::journal::{self, ExportError};

#[derive(Debug, Args)]
pub struct Export {
    /// The file, readable by you alone; - is standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
}

/// Writes it.
pub fn export(export: &Export, place: &Place, screen: &mut Screen) -> Result<Exit, Failure> {
    let sql = place.journal()?;
    if export.output == Path::new("-") {
        let written = journal::export(&sql, BufWriter::new(io::stdout().lock()));
        return match written {
            // A reader that has seen enough is not a failure.
            Err(ExportError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done),
            other => Ok(other.map(|_| Exit::Done)?),
        };
    }
    let file = &export.output;
    let count = into_file(&sql, file)?;
    let path = file.display();
    if screen.json {
        screen.value(&json!({ "readings": count, "file": file }))?;
    } else {
        screen.say(
            format!("{count} readings are in {path}. It verifies alone: punchd verify --export {path}"),
            format!("{count} 条记录已写入 {path}，可单独校验：punchd verify --export {path}"),
        );
    }
    Ok(Exit::Done)
}

/// Beside its place first, then moved there in one step.
fn into_file(sql: &rusqlite::Connection, path: &Path) -> Result<u64, Failure> {
    let failed = |error: &io::Error| Failure::writing(path, error);
    let name = path.file_name().ok_or_else(|| failed(&io::Error::other("this is no name of a file")))?;
    let mut part = name.to_owned();
    part.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(part);
    let file = File::options().write(true).create_new(true).mode(0o600).open(&part).map_err(|error| failed(&error))?;
    let written = write(sql, &file).and_then(|count| {
        fs::rename(&part, path).map_err(|error| failed(&error))?;
        Ok(count)
    });
    match written {
        Ok(count) => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| failed(&error))?;
            Ok(count)
        }
        Err(failure) => {
            // What could not be finished is of no use; that it cannot be removed either changes nothing about the failure.
            let _ = fs::remove_file(&part);
            Err(failure)
        }
    }
}

fn write(sql: &rusqlite::Connection, file: &File) -> Result<u64, Failure> {
    let mut to = BufWriter::new(file);
    let count = journal::export(sql, &mut to)?;
    to.flush().and_then(|()| file.sync_all()).map_err(ExportError::Io)?;
    Ok(count)
}
