//! What can be set about a fingerprint module.

use std::time::Duration;

use punchd_contract::{Ability, Declaration, Default, Mistake, Mode, Place, Setting, Shape, Values};

use crate::protocol::Address;

/// What a fingerprint module is and what can be set about it.
pub const DECLARATION: Declaration = Declaration {
    kind: "fingerprint",
    en: "a fingerprint module of the EF01 family (ZFM-20, R30x, AS608, R503) at a serial port",
    zh: "接在串口上的 EF01 系列指纹模块（ZFM-20、R30x、AS608、R503）",
    keeps_log: false,
    abilities: &[Ability::Identify, Ability::Fingers],
    settings: &[
        Setting {
            key: "port",
            shape: Shape::Line,
            default: Default::Required,
            en: "where the module is: a serial port, best under /dev/serial/by-path/",
            zh: "模块所在位置：串口，建议使用 /dev/serial/by-path/ 下的名称",
        },
        Setting {
            key: "baud",
            shape: Shape::Integer(9600, 115_200),
            default: Default::Is("57600"),
            en: "the module's speed, a multiple of 9600",
            zh: "模块的波特率，为 9600 的倍数",
        },
        Setting {
            key: "module_address",
            shape: Shape::Text,
            default: Default::Is("\"FFFFFFFF\""),
            en: "the module's address, eight hexadecimal digits; it answers no other",
            zh: "模块地址，八位十六进制数；地址不符时模块不应答",
        },
        Setting {
            key: "password",
            shape: Shape::Secret,
            default: Default::Absent,
            en: "the module's password, eight hexadecimal digits; absent: 00000000, as most are delivered (some, such as the R311, with FFFFFFFF)",
            zh: "模块密码，八位十六进制数；不写则为多数型号出厂的 00000000（部分型号如 R311 为 FFFFFFFF）",
        },
        Setting {
            key: "poll",
            shape: Shape::Integer(100, 1000),
            default: Default::Is("200"),
            en: "how often the module is asked for a finger, in milliseconds",
            zh: "每隔多少毫秒查询一次是否有手指",
        },
    ],
};

/// As delivered.
pub const BAUD: u32 = 57_600;

/// The settings of one module.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it is.
    pub place: Place,
    /// How the port is set.
    pub mode: Mode,
    /// Its address.
    pub address: Address,
    /// Its password.
    pub password: Password,
    /// Between two looks for a finger.
    pub poll: Duration,
}

/// The word that some modules want before anything else. Shows itself to nobody.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Password(u32);

impl Password {
    /// For the one command that needs it.
    pub fn reveal(self) -> u32 {
        self.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("•••")
    }
}

fn eight_digits(text: &str) -> Option<u32> {
    let text = text.trim();
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let good = digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    good.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

/// Reads checked values; all mistakes at once.
pub fn parse(values: &Values) -> Result<Settings, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let mut wrong = |key, right: &str| mistakes.push(Mistake::new(key, right));

    let place = values.line("port").cloned();
    if place.is_none() {
        wrong("port", "a serial port such as \"/dev/serial/by-id/…\"");
    }
    let baud = values.integer("baud").map_or(Some(BAUD), |baud| u32::try_from(baud).ok());
    let baud = baud.filter(|baud| baud.is_multiple_of(9600) && (9600..=115_200).contains(baud));
    if baud.is_none() {
        wrong("baud", "a multiple of 9600 up to 115200; most modules are delivered with 57600");
    }
    let address = values.text("module_address").map_or(Some(Address::default().0), eight_digits);
    if address.is_none() {
        wrong("module_address", "eight hexadecimal digits, such as \"FFFFFFFF\"");
    }
    let password = values.secret("password").map_or(Some(0), |secret| eight_digits(secret.reveal()));
    if password.is_none() {
        wrong("password", "eight hexadecimal digits");
    }
    let poll = values.integer("poll").and_then(|poll| u64::try_from(poll).ok()).unwrap_or(200);
    match (place, baud, address, password) {
        (Some(place), Some(baud), Some(address), Some(password)) => Ok(Settings {
            place,
            mode: Mode::at(baud),
            address: Address(address),
            password: Password(password),
            poll: Duration::from_millis(poll),
        }),
        _ => Err(mistakes),
    }
}

#[cfg(test)]
mod tests {
    use punchd_contract::{Secret, Value};

    use super::*;

    #[test]
    fn a_port_is_enough() {
        let place = Place::Serial("/dev/ttyUSB0".into());
        let settings = parse(&Values::new().with("port", Value::Line(place.clone()))).unwrap();
        assert_eq!((settings.place, settings.mode), (place, Mode::at(57_600)));
        assert_eq!((settings.address, settings.password), (Address(0xFFFF_FFFF), Password(0)));
    }

    #[test]
    fn all_mistakes_are_named_at_once() {
        let values = Values::new()
            .with("baud", Value::Integer(10_000))
            .with("module_address", Value::Text("FFFF".into()))
            .with("password", Value::Secret(Secret::new("geheim")));
        let keys: Vec<_> = parse(&values).unwrap_err().iter().map(|mistake| mistake.key).collect();
        assert_eq!(keys, ["port", "baud", "module_address", "password"]);
    }

    #[test]
    fn a_password_does_not_show() {
        let place = Place::Serial("/dev/ttyUSB0".into());
        let values =
            Values::new().with("port", Value::Line(place)).with("password", Value::Secret(Secret::new("0x12345678")));
        let settings = parse(&values).unwrap();
        assert_eq!(settings.password.reveal(), 0x1234_5678);
        assert!(!format!("{settings:?}").contains("12345678") && !format!("{settings:?}").contains("305419896"));
    }
}
