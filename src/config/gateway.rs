//! `[gateway]`, `[retention]`, `[attendance]` and `[clock]`: what holds for the whole gateway.

use std::path::{Path, PathBuf};
use std::time::Duration;

use punchd_contract::{Default, Shape};

use super::check::{Check, More, Section};
use super::declared::{Block, Declared, Form};
use super::tree::Table;
use super::zone::Zone;
use crate::wecom::TimeHost;

const DAY: u64 = 86_400;
/// Where the data is if the file says nothing.
pub(super) const DATA: &str = "/var/lib/punchd";
/// The folder that systemd makes for the running agent; members of the group punchd may enter it.
pub(super) const RUNTIME: &str = "/run/punchd";

/// The longest name of a Unix socket (`sockaddr_un`), without its end.
const MAX_SOCKET: usize = 107;

/// `[gateway]`.
pub static GATEWAY: Block = Block {
    name: "gateway",
    repeated: false,
    en: "This machine: its name, where it keeps its data, the zone that its devices share.",
    zh: "本机：名称、数据目录、设备共用的时区。",
    settings: &[
        Declared {
            key: "name",
            form: Form::Shape(Shape::Text),
            default: Default::Is("punchd"),
            en: "the gateway's name, shown in WeCom as the place if a device has none, and on pages; at most 40 characters",
            zh: "网关名称，最多 40 个字符；设备未设地点时作为企业微信中的地点，也显示在页面上",
        },
        Declared {
            key: "zone",
            form: Form::Zone,
            default: Default::Absent,
            en: "the time zone of devices that name none; the host's own zone is never used",
            zh: "未单独设置时区的设备所用的时区；从不使用主机的时区",
        },
        Declared {
            key: "data",
            form: Form::Shape(Shape::Text),
            default: Default::Is(DATA),
            en: "the folder of the journal and the keys; relative names start at this file's folder",
            zh: "日志库和密钥所在目录；相对路径以本文件所在目录为起点",
        },
        Declared {
            key: "socket",
            form: Form::Shape(Shape::Text),
            default: Default::Absent,
            en: "the socket of the command line; absent: punchd.sock in /run/punchd where systemd has made that folder, else in the data folder",
            zh: "命令行使用的套接字；不设则为 systemd 建立的 /run/punchd 中的 punchd.sock，没有该目录时为数据目录中的 punchd.sock",
        },
        Declared {
            key: "log",
            form: Form::Shape(Shape::Word(&["error", "warn", "info", "debug", "trace"])),
            default: Default::Is("info"),
            en: "how much is logged",
            zh: "日志级别",
        },
    ],
};

/// `[retention]`.
pub static RETENTION: Block = Block {
    name: "retention",
    repeated: false,
    en: "How long things are kept. What is not delivered is never removed.",
    zh: "保留时间。尚未送达的内容不会被删除。",
    settings: &[
        Declared {
            key: "readings",
            form: Form::Shape(Shape::Duration(DAY, 36_500 * DAY)),
            default: Default::Is("400d"),
            en: "how long readings, punches and their deliveries are kept",
            zh: "原始记录、打卡及其上传状态的保留时间",
        },
        Declared {
            key: "uploads",
            form: Form::Shape(Shape::Duration(0, 3_650 * DAY)),
            default: Default::Is("30d"),
            en: "how long photos and templates that terminals send are kept (encrypted); they go earlier once delivered",
            zh: "终端上传的照片和模板（加密）的保留时间；送达后会提前删除",
        },
    ],
};

/// `[attendance]`.
pub static ATTENDANCE: Block = Block {
    name: "attendance",
    repeated: false,
    en: "What counts as one punch.",
    zh: "怎样算一次打卡。",
    settings: &[Declared {
        key: "merge_window",
        form: Form::Shape(Shape::Duration(0, 12 * 3_600)),
        default: Default::Is("5m"),
        en: "readings of one person within this time after a punch are merged into it; 0s merges only the same second",
        zh: "同一人在一次打卡之后这段时间内的记录并入该次打卡；0s 只合并同一秒",
    }],
};

/// `[clock]`.
pub static CLOCK: Block = Block {
    name: "clock",
    repeated: false,
    en: "When the gateway's own clock is believed.",
    zh: "何时信任网关自己的时钟。",
    settings: &[
        Declared {
            key: "trusted_within",
            form: Form::Shape(Shape::Duration(1, 3_600)),
            default: Default::Is("30s"),
            en: "the clock is trusted while the bound of its error is below this; otherwise punches of local readers are held",
            zh: "时钟误差上限低于此值时可信；否则本地读卡器的打卡先保留待定",
        },
        Declared {
            key: "time_hosts",
            form: Form::Shape(Shape::Texts),
            default: Default::Absent,
            en: "hosts (name or name:port) that are asked for the time over plain HTTP, after WeCom's own, when the clock is too wrong to judge certificates; no punch is dated by what they say",
            zh: "时钟错误到无法检查证书时，除企业微信主机外，通过 HTTP 询问时间的主机（主机名或 主机名:端口）；不会用其给打卡定时",
        },
    ],
};

/// The gateway itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Gateway {
    /// Shown in WeCom and on pages; at most 40 characters.
    pub name: String,
    /// The zone of devices that name none.
    pub zone: Option<Zone>,
    /// The folder of the journal and the keys, absolute.
    pub data: PathBuf,
    /// The socket of the command line, absolute.
    pub socket: PathBuf,
    /// How much is logged.
    pub log: LogLevel,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of the file")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    /// The word of the file, which `tracing` knows too.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// How long things are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Readings, punches, deliveries.
    pub readings: Duration,
    /// Photos and templates.
    pub uploads: Duration,
}

/// What counts as one punch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attendance {
    /// Readings within it are merged into the punch before them.
    pub merge_window: Duration,
}

/// When the gateway's clock is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockTrust {
    /// The largest bound of error that is trusted.
    pub trusted_within: Duration,
    /// Who is asked for the time when certificates cannot be judged.
    pub time_hosts: Vec<TimeHost>,
}

/// The socket of a gateway whose file names none: where systemd has made a folder for the agent of the usual data, the members of its group
/// can reach it there.
pub(super) fn usual_socket(data: &Path) -> PathBuf {
    let runtime = Path::new(RUNTIME);
    let folder = if data == Path::new(DATA) && runtime.is_dir() { runtime } else { data };
    folder.join("punchd.sock")
}

pub(super) fn gateway(check: &mut Check<'_>, table: &Table) -> Option<Gateway> {
    let section = check.section(table, "[gateway]", GATEWAY.settings, More::Of(&[]));
    if section.text("name").is_some_and(|name| name.chars().count() > 40) {
        check.findings.mistake(
            section.place("name"),
            "`name` of the gateway has more than 40 characters: shorten it",
            "网关的 `name` 超过 40 个字符：请缩短",
        );
    }
    let data = check.path(section.text("data")?);
    let socket = section.text("socket").map_or_else(|| usual_socket(&data), |written| check.path(written));
    if socket.as_os_str().len() > MAX_SOCKET {
        check.findings.mistake(
            section.place("socket"),
            format!("the socket's path {} is longer than {MAX_SOCKET} bytes, which the system does not allow: set `socket` to a shorter one, such as \"/run/punchd/punchd.sock\"", socket.display()),
            format!("套接字路径 {} 超过系统允许的 {MAX_SOCKET} 字节：请把 `socket` 设为较短的路径，如 \"/run/punchd/punchd.sock\"", socket.display()),
        );
    }
    Some(Gateway {
        name: section.text("name")?.to_owned(),
        zone: section.zone("zone").cloned(),
        data,
        socket,
        log: match section.text("log")? {
            "error" => LogLevel::Error,
            "warn" => LogLevel::Warn,
            "debug" => LogLevel::Debug,
            "trace" => LogLevel::Trace,
            _ => LogLevel::Info,
        },
    })
}

pub(super) fn retention(check: &mut Check<'_>, table: &Table) -> Option<Retention> {
    let section = check.section(table, "[retention]", RETENTION.settings, More::Of(&[]));
    Some(Retention { readings: section.duration("readings")?, uploads: section.duration("uploads")? })
}

pub(super) fn attendance(check: &mut Check<'_>, table: &Table) -> Option<Attendance> {
    let section = check.section(table, "[attendance]", ATTENDANCE.settings, More::Of(&[]));
    Some(Attendance { merge_window: section.duration("merge_window")? })
}

pub(super) fn clock(check: &mut Check<'_>, table: &Table) -> Option<ClockTrust> {
    let section: Section = check.section(table, "[clock]", CLOCK.settings, More::Of(&[]));
    let mut time_hosts = Vec::new();
    for written in section.texts("time_hosts").unwrap_or_default() {
        match TimeHost::parse(written) {
            Some(host) => time_hosts.push(host),
            None => check.findings.mistake(
                section.place("time_hosts"),
                format!("{written:?} in `time_hosts` is no host: write it as \"time.example\" or \"10.0.0.1:8080\""),
                format!("`time_hosts` 中的 {written:?} 不是主机：请写成 \"time.example\" 或 \"10.0.0.1:8080\""),
            ),
        }
    }
    Some(ClockTrust { trusted_within: section.duration("trusted_within")?, time_hosts })
}
