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
use crate::console::{Client, ClientError};
use crate::journal::{self, ExportError};

#[derive(Debug, Args)]
pub struct Export {
    /// The file, readable by you alone; - is standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
}

/// Writes it; who may not read the journal's file gets it from the agent.
pub fn export(export: &Export, place: &Place, screen: &mut Screen) -> Result<Exit, Failure> {
    let sql = match place.journal() {
        Ok(sql) => sql,
        Err(failure) if place.was_closed() => {
            return match from_the_agent(export, &place.agent(), screen) {
                Err(none) if none.exit == Exit::Unavailable => Err(failure),
                answered => answered,
            };
        }
        Err(failure) => return Err(failure),
    };
    if export.output == Path::new("-") {
        let written = journal::export(&sql, BufWriter::new(io::stdout().lock()));
        return match written {
            // A reader that has seen enough is not a failure.
            Err(ExportError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done),
            other => Ok(other.map(|_| Exit::Done)?),
        };
    }
    let file = &export.output;
    let count = into_file(file, |to| Ok(journal::export(&sql, to)?))?;
    written(file, count, screen)
}

/// Writes what the agent exports.
pub fn from_the_agent(export: &Export, agent: &Client, screen: &mut Screen) -> Result<Exit, Failure> {
    if export.output == Path::new("-") {
        return match pour(agent, &mut BufWriter::new(io::stdout().lock())) {
            Err(Poured::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done),
            other => Ok(other.map(|_| Exit::Done).map_err(|poured| poured.failure(&export.output))?),
        };
    }
    let file = &export.output;
    let count = into_file(file, |to| pour(agent, to).map_err(|poured| poured.failure(file)))?;
    written(file, count, screen)
}

/// Why an export from the agent broke off.
enum Poured {
    Agent(ClientError),
    Io(io::Error),
}

impl From<ClientError> for Poured {
    fn from(error: ClientError) -> Self {
        Self::Agent(error)
    }
}

impl Poured {
    fn failure(self, file: &Path) -> Failure {
        match self {
            Self::Agent(error) => error.into(),
            Self::Io(error) => Failure::writing(file, &error),
        }
    }
}

/// Answers how many readings there were: all lines but the first and the last are one each.
fn pour(agent: &Client, to: &mut impl Write) -> Result<u64, Poured> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Poured::Io)?;
    let mut lines = 0_u64;
    runtime.block_on(agent.pour("/v1/export", |piece: &[u8]| {
        lines += piece.iter().filter(|byte| **byte == b'\n').count() as u64;
        to.write_all(piece).map_err(Poured::Io)
    }))?;
    to.flush().map_err(Poured::Io)?;
    Ok(lines.saturating_sub(2))
}

fn written(file: &Path, count: u64, screen: &mut Screen) -> Result<Exit, Failure> {
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
fn into_file(path: &Path, pour: impl FnOnce(&mut BufWriter<&File>) -> Result<u64, Failure>) -> Result<u64, Failure> {
    let failed = |error: &io::Error| Failure::writing(path, error);
    let name = path.file_name().ok_or_else(|| failed(&io::Error::other("this is no name of a file")))?;
    let mut part = name.to_owned();
    part.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(part);
    let file = File::options().write(true).create_new(true).mode(0o600).open(&part).map_err(|error| failed(&error))?;
    let written = write(&file, pour).and_then(|count| {
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

fn write(file: &File, pour: impl FnOnce(&mut BufWriter<&File>) -> Result<u64, Failure>) -> Result<u64, Failure> {
    let mut to = BufWriter::new(file);
    let count = pour(&mut to)?;
    to.flush().and_then(|()| file.sync_all()).map_err(ExportError::Io)?;
    Ok(count)
}
