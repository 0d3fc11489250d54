//! What can be set about a push terminal.

use std::net::IpAddr;
use std::time::Duration;

use punchd_contract::{Default, Endpoint, Mistake, Secret, SerialNumber, Setting, Shape, Values};

use super::protocol::text::Charset;

/// The port that terminals are told to connect to, unless another is set.
pub const PORT: u16 = 8081;

/// Settings of one terminal, parsed.
#[derive(Debug)]
pub struct Settings {
    /// Where the gateway listens; terminals with the same address share the listener.
    pub listen: Endpoint,
    /// The one serial number that is let in as this device.
    pub serial: SerialNumber,
    /// The static token that the terminal must send.
    pub comm_key: Option<Secret>,
    /// The only address from which it may come.
    pub source: Option<IpAddr>,
    /// How it writes names.
    pub charset: Charset,
    /// How often its count is compared with ours.
    pub reconcile_every: Duration,
    /// How often it is told to poll.
    pub delay: Duration,
    /// How long it is told to wait after a failure.
    pub error_delay: Duration,
    /// Door events that count as punches besides those that always do.
    pub count_events: Vec<u16>,
    /// Whether a passed check of an identity card is a punch.
    pub count_card_checks: bool,
}

/// The settings as declared.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "serial",
        shape: Shape::Text,
        default: Default::Required,
        en: "the terminal's serial number, as it shows it in its menu (System Info)",
        zh: "考勤机序列号，见设备菜单“系统信息”",
    },
    Setting {
        key: "listen",
        shape: Shape::Endpoint(PORT),
        default: Default::Is("0.0.0.0:8081"),
        en: "where the gateway waits for terminals; several terminals may share one address",
        zh: "网关监听地址，多台设备可共用",
    },
    Setting {
        key: "comm_key",
        shape: Shape::Secret,
        default: Default::Absent,
        en: "the token (pushcommkey) that the terminal must send, if its firmware has one",
        zh: "设备须携带的通信密钥（pushcommkey），固件支持时填写",
    },
    Setting {
        key: "source",
        shape: Shape::Text,
        default: Default::Absent,
        en: "the only IP address from which this terminal may come, such as \"10.0.0.8\"",
        zh: "只允许该设备从此 IP 连接，例如 \"10.0.0.8\"",
    },
    Setting {
        key: "encoding",
        shape: Shape::Word(&["auto", "gbk", "utf-8"]),
        default: Default::Is("auto"),
        en: "how the terminal writes names",
        zh: "设备使用的文字编码",
    },
    Setting {
        key: "reconcile_every",
        shape: Shape::Duration(600, 7 * 86_400),
        default: Default::Is("24h"),
        en: "how often the terminal's count of punches is compared with what has arrived",
        zh: "多久核对一次设备上的打卡条数",
    },
    Setting {
        key: "delay",
        shape: Shape::Duration(2, 60),
        default: Default::Is("10s"),
        en: "how often the terminal asks for commands",
        zh: "设备轮询命令的间隔",
    },
    Setting {
        key: "error_delay",
        shape: Shape::Duration(30, 300),
        default: Default::Is("30s"),
        en: "how long the terminal waits before it tries again after a failure",
        zh: "设备通信失败后的重试间隔",
    },
    Setting {
        key: "count_events",
        shape: Shape::Integers(0, 65_535),
        default: Default::Absent,
        en: "for access controllers: numbers of door events that count as punches besides a normal passage, such as [8, 101]; refusals, alarms and openings from afar do not count otherwise",
        zh: "用于门禁控制器：除正常通行外还算作打卡的门禁事件代码，如 [8, 101]；拒绝、报警、远程开门等默认不算",
    },
    Setting {
        key: "count_card_checks",
        shape: Shape::Boolean,
        default: Default::Is("false"),
        en: "for terminals that read identity cards: whether a passed check of a card is a punch",
        zh: "用于身份证核验设备：核验通过是否算作打卡",
    },
];

/// Values with their shapes already checked become settings.
pub fn parse(values: &Values) -> Result<Settings, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let serial = SerialNumber::new(values.text("serial").unwrap_or("")).map_err(|wrong| {
        mistakes.push(
            Mistake::new("serial", format!("the serial number {wrong}")).in_chinese(format!("序列号不对：{wrong}")),
        )
    });
    let source = values.text("source").map(str::parse::<IpAddr>).transpose().map_err(|_| {
        mistakes.push(
            Mistake::new("source", "one IP address, such as \"10.0.0.8\"").in_chinese("一个 IP 地址，如 \"10.0.0.8\""),
        );
    });
    let charset = match values.text("encoding").unwrap_or("auto") {
        "gbk" => Charset::Gbk,
        "utf-8" => Charset::Utf8,
        _ => Charset::Auto,
    };
    let any = || Endpoint { host: "0.0.0.0".into(), port: PORT };
    let seconds = |key: &str, default: u64| values.duration(key).unwrap_or(Duration::from_secs(default));
    let (Ok(serial), Ok(source)) = (serial, source) else { return Err(mistakes) };
    Ok(Settings {
        listen: values.endpoint("listen").cloned().unwrap_or_else(any),
        serial,
        comm_key: values.secret("comm_key").cloned(),
        source: source.map(|address| address.to_canonical()),
        charset,
        reconcile_every: seconds("reconcile_every", 86_400),
        delay: seconds("delay", 10),
        error_delay: seconds("error_delay", 30),
        count_events: values.integers("count_events").iter().filter_map(|code| u16::try_from(*code).ok()).collect(),
        count_card_checks: values.boolean("count_card_checks"),
    })
}
