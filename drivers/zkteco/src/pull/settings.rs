//! What can be set about a pull terminal.

use std::time::Duration;

use punchd_contract::{Ability, Declaration, Default, Endpoint, Mistake, SerialNumber, Setting, Shape, Subnet, Values};

use super::protocol::comm_key::CommKey;
use super::protocol::names::Encoding;

/// The port that these terminals listen on.
pub const PORT: u16 = 4370;

/// What a pull terminal is and what can be set about it.
pub const DECLARATION: Declaration = Declaration {
    kind: "zkteco-pull",
    en: "a ZKTeco-family terminal that punchd asks over the network (port 4370)",
    zh: "由 punchd 通过网络读取的中控（ZKTeco）系列考勤机（端口 4370）",
    keeps_log: true,
    abilities: &[
        Ability::Identify,
        Ability::SetClock,
        Ability::ReadLog,
        Ability::Reconcile,
        Ability::Unlock,
        Ability::People,
    ],
    settings: &[
        Setting {
            key: "address",
            shape: Shape::Endpoint(PORT),
            default: Default::Required,
            en: "where the terminal is: host or IP address, with the port if it is not 4370",
            zh: "考勤机的地址：主机名或 IP 地址；端口不是 4370 时一并写出",
        },
        Setting {
            key: "comm_key",
            shape: Shape::Secret,
            default: Default::Absent,
            en: "the comm key of the terminal's menu, up to six digits; absent: none",
            zh: "考勤机菜单中的通讯密码，最多六位数字；不写表示没有",
        },
        Setting {
            key: "serial",
            shape: Shape::Text,
            default: Default::Absent,
            en: "the terminal's serial number; absent: learnt at the first contact",
            zh: "考勤机的序列号；不写则在第一次连接时记住",
        },
        Setting {
            key: "subnets",
            shape: Shape::Texts,
            default: Default::Absent,
            en: "where to look for the terminal when its address has changed, such as [\"10.0.0.0/24\"]; absent: nowhere",
            zh: "地址变化后到哪里寻找考勤机，例如 [\"10.0.0.0/24\"]；不写则不寻找",
        },
        Setting {
            key: "transport",
            shape: Shape::Word(&["auto", "tcp", "udp"]),
            default: Default::Is("auto"),
            en: "auto tries TCP, then UDP, and remembers what worked",
            zh: "auto 先试 TCP 再试 UDP，并记住可用的一种",
        },
        Setting {
            key: "encoding",
            shape: Shape::Word(&["auto", "gbk", "utf-8"]),
            default: Default::Is("auto"),
            en: "how the terminal writes names; auto tells it from the user list",
            zh: "考勤机姓名的编码；auto 根据人员名单判断",
        },
        Setting {
            key: "poll",
            shape: Shape::Duration(5, 86_400),
            default: Default::Is("60s"),
            en: "how often the terminal's clock and counts are looked at",
            zh: "多久查看一次考勤机的时钟和记录数",
        },
        Setting {
            key: "full_read_every",
            shape: Shape::Duration(600, 7 * 86_400),
            default: Default::Is("24h"),
            en: "how often the whole log is read even if nothing seems to be missing",
            zh: "即使看起来没有遗漏，也每隔多久完整读取一次记录",
        },
        Setting {
            key: "live",
            shape: Shape::Boolean,
            default: Default::Is("true"),
            en: "take punches as they happen; the log is read either way",
            zh: "实时接收打卡；无论是否开启都会读取记录",
        },
        Setting {
            key: "timeout",
            shape: Shape::Duration(1, 120),
            default: Default::Is("10s"),
            en: "how long one answer of the terminal may take",
            zh: "考勤机每次应答最多等待多久",
        },
    ],
};

/// The settings of one terminal.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it is said to be.
    pub address: Endpoint,
    /// Its comm key.
    pub comm_key: Option<CommKey>,
    /// Who must answer there.
    pub serial: Option<SerialNumber>,
    /// Where to look for it.
    pub subnets: Vec<Subnet>,
    /// Over what it is asked.
    pub transport: Transport,
    /// How it writes names; `None`: told from the list.
    pub encoding: Option<Encoding>,
    /// Between two looks at clock and counts.
    pub poll: Duration,
    /// Between two reads of the whole log.
    pub full_read_every: Duration,
    /// Whether events are asked for.
    pub live: bool,
    /// For one answer.
    pub timeout: Duration,
}

/// Over what a terminal is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP first, then UDP.
    Auto,
    /// TCP alone.
    Tcp,
    /// UDP alone.
    Udp,
}

/// Reads checked values; all mistakes at once.
pub fn parse(values: &Values) -> Result<Settings, Vec<Mistake>> {
    let mut mistakes = Vec::new();
    let mut wrong = |key, right: &str, zh: &str| mistakes.push(Mistake::new(key, right).in_chinese(zh));

    let address = values.endpoint("address").cloned();
    if address.is_none() {
        wrong("address", "the terminal's host or IP address", "考勤机的主机名或 IP 地址");
    }
    let comm_key = values.secret("comm_key").map(|secret| CommKey::parse(secret.reveal()));
    if comm_key == Some(None) {
        wrong("comm_key", "one to six digits, as in the terminal's menu", "1 至 6 位数字，与考勤机菜单中的一致");
    }
    let serial = values.text("serial").map(|text| SerialNumber::new(text).ok());
    if serial == Some(None) {
        wrong("serial", "the serial number as the terminal shows it, without spaces", "考勤机显示的序列号，不含空格");
    }
    let subnets: Vec<_> = values.texts("subnets").iter().map(|text| Subnet::parse(text)).collect();
    if subnets.contains(&None) {
        wrong(
            "subnets",
            "IPv4 networks from /20 to /32, such as \"10.0.0.0/24\"",
            "/20 至 /32 的 IPv4 网段，如 \"10.0.0.0/24\"",
        );
    }
    let transport = match values.text("transport") {
        Some("tcp") => Transport::Tcp,
        Some("udp") => Transport::Udp,
        _ => Transport::Auto,
    };
    let encoding = match values.text("encoding") {
        Some("gbk") => Some(Encoding::Gbk),
        Some("utf-8") => Some(Encoding::Utf8),
        _ => None,
    };
    let (Some(address), true) = (address, mistakes.is_empty()) else { return Err(mistakes) };
    Ok(Settings {
        address,
        comm_key: comm_key.flatten(),
        serial: serial.flatten(),
        subnets: subnets.into_iter().flatten().collect(),
        transport,
        encoding,
        poll: values.duration("poll").unwrap_or(Duration::from_secs(60)),
        full_read_every: values.duration("full_read_every").unwrap_or(Duration::from_secs(86_400)),
        live: values.get("live").is_none() || values.boolean("live"),
        timeout: values.duration("timeout").unwrap_or(Duration::from_secs(10)),
    })
}

#[cfg(test)]
mod tests {
    use punchd_contract::{Secret, Value};

    use super::*;

    fn address() -> Values {
        Values::new().with("address", Value::Endpoint(Endpoint { host: "10.0.0.8".into(), port: PORT }))
    }

    #[test]
    fn an_address_is_enough() {
        let settings = parse(&address()).unwrap();
        assert!(settings.live && settings.transport == Transport::Auto && settings.comm_key.is_none());
        assert_eq!(settings.poll, Duration::from_secs(60));
    }

    #[test]
    fn all_mistakes_are_named_at_once() {
        let values = Values::new()
            .with("comm_key", Value::Secret(Secret::new("1234567")))
            .with("serial", Value::Text("a b".into()))
            .with("subnets", Value::Texts(vec!["10.0.0.0/8".into()]));
        let keys: Vec<_> = parse(&values).unwrap_err().iter().map(|mistake| mistake.key).collect();
        assert_eq!(keys, ["address", "comm_key", "serial", "subnets"]);
    }
}
