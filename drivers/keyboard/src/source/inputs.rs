//! The input devices that there are, as sysfs tells of them: nothing is opened, so nobody is disturbed and no right is needed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::InputError;
use crate::protocol::keys::types_numbers;
use crate::wanted::Wanted;

/// Where the kernel and udev tell of input devices.
#[derive(Clone, Debug)]
pub struct Roots {
    /// `/sys/class/input`.
    pub class: PathBuf,
    /// `/dev/input`.
    pub dev: PathBuf,
}

impl Roots {
    /// Those of this machine.
    pub fn real() -> Self {
        Self { class: "/sys/class/input".into(), dev: "/dev/input".into() }
    }
}

/// One input device: an interface of a reader, of which cheap ones have two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// `event3`.
    pub event: String,
    /// What it calls itself.
    pub name: String,
    /// USB vendor and product.
    pub ids: (u16, u16),
    /// The physical port with the interface: `usb-0000:01:00.0-1.2/input0`; empty for virtual ones.
    pub phys: String,
    /// Which keys it has.
    keys: Keys,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Keys(Vec<usize>);

impl Keys {
    /// From sysfs: hexadecimal words of the machine's size, the highest first.
    fn parse(text: &str) -> Self {
        let words = text.split_ascii_whitespace().rev().map(|word| usize::from_str_radix(word, 16).unwrap_or(0));
        Self(words.collect())
    }

    fn has(&self, code: u16) -> bool {
        let (word, bit) = (usize::from(code) / usize::BITS as usize, u32::from(code) % usize::BITS);
        self.0.get(word).is_some_and(|word| word >> bit & 1 == 1)
    }

    fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }
}

impl Input {
    /// Whether it has the keys that a reader types with.
    pub fn types_numbers(&self) -> bool {
        types_numbers(|code| self.keys.has(code))
    }

    /// How many keys it has.
    pub fn key_count(&self) -> u32 {
        self.keys.count()
    }

    /// The port without the interface: the same for all interfaces of one reader. A virtual device is its own.
    pub fn port(&self) -> &str {
        match self.phys.rsplit_once("/input") {
            Some((port, _)) => port,
            None if self.phys.is_empty() => &self.event,
            None => &self.phys,
        }
    }

    /// What it is, for people.
    pub fn says(&self) -> String {
        let (vendor, product) = self.ids;
        format!("{} ({vendor:04x}:{product:04x})", self.name)
    }
}

/// All input devices, in the order of their numbers.
pub fn list(roots: &Roots) -> Vec<Input> {
    let Ok(entries) = std::fs::read_dir(&roots.class) else { return Vec::new() };
    let number = |entry: &std::fs::DirEntry| entry.file_name().to_str()?.strip_prefix("event")?.parse::<u32>().ok();
    let numbered: BTreeMap<u32, PathBuf> =
        entries.flatten().filter_map(|entry| Some((number(&entry)?, entry.path().join("device")))).collect();
    let input = |(number, device): (u32, PathBuf)| {
        let read = |file: &str| std::fs::read_to_string(device.join(file)).ok().map(|text| text.trim().to_owned());
        let id = |file: &str| read(file).and_then(|text| u16::from_str_radix(&text, 16).ok()).unwrap_or(0);
        Some(Input {
            event: format!("event{number}"),
            name: read("name")?,
            ids: (id("id/vendor"), id("id/product")),
            phys: read("phys").unwrap_or_default(),
            keys: Keys::parse(&read("capabilities/key").unwrap_or_default()),
        })
    };
    numbered.into_iter().filter_map(input).collect()
}

/// The one input device that is wanted: of a reader with several interfaces, the one that types.
pub fn find(roots: &Roots, wanted: &Wanted) -> Result<Input, InputError> {
    let inputs = list(roots);
    let named: Vec<&Input> = match wanted {
        Wanted::Node(path) => {
            let event = event_of(roots, path).ok_or_else(|| InputError::NotThere(wanted.clone()))?;
            inputs.iter().filter(|input| input.event == event).collect()
        }
        Wanted::Port(port) => inputs.iter().filter(|input| input.phys == *port || input.port() == port).collect(),
        Wanted::Ids(vendor, product) => inputs.iter().filter(|input| input.ids == (*vendor, *product)).collect(),
        Wanted::Name(name) => inputs.iter().filter(|input| input.name.eq_ignore_ascii_case(name)).collect(),
    };
    if named.is_empty() {
        return Err(InputError::NotThere(wanted.clone()));
    }
    // Whoever names the wrong interface of a reader means the reader.
    let beside = inputs.iter().filter(|input| input.types_numbers());
    let mut typing: Vec<&Input> = match named.iter().filter(|input| input.types_numbers()).copied().collect::<Vec<_>>()
    {
        some if !some.is_empty() => some,
        _ => beside.filter(|input| named.iter().any(|named| named.port() == input.port())).collect(),
    };
    let mut ports = BTreeSet::new();
    typing.retain(|input| ports.insert(input.port()));
    match typing[..] {
        [] => Err(InputError::NoKeys(wanted.clone())),
        [input] => Ok(input.clone()),
        [..] => {
            let places: Vec<_> = typing.iter().map(|input| place(roots, input)).collect();
            Err(InputError::Several { wanted: wanted.clone(), places: places.join(", ") })
        }
    }
}

/// Which event device a name under `/dev/input` leads to.
fn event_of(roots: &Roots, path: &Path) -> Option<String> {
    let within = path.strip_prefix("/dev/input").unwrap_or(path);
    let real = roots.dev.join(within).canonicalize().ok()?;
    Some(real.file_name()?.to_str()?.to_owned())
}

/// What to write into `device` for this one, best first: a name of its port that stays, the port as the kernel writes it, what it is.
pub fn place(roots: &Roots, input: &Input) -> String {
    let links = std::fs::read_dir(roots.dev.join("by-path")).into_iter().flatten().flatten();
    let leads_there = |link: &PathBuf| link.canonicalize().is_ok_and(|real| real.ends_with(&input.event));
    // udev makes two names of one port since systemd 254; the shorter one is the older and known everywhere.
    let mut names: Vec<_> = links.map(|link| link.path()).filter(leads_there).collect();
    names.sort_by_key(|name| (name.as_os_str().len(), name.clone()));
    if let Some(name) = names.first().and_then(|name| name.file_name()).and_then(|name| name.to_str()) {
        return format!("/dev/input/by-path/{name}");
    }
    let (vendor, product) = input.ids;
    match (&input.phys[..], vendor) {
        ("", 0) => input.name.clone(),
        ("", _) => format!("{vendor:04x}:{product:04x}"),
        _ => format!("phys:{}", input.port()),
    }
}
