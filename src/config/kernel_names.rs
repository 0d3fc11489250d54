//! Names that the kernel gives in the order in which it finds things, and that are another's after a restart.

use punchd_contract::Text;

use super::check::Check;
use super::tree::{Node, Raw, Table};

/// Settings that name hardware.
const KEYS: [&str; 4] = ["port", "device", "adapter", "chip"];

/// What such a name stands for, and so what to write instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Named {
    Port,
    /// A port of a maker's own driver, which has no other name (ch343ser_linux #16).
    MakersPort,
    Input,
    Raw,
    Bluetooth,
    Gpio,
}

/// Where a name follows the order: the start of the name, what follows being a number.
const NAMES: [(&str, Named); 12] = [
    ("/dev/ttyUSB", Named::Port),
    ("/dev/ttyACM", Named::Port),
    ("/dev/ttyXRUSB", Named::MakersPort),
    ("/dev/ttyCH341USB", Named::MakersPort),
    ("/dev/ttyCH343USB", Named::MakersPort),
    ("/dev/ttyCH9344USB", Named::MakersPort),
    ("/dev/rfcomm", Named::Port),
    ("/dev/input/event", Named::Input),
    ("/dev/hidraw", Named::Raw),
    ("hci", Named::Bluetooth),
    ("gpiochip", Named::Gpio),
    ("/dev/gpiochip", Named::Gpio),
];

fn named(name: &str) -> Option<Named> {
    let number = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    NAMES.into_iter().find(|(start, _)| name.strip_prefix(start).is_some_and(number)).map(|(_, named)| named)
}

/// Whether a name can be another's after a restart.
pub(crate) fn is_kernel_name(name: &str) -> bool {
    named(name).is_some()
}

/// Warns of every such name that is written in these blocks.
pub(super) fn check(check: &mut Check<'_>, devices: &[&Table]) {
    for device in devices {
        for key in KEYS {
            let Some(Node { at, raw: Raw::Text(name) }) = device.get(key).map(|entry| &entry.node) else { continue };
            let name = name.trim();
            if let Some(named) = named(name) {
                let Text { en, zh } = advice(name, named);
                check.findings.warning(*at, en, zh);
            }
        }
    }
}

fn advice(name: &str, named: Named) -> Text {
    let order = Text::new(
        format!(
            "`{name}` is a name that the kernel gives in the order in which it finds things: after a restart or a replug it can be another's"
        ),
        format!("`{name}` 是内核按发现顺序分配的名称：重启或重新插拔后可能变成另一台设备"),
    );
    let instead = match named {
        Named::Port => Text::new(
            "write the name under /dev/serial/by-path (the socket), or under /dev/serial/by-id (the very adapter, where it has a serial number); `punchd devices discover` shows them",
            "请改写为 /dev/serial/by-path（按插口）下的名称；适配器有序列号时也可用 /dev/serial/by-id；`punchd devices discover` 可显示",
        ),
        Named::MakersPort => Text::new(
            "the maker's driver gives no other name: use the kernel's own driver (ch341, cdc_acm), or write a name that a udev rule with SYMLINK gives to the socket",
            "厂商驱动不提供其他名称：请改用内核自带驱动（ch341、cdc_acm），或用 udev 规则的 SYMLINK 按插口命名后改写",
        ),
        Named::Input | Named::Raw => Text::new(
            "write the name under /dev/input/by-path (the socket), or the reader's vendor and product such as \"ffff:0035\"; `punchd devices discover` shows them",
            "请改写为 /dev/input/by-path（按插口）下的名称，或读头的厂商和产品编号（如 \"ffff:0035\"）；`punchd devices discover` 可显示",
        ),
        Named::Bluetooth => Text::new(
            "with one adapter, leave `adapter` out; with several, write the number again after the order has changed (`bluetoothctl list` shows them)",
            "只有一个适配器时请不写 `adapter`；有多个时，顺序变化后须改写编号（`bluetoothctl list` 可显示）",
        ),
        Named::Gpio => Text::new(
            "write the chip's label such as \"pinctrl-rp1\"; `gpiodetect` shows it",
            "请改写为芯片标签（如 \"pinctrl-rp1\"）；`gpiodetect` 可显示",
        ),
    };
    Text::new(format!("{}: {}", order.en, instead.en), format!("{}：{}", order.zh, instead.zh))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_stay_are_no_kernel_names() {
        for name in [
            "/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0",
            "/dev/serial/by-path/platform-3f980000.usb-usb-0:1.2:1.0-port0",
            "/dev/input/by-path/platform-3f980000.usb-usb-0:1.2:1.0-event-kbd",
            // Soldered on, or given by an administrator's rule.
            "/dev/ttyS0",
            "/dev/ttyAMA0",
            "/dev/serial0",
            "/dev/ttyUSB-gate",
            "/dev/ttyUSB",
            "tcp://192.168.1.7:4001",
            "pinctrl-rp1",
            "00:1A:7D:DA:71:13",
            "ffff:0035",
            "",
        ] {
            assert!(!is_kernel_name(name), "{name}");
        }
        for name in ["/dev/ttyUSB0", "/dev/ttyACM12", "/dev/input/event3", "hci1", "gpiochip4", "/dev/gpiochip0"] {
            assert!(is_kernel_name(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn every_number_of_every_such_name_is_warned_of_with_something_else_to_write(
            at in 0..NAMES.len(), number in 0u16..1000,
        ) {
            let (start, kind) = NAMES[at];
            let name = format!("{start}{number}");
            prop_assert_eq!(named(&name), Some(kind));
            let Text { en, zh } = advice(&name, kind);
            prop_assert!(en.contains(&name) && zh.contains(&name) && en.contains(" write "));
        }
    }
}
