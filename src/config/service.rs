//! The systemd unit that runs the agent, as its files say: which user it has and what it is given.

use std::path::{Path, PathBuf};

use super::eyes::Eyes;

/// Where units are, the weakest first.
const FOLDERS: [&str; 4] = ["lib/systemd/system", "usr/lib/systemd/system", "run/systemd/system", "etc/systemd/system"];
const UNIT: &str = "punchd.service";
/// The user of a unit that names none here, and of an installation without systemd.
const USER: &str = "punchd";

/// What the unit's files say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// The user as whom it runs, if that user exists.
    pub eyes: Option<Eyes>,
    /// The unit was found.
    pub found: bool,
    /// Their names, and the files that they come from.
    credentials: Vec<(String, Option<PathBuf>)>,
    variables: Vec<String>,
    /// A file of variables is read at start, so any may be set.
    variable_file: bool,
}

impl Service {
    /// That of this machine.
    pub fn of_this_machine() -> Self {
        Self::under(Path::new("/"))
    }

    /// That of the machine whose files stand under this root.
    pub fn under(root: &Path) -> Self {
        let mut service = Self::default();
        let mut user = USER.to_owned();
        for file in files(root) {
            let Ok(text) = std::fs::read_to_string(&file) else { continue };
            service.found = true;
            for line in text.lines().map(str::trim).filter(|line| !line.starts_with(['#', ';'])) {
                let Some((key, value)) = line.split_once('=') else { continue };
                service.take(key.trim(), value.trim(), &mut user);
            }
        }
        service.eyes = Eyes::of(root, &user);
        service
    }

    fn take(&mut self, key: &str, value: &str, user: &mut String) {
        match key {
            "User" if !value.is_empty() => value.clone_into(user),
            "LoadCredential"
            | "LoadCredentialEncrypted"
            | "SetCredential"
            | "SetCredentialEncrypted"
            | "ImportCredential" => {
                let (name, path) = value.split_once(':').map_or((value, None), |(name, path)| (name, Some(path)));
                let file = path.filter(|path| key.starts_with("Load") && path.starts_with('/')).map(PathBuf::from);
                self.credentials.push((name.to_owned(), file));
            }
            "Environment" => {
                let names = value.split_whitespace().filter_map(|word| word.trim_matches(['"', '\'']).split_once('='));
                self.variables.extend(names.map(|(name, _)| name.to_owned()));
            }
            "EnvironmentFile" | "PassEnvironment" => self.variable_file = true,
            _ => {}
        }
    }

    /// Whether the unit hands this credential over.
    pub(super) fn loads(&self, credential: &str) -> bool {
        let fits = |(known, _): &(String, Option<PathBuf>)| match known.strip_suffix('*') {
            Some(start) => credential.starts_with(start),
            None => known == credential,
        };
        self.credentials.iter().any(fits)
    }

    /// The file that the unit reads this credential from, if it is not there: the unit will not start.
    pub(super) fn absent_file(&self, credential: &str) -> Option<&Path> {
        let mut files =
            self.credentials.iter().filter(|(known, _)| known == credential).filter_map(|(_, file)| file.as_deref());
        let absent =
            |path: &&Path| std::fs::metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
        files.next_back().filter(absent)
    }

    /// Whether the unit may set this variable.
    pub(super) fn may_set(&self, variable: &str) -> bool {
        self.variable_file || self.variables.iter().any(|known| known == variable)
    }
}

/// The unit of the strongest folder, then everything that is added to it.
fn files(root: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    let mut units = FOLDERS.iter().map(|folder| root.join(folder).join(UNIT)).filter(|unit| unit.is_file());
    files.extend(units.next_back());
    for folder in FOLDERS {
        let added = std::fs::read_dir(root.join(folder).join(format!("{UNIT}.d")));
        let mut added: Vec<PathBuf> = added.into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        added.retain(|path| path.extension().is_some_and(|extension| extension == "conf"));
        added.sort();
        files.extend(added);
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_with_what_was_added_says_user_and_credentials() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        assert!(!Service::under(root.path()).found);
        write("etc/passwd", "punchd:x:990:985::/:/bin/false\ngate:x:7:8::/:/bin/false\n");
        write("usr/lib/systemd/system/punchd.service", "[Service]\nUser=punchd\n#LoadCredential=no:/x\n");
        assert_eq!(Service::under(root.path()).eyes.unwrap().uid, 990);
        write(
            "etc/systemd/system/punchd.service.d/site.conf",
            "[Service]\nUser=gate\nLoadCredential=app:/etc/app\nEnvironment=\"A=1\" B=2\nImportCredential=punchd.*\n",
        );
        let service = Service::under(root.path());
        assert!(service.found && service.loads("app") && service.loads("punchd.key") && !service.loads("no"));
        assert!(service.may_set("A") && service.may_set("B") && !service.may_set("C"));
        assert_eq!(service.eyes.unwrap().uid, 7);
    }
}
