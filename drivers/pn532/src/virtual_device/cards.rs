//! What can be laid on a reader, and what each card answers once it is selected (facts/readers.md A.4, A.5, A.8).

/// A card or phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Card {
    /// MIFARE Classic 1K with the keys of the factory: 4 or 7 bytes of UID.
    Classic(Vec<u8>),
    /// NTAG215: a UID of 7 bytes.
    Ntag(Vec<u8>),
    /// A card of type A of any sort with this UID, such as one of 10 bytes.
    Plain(Vec<u8>),
    /// A card with applications, such as a DESFire.
    IsoDep {
        /// Its UID.
        uid: Vec<u8>,
        /// What is on it.
        applications: Vec<Application>,
    },
    /// A phone: makes up a number for every field that it comes into.
    Phone(Vec<Application>),
    /// ISO 14443 B with this PUPI.
    B([u8; 4]),
    /// ISO 14443 B that makes up its PUPI for every field.
    RandomB,
    /// FeliCa with this IDm.
    Felica([u8; 8]),
}

/// An application on a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Its name.
    pub aid: Vec<u8>,
    /// What it answers to its selection.
    pub selected: Vec<u8>,
    /// What it answers to other commands, with status 9000; others get 6D00.
    pub answers: Vec<(Vec<u8>, Vec<u8>)>,
}

/// How a card shows itself when it is selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    A { atqa: [u8; 2], sak: u8, uid: Vec<u8>, ats: Option<&'static [u8]> },
    B { pupi: [u8; 4] },
    Felica { idm: [u8; 8] },
}

/// The ATS of the vectors, without its length.
const ATS: &[u8] = &[0x75, 0x77, 0x81, 0x02, 0x80];

impl Card {
    /// How it shows itself; `made_up` is the number for those that make one up.
    pub(super) fn shown(&self, made_up: u32) -> Shown {
        let a = |atqa, sak, uid: &[u8], ats| Shown::A { atqa, sak, uid: uid.to_vec(), ats };
        let [_, m1, m2, m3] = made_up.to_be_bytes();
        match self {
            Self::Classic(uid) if uid.len() == 7 => a([0x00, 0x44], 0x08, uid, None),
            Self::Classic(uid) => a([0x00, 0x04], 0x08, uid, None),
            Self::Ntag(uid) => a([0x00, 0x44], 0x00, uid, None),
            Self::Plain(uid) => a([0x00, if uid.len() == 10 { 0x84 } else { 0x04 }], 0x00, uid, None),
            Self::IsoDep { uid, .. } => a([0x03, 0x44], 0x20, uid, Some(ATS)),
            Self::Phone(_) => a([0x00, 0x04], 0x20, &[0x08, m1, m2, m3], Some(ATS)),
            Self::B(pupi) => Shown::B { pupi: *pupi },
            Self::RandomB => Shown::B { pupi: made_up.to_be_bytes() },
            Self::Felica(idm) => Shown::Felica { idm: *idm },
        }
    }

    fn applications(&self) -> &[Application] {
        match self {
            Self::IsoDep { applications, .. } | Self::Phone(applications) => applications,
            _ => &[],
        }
    }

    /// Whether it speaks ISO 14443-4.
    pub(super) fn is_iso_dep(&self) -> bool {
        matches!(self, Self::IsoDep { .. } | Self::Phone(_) | Self::B(_) | Self::RandomB)
    }

    /// The answer to an APDU; `selected` remembers the application.
    pub(super) fn apdu(&self, apdu: &[u8], selected: &mut Option<usize>) -> Vec<u8> {
        const OK: [u8; 2] = [0x90, 0x00];
        if let [0x00, 0xA4, 0x04, 0x00, length, rest @ ..] = apdu {
            let name = rest.get(..usize::from(*length)).unwrap_or_default();
            *selected = self.applications().iter().position(|application| application.aid == name);
            return match selected.and_then(|at| self.applications().get(at)) {
                Some(application) => [&application.selected[..], &OK].concat(),
                None => vec![0x6A, 0x82],
            };
        }
        let application = selected.and_then(|at| self.applications().get(at));
        let answer = application.and_then(|application| application.answers.iter().find(|(asked, _)| asked == apdu));
        answer.map_or_else(|| vec![0x6D, 0x00], |(_, said)| [said, &OK[..]].concat())
    }

    /// The answer to a memory card's command, or the reader's error code.
    pub(super) fn memory(&self, command: &[u8], unlocked: &mut bool) -> Result<Vec<u8>, u8> {
        const TIMEOUT: u8 = 0x01;
        const REFUSED: u8 = 0x14;
        match (self, command) {
            (Self::Classic(uid), [0x60 | 0x61, block, rest @ ..]) => {
                let (key, number) = rest.split_at_checked(6).ok_or(TIMEOUT)?;
                let own = uid.get(uid.len().saturating_sub(4)..);
                *unlocked = key == [0xFF; 6] && *block < 64 && Some(number) == own;
                if *unlocked { Ok(Vec::new()) } else { Err(REFUSED) }
            }
            (Self::Classic(uid), [0x30, block @ 0..64]) if *unlocked => Ok(classic_block(uid, *block)),
            (Self::Classic(_), _) => Err(REFUSED),
            (Self::Ntag(_), [0x60]) => Ok(vec![0x00, 0x04, 0x04, 0x02, 0x01, 0x00, 0x11, 0x03]),
            (Self::Ntag(uid), [0x30, page @ 0..135]) => Ok(ntag_pages(uid, *page)),
            _ => Err(TIMEOUT),
        }
    }
}

/// The content of a card from the factory: its UID, nothing, and the keys.
fn classic_block(uid: &[u8], block: u8) -> Vec<u8> {
    let mut content = vec![0; 16];
    if block == 0 {
        let check = uid.iter().fold(0, |sum, byte| sum ^ byte);
        content = uid.to_vec();
        content.extend((uid.len() == 4).then_some(check));
        content.extend([0x08, 0x04, 0x00]);
        content.resize(16, 0);
    } else if block % 4 == 3 {
        content = [&[0xFF; 6][..], &[0xFF, 0x07, 0x80, 0x69], &[0xFF; 6]].concat();
    }
    content
}

/// Four pages from this one on: the UID with its check bytes, the capability container, and an address.
fn ntag_pages(uid: &[u8], page: u8) -> Vec<u8> {
    let mut memory = Vec::with_capacity(135 * 4);
    let (head, tail) = uid.split_at_checked(3).unwrap_or((uid, &[]));
    memory.extend_from_slice(head);
    memory.push(head.iter().fold(0x88, |sum, byte| sum ^ byte));
    memory.extend_from_slice(tail);
    memory.push(tail.iter().fold(0, |sum, byte| sum ^ byte));
    memory.resize(9, 0x48);
    memory.extend([0x00, 0x00, 0x00, 0xE1, 0x10, 0x3E, 0x00]);
    memory.resize(16, 0);
    memory.extend([0x03, 0x10, 0xD1, 0x01, 0x0C, 0x55, 0x02]);
    memory.extend_from_slice(b"example.com");
    memory.push(0xFE);
    memory.resize(135 * 4, 0);
    memory.iter().copied().cycle().skip(usize::from(page) * 4).take(16).collect()
}
