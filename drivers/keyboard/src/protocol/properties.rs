//! What holds for any keys.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::keys::{ENTER, SHIFT, stroke};
use punchd_contract::text_in_time::{Text, Told};

use super::typing::{End, Stroke, Typing};

const IDLE: Duration = Duration::from_millis(80);

/// Any event: code, value, milliseconds since the one before.
fn events() -> impl Strategy<Value = Vec<(u16, i32, u64)>> {
    vec(
        (prop_oneof![3 => 0_u16..130, 1 => any::<u16>()], -1_i32..4, prop_oneof![9 => 0_u64..9, 1 => 0_u64..2000]),
        0..300,
    )
}

fn press(typing: &mut Typing, events: &[(u16, i32, u64)], typed: &mut Vec<Told>) -> Duration {
    let mut now = Duration::ZERO;
    for (code, value, later) in events {
        now += Duration::from_millis(*later);
        if let Some(stroke) = Stroke::from_value(*value) {
            typing.key(*code, stroke, now, typed);
        }
    }
    now
}

proptest! {
    #[test]
    fn no_keys_make_it_panic_or_type_more_than_was_pressed(events in events()) {
        for end in [End::Auto, End::Enter, End::Tab, End::Silence] {
            let (mut typing, mut typed) = (Typing::new(end, IDLE), Vec::new());
            press(&mut typing, &events, &mut typed);
            typing.quiet(&mut typed);
            prop_assert_eq!(typing.waits(), None);
            let pressed = events.iter().filter(|(_, value, _)| *value == 1).count();
            let texts: usize = typed.iter().map(|typed| match typed {
                Told::Whole(text) | Told::Part(text) => { assert!(!text.bytes.is_empty()); text.bytes.len() }
            }).sum();
            prop_assert!(texts <= pressed);
        }
    }

    #[test]
    fn after_a_replug_any_text_is_typed_whole(before in events(), text in "[ -~]{1,60}", key in prop::sample::select(ENTER.to_vec())) {
        let (mut typing, mut typed) = (Typing::new(End::Auto, IDLE), Vec::new());
        let now = press(&mut typing, &before, &mut typed);
        typing.unplugged(&mut typed);
        typed.clear();
        let now = now + Duration::from_secs(100);
        for char in text.bytes() {
            let (code, shift) = stroke(char).unwrap();
            for (code, stroke) in [(SHIFT, Stroke::Down), (code, Stroke::Down), (code, Stroke::Up), (SHIFT, Stroke::Up)] {
                if code != SHIFT || shift {
                    typing.key(code, stroke, now, &mut typed);
                }
            }
        }
        typing.key(key, Stroke::Down, now, &mut typed);
        prop_assert_eq!(typed, [Told::Whole(Text { bytes: text.into_bytes(), at: now })]);
    }

    /// Numbers, with a pause before every key and events that the kernel loses: each is typed whole or credits nobody.
    #[test]
    fn a_number_is_whole_or_nobodys_however_it_is_typed(
        numbers in vec(vec((0_u8..10, prop_oneof![6 => 0_u64..20, 2 => 80_u64..900, 1 => 900_u64..400_000]), 1..10), 1..6),
        late in prop_oneof![0_u64..20, 400_u64..9000],
        lost in vec(any::<bool>(), 40),
        losing in any::<bool>(),
        idle in prop_oneof![Just(80_u64), Just(5000)],
    ) {
        for (end, enter) in [(End::Auto, 28), (End::Enter, 96), (End::Tab, 15)] {
            let (mut typing, mut typed, mut now) = (Typing::new(end, Duration::from_millis(idle)), Vec::new(), Duration::ZERO);
            let mut press = |typing: &mut Typing, digit: Option<u8>, later: u64, typed: &mut Vec<Told>| {
                now += Duration::from_millis(later);
                let code = match digit {
                    None => enter,
                    Some(0) => 11,
                    Some(digit) => u16::from(digit) + 1,
                };
                typing.key(code, Stroke::Down, now, typed);
                typing.key(code, Stroke::Up, now, typed);
            };
            press(&mut typing, Some(0), 0, &mut typed);
            press(&mut typing, None, 0, &mut typed);
            let mut lost = lost.iter().cycle();
            for number in &numbers {
                for (digit, later) in number {
                    if losing && lost.next() == Some(&true) {
                        typing.lost();
                    } else {
                        press(&mut typing, Some(*digit), *later, &mut typed);
                    }
                }
                press(&mut typing, None, late, &mut typed);
            }
            for digit in 1..=9 {
                press(&mut typing, Some(digit), 2, &mut typed);
            }
            press(&mut typing, None, 2, &mut typed);
            let whole: Vec<Vec<u8>> = typed.into_iter().filter_map(|told| match told {
                Told::Whole(text) => Some(text.bytes),
                Told::Part(_) => None,
            }).collect();
            let wanted: Vec<Vec<u8>> = numbers.iter().map(|number| number.iter().map(|(digit, _)| b'0' + digit).collect()).collect();
            let mut wanted = wanted.iter();
            prop_assert_eq!(whole.last().map(Vec::as_slice), Some(&b"123456789"[..]), "the number after an end is read");
            for whole in &whole[1..whole.len() - 1] {
                prop_assert!(wanted.any(|wanted| wanted == whole), "{end:?}: {} is a part", String::from_utf8_lossy(whole));
            }
        }
    }
}
