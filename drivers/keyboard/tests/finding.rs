//! Which input device is meant, and which of them look like readers, by what sysfs and udev tell.

#![allow(clippy::unwrap_used, reason = "in a test, a failure is to be seen")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use punchd_keyboard::discover::readers_among;
use punchd_keyboard::source::InputError;
use punchd_keyboard::source::inputs::{Roots, find};
use punchd_keyboard::wanted::Wanted;

/// Codes of a whole keyboard, of a mouse, of a reader's few keys.
const WHOLE: std::ops::Range<u16> = 1..120;
const MOUSE: std::ops::Range<u16> = 0x110..0x113;
const FEW: std::ops::Range<u16> = 2..29;

struct Machine {
    _folder: tempfile::TempDir,
    roots: Roots,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots { class: folder.path().join("class"), dev: folder.path().join("dev") };
        fs::create_dir_all(&roots.class).unwrap();
        fs::create_dir_all(roots.dev.join("by-path")).unwrap();
        Self { _folder: folder, roots }
    }

    fn plug(&self, event: u32, name: &str, ids: (u16, u16), phys: &str, keys: std::ops::Range<u16>) {
        let device = self.roots.class.join(format!("event{event}/device"));
        let write = |file: &str, text: String| {
            fs::create_dir_all(device.join(file).parent().unwrap()).unwrap();
            fs::write(device.join(file), text + "\n").unwrap();
        };
        write("name", name.into());
        write("phys", phys.into());
        write("id/vendor", format!("{:04x}", ids.0));
        write("id/product", format!("{:04x}", ids.1));
        let mut words = [0_usize; 16];
        for code in keys {
            words[usize::from(code) / usize::BITS as usize] |= 1 << (u32::from(code) % usize::BITS);
        }
        let from = words.iter().rposition(|word| *word != 0).unwrap_or(0);
        let text: Vec<_> = words[..=from].iter().rev().map(|word| format!("{word:x}")).collect();
        write("capabilities/key", text.join(" "));
        fs::write(self.roots.dev.join(format!("event{event}")), "").unwrap();
    }

    fn link(&self, name: &str, event: u32) {
        symlink(Path::new("..").join(format!("event{event}")), self.roots.dev.join("by-path").join(name)).unwrap();
    }

    fn find(&self, wanted: &str) -> Result<String, InputError> {
        find(&self.roots, &Wanted::parse(wanted).unwrap()).map(|input| input.event)
    }
}

/// A desk with a mouse and keyboard, and two readers of one kind with two interfaces each, met alternately at boot.
fn desk() -> Machine {
    let machine = Machine::new();
    machine.plug(0, "Power Button", (0, 1), "PNP0C0C/button/input0", 116..117);
    machine.plug(1, "Logitech USB Keyboard", (0x046D, 0xC31C), "usb-0000:01:00.0-1.1/input0", WHOLE);
    machine.plug(2, "Sycreader USB Reader", (0xFFFF, 0x0035), "usb-0000:01:00.0-1.2/input0", MOUSE);
    machine.plug(3, "Sycreader USB Reader", (0xFFFF, 0x0035), "usb-0000:01:00.0-1.3/input0", MOUSE);
    machine.plug(4, "Sycreader USB Reader", (0xFFFF, 0x0035), "usb-0000:01:00.0-1.2/input1", WHOLE);
    machine.plug(10, "Sycreader USB Reader", (0xFFFF, 0x0035), "usb-0000:01:00.0-1.3/input1", WHOLE);
    machine.link("pci-0000:01:00.0-usb-0:1.2:1.0-event-mouse", 2);
    machine.link("pci-0000:01:00.0-usb-0:1.2:1.1-event-kbd", 4);
    machine.link("pci-0000:01:00.0-usbv2-0:1.2:1.1-event-kbd", 4);
    machine
}

#[test]
fn a_port_names_one_reader_and_of_its_interfaces_the_one_that_types() {
    let desk = desk();
    for wanted in [
        "/dev/input/by-path/pci-0000:01:00.0-usb-0:1.2:1.1-event-kbd",
        "/dev/input/by-path/pci-0000:01:00.0-usb-0:1.2:1.0-event-mouse",
        "phys:usb-0000:01:00.0-1.2",
        "phys:usb-0000:01:00.0-1.2/input1",
        "phys:usb-0000:01:00.0-1.2/input0",
        "/dev/input/event4",
    ] {
        assert_eq!(desk.find(wanted).as_deref(), Ok("event4"), "{wanted}");
    }
    assert_eq!(desk.find("phys:usb-0000:01:00.0-1.3").as_deref(), Ok("event10"));
    assert_eq!(desk.find("logitech usb keyboard").as_deref(), Ok("event1"));
    assert_eq!(desk.find("046d:c31c").as_deref(), Ok("event1"));
}

#[test]
fn two_of_a_kind_are_told_apart_by_their_ports_and_what_to_write_is_said() {
    let Err(error @ InputError::Several { .. }) = desk().find("ffff:0035") else { panic!("not several") };
    let text = error.text();
    for place in ["/dev/input/by-path/pci-0000:01:00.0-usb-0:1.2:1.1-event-kbd", "phys:usb-0000:01:00.0-1.3"] {
        assert!(text.en.contains(place) && text.zh.contains(place), "{text}");
    }
}

#[test]
fn what_is_not_there_or_types_nothing_is_told_as_such() {
    let desk = desk();
    assert!(matches!(desk.find("phys:usb-0000:01:00.0-1.4"), Err(InputError::NotThere(_))));
    assert!(matches!(desk.find("/dev/input/by-path/none"), Err(InputError::NotThere(_))));
    assert!(matches!(desk.find("Power Button"), Err(InputError::NoKeys(_))));
    let nothing = Roots { class: "/nowhere".into(), dev: "/nowhere".into() };
    assert!(matches!(find(&nothing, &Wanted::Ids(1, 2)), Err(InputError::NotThere(_))));
}

#[test]
fn readers_are_found_once_each_and_keyboards_are_not() {
    let desk = desk();
    desk.plug(11, "HID Device", (0x1234, 0x0001), "usb-0000:01:00.0-1.4/input0", FEW);
    let found = readers_among(&desk.roots);
    let settings: Vec<_> = found.iter().map(|found| found.settings.clone()).collect();
    assert_eq!(
        settings,
        [
            vec![("device", "\"/dev/input/by-path/pci-0000:01:00.0-usb-0:1.2:1.1-event-kbd\"".to_owned())],
            vec![("device", "\"phys:usb-0000:01:00.0-1.3\"".to_owned())],
            vec![("device", "\"phys:usb-0000:01:00.0-1.4\"".to_owned())],
        ]
    );
    for found in &found {
        assert!(
            Wanted::parse(&found.place).is_some_and(|wanted| find(&desk.roots, &wanted).is_ok()),
            "{}",
            found.place
        );
    }
}

#[test]
fn a_virtual_reader_without_a_port_is_named_by_what_it_is() {
    let machine = Machine::new();
    machine.plug(3, "Virtual Card Reader", (0xFFFF, 0x0035), "", WHOLE);
    machine.plug(4, "Virtual Card Reader", (0, 0), "", WHOLE);
    let places: Vec<_> = readers_among(&machine.roots).into_iter().map(|found| found.place).collect();
    assert_eq!(places, ["ffff:0035", "Virtual Card Reader"]);
    assert_eq!(machine.find("ffff:0035").as_deref(), Ok("event3"));
}
