//! What is written back to a device: a text for each of the signs that every reader shows.

use punchd_contract::{Sign, Tone};

/// The longest answer that is written: a display line, not a letter.
const LONGEST: usize = 512;

/// A text for each sign. `{name}` stands for the person's name, `{text}` and `{text_zh}` for one short line to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// Taken.
    pub accepted: String,
    /// Has punched already.
    pub already: String,
    /// Nobody is known by this.
    pub unknown: String,
    /// Does not count.
    pub refused: String,
    /// Not recorded.
    pub out_of_order: String,
    /// What stands behind each.
    pub end: &'static str,
}

impl Answers {
    /// The bytes for this sign.
    pub fn bytes(&self, sign: &Sign) -> Vec<u8> {
        let template = match sign.tone {
            Tone::Accepted => &self.accepted,
            Tone::Already => &self.already,
            Tone::Unknown => &self.unknown,
            Tone::Refused => &self.refused,
            Tone::OutOfOrder => &self.out_of_order,
        };
        let mut text = String::new();
        let mut rest = template.as_str();
        // One pass, so that what is put in is never taken for a place to put something in.
        while let Some((before, after)) = rest.split_once('{') {
            text.push_str(before);
            let (put, left) = match after.split_once('}') {
                Some(("name", left)) => (sign.name.as_deref().unwrap_or_default(), left),
                Some(("text", left)) => (sign.text.en.as_str(), left),
                Some(("text_zh", left)) => (sign.text.zh.as_str(), left),
                _ => ("{", after),
            };
            text.extend(put.chars().filter(|c| !c.is_control()));
            rest = left;
        }
        text.push_str(rest);
        if text.len() > LONGEST {
            text.truncate(text.floor_char_boundary(LONGEST));
        }
        text.push_str(self.end);
        text.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use punchd_contract::Text;

    use super::*;

    fn answers(accepted: &str) -> Answers {
        let [already, unknown, refused, out_of_order] = ["A", "U", "R", "E"].map(str::to_owned);
        Answers { accepted: accepted.into(), already, unknown, refused, out_of_order, end: "\n" }
    }

    fn sign(tone: Tone, name: &str) -> Sign {
        Sign { tone, name: Some(name.into()), text: Text::new("OK", "好") }
    }

    #[test]
    fn each_sign_has_its_text() {
        let answers = answers("OK {name}");
        let told: Vec<_> =
            Tone::ALL.map(|tone| String::from_utf8(answers.bytes(&sign(tone, "张三"))).unwrap()).to_vec();
        assert_eq!(told, ["OK 张三\n", "A\n", "U\n", "R\n", "E\n"]);
    }

    #[test]
    fn a_name_cannot_forge_an_answer() {
        let told = answers("{name}|{text_zh}|{x}{").bytes(&sign(Tone::Accepted, "{text}\r\nOK"));
        assert_eq!(told, "{text}OK|好|{x}{\n".as_bytes());
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(template: String, name: String) {
            let told = answers(&template).bytes(&sign(Tone::Accepted, &name));
            prop_assert!(told.len() <= LONGEST + 1 && told.ends_with(b"\n"));
        }
    }
}
