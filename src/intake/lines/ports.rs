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
    let real: Vec<Real> = entries
        .filter(|entry| is_real(&entry.path()))
        .map(|entry| Real::of(&entry.path(), dev))
        .filter(|port| port.current.exists())
        .collect();
    let mut found: Vec<Port> = real
        .iter()
        .map(|port| Port {
            stable: port.stable(&real).to_owned(),
            current: port.current.clone(),
            product: port.adapter.as_ref().and_then(|adapter| adapter.product.clone()),
        })
        .collect();
    found.sort_by(|a, b| a.stable.cmp(&b.stable));
    found
}

/// A port with what tells its adapter from others.
struct Real {
    current: PathBuf,
    by_id: Option<PathBuf>,
    by_path: Option<PathBuf>,
    adapter: Option<Adapter>,
}

/// A USB device that has ports.
#[derive(PartialEq, Eq)]
struct Adapter {
    at: PathBuf,
    product: Option<String>,
    /// From which udev makes its name under `by-id`: maker, model and serial number.
    makes: [Option<String>; 5],
}

impl Real {
    fn of(tty: &Path, dev: &Path) -> Self {
        let current = dev.join(tty.file_name().unwrap_or_default());
        let link = |folder: &str| link_to(&dev.join(folder), &current);
        Self { by_id: link("serial/by-id"), by_path: link("serial/by-path"), adapter: Adapter::of(tty), current }
    }

    /// The name that stays this port's. Under `by-id` equal adapters without a serial number (or with the same one, as cheap ones have
    /// it) share a single name, which the last one gets; what leads there now leads elsewhere tomorrow.
    fn stable(&self, all: &[Self]) -> &Path {
        let shared = all.iter().any(|other| self.looks_like(other));
        let by_id = self.by_id.as_deref().filter(|_| !shared);
        by_id.or(self.by_path.as_deref()).unwrap_or(&self.current)
    }

    /// Whether it and a port of another adapter would get the same name.
    fn looks_like(&self, other: &Self) -> bool {
        match (&self.adapter, &other.adapter) {
            (Some(ours), Some(theirs)) => ours.at != theirs.at && ours.makes == theirs.makes,
            _ => false,
        }
    }
}

impl Adapter {
    /// The USB device some levels up.
    fn of(tty: &Path) -> Option<Self> {
        let device = tty.join("device").canonicalize().ok()?;
        let mut levels = device.ancestors().take(5);
        let at = levels.find(|level| level.join("product").exists() || level.join("idVendor").exists())?;
        let makes = ["idVendor", "idProduct", "manufacturer", "product", "serial"].map(|name| attribute(at, name));
        Some(Self { at: at.to_owned(), product: attribute(at, "product"), makes })
    }
}

/// What an attribute says; none where it says nothing.
fn attribute(device: &Path, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(device.join(name)).ok()?;
    let text: String = text.trim().chars().filter(|c| !c.is_control()).take(60).collect();
    (!text.is_empty()).then_some(text)
}

/// The link of this folder that leads to a port; of several the first by name, so that it is the same one every time.
fn link_to(folder: &Path, port: &Path) -> Option<PathBuf> {
    let real = port.canonicalize().ok()?;
    let links = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|link| link.path());
    links.filter(|path| path.canonicalize().is_ok_and(|leads_to| leads_to == real)).min()
}

/// Whether there is a driver behind it, and for 8250 ports (which exist in reserve) an interrupt or address.
fn is_real(tty: &Path) -> bool {
    let read = |name: &str| std::fs::read_to_string(tty.join(name)).ok();
    let port_type = read("type").and_then(|text| text.trim().parse::<u32>().ok());
    tty.join("device").exists() && port_type != Some(0)
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

    /// A socket, what is plugged into it says of itself, and the links that lead to its port.
    type Plugged<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str]);

    /// A bench with adapters.
    struct Bench(tempfile::TempDir);

    impl Bench {
        fn with(adapters: &[Plugged<'_>]) -> Self {
            let bench = Self(tempfile::tempdir().unwrap());
            fs::create_dir_all(bench.dev().join("serial/by-id")).unwrap();
            fs::create_dir_all(bench.dev().join("serial/by-path")).unwrap();
            for (number, (socket, says, links)) in adapters.iter().enumerate() {
                let usb = bench.0.path().join("devices").join(socket);
                let name = format!("ttyUSB{number}");
                fs::create_dir_all(usb.join("1.0").join(&name)).unwrap();
                for (attribute, text) in *says {
                    fs::write(usb.join(attribute), format!("{text}\n")).unwrap();
                }
                let class = bench.0.path().join("class").join(&name);
                fs::create_dir_all(&class).unwrap();
                symlink(usb.join("1.0").join(&name), class.join("device")).unwrap();
                fs::write(bench.dev().join(&name), "").unwrap();
                for link in *links {
                    // The last one gets it.
                    let link = bench.dev().join("serial").join(link);
                    let _ = fs::remove_file(&link);
                    symlink(bench.dev().join(&name), link).unwrap();
                }
            }
            bench
        }

        fn dev(&self) -> PathBuf {
            self.0.path().join("dev")
        }

        /// The advised names, in the order of the adapters.
        fn advised(&self) -> Vec<String> {
            let mut ports = list(&self.0.path().join("class"), &self.dev());
            ports.sort_by(|a, b| a.current.cmp(&b.current));
            let name = |port: Port| port.stable.strip_prefix(self.dev()).unwrap().display().to_string();
            ports.into_iter().map(name).collect()
        }
    }

    const CH340: [(&str, &str); 3] = [("idVendor", "1a86"), ("idProduct", "7523"), ("product", "USB Serial")];

    #[test]
    fn two_equal_adapters_are_named_by_their_sockets() {
        let bench = Bench::with(&[
            ("1-1.1", &CH340, &["by-id/usb-1a86_USB_Serial-if00-port0", "by-path/usb-0:1.1:1.0-port0"]),
            ("1-1.2", &CH340, &["by-id/usb-1a86_USB_Serial-if00-port0", "by-path/usb-0:1.2:1.0-port0"]),
        ]);
        assert_eq!(bench.advised(), ["serial/by-path/usb-0:1.1:1.0-port0", "serial/by-path/usb-0:1.2:1.0-port0"]);
        // Two of a batch that all have the serial number 0001.
        let cp2102 = [("idVendor", "10c4"), ("product", "CP2102"), ("serial", "0001")];
        let bench = Bench::with(&[
            ("1-1.1", &cp2102, &["by-id/usb-CP2102_0001-if00-port0", "by-path/usb-0:1.1:1.0-port0"]),
            ("1-1.2", &cp2102, &["by-id/usb-CP2102_0001-if00-port0", "by-path/usb-0:1.2:1.0-port0"]),
        ]);
        assert!(bench.advised().iter().all(|name| name.starts_with("serial/by-path/")), "{:?}", bench.advised());
    }

    #[test]
    fn an_adapter_that_is_not_to_be_mistaken_is_named_by_itself() {
        let bench = Bench::with(&[
            ("1-1.1", &[("product", "FT232R"), ("serial", "A1")], &["by-id/usb-FT232R_A1-if00-port0", "by-path/usb-1"]),
            ("1-1.2", &[("product", "FT232R"), ("serial", "A2")], &["by-id/usb-FT232R_A2-if00-port0", "by-path/usb-2"]),
            ("1-1.3", &CH340, &["by-id/usb-1a86_USB_Serial-if00-port0", "by-path/usb-3"]),
            // Without any of udev's names.
            ("1-1.4", &[("product", "Quad")], &[]),
        ]);
        let advised = [
            "serial/by-id/usb-FT232R_A1-if00-port0",
            "serial/by-id/usb-FT232R_A2-if00-port0",
            "serial/by-id/usb-1a86_USB_Serial-if00-port0",
            "ttyUSB3",
        ];
        assert_eq!(bench.advised(), advised);
    }

    /// Two ports of one adapter have two names, and of two that lead to one port the same is taken every time.
    #[test]
    fn several_ports_and_several_links_are_no_confusion() {
        let quad = [("product", "Quad RS232"), ("serial", "Q1")];
        let bench = Bench::with(&[
            ("1-1.1", &quad, &["by-id/usb-Quad_Q1-if00-port0", "by-path/usb-0:1.1:1.0-port0"]),
            ("1-1.1", &quad, &["by-id/usb-Quad_Q1-if01-port0", "by-path/usb-0:1.1:1.1-port0"]),
        ]);
        assert_eq!(bench.advised(), ["serial/by-id/usb-Quad_Q1-if00-port0", "serial/by-id/usb-Quad_Q1-if01-port0"]);
        let bench = Bench::with(&[
            ("1-1.1", &CH340, &["by-path/usbv2-0:1.1:1.0-port0", "by-path/usb-0:1.1:1.0-port0"]),
            ("1-1.2", &CH340, &["by-path/usbv2-0:1.2:1.0-port0", "by-path/usb-0:1.2:1.0-port0"]),
        ]);
        assert_eq!(bench.advised(), ["serial/by-path/usb-0:1.1:1.0-port0", "serial/by-path/usb-0:1.2:1.0-port0"]);
    }

    proptest::proptest! {
        /// Whatever is plugged in: no two ports are advised under one name, and equal adapters never under `by-id`.
        #[test]
        fn no_name_is_advised_twice(models in proptest::collection::vec(0usize..4, 1..6)) {
            let says: Vec<Vec<(&str, &str)>> = vec![
                CH340.to_vec(),
                vec![("product", "CP2102"), ("serial", "0001")],
                vec![("idVendor", "0403"), ("product", "FT232R")],
                vec![],
            ];
            let names: Vec<_> = (0..models.len()).map(|at| (format!("1-{at}"), format!("by-path/usb-{at}"))).collect();
            let ids: Vec<_> = models.iter().map(|model| format!("by-id/usb-model{model}")).collect();
            let links: Vec<_> = names.iter().zip(&ids).map(|((_, path), id)| [id.as_str(), path.as_str()]).collect();
            let adapters: Vec<_> = (0..models.len())
                .map(|at| (names[at].0.as_str(), says[models[at]].as_slice(), links[at].as_slice()))
                .collect();
            let advised = Bench::with(&adapters).advised();
            for (at, name) in advised.iter().enumerate() {
                let equal = models.iter().filter(|model| **model == models[at]).count() > 1;
                proptest::prop_assert!(!(equal && !says[models[at]].is_empty() && name.contains("by-id")), "{advised:?}");
                proptest::prop_assert_eq!(advised.iter().filter(|other| *other == name).count(), 1);
            }
        }
    }
}
