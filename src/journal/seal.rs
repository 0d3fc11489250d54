//! Sealing at rest: what a terminal uploaded may hold more about people than punchd needs, so it is not kept in the clear.
//!
//! ChaCha20-Poly1305 with a random nonce in front. The key lies beside the journal, readable by its owner alone: it protects
//! copies of the journal, not a stolen card.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};

/// The key of one journal.
pub(super) struct SealingKey {
    key: LessSafeKey,
    random: SystemRandom,
}

impl SealingKey {
    /// Reads the key of this folder, or makes it.
    pub fn of(folder: &Path) -> io::Result<Self> {
        let path = folder.join("sealing.key");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(folder, &path)?,
            Err(error) => return Err(error),
        };
        let key = UnboundKey::new(&CHACHA20_POLY1305, &bytes).map_err(|_| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                "sealing.key is not 32 bytes: restore it from a backup, or move it away",
            )
        })?;
        Ok(Self { key: LessSafeKey::new(key), random: SystemRandom::new() })
    }

    fn create(folder: &Path, path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; 32];
        SystemRandom::new().fill(&mut bytes).map_err(|_| io::Error::other("the system gives no random numbers"))?;
        let fresh = folder.join("sealing.key.new");
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        File::open(folder)?.sync_all()?;
        Ok(bytes)
    }

    /// Seals.
    pub fn seal(&self, plain: &[u8]) -> io::Result<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).map_err(|_| io::Error::other("the system gives no random numbers"))?;
        let mut body = plain.to_vec();
        let tag = self
            .key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut body)
            .map_err(|_| io::Error::other("sealing failed"))?;
        Ok([&nonce[..], &body, tag.as_ref()].concat())
    }

    /// Opens; `None` for what this key did not seal.
    pub fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut body = body.to_vec();
        let plain = self.key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::empty(), &mut body).ok()?;
        Some(plain.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_again_with_the_key_of_the_folder_and_shows_nothing_before() {
        let folder = tempfile::tempdir().unwrap();
        let sealed = SealingKey::of(folder.path()).unwrap().seal(b"TMP=secret-template").unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"secret"));
        let again = SealingKey::of(folder.path()).unwrap();
        assert_eq!(again.open(&sealed).unwrap(), b"TMP=secret-template");
        assert_eq!(again.open(&sealed[1..]), None);
        assert_eq!(again.open(b""), None);
    }
}
