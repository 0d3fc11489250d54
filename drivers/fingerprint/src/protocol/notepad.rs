//! What is written into a module's notepad, so that it can be told from others: a page of 32 bytes that survives power cuts.

use super::ask::NOTEPAD_BYTES;

const MARK: [u8; 6] = *b"punchd";
const VERSION: u8 = 1;

/// Whose module this is, and how many generations of names it has given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// Made at random when the module was met first.
    pub id: [u8; 6],
    /// The newest generation of which a name may have been given.
    pub generation: u32,
}

impl Label {
    /// From a page; `None` where it is another's, or was torn by a power cut.
    pub fn parse(page: &[u8; NOTEPAD_BYTES]) -> Option<Self> {
        let (said, sum) = page.split_last_chunk::<2>()?;
        let (mark, rest) = said.split_first_chunk::<6>()?;
        let (version, rest) = rest.split_first()?;
        let (id, rest) = rest.split_first_chunk::<6>()?;
        let (generation, _) = rest.split_first_chunk::<4>()?;
        let ours = *mark == MARK && *version == VERSION && *sum == checksum(said).to_be_bytes();
        ours.then(|| Self { id: *id, generation: u32::from_be_bytes(*generation) })
    }

    /// With the id that stands in names.
    pub fn from_text(id: &str, generation: u32) -> Option<Self> {
        let number = u64::from_str_radix(id, 16).ok().filter(|_| id.len() == 12)?;
        let [_, _, id @ ..] = number.to_be_bytes();
        Some(Self { id, generation })
    }

    /// The page.
    pub fn page(&self) -> [u8; NOTEPAD_BYTES] {
        let said = [&MARK[..], &[VERSION], &self.id, &self.generation.to_be_bytes(), &[0; 13]].concat();
        let mut page = [0; NOTEPAD_BYTES];
        for (place, byte) in page.iter_mut().zip(said.iter().copied().chain(checksum(&said).to_be_bytes())) {
            *place = byte;
        }
        page
    }

    /// Whether a page may be written: blank, or a label of ours that was torn.
    pub fn is_free(page: &[u8; NOTEPAD_BYTES]) -> bool {
        page.starts_with(&MARK) || page.iter().all(|byte| *byte == 0) || page.iter().all(|byte| *byte == 0xFF)
    }

    /// The id as it stands in names.
    pub fn id_text(&self) -> String {
        self.id.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Fletcher's, so that swapped bytes show.
fn checksum(said: &[u8]) -> u16 {
    let (low, high) = said.iter().fold((1_u16, 0_u16), |(low, high), byte| {
        let low = (low + u16::from(*byte)) % 255;
        (low, (high + low) % 255)
    });
    high << 8 | low
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_label_is_read_as_it_is_written(id in any::<[u8; 6]>(), generation in any::<u32>()) {
            let label = Label { id, generation };
            prop_assert_eq!(Label::parse(&label.page()), Some(label));
            prop_assert_eq!(Label::from_text(&label.id_text(), generation), Some(label));
        }

        #[test]
        fn a_page_that_was_torn_is_no_label(id in any::<[u8; 6]>(), generation in 1..u32::MAX, whole in 0..30_usize) {
            let new = Label { id, generation }.page();
            let mut torn = Label { id, generation: generation - 1 }.page();
            torn[..whole].copy_from_slice(&new[..whole]);
            // Old or new or nothing, never a third.
            if let Some(label) = Label::parse(&torn) {
                prop_assert_eq!(label, Label { id, generation: generation - 1 });
            }
        }

        #[test]
        fn no_page_panics(page in any::<[u8; 32]>()) {
            let _ = Label::parse(&page);
        }
    }

    #[test]
    fn blank_pages_are_nobodys() {
        assert_eq!(Label::parse(&[0; 32]), None);
        assert_eq!(Label::parse(&[0xFF; 32]), None);
    }
}
