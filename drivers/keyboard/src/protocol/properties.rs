//! What holds for any keys.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;

use super::keys::{ENTER, SHIFT, stroke};
use super::typing::{End, Stroke, Typed, Typing};

const IDLE: Duration = Duration::from_millis(80);

/// Any event: code, value, milliseconds since the one before.
fn events() -> impl Strategy<Value = Vec<(u16, i32, u64)>> {
    vec(
        (prop_oneof![3 => 0_u16..130, 1 => any::<u16>()], -1_i32..4, prop_oneof![9 => 0_u64..9, 1 => 0_u64..2000]),
        0..300,
    )
}

fn press(typing: &mut Typing, events: &[(u16, i32, u64)], typed: &mut Vec<Typed>) -> Duration {
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
            typed.extend(typing.quiet());
            prop_assert_eq!(typing.waits(), None);
            let pressed = events.iter().filter(|(_, value, _)| *value == 1).count();
            let texts: usize = typed.iter().map(|typed| match typed {
                Typed::Text(text) => { assert!(!text.is_empty()); text.len() }
                Typed::Spoilt => 0,
            }).sum();
            prop_assert!(texts <= pressed);
        }
    }

    #[test]
    fn after_a_replug_any_text_is_typed_whole(before in events(), text in "[ -~]{1,60}", key in prop::sample::select(ENTER.to_vec())) {
        let (mut typing, mut typed) = (Typing::new(End::Auto, IDLE), Vec::new());
        let now = press(&mut typing, &before, &mut typed);
        typing.plugged_in();
        typed.clear();
        for char in text.bytes() {
            let (code, shift) = stroke(char).unwrap();
            for (code, stroke) in [(SHIFT, Stroke::Down), (code, Stroke::Down), (code, Stroke::Up), (SHIFT, Stroke::Up)] {
                if code != SHIFT || shift {
                    typing.key(code, stroke, now, &mut typed);
                }
            }
        }
        typing.key(key, Stroke::Down, now, &mut typed);
        prop_assert_eq!(typed, [Typed::Text(text.into_bytes())]);
    }
}
