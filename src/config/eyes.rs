//! Whether another user may read or write a file: the one that the agent runs as, who is rarely the one who checks the configuration.

use std::ffi::OsStr;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The user as whom the agent runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eyes {
    /// The user's name, for sentences.
    pub name: String,
    /// The user's number.
    pub uid: u32,
    /// The numbers of the user's groups, the first one first.
    pub gids: Vec<u32>,
}

/// What another user would see.
#[derive(Debug)]
pub(super) enum Sight {
    /// It may.
    Open,
    /// This file or folder on the way keeps it out; its owner, group and mode.
    Closed(PathBuf, Owned),
    /// It is not there.
    Absent,
    /// Whoever checks may not look so far: this is the last folder that could be seen.
    Hidden(PathBuf),
}

/// Whose a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owned {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mode: u32,
}

#[derive(Clone, Copy)]
enum Right {
    Read = 4,
    Write = 2,
    Enter = 1,
}

impl Eyes {
    /// The user of this name, as `/etc/passwd` and `/etc/group` under this root have it.
    pub(super) fn of(root: &Path, name: &str) -> Option<Self> {
        let passwd = std::fs::read_to_string(root.join("etc/passwd")).ok()?;
        let fields = |line: &str| line.split(':').map(str::to_owned).collect::<Vec<_>>();
        let number = |text: Option<&String>| text?.parse::<u32>().ok();
        let line = passwd.lines().map(fields).find(|fields| fields.first().is_some_and(|known| known == name))?;
        let (uid, gid) = (number(line.get(2))?, number(line.get(3))?);
        let groups = std::fs::read_to_string(root.join("etc/group")).unwrap_or_default();
        let more = groups.lines().map(fields).filter_map(|fields| {
            let member = fields.get(3)?.split(',').any(|member| member.trim() == name);
            member.then(|| number(fields.get(2))).flatten()
        });
        Some(Self { name: name.to_owned(), uid, gids: std::iter::once(gid).chain(more).collect() })
    }

    /// Whether this user may read the file, through all folders above it.
    pub(super) fn read(&self, path: &Path) -> Sight {
        self.look(path, &[Right::Read])
    }

    /// Whether this user may create files in the folder.
    pub(super) fn write_in(&self, folder: &Path) -> Sight {
        self.look(folder, &[Right::Write, Right::Enter])
    }

    fn look(&self, path: &Path, rights: &[Right]) -> Sight {
        // Links lead elsewhere, and what counts are the folders there.
        let real = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let folders: Vec<&Path> = real.ancestors().skip(1).filter(|folder| *folder != OsStr::new("")).collect();
        let mut seen = PathBuf::from("/");
        for folder in folders.into_iter().rev() {
            match self.may(folder, &[Right::Enter]) {
                Ok(None) => seen = folder.to_owned(),
                Ok(Some(owned)) => return Sight::Closed(folder.to_owned(), owned),
                Err(error) => return not_seen(&error, seen),
            }
        }
        match self.may(&real, rights) {
            Ok(None) => Sight::Open,
            Ok(Some(owned)) => Sight::Closed(real, owned),
            Err(error) => not_seen(&error, seen),
        }
    }

    /// `None`: it may.
    fn may(&self, path: &Path, rights: &[Right]) -> io::Result<Option<Owned>> {
        let found = std::fs::metadata(path)?;
        let may = self.uid == 0 || rights.iter().all(|right| self.has(&found, *right));
        Ok((!may).then(|| Owned { uid: found.uid(), gid: found.gid(), mode: found.mode() & 0o7777 }))
    }

    /// The first class that fits decides, as in the kernel.
    fn has(&self, found: &Metadata, right: Right) -> bool {
        let shift = if found.uid() == self.uid {
            6
        } else if self.gids.contains(&found.gid()) {
            3
        } else {
            0
        };
        found.mode() >> shift & right as u32 != 0
    }
}

fn not_seen(error: &io::Error, seen: PathBuf) -> Sight {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Sight::Hidden(seen),
        _ => Sight::Absent,
    }
}

impl std::fmt::Display for Owned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "mode {:04o}, user {}, group {}", self.mode, self.uid, self.gid)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use proptest::prelude::*;

    use super::*;

    fn set(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn own() -> (u32, u32) {
        let own = std::fs::metadata("/proc/self").unwrap();
        (own.uid(), own.gid())
    }

    #[test]
    fn a_user_is_found_with_all_groups() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("etc")).unwrap();
        std::fs::write(root.path().join("etc/passwd"), "root:x:0:0::/:/bin/sh\npunchd:x:990:985::/:/bin/false\n")
            .unwrap();
        std::fs::write(root.path().join("etc/group"), "punchd:x:985:wang\ngpio:x:997:li,punchd\ndialout:x:20:\n")
            .unwrap();
        let eyes = Eyes::of(root.path(), "punchd").unwrap();
        assert_eq!((eyes.uid, eyes.gids), (990, vec![985, 997]));
        assert_eq!(Eyes::of(root.path(), "nobody"), None);
    }

    #[test]
    fn a_folder_on_the_way_keeps_out_as_the_file_does() {
        let folder = tempfile::tempdir().unwrap();
        set(folder.path(), 0o755);
        let secrets = folder.path().join("secrets");
        std::fs::create_dir(&secrets).unwrap();
        let file = secrets.join("app");
        std::fs::write(&file, "x").unwrap();
        let eyes = Eyes { name: "punchd".to_owned(), uid: 54_321, gids: vec![54_321] };
        set(&secrets, 0o755);
        set(&file, 0o644);
        assert!(matches!(eyes.read(&file), Sight::Open));
        set(&file, 0o600);
        assert!(matches!(eyes.read(&file), Sight::Closed(path, owned) if path.ends_with("app") && owned.mode == 0o600));
        set(&file, 0o644);
        set(&secrets, 0o700);
        assert!(matches!(eyes.read(&file), Sight::Closed(path, _) if path.ends_with("secrets")));
        let group = Eyes { gids: vec![54_321, own().1], ..eyes.clone() };
        set(&secrets, 0o750);
        assert!(matches!(group.read(&file), Sight::Open));
        assert!(matches!(group.write_in(&secrets), Sight::Closed(..)));
        assert!(matches!(eyes.read(&folder.path().join("nowhere")), Sight::Absent));
    }

    proptest! {
        #[test]
        fn every_mode_is_judged_as_the_kernel_judges_it(mode in 0u32..0o1000, owner in any::<bool>(), group in any::<bool>()) {
            let folder = tempfile::tempdir().unwrap();
            set(folder.path(), 0o755);
            let file = folder.path().join("f");
            std::fs::write(&file, "x").unwrap();
            set(&file, mode);
            let (uid, gid) = own();
            // Root may always, so somebody else's eyes are used where the owner is meant and root runs the test.
            prop_assume!(!(owner && uid == 0));
            let eyes = Eyes { name: String::new(), uid: if owner { uid } else { 54_321 }, gids: vec![if group { gid } else { 54_321 }] };
            let class = if owner { 0o400 } else if group { 0o040 } else { 0o004 };
            prop_assert_eq!(matches!(eyes.read(&file), Sight::Open), mode & class != 0);
        }
    }
}
