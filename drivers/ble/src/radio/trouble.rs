//! What can be wrong with Bluetooth, each with the sentence that says what to do.

use punchd_contract::{LineError, Place, Text};

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// There is no system bus.
    #[error("there is no D-Bus system bus here: install and start dbus and bluez (`apt install bluez`)")]
    NoBus,
    /// Nobody answers for BlueZ.
    #[error("the Bluetooth service is not running: `systemctl enable --now bluetooth` (package bluez)")]
    NoService,
    /// No adapter, or not this one.
    #[error("there is no Bluetooth adapter{}: plug one in, or correct `adapter` (`bluetoothctl list` shows what there is)", named(.0))]
    NoAdapter(Option<String>),
    /// The D-Bus policy says no.
    #[error(
        "punchd may not use Bluetooth: give its user the group bluetooth and restart it (D-Bus policy of org.bluez)"
    )]
    Forbidden,
    /// Switched off by rfkill.
    #[error("Bluetooth is blocked: `rfkill unblock bluetooth`, or the switch of the machine")]
    Blocked,
    /// Switched off.
    #[error("the Bluetooth adapter was switched off; punchd switches it on again")]
    Off,
    /// The device does not advertise, or cannot be heard.
    #[error(
        "{0} is not heard over Bluetooth: check its power and distance, that nothing else is connected to it, and `device` (`punchd devices discover` lists what is near)"
    )]
    NotHeard(String),
    /// The device has not the pipe that is wanted.
    #[error("{device} has no such service or characteristic: correct `service`, `notify` and `write`; it has {has}")]
    NoPipe {
        /// Which device.
        device: String,
        /// Which services it has.
        has: String,
    },
    /// The link broke.
    #[error("the Bluetooth link to {0} broke: check its power and distance")]
    Broken(String),
    /// The device notifies faster than anybody reads.
    #[error("{0} sends more than can be read: is it the right device?")]
    Flood(String),
    /// Another device of the configuration has it.
    #[error("{0} is in use by another device of the configuration: each needs a device of its own")]
    Taken(String),
    /// The stack did not answer in time.
    #[error("the Bluetooth service does not answer ({0}): if it stays so, `systemctl restart bluetooth`")]
    Hangs(&'static str),
    /// Anything else.
    #[error("Bluetooth failed: {0}; if it stays so, `systemctl restart bluetooth`")]
    Failed(String),
}

fn named(adapter: &Option<String>) -> String {
    adapter.as_ref().map(|adapter| format!(" {adapter}")).unwrap_or_default()
}

impl Trouble {
    /// From the name and the words of a D-Bus error.
    pub fn of_dbus(name: &str, words: &str) -> Self {
        match name {
            "org.bluez.Error.Blocked" => Self::Blocked,
            "org.bluez.Error.NotReady" => Self::Off,
            "org.bluez.Error.NotAuthorized" | "org.freedesktop.DBus.Error.AccessDenied" => Self::Forbidden,
            "org.freedesktop.DBus.Error.ServiceUnknown" | "org.freedesktop.DBus.Error.NameHasNoOwner" => {
                Self::NoService
            }
            "org.freedesktop.DBus.Error.Disconnected" | "org.freedesktop.DBus.Error.FileNotFound" => Self::NoBus,
            "org.freedesktop.DBus.Error.NoServer" => Self::NoBus,
            "org.freedesktop.DBus.Error.Timeout" | "org.freedesktop.DBus.Error.NoReply" => Self::Hangs("D-Bus"),
            // The bus tries to start the daemon and cannot, as on a machine without an adapter.
            name if name.starts_with("org.freedesktop.DBus.Error.Spawn")
                || name.starts_with("org.freedesktop.systemd1") =>
            {
                Self::NoService
            }
            _ => Self::Failed(short(words)),
        }
    }

    /// The sentence for people.
    pub fn text(&self) -> Text {
        let zh = match self {
            Self::NoBus => "本机没有 D-Bus 系统总线：请安装并启动 dbus 和 bluez（`apt install bluez`）".to_owned(),
            Self::NoService => "蓝牙服务未运行：请执行 `systemctl enable --now bluetooth`（软件包 bluez）".to_owned(),
            Self::NoAdapter(adapter) => {
                format!(
                    "没有蓝牙适配器{}：请插入适配器，或更正 `adapter`（`bluetoothctl list` 可列出）",
                    named(adapter)
                )
            }
            Self::Forbidden => {
                "punchd 无权使用蓝牙：请将其用户加入 bluetooth 组并重启（org.bluez 的 D-Bus 策略）".to_owned()
            }
            Self::Blocked => "蓝牙已被禁用：请执行 `rfkill unblock bluetooth`，或检查机器上的开关".to_owned(),
            Self::Off => "蓝牙适配器被关闭；punchd 会重新打开它".to_owned(),
            Self::NotHeard(device) => format!(
                "收不到 {device} 的蓝牙信号：请检查电源、距离、是否已被其他设备连接，以及 `device`（`punchd devices discover` 可列出附近设备）"
            ),
            Self::NoPipe { device, has } => {
                format!("{device} 没有这样的服务或特征：请更正 `service`、`notify`、`write`；它提供 {has}")
            }
            Self::Broken(device) => format!("与 {device} 的蓝牙连接已断开：请检查电源和距离"),
            Self::Flood(device) => format!("{device} 发送过快，来不及读取：请确认是否为正确的设备"),
            Self::Taken(device) => format!("{device} 正被配置中的另一台设备使用：每台都需要自己的设备"),
            Self::Hangs(what) => {
                format!("蓝牙服务没有应答（{what}）：若持续如此，请执行 `systemctl restart bluetooth`")
            }
            Self::Failed(why) => format!("蓝牙出错：{why}；若持续如此，请执行 `systemctl restart bluetooth`"),
        };
        Text::new(self.to_string(), zh)
    }

    /// As what a line to this place could not be opened, or broke.
    pub fn of_line(self, place: &Place) -> LineError {
        let place = place.clone();
        match self {
            Self::NotHeard(_) => LineError::NotThere(place),
            Self::Taken(_) => LineError::Taken(place),
            Self::Broken(_) => LineError::Gone(place),
            other => LineError::Failed { place, why: other.to_string() },
        }
    }
}

/// Words from outside, short enough for a sentence.
pub(crate) fn short(words: &str) -> String {
    words.chars().filter(|c| !c.is_control()).take(160).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trouble_says_in_both_languages_what_to_do() {
        let all = [
            Trouble::NoBus,
            Trouble::NoService,
            Trouble::NoAdapter(Some("hci1".into())),
            Trouble::Forbidden,
            Trouble::Blocked,
            Trouble::Off,
            Trouble::NotHeard("Gate".into()),
            Trouble::NoPipe { device: "Gate".into(), has: "180a".into() },
            Trouble::Broken("Gate".into()),
            Trouble::Flood("Gate".into()),
            Trouble::Taken("Gate".into()),
            Trouble::Hangs("scan"),
            Trouble::Failed("le-connection-abort-by-local".into()),
        ];
        for trouble in all {
            let text = trouble.text();
            assert!(text.en.len() > 20 && text.zh.chars().count() > 10 && text.en != text.zh, "{text}");
        }
        assert!(Trouble::NoAdapter(None).to_string().starts_with("there is no Bluetooth adapter:"));
    }

    #[test]
    fn errors_of_the_bus_are_told_apart() {
        let of = |name| Trouble::of_dbus(name, "words");
        assert_eq!(of("org.bluez.Error.Blocked"), Trouble::Blocked);
        assert_eq!(of("org.freedesktop.DBus.Error.AccessDenied"), Trouble::Forbidden);
        assert_eq!(of("org.freedesktop.DBus.Error.ServiceUnknown"), Trouble::NoService);
        assert_eq!(of("org.freedesktop.DBus.Error.Spawn.ChildExited"), Trouble::NoService);
        assert_eq!(of("org.bluez.Error.InProgress"), Trouble::Failed("words".into()));
    }
}
