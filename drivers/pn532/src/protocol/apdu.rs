//! Commands to an application on a card and their answers (ISO 7816-4; facts/readers.md A.5).

/// `SELECT` by the application's name, with room for an answer.
pub fn select(aid: &[u8]) -> Vec<u8> {
    let length = u8::try_from(aid.len()).unwrap_or(u8::MAX);
    let mut apdu = vec![0x00, 0xA4, 0x04, 0x00, length];
    apdu.extend(aid.iter().take(usize::from(length)));
    apdu.push(0x00);
    apdu
}

/// What an application answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The data.
    pub data: Vec<u8>,
    /// The status word.
    pub status: u16,
}

impl Answer {
    /// Splits the status word off.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let (data, status) = bytes.split_last_chunk()?;
        Some(Self { data: data.to_vec(), status: u16::from_be_bytes(*status) })
    }

    /// Done.
    pub fn is_ok(&self) -> bool {
        self.status == 0x9000
    }
}
