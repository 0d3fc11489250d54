//! A folder with a configuration in it, and a kind of device to configure.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use punchd::config::{Config, Language, Mistakes, Service, Surroundings, Warning};
use punchd_contract::{
    Ability, Declaration, Default, Driver, DriverError, Kind, Member, Mistake, Registered, Setting, Shape, Values,
};

/// A terminal that exists only here.
#[derive(Debug)]
pub struct Lantern;

impl Kind for Lantern {
    const DECLARATION: Declaration = Declaration {
        kind: "lantern-pull",
        en: "a terminal of paper",
        zh: "纸终端",
        keeps_log: true,
        abilities: &[Ability::Identify],
        settings: &[
            Setting {
                key: "address",
                shape: Shape::Endpoint(4370),
                default: Default::Required,
                en: "where it answers",
                zh: "地址",
            },
            Setting {
                key: "comm_key", shape: Shape::Secret, default: Default::Absent, en: "its key", zh: "通信密码"
            },
            Setting {
                key: "every",
                shape: Shape::Duration(5, 3600),
                default: Default::Is("30s"),
                en: "how often it is asked",
                zh: "查询间隔",
            },
            Setting {
                key: "transport",
                shape: Shape::Word(&["tcp", "udp"]),
                default: Default::Is("\"tcp\""),
                en: "how",
                zh: "方式",
            },
            Setting {
                key: "retries", shape: Shape::Integer(0, 9), default: Default::Is("3"), en: "again", zh: "重试"
            },
            Setting { key: "doors", shape: Shape::Texts, default: Default::Is("[]"), en: "its doors", zh: "门" },
            Setting {
                key: "live", shape: Shape::Boolean, default: Default::Is("true"), en: "live events", zh: "实时"
            },
        ],
    };
    type Settings = Duration;

    fn settings(values: &Values) -> Result<Duration, Vec<Mistake>> {
        if values.text("transport") == Some("udp") && values.boolean("live") {
            return Err(vec![Mistake::new(
                "transport",
                "live events need tcp: set live = false or transport = \"tcp\"",
            )]);
        }
        values.duration("every").ok_or_else(Vec::new)
    }

    async fn run(_members: Vec<Member<Duration>>) -> Result<(), DriverError> {
        std::future::pending().await
    }
}

static LANTERN: Registered<Lantern> = Registered::NEW;

pub fn drivers() -> Vec<&'static dyn Driver> {
    vec![&LANTERN]
}

/// A folder with files, gone when dropped.
pub struct Site {
    pub folder: tempfile::TempDir,
    variables: Vec<(String, OsString)>,
}

impl Site {
    pub fn new(main: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, variables: Vec::new() }.file("punchd.toml", main)
    }

    pub fn file(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        use std::os::unix::fs::PermissionsExt;
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        self
    }

    pub fn variable(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn load(&self) -> Result<(Config, Vec<Warning>), Mistakes> {
        let variable =
            |name: &str| self.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        Config::load_in(&self.path("punchd.toml"), &drivers(), &Surroundings { variable: &variable })
    }

    pub fn check(&self, service: &Service) -> Result<(Config, Vec<Warning>), Mistakes> {
        let variable =
            |name: &str| self.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        Config::check(&self.path("punchd.toml"), &drivers(), &Surroundings { variable: &variable }, service)
    }

    pub fn config(&self) -> Config {
        self.load().unwrap_or_else(|mistakes| panic!("{mistakes}")).0
    }

    /// The mistakes in English, a line each.
    pub fn mistakes(&self) -> Vec<String> {
        let mistakes = self.load().expect_err("mistakes");
        mistakes.say(Language::English).lines().map(str::to_owned).collect()
    }

    pub fn warnings(&self) -> Vec<String> {
        let (_, warnings) = self.load().unwrap_or_else(|mistakes| panic!("{mistakes}"));
        warnings.iter().map(|warning| warning.say(Language::English)).collect()
    }
}

/// A site with one device and one destination, and more at the end of its file.
pub fn small(more: &str) -> Site {
    Site::new(&format!(
        r#"[gateway]
zone = "Asia/Shanghai"
data = "data"
[[device]]
name = "gate-1"
kind = "lantern-pull"
address = "10.0.0.8"
[[destination]]
name = "wecom"
kind = "wecom"
corp_id = "ww1234"
secret = {{ file = "secret" }}
{more}"#
    ))
    .file("secret", "s3cr3t-of-the-app\n")
}

#[track_caller]
pub fn assert_one(lines: &[String], start: &str, word: &str) {
    let fitting = lines.iter().filter(|line| line.starts_with(start) && line.contains(word)).count();
    assert_eq!(fitting, 1, "one line should begin with {start:?} and hold {word:?}:\n{}", lines.join("\n"));
}
