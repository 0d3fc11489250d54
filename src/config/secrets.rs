//! Secrets: where they come from, fetched once. What they say never reaches a message; only their source does.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use punchd_contract::Secret;

use super::access;
use super::check::Check;
use super::eyes::{Eyes, Sight};
use super::service::Service;
use super::source::Place;
use super::tree::{Node, Raw, Table};

/// The longest secret.
pub const MAX_SECRET_BYTES: u64 = 4096;

/// What a process finds around it.
pub struct Surroundings<'s> {
    /// Looks an environment variable up.
    pub variable: &'s dyn Fn(&str) -> Option<OsString>,
}

impl Surroundings<'static> {
    /// Those of this process.
    pub fn process() -> Self {
        Self { variable: &|name| std::env::var_os(name) }
    }
}

impl std::fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Surroundings")
    }
}

/// Where a secret comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// A file; relative names start at the folder of `punchd.toml`.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
    /// A credential that systemd hands over (`LoadCredential=`, `LoadCredentialEncrypted=`).
    Credential(String),
}

/// A setting that holds a secret, and the secret's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretOrigin {
    /// The setting.
    pub key: &'static str,
    /// Where it comes from.
    pub source: SecretSource,
}

/// Whether a configuration is read by somebody who uses its secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// The agent: a secret that cannot be had is a mistake.
    Used,
    /// A command that only wants to know where things are, often run by somebody who may not read the secrets, and never with
    /// systemd's credentials.
    Unused,
}

/// A user and a group that are nobody's.
const ANYBODY: u32 = 4_294_967_000;

/// What stands for a secret that is not used; fits wherever a number or a text is asked for.
const UNUSED: &str = "0";

const RIGHT: &str = "{ file = \"…\" }, { env = \"…\" } or { credential = \"…\" }";

/// Fetches the secret that a node names.
pub(super) fn fetch(check: &mut Check<'_>, key: &str, node: &Node) -> Option<(Secret, SecretSource)> {
    let Raw::Table(table) = &node.raw else {
        check.findings.mistake(
            node.at,
            format!("the secret `{key}` must not stand in the file itself, which is copied and shown around: put it into a file of its own and write {key} = {{ file = \"/etc/punchd/{key}\" }} (or use env or credential)"),
            format!("`{key}` 是机密，不能直接写在配置文件里：请存入单独的文件并写成 {key} = {{ file = \"/etc/punchd/{key}\" }}（或用 env、credential）"),
        );
        return None;
    };
    let (entry, name) = source_of(check, key, node.at, table)?;
    let at = entry.1;
    let source = match entry.0 {
        "file" => SecretSource::File(check.path(&name)),
        "env" => SecretSource::Variable(name),
        _ => SecretSource::Credential(name),
    };
    if check.secrets == Need::Unused {
        return Some((Secret::new(UNUSED), source));
    }
    let secret = match &source {
        SecretSource::File(path) => from_file(check, key, at, path),
        SecretSource::Variable(name) => from_variable(check, key, at, name),
        SecretSource::Credential(name) => from_credential(check, key, at, name),
    };
    Some((secret?, source))
}

fn source_of(check: &mut Check<'_>, key: &str, at: Place, table: &Table) -> Option<((&'static str, Place), String)> {
    let [entry] = table.entries.as_slice() else {
        check.findings.mistake(
            at,
            format!("`{key}` wants one source: {RIGHT}"),
            format!("`{key}` 需要且只能有一个来源：{RIGHT}"),
        );
        return None;
    };
    let Some(source) = ["file", "env", "credential"].into_iter().find(|known| *known == entry.key) else {
        check.findings.mistake(
            entry.at,
            format!("`{key}` does not know this source; it wants {RIGHT}"),
            format!("`{key}` 不认识这个来源，应为 {RIGHT}"),
        );
        return None;
    };
    match &entry.node.raw {
        Raw::Text(name) if !name.is_empty() => Some(((source, entry.node.at), name.clone())),
        _ => {
            check.findings.mistake(
                entry.node.at,
                format!("`{source}` wants a name in quotes, such as {{ {source} = \"…\" }}"),
                format!("`{source}` 需要带引号的名称，如 {{ {source} = \"…\" }}"),
            );
            None
        }
    }
}

fn from_variable(check: &mut Check<'_>, key: &str, at: Place, name: &str) -> Option<Secret> {
    // A secret that was put here by mistake must not be printed as the name of a variable.
    let is_name = name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_') && name.len() <= 64;
    if !is_name {
        check.findings.mistake(
            at,
            format!("`{key}`: env wants the name of an environment variable in capital letters, such as {{ env = \"PUNCHD_SECRET\" }}, not the secret"),
            format!("`{key}`：env 应填大写的环境变量名，如 {{ env = \"PUNCHD_SECRET\" }}，而不是机密本身"),
        );
        return None;
    }
    let Some(value) = (check.surroundings.variable)(name) else {
        if check.service.is_some_and(|service| service.may_set(name)) {
            check.findings.warning(
                at,
                format!("`{key}`: punchd.service may set the environment variable {name} when it starts; it cannot be looked at from here"),
                format!("`{key}`：环境变量 {name} 可能由 punchd.service 在启动时设置，此处无法查看"),
            );
            return Some(Secret::new(UNUSED));
        }
        check.findings.mistake(
            at,
            format!(
                "the environment variable {name} is not set: set it for punchd, or use a file ({{ file = \"…\" }})"
            ),
            format!("环境变量 {name} 未设置：请为 punchd 设置该变量，或改用文件（{{ file = \"…\" }}）"),
        );
        return None;
    };
    let bytes = std::os::unix::ffi::OsStringExt::into_vec(value);
    from_bytes(check, key, at, &format!("environment variable {name}"), bytes)
}

fn from_credential(check: &mut Check<'_>, key: &str, at: Place, name: &str) -> Option<Secret> {
    if name.contains('/') || name == ".." || name.len() > 255 {
        check.findings.mistake(
            at,
            format!("`{key}`: credential wants the name that stands in LoadCredential=, without a path"),
            format!("`{key}`：credential 应填 LoadCredential= 中的名称，不含路径"),
        );
        return None;
    }
    let Some(folder) = (check.surroundings.variable)("CREDENTIALS_DIRECTORY") else {
        if let Some(service) = check.service {
            credential_of_the_unit(check, key, at, name, service);
            return Some(Secret::new(UNUSED));
        }
        check.findings.mistake(
            at,
            format!("the credential {name} is not there, because systemd did not start this process with credentials: add LoadCredential={name}:/path to the unit, and run `punchd check` through it"),
            format!("没有凭据 {name}：本进程不是由带凭据的 systemd 单元启动的，请在单元中加入 LoadCredential={name}:/路径"),
        );
        return None;
    };
    // systemd keeps others out by the folder, so the file's own mode says nothing.
    let path = Path::new(&folder).join(name);
    let bytes = read(check, key, at, &path)?;
    from_bytes(check, key, at, &format!("credential {name}"), bytes)
}

/// Only the service is given its credentials, so whoever checks cannot have them: a remark, not a mistake.
fn credential_of_the_unit(check: &mut Check<'_>, key: &str, at: Place, name: &str, service: &Service) {
    if let Some(file) = service.absent_file(name) {
        let file = file.display();
        check.findings.warning(
            at,
            format!("`{key}`: punchd.service reads the credential {name} from {file}, which is not there: punchd will not start (243/CREDENTIALS)"),
            format!("`{key}`：punchd.service 从 {file} 读取凭据 {name}，但该文件不存在：punchd 将无法启动（243/CREDENTIALS）"),
        );
        return;
    }
    let (en, zh) = match (service.found, service.loads(name)) {
        (true, true) => (
            format!(
                "the unit punchd.service hands the credential {name} over when it starts; it cannot be looked at from here"
            ),
            format!("凭据 {name} 由 punchd.service 在启动时提供，此处无法查看"),
        ),
        (true, false) => (
            format!(
                "the unit punchd.service does not hand over a credential {name}: add LoadCredential={name}:/path to it (systemctl edit punchd), else punchd will not start"
            ),
            format!(
                "punchd.service 中没有凭据 {name}：请执行 systemctl edit punchd 加入 LoadCredential={name}:/路径，否则 punchd 无法启动"
            ),
        ),
        (false, _) => (
            format!(
                "the credential {name} comes from systemd when it starts punchd; it cannot be looked at from here. The unit needs LoadCredential={name}:/path"
            ),
            format!(
                "凭据 {name} 由 systemd 在启动 punchd 时提供，此处无法查看；单元中需有 LoadCredential={name}:/路径"
            ),
        ),
    };
    check.findings.warning(at, format!("`{key}`: {en}"), format!("`{key}`：{zh}"));
}

/// Whether the agent's user may read the file, and whoever checks too. `Some`: what the check has to do without.
fn with_other_eyes(check: &mut Check<'_>, key: &str, at: Place, path: &Path) -> Option<Secret> {
    let eyes = check.service?.eyes.as_ref()?;
    let sight = eyes.read(path);
    access::tell(check, at, &format!("`{key}`"), eyes, &sight);
    // What the agent may read and we may not, is taken for right.
    let ours_to_read = File::open(path).is_ok();
    (!ours_to_read && !matches!(sight, Sight::Absent)).then(|| Secret::new(UNUSED))
}

/// Whether somebody who is nobody in particular could read it, through all folders above.
fn is_open_to_all(path: &Path) -> bool {
    let anybody = Eyes { name: String::new(), uid: ANYBODY, gids: vec![ANYBODY] };
    matches!(anybody.read(path), Sight::Open)
}

fn from_file(check: &mut Check<'_>, key: &str, at: Place, path: &Path) -> Option<Secret> {
    if let Some(unseen) = with_other_eyes(check, key, at, path) {
        return Some(unseen);
    }
    let bytes = read(check, key, at, path)?;
    if is_open_to_all(path) {
        let shown = path.display();
        check.findings.warning(
            at,
            format!("every user of this machine can read the secret in {shown}: chmod 600 {shown}, owned by the user of punchd"),
            format!("本机所有用户都能读取机密文件 {shown}：请执行 chmod 600 {shown}，并归 punchd 的用户所有"),
        );
    }
    from_bytes(check, key, at, &path.display().to_string(), bytes)
}

fn read(check: &mut Check<'_>, key: &str, at: Place, path: &Path) -> Option<Vec<u8>> {
    let read = || {
        if !std::fs::metadata(path)?.is_file() {
            return Err(std::io::Error::other("not a regular file"));
        }
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_SECRET_BYTES + 2).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    match read() {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            let shown = path.display();
            if error.kind() == std::io::ErrorKind::PermissionDenied {
                check.findings.mistake(
                    at,
                    format!("the secret `{key}` in {shown} may not be read by you: where punchd runs as a user of its own, check with `sudo punchd check`; else let the user of punchd read the file"),
                    format!("您无权读取 {shown} 中的机密 `{key}`：punchd 以专用用户运行时，请用 `sudo punchd check` 检查；否则请允许 punchd 的用户读取该文件"),
                );
                return None;
            }
            check.findings.mistake(
                at,
                format!("the secret `{key}` cannot be read from {shown} ({error}): create the file and let the user of punchd read it"),
                format!("无法从 {shown} 读取机密 `{key}`（{error}）：请创建该文件并允许 punchd 的用户读取"),
            );
            None
        }
    }
}

fn from_bytes(check: &mut Check<'_>, key: &str, at: Place, source: &str, bytes: Vec<u8>) -> Option<Secret> {
    let wrong = match String::from_utf8(bytes) {
        Err(_) => ("is not text", "不是文本"),
        Ok(text) => {
            let secret = text.strip_suffix('\n').unwrap_or(&text);
            let secret = secret.strip_suffix('\r').unwrap_or(secret);
            if secret.is_empty() {
                ("is empty", "是空的")
            } else if secret.len() as u64 > MAX_SECRET_BYTES {
                ("is longer than 4096 bytes", "超过 4096 字节")
            } else if secret.chars().any(char::is_control) {
                ("holds more than one line", "不止一行")
            } else {
                return Some(Secret::new(secret));
            }
        }
    };
    check.findings.mistake(
        at,
        format!("the secret `{key}` ({source}) {}: it must be one line of text, with nothing but the secret", wrong.0),
        format!("机密 `{key}`（{source}）{}：应为一行文本，只含机密本身", wrong.1),
    );
    None
}
