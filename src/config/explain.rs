//! What a configuration will do, in plain words: `punchd check`.

use punchd_contract::{Shape, Text, Value};

use super::destination::{DestinationConfig, DestinationSettings, History};
use super::device::{DeviceConfig, DeviceType};
use super::duration::show_duration;
use super::secrets::{SecretOrigin, SecretSource};
use super::{Config, Datum, names::OrganisationName};
use crate::attendance::{UserIdRule, WrongClock};

impl Config {
    /// A line for each thing that will happen. Names the sources of secrets, never what they say.
    pub fn explain(&self) -> Vec<Text> {
        let mut lines = vec![self.files_line(), self.gateway_line(), self.kept_line(), self.clock_line()];
        for organisation in &self.organisations {
            let (name, window) = (&organisation.name, show_duration(organisation.merge_window));
            lines.push(Text::new(
                format!(
                    "Organisation {name}: readings of one person within {window} after a punch count as that punch."
                ),
                format!("企业 {name}：同一人打卡后 {window} 内的记录并入该次打卡。"),
            ));
        }
        lines.push(self.people_line());
        lines.extend(self.devices.iter().flat_map(device));
        lines.extend(self.destinations.iter().flat_map(destination));
        lines
    }

    fn files_line(&self) -> Text {
        let files = self.files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>();
        Text::new(format!("Read from {}.", files.join(", ")), format!("读取自 {}。", files.join("、")))
    }

    fn gateway_line(&self) -> Text {
        let (name, data, socket) = (&self.gateway.name, self.gateway.data.display(), self.gateway.socket.display());
        Text::new(
            format!("Gateway {name}: journal and keys in {data}; the command line speaks through {socket}."),
            format!("网关 {name}：日志库和密钥在 {data}；命令行通过 {socket} 连接。"),
        )
    }

    fn kept_line(&self) -> Text {
        let (readings, uploads) = (show_duration(self.retention.readings), show_duration(self.retention.uploads));
        Text::new(
            format!(
                "Kept: readings and punches {readings}, photos and templates {uploads}; what is not delivered stays longer."
            ),
            format!("保留：记录和打卡 {readings}，照片和模板 {uploads}；未送达的会一直保留。"),
        )
    }

    fn clock_line(&self) -> Text {
        let within = show_duration(self.clock.trusted_within);
        Text::new(
            format!(
                "The gateway's clock counts while it is right to {within}; otherwise punches of local readers are held."
            ),
            format!("网关时钟误差在 {within} 以内时可信；否则本地读卡器的打卡先保留待定。"),
        )
    }

    fn people_line(&self) -> Text {
        let count = self.people.len();
        match &self.people_file {
            Some(file) => {
                let file = file.display();
                Text::new(
                    format!(
                        "People: {count} from the configuration, more from {file}, imported at start if it changed."
                    ),
                    format!("人员：配置中 {count} 人，其余来自 {file}，启动时若有变化则导入。"),
                )
            }
            None => Text::new(
                format!("People: {count} from the configuration; others are imported by hand."),
                format!("人员：配置中 {count} 人；其他人员手动导入。"),
            ),
        }
    }
}

fn device(device: &DeviceConfig) -> Vec<Text> {
    let declaration = device.driver.declaration();
    let (name, zone, organisations) = (&device.name, &device.zone, list(&device.organisations));
    let mut lines = vec![
        Text::new(
            format!("Device {name}: {} ({}), time zone {zone}, for {organisations}.", declaration.en, declaration.kind),
            format!("设备 {name}：{}（{}），时区 {zone}，服务于 {organisations}。", declaration.zh, declaration.kind),
        ),
        settings(device),
        ids(device),
    ];
    if declaration.keeps_log {
        lines.push(its_clock(device));
    }
    if let Some(day) = device.count_from {
        lines.push(Text::new(
            format!("  Readings before {day} are kept but do not count."),
            format!("  {day} 之前的记录只保存，不计为打卡。"),
        ));
    } else if declaration.keeps_log {
        lines.push(Text::new(
            "  Readings from before the day on which it is first seen are kept but do not count (no `count_from`).",
            "  首次接入当天之前的记录只保存，不计为打卡（未设 `count_from`）。",
        ));
    }
    lines.push(shown(device));
    lines.extend(device.secrets.iter().map(secret));
    lines
}

/// Every setting of the kind that has a value, written as in the file.
fn settings(device: &DeviceConfig) -> Text {
    let settings = device.driver.declaration().settings.iter();
    let shown: Vec<String> = settings
        .filter(|setting| !matches!(setting.shape, Shape::Secret))
        .filter_map(|setting| Some(format!("{} = {}", setting.key, written(device.values.get(setting.key)?)?)))
        .collect();
    let shown = if shown.is_empty() { "–".to_owned() } else { shown.join(", ") };
    Text::new(format!("  Settings: {shown}"), format!("  设置：{shown}"))
}

fn written(value: &Value) -> Option<String> {
    Some(match value {
        Value::Text(text) => format!("{text:?}"),
        Value::Integer(number) => number.to_string(),
        Value::Boolean(truth) => truth.to_string(),
        Value::Duration(length) => format!("\"{}\"", show_duration(*length)),
        Value::Line(endpoint) => format!("\"{endpoint}\""),
        Value::Endpoint(endpoint) => format!("\"{endpoint}\""),
        Value::Texts(texts) => format!("{texts:?}"),
        Value::Integers(numbers) => format!("{numbers:?}"),
        Value::Secret(_) => return None,
    })
}

fn ids(device: &DeviceConfig) -> Text {
    match &device.user_ids {
        UserIdRule::Mapped => Text::new(
            "  User ids and cards are looked up in the people list; unknown ones are kept until someone maps them.",
            "  编号和卡号按人员表查找；未知的先保存，待有人对应。",
        ),
        UserIdRule::Userid => Text::new(
            "  A user id of the device is the WeCom userid; cards are looked up in the people list.",
            "  设备上的编号就是企业微信账号；卡号按人员表查找。",
        ),
        UserIdRule::Prefixed(prefix) => Text::new(
            format!(
                "  A user id of the device is the WeCom userid without {prefix:?} before it; cards are looked up in the people list."
            ),
            format!("  设备上的编号前加 {prefix:?} 即企业微信账号；卡号按人员表查找。"),
        ),
    }
}

fn its_clock(device: &DeviceConfig) -> Text {
    let tolerance = show_duration(device.clock_tolerance);
    let (en, zh) = match device.wrong_clock {
        WrongClock::Hold => (
            "its punches are corrected where the offset is proven for their moment, and else held for a person to decide",
            "偏差有证据的打卡自动更正，其余先保留，待人工决定",
        ),
        WrongClock::AsRecorded => ("its punches are sent with its own time all the same", "其打卡仍按设备时间上传"),
        WrongClock::Correct => ("its punches are corrected by the measured difference", "其打卡按测得的偏差更正"),
    };
    Text::new(
        format!("  If its clock is off by more than {tolerance}, {en}."),
        format!("  时钟误差超过 {tolerance} 时，{zh}。"),
    )
}

fn shown(device: &DeviceConfig) -> Text {
    let place = &device.place;
    let (en, zh) = match device.device_type {
        DeviceType::Door => ("a door", "门禁"),
        DeviceType::AttendanceMachine => ("an attendance machine", "考勤机"),
        DeviceType::Other => ("another device", "其他设备"),
    };
    let point = place.coordinates.map_or(String::new(), |point| {
        let datum = match point.datum {
            Datum::Wgs84 => "WGS-84",
            Datum::Gcj02 => "GCJ-02",
        };
        format!(" ({}, {} {datum})", point.latitude, point.longitude)
    });
    let (title, detail, model) = (&place.title, &place.detail, &device.device_detail);
    Text::new(
        format!("  Shown in WeCom as {en} ({model}) at \"{title}\", \"{detail}\"{point}."),
        format!("  在企业微信中显示为{zh}（{model}），地点“{title}”“{detail}”{point}。"),
    )
}

fn destination(destination: &DestinationConfig) -> Vec<Text> {
    let (name, organisation) = (&destination.name, &destination.organisation);
    let (kind, en, zh) = (destination.declaration.kind, destination.declaration.en, destination.declaration.zh);
    let mut lines = vec![Text::new(
        format!("Destination {name}: the punches of {organisation} go to {en} ({kind})."),
        format!("去向 {name}：{organisation} 的打卡送往{zh}（{kind}）。"),
    )];
    lines.push(match destination.history {
        History::None => Text::new(
            "  If it is new, punches that were recorded before do not go there.",
            "  若为新增去向，此前已记录的打卡不送往该处。",
        ),
        History::All => Text::new(
            "  Every punch goes there, also those that were recorded before it was added.",
            "  所有打卡都送往该处，包括添加之前已记录的。",
        ),
        History::From(day) => Text::new(
            format!("  Punches of {day} and later go there, also those that were recorded before it was added."),
            format!("  {day} 及以后的打卡送往该处，包括添加之前已记录的。"),
        ),
    });
    match &destination.settings {
        DestinationSettings::Wecom(wecom) => {
            let (corp, url, calls) = (&wecom.corp_id, &wecom.base_url, wecom.calls_per_minute);
            let (via_en, via_zh) = match &wecom.proxy {
                Some(proxy) => (format!(" through the proxy {}", proxy.url), format!("，经代理 {}", proxy.url)),
                None => (String::new(), String::new()),
            };
            lines.push(Text::new(
                format!("  Corp {corp} at {url}{via_en}; at most {calls} writing calls a minute, 200 punches each."),
                format!("  企业 {corp}，地址 {url}{via_zh}；每分钟最多写入 {calls} 次，每次 200 条。"),
            ));
            if let Some(file) = &wecom.ca_file {
                let file = file.display();
                lines.push(Text::new(
                    format!("  Certificates in {file} are trusted besides the built-in ones."),
                    format!("  除内置证书外还信任 {file} 中的证书。"),
                ));
            }
            let settle = show_duration(wecom.settle);
            lines.push(Text::new(
                format!("  A punch in doubt is read back; if it is not seen {settle} later, it is sent again."),
                format!("  结果不明的打卡会读回核对；{settle} 后仍未见到则重新发送。"),
            ));
            lines.push(match wecom.confirm_after {
                Some(after) => {
                    let after = show_duration(after);
                    Text::new(
                        format!("  Delivered punches are read back after {after}."),
                        format!("  已送达的打卡在 {after} 后读回确认。"),
                    )
                }
                None => Text::new("  Delivered punches are not read back.", "  已送达的打卡不再读回。"),
            });
        }
    }
    lines.extend(destination.secrets.iter().map(secret));
    lines
}

fn secret(origin: &SecretOrigin) -> Text {
    let key = origin.key;
    let (en, zh) = match &origin.source {
        SecretSource::File(path) => (format!("the file {}", path.display()), format!("文件 {}", path.display())),
        SecretSource::Variable(name) => (format!("the environment variable {name}"), format!("环境变量 {name}")),
        SecretSource::Credential(name) => (format!("systemd's credential {name}"), format!("systemd 凭据 {name}")),
    };
    Text::new(format!("  `{key}` comes from {en}."), format!("  `{key}` 来自{zh}。"))
}

fn list(names: &[OrganisationName]) -> String {
    names.iter().map(OrganisationName::as_str).collect::<Vec<_>>().join(", ")
}
