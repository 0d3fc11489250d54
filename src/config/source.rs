//! The files of a configuration: their text, and where a byte of it stands.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use punchd_contract::Text;

use super::encoding::Encoding;
use super::findings::Findings;
use super::mistakes::Spot;

/// The longest file that is read.
pub const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// The most files that `conf.d` may hold.
pub const MAX_FILES: usize = 64;

/// A byte of one of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) file: usize,
    pub(super) offset: usize,
}

/// The files in the order in which they were read: the main one, then `conf.d/*.toml` by name.
#[derive(Debug, Default)]
pub(super) struct Sources {
    files: Vec<Source>,
}

#[derive(Debug)]
struct Source {
    /// As a person would name it, from the main file's folder.
    shown: String,
    path: PathBuf,
    text: String,
    /// Where each line begins.
    lines: Vec<usize>,
    /// The text ends where the file could no longer be read.
    cut: bool,
}

/// One file for the parser.
pub(super) struct FileText<'s> {
    pub(super) file: usize,
    pub(super) text: &'s str,
    pub(super) cut: bool,
}

impl Sources {
    /// Reads the main file and its neighbours; what cannot be read is a mistake and counts as empty.
    pub(super) fn read(main: &Path, findings: &mut Findings) -> Self {
        let mut sources = Self::default();
        let shown = main.file_name().unwrap_or(main.as_os_str()).to_string_lossy().into_owned();
        sources.add(main.to_owned(), shown, findings);

        let folder = main.parent().unwrap_or(Path::new("")).join("conf.d");
        let mut names = match std::fs::read_dir(&folder) {
            Ok(entries) => entries
                .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
                .filter(|name| name.ends_with(".toml") && !name.starts_with('.'))
                .collect(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                findings.mistake(
                    Place { file: 0, offset: 0 },
                    format!("the folder conf.d beside this file cannot be read ({error}): allow the user of punchd to read it"),
                    format!("无法读取同目录下的 conf.d（{error}）：请允许 punchd 的用户读取该目录"),
                );
                Vec::new()
            }
        };
        names.sort();
        if names.len() > MAX_FILES {
            findings.mistake(
                Place { file: 0, offset: 0 },
                format!(
                    "conf.d holds {} files; at most {MAX_FILES} are read: put several devices into one file",
                    names.len()
                ),
                format!("conf.d 中有 {} 个文件，最多 {MAX_FILES} 个：请把多台设备写在同一个文件里", names.len()),
            );
            names.truncate(MAX_FILES);
        }
        for name in names {
            let path = folder.join(&name);
            sources.add(path, format!("conf.d/{name}"), findings);
        }
        sources
    }

    fn add(&mut self, path: PathBuf, shown: String, findings: &mut Findings) {
        let at = Place { file: self.files.len(), offset: 0 };
        let (text, cut) = match read_text(&path) {
            Ok(text) => (text, false),
            Err(NotRead::Io(error)) => {
                findings.broken();
                if error.kind() == std::io::ErrorKind::PermissionDenied {
                    findings.denied += 1;
                }
                findings.mistake(
                    at,
                    format!("cannot be read ({error}): check that {} exists and may be read by punchd", path.display()),
                    format!("无法读取（{error}）：请确认 {} 存在并且 punchd 有权读取", path.display()),
                );
                (String::new(), true)
            }
            Err(NotRead::TooLong) => {
                findings.broken();
                findings.mistake(
                    at,
                    "is longer than 1 MiB: split it into files in conf.d, and import people from a CSV file ([people] file)",
                    "超过 1 MiB：请拆分到 conf.d 中的多个文件，人员请用 CSV 导入（[people] file）",
                );
                (String::new(), true)
            }
            Err(NotRead::NotUtf8(valid, encoding)) => {
                findings.broken();
                let Text { en, zh } = encoding.text(&path);
                findings.mistake(Place { offset: valid.len(), ..at }, en, zh);
                (valid, true)
            }
        };
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        self.files.push(Source { shown, path, text, lines, cut });
    }

    /// Every file.
    pub(super) fn texts(&self) -> impl Iterator<Item = FileText<'_>> {
        self.files.iter().enumerate().map(|(file, source)| FileText { file, text: &source.text, cut: source.cut })
    }

    /// Where the files stand.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.files.iter().map(|source| source.path.clone()).collect()
    }

    /// Line and column of a place, both counted from 1, the column in characters.
    pub(super) fn spot(&self, place: Place) -> Spot {
        let Some(source) = self.files.get(place.file) else {
            return Spot { file: String::new(), line: 1, column: 1 };
        };
        let line = source.lines.partition_point(|start| *start <= place.offset).max(1);
        let start = source.lines.get(line - 1).copied().unwrap_or(0);
        let column = source.text.get(start..place.offset).unwrap_or("").chars().count() + 1;
        Spot { file: source.shown.clone(), line, column }
    }

    /// The main file.
    pub(super) fn start(&self) -> Place {
        Place { file: 0, offset: 0 }
    }
}

enum NotRead {
    Io(std::io::Error),
    TooLong,
    /// The text before the first byte that is none, and how the file is probably written.
    NotUtf8(String, Encoding),
}

fn read_text(path: &Path) -> Result<String, NotRead> {
    // A pipe or a device under this name would block or never end.
    if !std::fs::metadata(path).map_err(NotRead::Io)?.is_file() {
        return Err(NotRead::Io(std::io::Error::other("not a regular file")));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)).map_err(NotRead::Io)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(NotRead::TooLong);
    }
    if bytes.starts_with(&[0xEF, 0xBB, 0xBF]) {
        bytes.drain(..3);
    }
    // Plain letters in UTF-16 are valid UTF-8, every other one a zero.
    if bytes.contains(&0) {
        return Err(NotRead::NotUtf8(String::new(), Encoding::Utf16));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let mut bytes = error.into_bytes();
        let encoding = Encoding::of(&bytes);
        bytes.truncate(valid);
        NotRead::NotUtf8(String::from_utf8_lossy(&bytes).into_owned(), encoding)
    })
}
