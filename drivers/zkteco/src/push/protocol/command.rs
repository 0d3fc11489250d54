//! Commands to a terminal and their results (facts/terminals.md B.4). What deletes punches, runs programs or moves files has no
//! name here, so that it cannot be sent.

use jiff::civil::DateTime;
use punchd_contract::Text;

use super::fields::Fields;
use super::time::written;

/// Something that a terminal is asked to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Say how you are.
    Info,
    /// Fetch your options again, and with them the time.
    Check,
    /// Send the punches of a period, both ends included.
    SendPunches {
        /// First second.
        from: DateTime,
        /// Last second.
        to: DateTime,
    },
    /// Count the punches of a period.
    CountPunches {
        /// First second.
        from: DateTime,
        /// Last second.
        to: DateTime,
    },
    /// Send everybody who is stored.
    SendUsers,
    /// Store somebody.
    StoreUser {
        /// The user id.
        pin: Plain,
        /// The name to show.
        name: Plain,
        /// A card in decimal.
        card: Option<u32>,
    },
    /// Remove somebody.
    DeleteUser {
        /// The user id.
        pin: Plain,
    },
    /// Open the door.
    Unlock,
}

/// A value that cannot carry another field or another command: no control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain(String);

impl Plain {
    /// A name: control characters become spaces, cut to what terminals show.
    pub fn name(text: &str) -> Self {
        let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(24).collect();
        Self(clean.trim().to_owned())
    }

    /// A user id; `None` for what no terminal takes as one.
    pub fn pin(text: &str) -> Option<Self> {
        let fits = (1..=24).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric());
        fits.then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Order {
    /// The text behind `C:<id>:`.
    pub fn encode(&self) -> String {
        let period = |from: &DateTime, to: &DateTime| format!("StartTime={}\tEndTime={}", written(*from), written(*to));
        match self {
            Self::Info => "INFO".into(),
            Self::Check => "CHECK".into(),
            Self::SendPunches { from, to } => format!("DATA QUERY ATTLOG {}", period(from, to)),
            Self::CountPunches { from, to } => format!("VERIFY SUM ATTLOG {}", period(from, to)),
            Self::SendUsers => "DATA QUERY USERINFO".into(),
            Self::StoreUser { pin, name, card } => {
                let card = card.map_or_else(String::new, |card| format!("\tCard={card}"));
                format!("DATA UPDATE USERINFO PIN={}\tName={}\tPri=0{card}", pin.0, name.0)
            }
            Self::DeleteUser { pin } => format!("DATA DELETE USERINFO PIN={}", pin.0),
            Self::Unlock => "AC_UNLOCK".into(),
        }
    }
}

/// What a terminal answered to one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The id that we gave.
    pub id: u64,
    /// 0 and above is success.
    pub code: i64,
    /// What else it said.
    pub details: Fields,
}

/// The results in a body: each begins with `ID=`, and lines behind it belong to it.
pub fn outcomes(body: &str) -> Vec<Outcome> {
    let mut found: Vec<Outcome> = Vec::new();
    for line in body.lines().map(str::trim) {
        let fields = Fields::parse(line, '&');
        match (fields.number(&["ID"]), fields.number(&["Return"])) {
            (Some(id), Some(code)) => found.push(Outcome { id, code, details: fields }),
            _ => {
                if let Some(last) = found.last_mut() {
                    last.details.extend(fields);
                }
            }
        }
    }
    found
}

/// "No such data": an empty answer to a query.
pub const NO_DATA: i64 = -1;

/// What a return code means, for people.
pub fn meaning(code: i64) -> Text {
    let (en, zh) = match code {
        -1 => ("it does not take these values, or has no such data", "参数不对或没有相应数据"),
        -3 => ("it could not read or write its memory", "读写存储失败"),
        -10 => ("it does not know this person", "设备上没有此人"),
        -1001 => ("it is full", "容量已满"),
        -1002 => ("its firmware does not know this command", "固件不支持该命令"),
        -1003 => ("it ran out of time", "设备处理超时"),
        -1004 => ("its settings do not allow it", "设备配置不允许"),
        -1005 => ("it is busy; try again", "设备忙，请重试"),
        -1006 => ("a value is too long", "数据过长"),
        -1007 => ("it ran out of memory", "设备内存不足"),
        _ => ("it gives no reason that is known", "未知原因"),
    };
    Text::new(format!("{en} (code {code})"), format!("{zh}（代码 {code}）"))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_period_is_asked_for_in_the_words_of_the_protocol() {
        let day = date(2026, 1, 5);
        let order = Order::SendPunches { from: day.at(0, 0, 0, 0), to: day.at(23, 59, 59, 0) };
        assert_eq!(order.encode(), "DATA QUERY ATTLOG StartTime=2026-01-05 00:00:00\tEndTime=2026-01-05 23:59:59");
    }

    #[test]
    fn results_come_several_at_once_with_lines_behind_them() {
        let found = outcomes("ID=1&Return=0&CMD=INFO\nFWVersion=Ver 8\nUserCount=3\r\nID=2&Return=-1002&CMD=DATA\n");
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].id, found[0].code, found[0].details.get(&["FWVersion"])), (1, 0, Some("Ver 8")));
        assert_eq!((found[1].id, found[1].code), (2, -1002));
        let joined = outcomes("ID=7&Return=0&CMD=VERIFY SUM&AttlogSum=12");
        assert_eq!(joined[0].details.number(&["AttlogSum"]), Some(12));
    }

    proptest! {
        #[test]
        fn no_value_can_carry_a_second_field_or_command(pin in any::<String>(), name in any::<String>()) {
            let clean = Plain::name(&name);
            if let Some(pin) = Plain::pin(&pin) {
                let text = Order::StoreUser { pin, name: clean, card: Some(1) }.encode();
                prop_assert_eq!(text.matches('\t').count(), 3);
                prop_assert!(!text.contains('\n') && !text.contains('\r'));
            }
        }

        #[test]
        fn any_body_is_read_without_a_panic(body in any::<String>()) {
            let _ = outcomes(&body);
        }
    }
}
