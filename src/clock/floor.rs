//! The earliest times that can be.

use super::stamp::UnixMillis;

/// Before this moment no punchd existed (2026-01-01T00:00:00Z): no reading of any version is older.
pub const EARLIEST: UnixMillis = UnixMillis(1_767_225_600_000);

/// Before this moment this program was not built (`build.rs`): a clock that shows less now is wrong.
pub const FLOOR: UnixMillis = built_after(env!("PUNCHD_BUILT_AFTER_S"));

/// Digits to milliseconds; what is no number, or earlier than punchd itself, is [`EARLIEST`].
const fn built_after(seconds: &str) -> UnixMillis {
    let digits = seconds.as_bytes();
    let (mut value, mut at) = (0_i64, 0);
    while at < digits.len() && at < 12 {
        if !digits[at].is_ascii_digit() {
            return EARLIEST;
        }
        value = value * 10 + (digits[at] - b'0') as i64;
        at += 1;
    }
    let ms = value * 1000;
    if ms > EARLIEST.0 { UnixMillis(ms) } else { EARLIEST }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_is_the_build_s_time_and_never_before_punchd_itself() {
        assert_eq!(built_after("1793620800"), UnixMillis(1_793_620_800_000));
        for nonsense in ["", "0", "-5", "yesterday"] {
            assert_eq!(built_after(nonsense), EARLIEST, "{nonsense}");
        }
        assert!(FLOOR >= EARLIEST);
    }
}
