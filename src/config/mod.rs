//! punchd.toml: every setting, its default, its check.
//!
//! `punchd.toml` and the files of `conf.d` beside it are read whole, joined, and held against what the sections, the drivers
//! and the destinations declare. Either everything is right and the rest of the program gets resolved values, or every
//! mistake is named at once, with its file, line and what would be right; nothing else is opened before that. Secrets are
//! fetched here, from where the file says, and appear in no message.

mod check;
mod cross;
mod declared;
mod destination;
mod device;
mod device_settings;
mod duration;
mod explain;
mod findings;
mod gateway;
pub(crate) mod kernel_names;
mod language;
mod mistakes;
mod names;
mod nearest;
mod organisation;
mod people;
mod place;
mod reference;
mod secrets;
mod shape;
mod source;
mod tree;
mod wecom;
mod zone;

use std::path::{Path, PathBuf};
use std::time::Duration;

use punchd_contract::{Default, Driver, Shape};

pub use declared::{Block, Declared, Form};
pub use destination::{DESTINATIONS, DestinationConfig, DestinationDeclaration, DestinationSettings};
pub use device::{DeviceConfig, DeviceType};
pub use duration::{parse_duration, show_duration};
pub use gateway::{Attendance, ClockTrust, Gateway, LogLevel, Retention};
pub use language::Language;
pub use mistakes::{Mistake, Mistakes, Spot, Warning};
pub use names::{DestinationName, NotAName, OrganisationName};
pub use organisation::Organisation;
pub use people::PersonConfig;
pub use place::{Coordinates, Datum, Place};
pub use reference::reference;
pub use secrets::{MAX_SECRET_BYTES, SecretOrigin, SecretSource, Surroundings};
pub use source::{MAX_FILE_BYTES, MAX_FILES};
pub use wecom::{Proxy, WECOM, WecomSettings};
pub use zone::Zone;

use check::{Check, More};
use findings::Findings;
use secrets::Need;
use source::Sources;
use tree::{Raw, Table};

/// What stands before the first section.
static TOP: Block = Block {
    name: "",
    repeated: false,
    en: "Stands before the first section.",
    zh: "写在第一个段之前。",
    settings: &[Declared {
        key: "language",
        form: Form::Shape(Shape::Word(&["en", "zh"])),
        default: Default::Absent,
        en: "the language of messages and pages; absent: both",
        zh: "消息和页面的语言；不设则中英文都显示",
    }],
};

/// Every section, in the order in which a person would write them.
static BLOCKS: [&Block; 9] = [
    &gateway::GATEWAY,
    &gateway::RETENTION,
    &gateway::ATTENDANCE,
    &gateway::CLOCK,
    &organisation::ORGANISATION,
    &device_settings::DEVICE,
    &people::PERSON,
    &people::PEOPLE,
    &destination::DESTINATION,
];

/// A configuration that holds no mistake.
#[derive(Clone, Debug)]
pub struct Config {
    /// The files that were read, in order.
    pub files: Vec<PathBuf>,
    /// The language of messages and pages.
    pub language: Language,
    /// The gateway itself.
    pub gateway: Gateway,
    /// How long things are kept.
    pub retention: Retention,
    /// What counts as one punch, where an organisation says nothing else.
    pub attendance: Attendance,
    /// When the gateway's clock is believed.
    pub clock: ClockTrust,
    /// At least one, each name once.
    pub organisations: Vec<Organisation>,
    /// Each name once.
    pub devices: Vec<DeviceConfig>,
    /// Each userid once in its organisation.
    pub people: Vec<PersonConfig>,
    /// The CSV file that is imported at start.
    pub people_file: Option<PathBuf>,
    /// Each name once.
    pub destinations: Vec<DestinationConfig>,
}

impl Config {
    /// Reads and checks everything, with the secrets of this process's surroundings.
    pub fn load(path: &Path, drivers: &[&'static dyn Driver]) -> Result<(Self, Vec<Warning>), Mistakes> {
        Self::load_in(path, drivers, &Surroundings::process())
    }

    /// Reads and checks everything but the secrets, for commands that only want to know where things are.
    pub fn load_without_secrets(
        path: &Path,
        drivers: &[&'static dyn Driver],
    ) -> Result<(Self, Vec<Warning>), Mistakes> {
        Self::read(path, drivers, &Surroundings::process(), Need::Unused)
    }

    /// Reads and checks everything.
    pub fn load_in(
        path: &Path,
        drivers: &[&'static dyn Driver],
        surroundings: &Surroundings<'_>,
    ) -> Result<(Self, Vec<Warning>), Mistakes> {
        Self::read(path, drivers, surroundings, Need::Used)
    }

    fn read(
        path: &Path,
        drivers: &[&'static dyn Driver],
        surroundings: &Surroundings<'_>,
        secrets: Need,
    ) -> Result<(Self, Vec<Warning>), Mistakes> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        let mut findings = Findings::default();
        let sources = Sources::read(&path, &mut findings);
        let whole = tree::read(&sources, &mut findings);
        let mut check = Check { findings, surroundings, secrets, folder };

        let sections = Sections::split(&mut check, &whole);
        let language = language(&mut check, &sections);
        let config = resolve(&mut check, &sources, &sections, drivers, language);

        let mut findings = check.findings;
        match config {
            Some(config) if findings.mistakes.is_empty() => Ok((config, mistakes::warnings(&findings, &sources))),
            _ => {
                if findings.mistakes.is_empty() {
                    findings.mistake(
                        sources.start(),
                        "a declared default does not fit its own setting: a defect of punchd, please report it",
                        "某项设置的默认值与其声明不符：这是 punchd 的缺陷，请反馈",
                    );
                }
                Err(Mistakes::new(findings, &sources, language))
            }
        }
    }
}

/// The joined file, cut into its sections.
struct Sections<'t> {
    whole: &'t Table,
    empty: Table,
}

impl<'t> Sections<'t> {
    /// Names the sections that do not exist or are not written as they should be.
    fn split(check: &mut Check<'_>, whole: &'t Table) -> Self {
        for entry in &whole.entries {
            let key = entry.key.as_str();
            if key == "language" {
                continue;
            }
            let Some(block) = BLOCKS.iter().find(|block| block.name == key) else {
                let known = BLOCKS.iter().map(|block| block.name).chain(["language"]);
                check.unknown_key(entry.at, "punchd.toml", key, nearest::nearest(key, known));
                continue;
            };
            let tables = |nodes: &[tree::Node]| nodes.iter().all(|node| matches!(node.raw, Raw::Table(_)));
            let fits = match &entry.node.raw {
                Raw::Table(_) => !block.repeated,
                Raw::Array(nodes) => block.repeated && tables(nodes),
                _ => false,
            };
            if !fits {
                let right = if block.repeated { format!("[[{key}]]") } else { format!("[{key}]") };
                check.findings.mistake(
                    entry.at,
                    format!("`{key}` is a section of its own: begin it with {right} on a line by itself"),
                    format!("`{key}` 是单独的段：请另起一行写 {right}"),
                );
                check.findings.broken();
            }
        }
        Self { whole, empty: Table { at: whole.at, entries: Vec::new() } }
    }

    fn one(&self, name: &str) -> &Table {
        match self.whole.get(name).map(|entry| &entry.node.raw) {
            Some(Raw::Table(table)) => table,
            _ => &self.empty,
        }
    }

    /// Every block of this name.
    fn all(&self, name: &str) -> impl Iterator<Item = &Table> {
        let nodes = match self.whole.get(name).map(|entry| &entry.node.raw) {
            Some(Raw::Array(nodes)) => nodes.as_slice(),
            _ => &[],
        };
        nodes.iter().filter_map(|node| match &node.raw {
            Raw::Table(table) => Some(table),
            _ => None,
        })
    }

    /// The blocks of this name, as many as a gateway serves.
    fn many(&self, name: &str) -> Vec<&Table> {
        let most = cross::MOST.iter().find(|(block, _)| *block == name).map_or(usize::MAX, |(_, most)| *most);
        self.all(name).take(most).collect()
    }
}

fn language(check: &mut Check<'_>, sections: &Sections<'_>) -> Language {
    let entries = sections.whole.get("language").cloned().into_iter().collect();
    let table = Table { at: sections.whole.at, entries };
    match check.section(&table, "punchd.toml", TOP.settings, More::Of(&[])).text("language") {
        Some("zh") => Language::Chinese,
        Some(_) => Language::English,
        None => Language::Both,
    }
}

/// Every section is checked, whatever the others hold; only then it is decided whether there is a configuration.
fn resolve(
    check: &mut Check<'_>,
    sources: &Sources,
    sections: &Sections<'_>,
    drivers: &[&'static dyn Driver],
    language: Language,
) -> Option<Config> {
    let has_zone = sections.one("gateway").get("zone").is_some();
    let gateway = gateway::gateway(check, sections.one("gateway"));
    let retention = gateway::retention(check, sections.one("retention"));
    let attendance = gateway::attendance(check, sections.one("attendance"));
    let clock = gateway::clock(check, sections.one("clock"));
    let window = attendance.map_or(Duration::ZERO, |attendance| attendance.merge_window);
    let organisations = organisation::organisations(check, &sections.many("organisation"), window);
    let people_file = people::people_file(check, sections.one("people"));
    let people = people::people(check, sources, &sections.many("person"), &organisations);

    let around = device::Around { gateway: gateway.as_ref(), has_zone, organisations: &organisations, drivers };
    let devices: Vec<_> =
        sections.many("device").into_iter().filter_map(|table| device::device(check, table, &around)).collect();
    let destinations: Vec<_> = sections
        .many("destination")
        .into_iter()
        .filter_map(|table| destination::destination(check, table, &organisations))
        .collect();

    cross::check(check, sources, sections, &organisations, &devices, &destinations);
    kernel_names::check(check, &sections.many("device"));
    Some(Config {
        files: sources.paths(),
        language,
        gateway: gateway?,
        retention: retention?,
        attendance: attendance?,
        clock: clock?,
        organisations: organisations.list.into_iter().map(|(_, organisation)| organisation).collect(),
        devices: devices.into_iter().map(|(_, device)| device).collect(),
        people,
        people_file,
        destinations: destinations.into_iter().map(|(_, destination)| destination).collect(),
    })
}
