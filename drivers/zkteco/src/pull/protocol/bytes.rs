//! Little-endian numbers at an offset of bytes that came from outside.

pub(super) fn u8_at(bytes: &[u8], offset: usize) -> Option<u8> {
    bytes.get(offset).copied()
}

pub(super) fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes.get(offset..)?.first_chunk().map(|chunk| u16::from_le_bytes(*chunk))
}

pub(super) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().map(|chunk| u32::from_le_bytes(*chunk))
}

/// Everything before the first NUL: what follows it is junk of earlier contents (facts/terminals.md A.13 rows 29, 37).
pub(super) fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|b| *b == 0).next().unwrap_or_default()
}

/// Whether a fixed field looks like an ASCII user id: something printable without spaces, closed by a NUL or the field's end.
pub(super) fn looks_like_id(field: &[u8]) -> bool {
    let id = until_nul(field);
    !id.is_empty() && id.iter().all(u8::is_ascii_graphic)
}

/// A field of `N` bytes with this text at its start and NULs behind, cut to the field.
pub(super) fn field<const N: usize>(text: &[u8]) -> [u8; N] {
    let mut field = [0; N];
    for (to, from) in field.iter_mut().zip(text) {
        *to = *from;
    }
    field
}
