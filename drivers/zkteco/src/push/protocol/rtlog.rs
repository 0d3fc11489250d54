//! Lines of the security dialect: events at doors, and their cousins in answers to queries (facts/terminals.md B.5).

use punchd_contract::Credential;

use super::fields::Fields;
use super::time::Stamped;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The user id; empty or zeros where nobody is named.
    pub pin: String,
    /// The card in decimal; empty or zeros where none was shown.
    pub cardno: String,
    /// When, by the terminal's clock.
    pub time: Stamped,
    /// What happened.
    pub event: String,
    /// At which door.
    pub door: String,
    /// Which side of the door.
    pub inout: Option<u16>,
    /// How the person proved who they are.
    pub verify: Option<u16>,
}

impl Event {
    /// Reads a line of tab-separated fields. `None`: this is no event.
    pub fn parse(line: &str) -> Option<Self> {
        let fields = Fields::parse(line, '\t');
        let text = |names: &[&str]| fields.get(names).unwrap_or("").chars().take(64).collect::<String>();
        Some(Self {
            time: Stamped::parse(fields.get(&["time", "time_second"])?)?,
            pin: text(&["pin"]),
            cardno: text(&["cardno"]),
            event: text(&["event", "eventtype"]),
            door: text(&["eventaddr", "doorid"]),
            inout: fields.number(&["inoutstatus", "inoutstate"]),
            verify: fields.number(&["verifytype", "verified"]),
        })
    }

    /// Who was there, if anybody: doors that open by themselves are no punches. A card without a user is the 4 bytes of its
    /// decimal number, highest first; numbers beyond 4 bytes take as many as they need.
    pub fn credential(&self) -> Option<Credential> {
        if !self.pin.trim_matches('0').is_empty() {
            return Some(Credential::UserId(self.pin.clone()));
        }
        match self.cardno.parse::<u64>() {
            Ok(0) => None,
            Ok(number) => {
                let bytes = number.to_be_bytes();
                let skip = if number > u64::from(u32::MAX) { number.leading_zeros() as usize / 8 } else { 4 };
                Some(Credential::Card(bytes.into_iter().skip(skip).collect()))
            }
            Err(_) if self.cardno.is_empty() => None,
            // Not a decimal number, but something was shown: kept for its raw line.
            Err(_) => Some(Credential::Unreadable),
        }
    }

    /// What makes it the same record when it is sent again. `index` is left out: nothing says that a terminal gives a
    /// re-sent event the same one, and two events of the same person, door and kind within one second count once anyway.
    pub fn content(&self, serial: &str) -> String {
        format!("{serial}|rt|{}|{}|{}|{}|{}", self.pin, self.cardno, self.time.key(), self.event, self.door)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LINE: &str =
        "time=2026-01-05 08:00:00\tpin=1001\tcardno=0\teventaddr=1\tevent=3\tinoutstatus=0\tverifytype=15\tindex=21";

    #[test]
    fn the_same_event_with_another_index_is_the_same_record() {
        let event = Event::parse(LINE).unwrap();
        assert_eq!(event.credential(), Some(Credential::UserId("1001".into())));
        let again = Event::parse(&LINE.replace("index=21", "index=22")).unwrap();
        assert_eq!(event.content("S"), again.content("S"));
    }

    #[test]
    fn a_card_without_a_user_is_its_four_bytes() {
        let card = Event::parse("time=2026-01-05 08:00:00\tpin=0\tcardno=16909060\tevent=27").unwrap();
        assert_eq!(card.credential(), Some(Credential::Card(vec![1, 2, 3, 4])));
        let small = Event::parse("time=2026-01-05 08:00:00\tpin=\tcardno=5").unwrap();
        assert_eq!(small.credential(), Some(Credential::Card(vec![0, 0, 0, 5])));
        let door = Event::parse("time=2026-01-05 08:00:00\tpin=0\tcardno=0\tevent=200").unwrap();
        assert_eq!(door.credential(), None);
    }

    proptest! {
        #[test]
        fn any_line_is_read_without_a_panic(line in any::<String>()) {
            if let Some(event) = Event::parse(&line) {
                let _ = event.credential();
            }
        }
    }
}
