//! Lines of the security dialect: events at doors, live (`rtlog`) and from the log (`transaction`) (facts/terminals.md B.5).

use punchd_contract::Credential;

use super::door_event::{self, Meaning};
use super::fields::Fields;
use super::id_card;
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
    /// What happened: its number as sent, empty where it is not said.
    pub event: String,
    /// At which door.
    pub door: String,
    /// Which side of the door.
    pub inout: Option<u16>,
    /// How the person proved who they are: a number or a mask.
    pub verify: String,
}

impl Event {
    /// Reads a line of fields. `None`: this is no event.
    pub fn parse(line: &str) -> Option<Self> {
        let fields = Fields::of(line);
        let text = |names: &[&str]| fields.get(names).unwrap_or("").chars().take(64).collect::<String>();
        let time = match (fields.get(&["time_second"]), fields.get(&["time"])) {
            // Which of two is the right one is not said.
            (Some(number), Some(text)) if Stamped::parse_number(number) != Stamped::parse(text) => return None,
            (Some(number), _) => Stamped::parse_number(number),
            (None, text) => Stamped::parse(text?),
        }?;
        let door = ["event", "eventtype", "eventaddr", "doorid", "cardno", "inoutstatus", "inoutstate", "time_second"];
        fields.get(&door)?;
        Some(Self {
            time,
            pin: text(&["pin"]),
            cardno: text(&["cardno"]),
            event: text(&["event", "eventtype"]),
            door: text(&["eventaddr", "doorid"]),
            inout: fields.number(&["inoutstatus", "inoutstate"]),
            verify: text(&["verifytype", "verified"]),
        })
    }

    /// The number of what happened.
    pub fn code(&self) -> Option<u16> {
        self.event.trim().parse().ok()
    }

    /// What that means for attendance. `None`: it does not say what happened.
    pub fn meaning(&self) -> Option<Meaning> {
        match self.event.trim() {
            "" => None,
            text => Some(text.parse().map_or(Meaning::Unknown, door_event::meaning)),
        }
    }

    /// Who was there, if anybody. A card without a user is the 4 bytes of its decimal number, highest first; numbers beyond 4
    /// bytes take as many as they need.
    pub fn credential(&self) -> Option<Credential> {
        if !self.pin.trim_matches('0').is_empty() {
            let readable = !self.pin.chars().any(|c| c.is_control() || c == '\u{FFFD}');
            return Some(if readable {
                Credential::UserId(id_card::hidden(&self.pin))
            } else {
                Credential::Unreadable
            });
        }
        match self.cardno.parse::<u64>() {
            Ok(_) => self.card(),
            Err(_) if self.cardno.trim().is_empty() => None,
            // Not a decimal number, but something was shown: kept for its raw line.
            Err(_) => Some(Credential::Unreadable),
        }
    }

    /// The card, if it names one.
    pub fn card(&self) -> Option<Credential> {
        let number = self.cardno.parse::<u64>().ok().filter(|number| *number > 0)?;
        let bytes = number.to_be_bytes();
        let skip = if number > u64::from(u32::MAX) { number.leading_zeros() as usize / 8 } else { 4 };
        Some(Credential::Card(bytes.into_iter().skip(skip).collect()))
    }

    /// What makes it the same record when it is sent again. `index` is left out: nothing says that a terminal gives a
    /// re-sent event the same one, and two events of the same person, door and kind within one second count once anyway.
    pub fn content(&self, serial: &str) -> String {
        let (pin, cardno) = (id_card::hidden(&self.pin), id_card::hidden(&self.cardno));
        format!("{serial}|rt|{pin}|{cardno}|{}|{}|{}", self.time.key(), self.event, self.door)
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
    fn an_event_is_the_same_live_and_from_the_log() {
        let logged =
            "cardno=0\tpin=1001\tverified=15\tdoorid=1\teventtype=3\tinoutstate=0\ttime_second=836035200\tindex=21";
        let (live, logged) = (Event::parse(LINE).unwrap(), Event::parse(logged).unwrap());
        assert_eq!((live.content("S"), live.code()), (logged.content("S"), logged.code()));
        let both = format!("{LINE}\ttime_second=836035200"); // 08:00:00 of that day
        assert!(Event::parse(&both).is_some() && Event::parse(&both.replace("5200", "5201")).is_none());
        assert_eq!(Event::parse("time=862560000\tpin=1\tevent=0"), None, "digits are no written time");
    }

    #[test]
    fn a_card_without_a_user_is_its_four_bytes() {
        let card = Event::parse("time=2026-01-05 08:00:00\tpin=0\tcardno=16909060\tevent=27").unwrap();
        assert_eq!(card.credential(), Some(Credential::Card(vec![1, 2, 3, 4])));
        let small = Event::parse("time=2026-01-05 08:00:00\tpin=\tcardno=5").unwrap();
        assert_eq!(small.credential(), Some(Credential::Card(vec![0, 0, 0, 5])));
        assert_eq!(small.meaning(), None);
        let door = Event::parse("time=2026-01-05 08:00:00\tpin=0\tcardno=0\tevent=200").unwrap();
        assert_eq!(door.credential(), None);
    }

    proptest! {
        #[test]
        fn any_line_is_read_without_a_panic(line in any::<String>()) {
            if let Some(event) = Event::parse(&line) {
                let _ = (event.credential(), event.meaning(), event.content("S"));
            }
        }
    }
}
