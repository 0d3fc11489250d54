//! Takes out of a body what must not be kept: templates, photos and passwords (DESIGN §2 law 8).
//!
//! The handshake does not ask for any of it (see [`handshake`](super::handshake)); firmware that sends it all the same keeps its
//! own copy, so the note that stands in its place is all that is lost.

use std::ops::Range;

/// Keys whose values are templates, pictures or passwords (facts/terminals.md B.3), in lower case.
const KEYS: [&[u8]; 7] = [b"tmp", b"content", b"template", b"passwd", b"password", b"photo", b"feature"];

/// How a JPEG begins.
const JPEG: [u8; 3] = [0xFF, 0xD8, 0xFF];

/// The body with a note about its length in place of each such value, and of everything from the first JPEG on.
pub fn sealed(body: &[u8]) -> Vec<u8> {
    let text_ends = picture(body).unwrap_or(body.len());
    let (text, picture) = body.split_at_checked(text_ends).unwrap_or((body, &[]));
    let mut kept = Vec::with_capacity(text.len().min(64 * 1024));
    let mut rest = text;
    while let Some(value) = next_value(rest) {
        kept.extend_from_slice(rest.get(..value.start).unwrap_or_default());
        note(&mut kept, value.len());
        rest = rest.get(value.end..).unwrap_or_default();
    }
    kept.extend_from_slice(rest);
    if !picture.is_empty() {
        note(&mut kept, picture.len());
    }
    kept
}

fn note(kept: &mut Vec<u8>, length: usize) {
    kept.extend_from_slice(format!("[{length} bytes left out]").as_bytes());
}

/// Where pictures begin: behind the NUL of a photo upload, or at the first bytes of a JPEG.
fn picture(body: &[u8]) -> Option<usize> {
    let jpeg = body.windows(JPEG.len()).position(|window| window == JPEG);
    let behind_nul = body
        .windows(11)
        .position(|window| window.eq_ignore_ascii_case(b"uploadphoto"))
        .and_then(|at| body.get(at..)?.iter().position(|byte| *byte == 0).map(|nul| at + nul + 1))
        .filter(|at| *at < body.len());
    jpeg.into_iter().chain(behind_nul).min()
}

/// The first value of a secret key that is not empty.
fn next_value(text: &[u8]) -> Option<Range<usize>> {
    let mut from = 0;
    while let Some(equals) = text.get(from..)?.iter().position(|byte| *byte == b'=').map(|at| from + at) {
        from = equals + 1;
        let before = text.get(..equals)?;
        let key_start = before.iter().rposition(|byte| b"\t\n\r ,&;".contains(byte)).map_or(0, |at| at + 1);
        let key = before.get(key_start..)?;
        if !KEYS.iter().any(|secret| key.eq_ignore_ascii_case(secret)) {
            continue;
        }
        let value = text.get(from..)?;
        let length = value.iter().position(|byte| b"\t\r\n".contains(byte)).unwrap_or(value.len());
        if length > 0 {
            return Some(from..from + length);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(body: &[u8]) -> String {
        String::from_utf8_lossy(&sealed(body)).into_owned()
    }

    #[test]
    fn templates_and_passwords_leave_a_note_and_names_stay() {
        assert_eq!(text(b"FP PIN=1\tFID=0\tSize=8\tTMP=AAAA=BB=\nUSER PIN=1\tName=A\tPasswd=12 3\tCard="), {
            "FP PIN=1\tFID=0\tSize=8\tTMP=[8 bytes left out]\nUSER PIN=1\tName=A\tPasswd=[4 bytes left out]\tCard="
        });
        assert_eq!(text(b"BIODATA Pin=1\tNo=0\tTmp=xyz"), "BIODATA Pin=1\tNo=0\tTmp=[3 bytes left out]");
        assert_eq!(text(b"USERPIC PIN=1\tContent=/9j/4A==\r\n"), "USERPIC PIN=1\tContent=[8 bytes left out]\r\n");
    }

    #[test]
    fn a_photo_is_cut_off_behind_its_header() {
        let body = b"PIN=20260105080000-1.jpg\nSN=X\nsize=6\nCMD=uploadphoto\0\xFF\xD8\xFFabc";
        assert_eq!(text(body), "PIN=20260105080000-1.jpg\nSN=X\nsize=6\nCMD=uploadphoto\0[6 bytes left out]");
        assert_eq!(text(b"\xFF\xD8\xFFabc"), "[6 bytes left out]");
    }

    #[test]
    fn a_punch_line_stays_as_it_is() {
        let line = b"1001\t2026-01-05 08:00:00\t0\t1\t0\t0\t0\r\n";
        assert_eq!(sealed(line), line);
    }

    proptest! {
        #[test]
        fn no_secret_survives_wherever_it_stands(before in "[a-zA-Z0-9=\t\n]{0,40}", secret in "[A-Z+/]{12,40}") {
            let body = format!("{before}\tTMP={secret}\n");
            prop_assert!(!text(body.as_bytes()).contains(&secret));
        }

        #[test]
        fn any_bytes_are_sealed_without_a_panic(body in any::<Vec<u8>>()) {
            let _ = sealed(&body);
        }
    }
}
