//! What is written back to the reader for each sign: texts with places for the name, the receipt's number and what was read.

use punchd_contract::{Reading, Sign, Tone};

/// The longest line that is put into an answer: a display shows less, a machine on the other side knows what it sent.
const MOST_TEXT: usize = 256;

/// What is written back, a text a tone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers([Option<Template>; 5]);

/// A text with places, or bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Bytes(Vec<u8>),
    Place(Place),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Name,
    Tone,
    Seq,
    Kind,
    Value,
    Line,
    En,
    Zh,
}

const PLACES: [(&str, Place); 8] = [
    ("{name}", Place::Name),
    ("{tone}", Place::Tone),
    ("{seq}", Place::Seq),
    ("{kind}", Place::Kind),
    ("{value}", Place::Value),
    ("{line}", Place::Line),
    ("{en}", Place::En),
    ("{zh}", Place::Zh),
];

/// What ends a text: a display or a machine knows by it that the line is whole. The configuration could not say it.
const END: &[u8] = b"\r\n";

/// What a template may look like, for whoever wrote another.
pub const RIGHT: &str = "a text, in which {name}, {tone}, {seq}, {kind}, {value}, {line}, {en} and {zh} stand for what they say and which CR LF ends, or \"hex:\" and bytes such as \"hex:1B 42\", sent as they are";
/// The same in Chinese.
pub const RIGHT_ZH: &str = "文本，其中 {name}、{tone}、{seq}、{kind}、{value}、{line}、{en}、{zh} 代表相应内容，以 CR LF 结尾；或以 \"hex:\" 开头的字节，如 \"hex:1B 42\"，原样发送";

impl Template {
    /// Reads what stands in the configuration; `None`: an unknown place or wrong bytes.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(bytes) = text.strip_prefix("hex:") {
            return Some(Self(vec![Piece::Bytes(bytes_of(bytes)?)]));
        }
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some(at) = rest.find('{') {
            let (before, after) = rest.split_at_checked(at)?;
            let (word, place) = PLACES.into_iter().find(|(word, _)| after.starts_with(word))?;
            pieces.extend([Piece::Bytes(before.into()), Piece::Place(place)]);
            rest = after.strip_prefix(word)?;
        }
        pieces.push(Piece::Bytes([rest.as_bytes(), END].concat()));
        Some(Self(pieces))
    }
}

/// Bytes as hexadecimal digits, with spaces or without.
pub fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if digits.is_empty() || !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    digits.chunks_exact(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

impl Answers {
    /// Nothing is written back: the reader has a sound of its own.
    pub fn none() -> Self {
        Self::default()
    }

    /// A short line for a display or a printer.
    pub fn text() -> Self {
        Self::of(["OK {name}", "AGAIN {name}", "UNKNOWN", "NO {en}", "RETRY"])
    }

    /// A line for a machine that wants to know what became of what it sent.
    pub fn receipt() -> Self {
        Self::of(["{tone} {seq} {kind} {value} {line}"; 5])
    }

    fn of(texts: [&str; 5]) -> Self {
        Self(texts.map(Template::parse))
    }

    /// Replaces what is written for a tone.
    pub fn set(&mut self, tone: Tone, template: Template) {
        if let Some(place) = self.0.get_mut(index(tone)) {
            *place = Some(template);
        }
    }

    /// The bytes to write for this sign, with the number of the receipt if there is one; nothing where nothing is set.
    pub fn bytes(&self, reading: &Reading, sign: &Sign, seq: Option<u64>) -> Option<Vec<u8>> {
        let template = self.0.get(index(sign.tone))?.as_ref()?;
        let place = |place: &Place| match place {
            Place::Name => visible(sign.name.as_deref().unwrap_or("")),
            Place::Tone => sign.tone.word().to_owned(),
            Place::Seq => seq.map_or_else(|| "-".to_owned(), |seq| seq.to_string()),
            Place::Kind => reading.credential.kind().to_owned(),
            Place::Value => visible(&reading.credential.value()),
            Place::Line => visible(&String::from_utf8_lossy(&reading.raw)),
            Place::En => visible(&sign.text.en),
            Place::Zh => visible(&sign.text.zh),
        };
        let piece = |piece: &Piece| match piece {
            Piece::Bytes(bytes) => bytes.clone(),
            Piece::Place(which) => place(which).into_bytes(),
        };
        Some(template.0.iter().flat_map(piece).collect())
    }
}

fn index(tone: Tone) -> usize {
    match tone {
        Tone::Accepted => 0,
        Tone::Already => 1,
        Tone::Unknown => 2,
        Tone::Refused => 3,
        Tone::OutOfOrder => 4,
    }
}

/// Without what would end the answer's line or start a command: names and codes come from outside.
fn visible(text: &str) -> String {
    text.trim_matches(char::is_control).chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use punchd_contract::{Credential, Method, NotRecorded, Receipt, Verdict};

    use super::*;

    fn punch(name: &str) -> Receipt {
        Receipt { seq: 7, verdict: Verdict::Punch { name: name.into(), time: jiff::Timestamp::UNIX_EPOCH } }
    }

    fn reading() -> Reading {
        Reading::now(Credential::Card(vec![4, 0xA1, 0xB2, 0xC3]), Method::Card, "hex", b"\x0204A1B2C3".to_vec())
    }

    fn bytes(answers: &Answers, answer: Result<Receipt, NotRecorded>) -> Option<Vec<u8>> {
        answers.bytes(&reading(), &Sign::of(&answer), answer.ok().map(|receipt| receipt.seq))
    }

    fn written(answers: &Answers, answer: Result<Receipt, NotRecorded>) -> String {
        String::from_utf8(bytes(answers, answer).unwrap()).unwrap()
    }

    #[test]
    fn a_line_tells_the_person_and_a_receipt_tells_a_machine() {
        assert_eq!(written(&Answers::text(), Ok(punch("张三"))), "OK 张三\r\n");
        assert_eq!(written(&Answers::text(), Ok(Receipt { seq: 8, verdict: Verdict::Unknown })), "UNKNOWN\r\n");
        assert_eq!(written(&Answers::text(), Err(NotRecorded::Busy)), "RETRY\r\n");
        assert_eq!(written(&Answers::receipt(), Ok(punch("张三"))), "accepted 7 card 04A1B2C3 04A1B2C3\r\n");
        assert_eq!(written(&Answers::receipt(), Err(NotRecorded::Busy)), "out_of_order - card 04A1B2C3 04A1B2C3\r\n");
        assert_eq!(bytes(&Answers::none(), Ok(punch("张三"))), None);
    }

    #[test]
    fn one_tone_can_have_words_or_bytes_of_its_own() {
        let mut answers = Answers::none();
        answers.set(Tone::Accepted, Template::parse("hex:1B 42").unwrap());
        answers.set(Tone::Unknown, Template::parse("[{zh}|{name}]").unwrap());
        assert_eq!(bytes(&answers, Ok(punch("x"))), Some(vec![0x1B, 0x42]));
        let unknown = written(&answers, Ok(Receipt { seq: 8, verdict: Verdict::Unknown }));
        assert_eq!(unknown, "[未登记，已留存，请联系管理员|]\r\n");
        assert_eq!(bytes(&answers, Err(NotRecorded::Busy)), None);
    }

    #[test]
    fn a_name_cannot_end_the_line() {
        assert_eq!(written(&Answers::text(), Ok(punch("a\r\nOK b\x07"))), "OK a  OK b\r\n");
    }

    #[test]
    fn an_unknown_place_is_a_mistake() {
        for wrong in ["{nam}", "{", "OK {name", "hex:", "hex:1", "hex:xy"] {
            assert_eq!(Template::parse(wrong), None, "{wrong}");
        }
    }
}
