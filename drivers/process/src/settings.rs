//! What can be set about a program.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use punchd_contract::{Ability, Declaration, Default, Mistake, Secret, Setting, Shape, Values};

/// What a program is and what can be set about it. Whether its device keeps a log is the program's to say (`hello`); what holds for
/// every program is what holds for a reader.
pub const DECLARATION: Declaration = Declaration {
    kind: "process",
    en: "any device, through a program of yours or the vendor's that speaks JSON Lines (drivers/README.md)",
    zh: "任意设备：由您或厂商的程序通过 JSON Lines 接入（见 drivers/README.md）",
    keeps_log: false,
    abilities: &[
        Ability::Identify,
        Ability::SetClock,
        Ability::ReadLog,
        Ability::Reconcile,
        Ability::Unlock,
        Ability::People,
        Ability::Faces,
        Ability::Fingers,
    ],
    settings: &[
        Setting {
            key: "command",
            shape: Shape::Texts,
            default: Default::Required,
            en: "the program and its arguments, such as [\"/opt/acme/reader\", \"--quiet\"]; no shell is between",
            zh: "程序及其参数，例如 [\"/opt/acme/reader\", \"--quiet\"]；不经过 shell",
        },
        Setting {
            key: "settings",
            shape: Shape::Texts,
            default: Default::Absent,
            en: "what the program is told when it starts, such as [\"host=10.0.0.9\", \"door=2\"]",
            zh: "启动时告知程序的参数，例如 [\"host=10.0.0.9\", \"door=2\"]",
        },
        Setting {
            key: "secret",
            shape: Shape::Secret,
            default: Default::Absent,
            en: "a password or key that the program needs; told to it alone, and never in its environment",
            zh: "程序所需的密码或密钥；只告知该程序，不放入环境变量",
        },
        Setting {
            key: "env",
            shape: Shape::Texts,
            default: Default::Absent,
            en: "environment variables, such as [\"LD_LIBRARY_PATH=/opt/acme/lib\"]; besides these it gets PATH, HOME and LANG alone",
            zh: "环境变量，例如 [\"LD_LIBRARY_PATH=/opt/acme/lib\"]；此外只有 PATH、HOME 和 LANG",
        },
        Setting {
            key: "directory",
            shape: Shape::Text,
            default: Default::Is("/"),
            en: "the folder in which the program runs",
            zh: "程序运行所在的目录",
        },
        Setting {
            key: "silence",
            shape: Shape::Duration(5, 86_400),
            default: Default::Is("3m"),
            en: "a program that has written nothing for so long has hung, and is ended and started again",
            zh: "程序超过此时间没有任何输出即视为卡死，将被结束并重新启动",
        },
    ],
};

/// The settings of one program.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program: a full path, or a name that the usual folders of programs hold.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// What it is told in the welcome.
    pub settings: BTreeMap<String, String>,
    /// The secret it is told there.
    pub secret: Option<Secret>,
    /// Its environment, besides what every program gets.
    pub env: BTreeMap<String, String>,
    /// Where it runs.
    pub directory: PathBuf,
    /// How long it may write nothing.
    pub silence: Duration,
}

/// Reads checked values; all mistakes at once.
pub fn parse(values: &Values) -> Result<Settings, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let mut wrong = |key, right: &str, zh: &str| mistakes.push(Mistake::new(key, right).in_chinese(zh));

    let mut command = values.texts("command").iter().cloned();
    let program = command.next().unwrap_or_default();
    if program.is_empty() || (program.contains('/') && !program.starts_with('/')) {
        wrong(
            "command",
            "first the program, with its full path, such as [\"/opt/acme/reader\"]; then its arguments",
            "第一项为程序的完整路径，如 [\"/opt/acme/reader\"]，其后为参数",
        );
    }
    if values.texts("command").iter().any(|text| text.contains('\0')) {
        wrong("command", "texts without the character 0", "不含 0 字符的文本");
    }
    let settings = pairs(values.texts("settings"), |key| !key.is_empty());
    if settings.is_none() {
        wrong(
            "settings",
            "texts of the form \"key=value\", each key once",
            "形如 \"key=value\" 的文本，每个键只写一次",
        );
    }
    let variable = |key: &str| {
        let named = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        named && !key.is_empty() && !key.starts_with(|first: char| first.is_ascii_digit())
    };
    let env = pairs(values.texts("env"), variable);
    if env.is_none() {
        wrong(
            "env",
            "texts of the form \"NAME=value\", each name once, of letters, digits and _",
            "形如 \"NAME=value\" 的文本，名称由字母、数字和 _ 组成，每个只写一次",
        );
    }
    let directory = PathBuf::from(values.text("directory").unwrap_or("/"));
    if !directory.is_absolute() {
        wrong("directory", "a folder with its full path", "文件夹的完整路径");
    }
    let (Some(settings), Some(env), true) = (settings, env, mistakes.is_empty()) else { return Err(mistakes) };
    Ok(Settings {
        program,
        arguments: command.collect(),
        settings,
        secret: values.secret("secret").cloned(),
        env,
        directory,
        silence: values.duration("silence").unwrap_or(Duration::from_secs(180)),
    })
}

fn pairs(texts: &[String], good: impl Fn(&str) -> bool) -> Option<BTreeMap<String, String>> {
    let mut pairs = BTreeMap::new();
    for text in texts {
        let (key, value) = text.split_once('=').filter(|(key, value)| good(key) && !value.contains('\0'))?;
        if pairs.insert(key.to_owned(), value.to_owned()).is_some() {
            return None;
        }
    }
    Some(pairs)
}

#[cfg(test)]
mod tests {
    use punchd_contract::Value;

    use super::*;

    fn texts(texts: &[&str]) -> Value {
        Value::Texts(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    #[test]
    fn a_program_is_enough() {
        let settings = parse(&Values::new().with("command", texts(&["python3", "-u", "/opt/reader.py"]))).unwrap();
        assert_eq!(settings.program, "python3");
        assert_eq!(settings.arguments, ["-u", "/opt/reader.py"]);
        assert_eq!((settings.directory, settings.silence), ("/".into(), Duration::from_secs(180)));
    }

    #[test]
    fn a_value_may_hold_the_sign_that_ends_its_key() {
        let values = Values::new().with("command", texts(&["/x"])).with("settings", texts(&["url=a?b=c", "empty="]));
        let settings = parse(&values).unwrap().settings;
        assert_eq!(settings.get("url").map(String::as_str), Some("a?b=c"));
        assert_eq!(settings.get("empty").map(String::as_str), Some(""));
    }

    #[test]
    fn all_mistakes_are_named_at_once() {
        let values = Values::new()
            .with("command", texts(&["./reader"]))
            .with("settings", texts(&["a=1", "a=2"]))
            .with("env", texts(&["1A=x"]))
            .with("directory", Value::Text("here".into()));
        let keys: Vec<_> = parse(&values).unwrap_err().iter().map(|mistake| mistake.key).collect();
        assert_eq!(keys, ["command", "settings", "env", "directory"]);
    }
}
