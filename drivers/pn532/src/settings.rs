//! What can be set about a PN532.

use std::time::Duration;

use punchd_contract::{Ability, Declaration, Default, Mistake, Place, Setting, Shape, Values};

use crate::lights::{Lights, Lit, Pin};
use crate::protocol::target::Technology;

/// The words for the chip's pins. P32 and P34 are left out: boards use them for the interrupt line and the secure element.
const PINS: &[&str] = &["p30", "p31", "p33", "p35", "p71", "p72"];
/// A look every so often leaves a person no time to wonder, and costs an idle gateway next to nothing.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What a PN532 is and what can be set about it.
pub(crate) const DECLARATION: Declaration = Declaration {
    kind: "pn532",
    en: "a PN532 NFC reader at a serial port: cards, badges and phones",
    zh: "串口 PN532 NFC 读卡器：卡片、工牌和手机",
    keeps_log: false,
    abilities: &[Ability::Identify],
    settings: &[
        Setting {
            key: "port",
            shape: Shape::Line,
            default: Default::Required,
            en: "the serial port that it is plugged into, best a name under /dev/serial/by-path; the board's switches must stand on HSU",
            zh: "读卡器所在的串口，最好用 /dev/serial/by-path 下的名称；板上拨码开关须拨到 HSU",
        },
        Setting {
            key: "cards",
            shape: Shape::Texts,
            default: Default::Absent,
            en: "which cards are looked for: \"a\" (MIFARE, NTAG, DESFire, phones), \"b\", \"felica\" (212 kbit/s), \"felica-424\"; absent: [\"a\", \"b\", \"felica\"]",
            zh: "寻找哪些卡：\"a\"（MIFARE、NTAG、DESFire、手机）、\"b\"、\"felica\"（212 kbit/s）、\"felica-424\"；不设则为 [\"a\", \"b\", \"felica\"]",
        },
        Setting {
            key: "poll_ms",
            shape: Shape::Integer(50, 2000),
            default: Default::Is("200"),
            en: "how many milliseconds pass between two looks for cards",
            zh: "两次寻卡之间的毫秒数",
        },
        Setting {
            key: "aid",
            shape: Shape::Text,
            default: Default::Absent,
            en: "an application (hexadecimal, 5 to 16 bytes) that is selected on phones and smart cards that have it; what it answers, 4 to 16 bytes, identifies the person instead of the card's own number. Absent: phones are refused, because their numbers are made up anew every time",
            zh: "在手机和智能卡上选择的应用（十六进制，5 至 16 字节）；以其应答（4 至 16 字节）代替卡号识别人员。不设则拒绝手机，因为手机每次的卡号都是随机的",
        },
        Setting {
            key: "aid_read",
            shape: Shape::Text,
            default: Default::Absent,
            en: "with `aid`: a second command (hexadecimal APDU) whose answer is the number, for applications that answer their selection with something else",
            zh: "与 `aid` 合用：选择应用之后再发送的命令（十六进制 APDU），以其应答作为号码；用于选择时不直接返回号码的应用",
        },
        Setting {
            key: "green_pin",
            shape: Shape::Word(PINS),
            default: Default::Absent,
            en: "the chip's pin with a green light: on for taken, twice for already punched. Boards have no light of their own; without these pins a person sees the answer on a display or page only",
            zh: "接绿灯的芯片引脚：打卡成功时亮起，已打卡时闪两次。板上没有自带的指示灯；不接这些引脚，结果只能在显示屏或页面上看到",
        },
        Setting {
            key: "red_pin",
            shape: Shape::Word(PINS),
            default: Default::Absent,
            en: "the chip's pin with a red light: three times for refused, long for not recorded; with green for unknown",
            zh: "接红灯的芯片引脚：拒绝时闪三次，未记录时长亮；与绿灯同闪表示未登记",
        },
        Setting {
            key: "buzzer_pin",
            shape: Shape::Word(PINS),
            default: Default::Absent,
            en: "the chip's pin with a buzzer (through a transistor): one long beep for taken, two short for already punched, three short for unknown or refused, one very long for not recorded",
            zh: "接蜂鸣器的芯片引脚（须经三极管）：长响一声为成功，短响两声为已打卡，短响三声为未登记或拒绝，超长一声为未记录",
        },
        Setting {
            key: "pins_lit",
            shape: Shape::Word(&["low", "high"]),
            default: Default::Is("low"),
            en: "the level that switches the lights and the buzzer on; the pins are high, and weak, after power-on, so low suits most wiring",
            zh: "点亮指示灯和蜂鸣器的电平；引脚上电后为高电平且驱动力弱，多数接法用 low",
        },
    ],
};

/// The settings of one reader.
#[derive(Debug)]
pub struct Settings {
    pub(crate) place: Place,
    /// In the order in which they are looked for.
    pub(crate) technologies: Vec<Technology>,
    pub(crate) every: Duration,
    pub(crate) application: Option<Application>,
    pub(crate) lights: Option<Lights>,
}

/// The application that identifies people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Application {
    pub(crate) aid: Vec<u8>,
    /// What is asked after its selection; nothing: the selection's answer counts.
    pub(crate) read: Option<Vec<u8>>,
}

/// Turns checked values into settings.
pub(crate) fn parse(values: &Values) -> Result<Settings, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let place = values.line("port").cloned();
    if place.is_none() {
        mistakes.push(Mistake::new("port", "a serial port, such as /dev/ttyUSB0"));
    }
    let technologies = technologies(values).unwrap_or_else(|mistake| {
        mistakes.push(mistake);
        Vec::new()
    });
    let application = application(values).unwrap_or_else(|mistake| {
        mistakes.push(mistake);
        None
    });
    if application.is_some() && !technologies.is_empty() && !technologies.contains(&Technology::A) {
        mistakes.push(Mistake::new("cards", "with \"a\" among them: `aid` is asked of cards of type A"));
    }
    let lights = lights(values).unwrap_or_else(|mistake| {
        mistakes.push(mistake);
        None
    });
    let every = values.integer("poll_ms").and_then(|millis| u64::try_from(millis).ok());
    let every = every.map_or(LOOK_EVERY, Duration::from_millis);
    match place {
        Some(place) if mistakes.is_empty() => Ok(Settings { place, technologies, every, application, lights }),
        _ => Err(mistakes),
    }
}

fn technologies(values: &Values) -> Result<Vec<Technology>, Mistake> {
    let words = values.texts("cards");
    if words.is_empty() {
        return Ok(vec![Technology::A, Technology::B, Technology::Felica212]);
    }
    let mut technologies = Vec::new();
    for word in words {
        let technology = match word.as_str() {
            "a" => Technology::A,
            "b" => Technology::B,
            "felica" => Technology::Felica212,
            "felica-424" => Technology::Felica424,
            _ => return Err(Mistake::new("cards", "a list of \"a\", \"b\", \"felica\", \"felica-424\"")),
        };
        if !technologies.contains(&technology) {
            technologies.push(technology);
        }
    }
    Ok(technologies)
}

fn application(values: &Values) -> Result<Option<Application>, Mistake> {
    let Some(aid) = values.text("aid") else {
        return match values.text("aid_read") {
            Some(_) => {
                Err(Mistake::new("aid", "given as well: `aid_read` is asked of the application that `aid` names"))
            }
            None => Ok(None),
        };
    };
    let bytes = hex(aid).filter(|bytes| (5..=16).contains(&bytes.len()));
    let aid = bytes.ok_or_else(|| Mistake::new("aid", "10 to 32 hexadecimal digits, such as \"F0010203040506\""))?;
    let read = match values.text("aid_read") {
        None => None,
        Some(text) => {
            let bytes = hex(text).filter(|bytes| (4..=255).contains(&bytes.len()));
            let wrong = || Mistake::new("aid_read", "an APDU of 4 to 255 bytes in hexadecimal, such as \"00B000000F\"");
            Some(bytes.ok_or_else(wrong)?)
        }
    };
    Ok(Some(Application { aid, read }))
}

fn lights(values: &Values) -> Result<Option<Lights>, Mistake> {
    let mut taken = Vec::new();
    let mut pin = |key: &'static str| match values.text(key) {
        None => Ok(None),
        Some(word) => {
            let pin = Pin::from_word(word).ok_or_else(|| Mistake::new(key, PINS.join(", ")))?;
            if taken.contains(&pin) {
                return Err(Mistake::new(key, "a pin of its own: another light has this one"));
            }
            taken.push(pin);
            Ok(Some(pin))
        }
    };
    let (green, red, buzzer) = (pin("green_pin")?, pin("red_pin")?, pin("buzzer_pin")?);
    let lit = if values.text("pins_lit") == Some("high") { Lit::High } else { Lit::Low };
    Ok((!taken.is_empty()).then_some(Lights { green, red, buzzer, lit }))
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b' ' | b':')).collect();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    digits.chunks_exact(2).map(|two| Some(digit(two.first()?)? << 4 | digit(two.last()?)?)).collect()
}

#[cfg(test)]
mod tests {
    use punchd_contract::Value;

    use super::*;

    fn values() -> Values {
        Values::new().with("port", Value::Line(Place::Serial("/dev/ttyUSB0".into())))
    }

    fn text(key: &str, text: &str) -> Values {
        values().with(key, Value::Text(text.into()))
    }

    #[test]
    fn the_port_alone_is_enough() {
        let settings = parse(&values()).unwrap();
        assert_eq!(settings.technologies, [Technology::A, Technology::B, Technology::Felica212]);
        assert_eq!((settings.every, settings.application, settings.lights), (LOOK_EVERY, None, None));
        assert_eq!(parse(&Values::new()).unwrap_err()[0].key, "port");
    }

    #[test]
    fn an_application_is_read_from_hexadecimal() {
        let settings =
            parse(&text("aid", "F0 01 02 03 04").with("aid_read", Value::Text("00b000000f".into()))).unwrap();
        let application = Application { aid: vec![0xF0, 1, 2, 3, 4], read: Some(vec![0, 0xB0, 0, 0, 0x0F]) };
        assert_eq!(settings.application, Some(application));
        for wrong in ["", "F0", "F0010203G4", "F00102030", "é1é1é1é1é1", &"00".repeat(17)] {
            assert_eq!(parse(&text("aid", wrong)).unwrap_err()[0].key, "aid", "{wrong}");
        }
        assert_eq!(parse(&text("aid_read", "00B000000F")).unwrap_err()[0].key, "aid");
        let only_b = text("aid", "F001020304").with("cards", Value::Texts(vec!["b".into()]));
        assert_eq!(parse(&only_b).unwrap_err()[0].key, "cards");
    }

    #[test]
    fn each_light_has_a_pin_of_its_own() {
        let two = text("green_pin", "p30").with("buzzer_pin", Value::Text("p71".into()));
        let lights = parse(&two).unwrap().lights.unwrap();
        assert_eq!((lights.green, lights.red, lights.lit), (Pin::from_word("p30"), None, Lit::Low));
        let same = text("green_pin", "p30").with("red_pin", Value::Text("p30".into()));
        assert_eq!(parse(&same).unwrap_err()[0].key, "red_pin");
        assert_eq!(parse(&text("green_pin", "p32")).unwrap_err()[0].key, "green_pin");
    }

    #[test]
    fn a_kind_of_card_that_does_not_exist_is_a_mistake() {
        let cards = |words: &[&str]| values().with("cards", Value::Texts(words.iter().map(|w| (*w).into()).collect()));
        assert_eq!(
            parse(&cards(&["felica-424", "a", "a"])).unwrap().technologies,
            [Technology::Felica424, Technology::A]
        );
        assert_eq!(parse(&cards(&["mifare"])).unwrap_err()[0].key, "cards");
    }

    #[test]
    fn every_word_for_a_pin_is_a_pin() {
        assert!(PINS.iter().all(|word| Pin::from_word(word).is_some()));
    }
}
