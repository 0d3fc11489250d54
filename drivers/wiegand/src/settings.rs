//! What can be set about a Wiegand reader.

use std::time::Duration;

use punchd_contract::{Ability, Declaration, Default, Mistake, Setting, Shape, Values};

use crate::board::Lamp;

/// The highest line number that a chip has.
const LINES: i64 = 1023;

/// What a Wiegand reader is and what can be set about it.
pub const DECLARATION: Declaration = Declaration {
    kind: "wiegand",
    en: "a wall reader or 2.4 GHz RFID-SIM head with Wiegand output, at two GPIO lines (26, 34 or 37 bits, keypads; other lengths are kept as unreadable)",
    zh: "韦根输出的门口读头或 2.4 GHz RFID-SIM 读头，接两条 GPIO 线（26、34、37 位及键盘；其他位数留存为无法识别）",
    keeps_log: false,
    abilities: &[Ability::Identify],
    settings: &[
        Setting {
            key: "data0",
            shape: Shape::Integer(0, LINES),
            default: Default::Required,
            en: "the GPIO line of the wire DATA0 (often green), by its number on the chip (BCM number on a Pi); 3.3 V at most",
            zh: "DATA0（多为绿线）所接的 GPIO 线号（树莓派为 BCM 编号）；最高 3.3 V",
        },
        Setting {
            key: "data1",
            shape: Shape::Integer(0, LINES),
            default: Default::Required,
            en: "the GPIO line of the wire DATA1 (often white)",
            zh: "DATA1（多为白线）所接的 GPIO 线号",
        },
        Setting {
            key: "chip",
            shape: Shape::Text,
            default: Default::Is("gpiochip0"),
            en: "the GPIO chip: its name, its label such as pinctrl-rp1, or its path",
            zh: "GPIO 芯片：名称、标签（如 pinctrl-rp1）或路径",
        },
        Setting {
            key: "green",
            shape: Shape::Integer(0, LINES),
            default: Default::Absent,
            en: "the line that switches the reader's green light; absent: none",
            zh: "控制读头绿灯的线号；不写表示没有",
        },
        Setting {
            key: "red",
            shape: Shape::Integer(0, LINES),
            default: Default::Absent,
            en: "the line that switches the reader's red light; absent: none",
            zh: "控制读头红灯的线号；不写表示没有",
        },
        Setting {
            key: "buzzer",
            shape: Shape::Integer(0, LINES),
            default: Default::Absent,
            en: "the line that switches the reader's buzzer; absent: none",
            zh: "控制读头蜂鸣器的线号；不写表示没有",
        },
        Setting {
            key: "active_low",
            shape: Shape::Boolean,
            default: Default::Is("true"),
            en: "light and buzzer are on while their wire is low, as most readers want it",
            zh: "灯和蜂鸣器在低电平时接通（多数读头如此）",
        },
        Setting {
            key: "pull",
            shape: Shape::Word(&["up", "none", "as-is"]),
            default: Default::Is("up"),
            en: "the resistor inside the chip at the data lines: up for open collector outputs, none with resistors or a level shifter outside",
            zh: "数据线的内部电阻：集电极开路输出用 up；外接电阻或电平转换用 none",
        },
        Setting {
            key: "byte_order",
            shape: Shape::Word(&["as-sent", "reversed"]),
            default: Default::Is("as-sent"),
            en: "reversed for readers that send a card's bytes back to front, so that the card is the same as at other readers",
            zh: "若读头倒序发送卡号字节，设为 reversed，使卡号与其他读头一致",
        },
        Setting {
            key: "keypad",
            shape: Shape::Boolean,
            default: Default::Is("false"),
            en: "somebody may type a user id and # at the reader; * begins anew",
            zh: "可在读头键盘输入编号并按 #；* 为重新输入",
        },
        Setting {
            key: "repeat",
            shape: Shape::Duration(0, 3600),
            default: Default::Is("2s"),
            en: "the same card again within this time of when it was last there is one reading",
            zh: "同一张卡在此时间内再次出现视为同一次",
        },
    ],
};

/// Which line is what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wiring {
    /// The chip's name, label or path.
    pub chip: String,
    /// DATA0.
    pub data0: u32,
    /// DATA1.
    pub data1: u32,
    /// The green light.
    pub green: Option<u32>,
    /// The red light.
    pub red: Option<u32>,
    /// The buzzer.
    pub buzzer: Option<u32>,
    /// Lamps are on while low.
    pub active_low: bool,
    /// The resistor at the data lines.
    pub pull: Pull,
}

impl Wiring {
    /// Nothing is wired.
    pub const NONE: Self = Self {
        chip: String::new(),
        data0: 0,
        data1: 0,
        green: None,
        red: None,
        buzzer: None,
        active_low: true,
        pull: Pull::Up,
    };

    /// The line of a lamp.
    pub fn lamp(&self, lamp: Lamp) -> Option<u32> {
        match lamp {
            Lamp::Green => self.green,
            Lamp::Red => self.red,
            Lamp::Buzzer => self.buzzer,
        }
    }
}

/// The resistor at an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pull {
    /// To the supply.
    Up,
    /// None.
    None,
    /// As it is set.
    AsIs,
}

/// The settings of one reader.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which line is what.
    pub wiring: Wiring,
    /// The bytes of a card come back to front.
    pub reversed: bool,
    /// Keys are a user id.
    pub keypad: bool,
    /// How long a card that lies there is the same.
    pub repeat: Duration,
}

/// Reads checked values; all mistakes at once.
pub fn parse(values: &Values) -> Result<Settings, Vec<Mistake>> {
    let line = |key: &str| values.integer(key).and_then(|line| u32::try_from(line).ok());
    let mut mistakes = Vec::new();
    let keys = ["data0", "data1", "green", "red", "buzzer"];
    for (at, key) in keys.into_iter().enumerate() {
        let earlier = keys.iter().take(at).find(|earlier| line(key).is_some() && line(earlier) == line(key));
        if let Some(earlier) = earlier {
            mistakes.push(Mistake::new(key, format!("another line than `{earlier}`")));
        } else if at < 2 && line(key).is_none() {
            mistakes.push(Mistake::new(key, "the number of its GPIO line"));
        }
    }
    let chip = values.text("chip").unwrap_or("gpiochip0").trim().to_owned();
    if chip.is_empty() {
        mistakes.push(Mistake::new("chip", "a GPIO chip, such as gpiochip0"));
    }
    let (Some(data0), Some(data1), true) = (line("data0"), line("data1"), mistakes.is_empty()) else {
        return Err(mistakes);
    };
    let pull = match values.text("pull") {
        Some("none") => Pull::None,
        Some("as-is") => Pull::AsIs,
        _ => Pull::Up,
    };
    let (green, red, buzzer) = (line("green"), line("red"), line("buzzer"));
    let active_low = values.get("active_low").is_none() || values.boolean("active_low");
    Ok(Settings {
        wiring: Wiring { chip, data0, data1, green, red, buzzer, active_low, pull },
        reversed: values.text("byte_order") == Some("reversed"),
        keypad: values.boolean("keypad"),
        repeat: values.duration("repeat").unwrap_or(Duration::from_secs(2)),
    })
}

#[cfg(test)]
mod tests {
    use punchd_contract::Value;

    use super::*;

    #[test]
    fn two_lines_are_enough() {
        let values = Values::new().with("data0", Value::Integer(17)).with("data1", Value::Integer(18));
        let settings = parse(&values).unwrap();
        assert_eq!(settings.wiring, Wiring { chip: "gpiochip0".into(), data0: 17, data1: 18, ..Wiring::NONE });
        assert!(!settings.keypad && !settings.reversed);
    }

    #[test]
    fn no_line_is_two_things() {
        let values = Values::new()
            .with("data0", Value::Integer(17))
            .with("data1", Value::Integer(17))
            .with("buzzer", Value::Integer(4))
            .with("red", Value::Integer(4));
        let keys: Vec<_> = parse(&values).unwrap_err().iter().map(|mistake| mistake.key).collect();
        assert_eq!(keys, ["data1", "buzzer"]);
        let keys: Vec<_> = parse(&Values::new()).unwrap_err().iter().map(|mistake| mistake.key).collect();
        assert_eq!(keys, ["data0", "data1"]);
    }
}
