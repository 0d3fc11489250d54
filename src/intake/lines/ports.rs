//! The serial ports of this machine, as the kernel lists them.

use std::path::{Path, PathBuf};

/// A serial port that has hardware behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// A name that stays the same over boots and replugs, where there is one.
    pub stable: PathBuf,
    /// The name that the kernel gives it now.
    pub current: PathBuf,
    /// What it says of itself, such as a USB product name.
    pub product: Option<String>,
}

/// All serial ports, by name. Ports without hardware (the kernel keeps some in reserve) are left out.
pub fn ports() -> Vec<Port> {
    list(Path::new("/sys/class/tty"), Path::new("/dev"))
}

fn list(class: &Path, dev: &Path) -> Vec<Port> {
    let entries = std::fs::read_dir(class).into_iter().flatten().flatten();
    let mut found: Vec<Port> = entries
        .filter(|entry| is_real(&entry.path()))
        .map(|entry| {
            let current = dev.join(entry.file_name());
            Port { stable: stable(dev, &current), current, product: product(&entry.path()) }
        })
        .filter(|port| port.current.exists())
        .collect();
    found.sort_by(|a, b| a.stable.cmp(&b.stable));
    found
}

/// Whether there is a driver behind it, and for 8250 ports (which exist in reserve) an interrupt or address.
fn is_real(tty: &Path) -> bool {
    let read = |name: &str| std::fs::read_to_string(tty.join(name)).ok();
    let port_type = read("type").and_then(|text| text.trim().parse::<u32>().ok());
    tty.join("device").exists() && port_type != Some(0)
}

/// The link of `/dev/serial/by-id`, or `by-path`, that leads to it; itself otherwise.
fn stable(dev: &Path, current: &Path) -> PathBuf {
    let real = current.canonicalize().ok();
    for folder in ["serial/by-id", "serial/by-path"] {
        let links = std::fs::read_dir(dev.join(folder)).into_iter().flatten().flatten();
        for link in links {
            let path = link.path();
            if real.is_some() && path.canonicalize().ok() == real {
                return path;
            }
        }
    }
    current.to_owned()
}

/// The product name, from the USB device some levels up.
fn product(tty: &Path) -> Option<String> {
    let device = tty.join("device").canonicalize().ok()?;
    let name = device.ancestors().take(5).find_map(|level| std::fs::read_to_string(level.join("product")).ok())?;
    let name: String = name.trim().chars().filter(|c| !c.is_control()).take(60).collect();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn ports_with_hardware_are_listed_under_their_stable_names() {
        let root = tempfile::tempdir().unwrap();
        let (class, dev) = (root.path().join("class"), root.path().join("dev"));
        let usb = root.path().join("devices/usb1/1-1");
        fs::create_dir_all(usb.join("1-1:1.0/ttyUSB0")).unwrap();
        fs::write(usb.join("product"), "USB Serial\n").unwrap();
        fs::create_dir_all(class.join("ttyUSB0")).unwrap();
        symlink(usb.join("1-1:1.0/ttyUSB0"), class.join("ttyUSB0/device")).unwrap();
        // In reserve: a device, and no hardware behind it.
        fs::create_dir_all(class.join("ttyS3")).unwrap();
        symlink(root.path().join("devices"), class.join("ttyS3/device")).unwrap();
        fs::write(class.join("ttyS3/type"), "0\n").unwrap();
        // A console is no port.
        fs::create_dir_all(class.join("tty1")).unwrap();
        fs::create_dir_all(dev.join("serial/by-id")).unwrap();
        for name in ["ttyUSB0", "ttyS3", "tty1"] {
            fs::write(dev.join(name), "").unwrap();
        }
        symlink(dev.join("ttyUSB0"), dev.join("serial/by-id/usb-1a86_USB_Serial-if00-port0")).unwrap();
        let found = list(&class, &dev);
        assert_eq!(
            found,
            [Port {
                stable: dev.join("serial/by-id/usb-1a86_USB_Serial-if00-port0"),
                current: dev.join("ttyUSB0"),
                product: Some("USB Serial".into()),
            }]
        );
    }
}
