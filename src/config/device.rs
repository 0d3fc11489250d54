//! `[[device]]`: one terminal or reader, with what every kind has in common; the rest is its driver's.

use crate::attendance::{UserIdRule, WrongClock};
use std::collections::BTreeSet;
use std::time::Duration;

use jiff::civil::Date;
use punchd_contract::{DeviceName, Driver, Prepared, Values};

use super::check::{Check, More, Section};
use super::device_settings::DEVICE;
use super::gateway::Gateway;
use super::names::OrganisationName;
use super::nearest::nearest;
use super::organisation::Organisations;
use super::place::{self, Place};
use super::secrets::SecretOrigin;
use super::shape::meant;
use super::source;
use super::tree::{Raw, Table};
use super::zone::Zone;

/// Settings by which two devices would be the same piece of hardware.
pub(super) const IDENTITY: [&str; 5] = ["serial", "serial_number", "address", "device", "port"];

/// A device, ready for its driver.
#[derive(Clone)]
pub struct DeviceConfig {
    /// What the operator calls it.
    pub name: DeviceName,
    /// What serves it.
    pub driver: &'static dyn Driver,
    /// Its settings as the driver parsed them.
    pub prepared: Prepared,
    /// Its kind's settings, checked, with defaults.
    pub values: Values,
    /// Where its secrets came from.
    pub secrets: Vec<SecretOrigin>,
    /// Where its local time holds.
    pub zone: Zone,
    /// Whose people it reads; never empty.
    pub organisations: Vec<OrganisationName>,
    /// What a terminal's user id means.
    pub user_ids: UserIdRule,
    /// Readings before this local day do not count.
    pub count_from: Option<Date>,
    /// How far its clock may be off.
    pub clock_tolerance: Duration,
    /// What becomes of its punches if the clock is further off.
    pub wrong_clock: WrongClock,
    /// What WeCom shows.
    pub place: Place,
    /// What WeCom is told it is.
    pub device_type: DeviceType,
    /// Brand or model, at most 40 bytes (facts/wecom-api.md 1.2).
    pub device_detail: String,
}

impl std::fmt::Debug for DeviceConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceConfig")
            .field("name", &self.name)
            .field("kind", &self.driver.declaration().kind)
            .field("values", &self.values)
            .field("zone", &self.zone.name)
            .finish_non_exhaustive()
    }
}

/// What WeCom is told a device is (facts/wecom-api.md 1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceType {
    /// 门禁.
    Door,
    /// 考勤机.
    AttendanceMachine,
    /// 其他.
    Other,
}

impl DeviceType {
    /// The number on the wire.
    pub fn number(self) -> u8 {
        match self {
            Self::Door => 1,
            Self::AttendanceMachine => 2,
            Self::Other => 3,
        }
    }
}

/// What devices are checked against.
pub(super) struct Around<'a> {
    pub(super) gateway: Option<&'a Gateway>,
    /// A zone is written for the gateway, right or wrong.
    pub(super) has_zone: bool,
    pub(super) organisations: &'a Organisations,
    pub(super) drivers: &'a [&'static dyn Driver],
}

/// Checks one block. The place is that of its name.
pub(super) fn device(
    check: &mut Check<'_>,
    table: &Table,
    around: &Around<'_>,
) -> Option<(source::Place, DeviceConfig)> {
    let title = title(table);
    let driver = driver(check, table, around.drivers);
    let more = driver.map_or(More::Unknown, |driver| More::Of(driver.declaration().settings));
    let before = check.findings.mistakes.len();
    let section = check.section(table, &title, DEVICE.settings, more);
    let clean = check.findings.mistakes.len() == before;

    let name = section.text("name").map(DeviceName::new);
    if let Some(Err(error)) = &name {
        check.findings.mistake(
            section.place("name"),
            format!("a device's `name` {error}: it wants 1 to 40 of a-z A-Z 0-9 - _ ., such as \"gate-1\""),
            "设备的 `name` 应为 1–40 个 a-z A-Z 0-9 - _ . 字符，如 \"gate-1\"",
        );
    }
    let zone = zone(check, &section, &title, around);
    let organisations = organisations(check, &section, &title, around.organisations);
    let user_ids = user_ids(check, &section);
    let coordinates = place::coordinates(check, &section);
    let detail = section.text("device_detail");
    if detail.is_some_and(|detail| detail.len() > 40) {
        check.findings.mistake(
            section.place("device_detail"),
            "`device_detail` is longer than the 40 bytes that WeCom takes (a Chinese character is 3): shorten it",
            "`device_detail` 超过企业微信允许的 40 字节（一个汉字占 3 字节）：请缩短",
        );
    }
    place::lengths(check, &section);
    // A driver sees only values that passed the general check, so that one mistake is named once.
    let prepared = if clean { prepare(check, driver?, &section) } else { None };

    let (driver, name) = (driver?, name?.ok()?);
    let gateway_name = around.gateway.map_or("punchd", |gateway| gateway.name.as_str());
    let kind = driver.declaration().kind;
    Some((
        section.place("name"),
        DeviceConfig {
            driver,
            prepared: prepared?,
            zone: zone?,
            organisations: organisations?,
            user_ids: user_ids?,
            count_from: section.date("count_from"),
            clock_tolerance: section.duration("clock_tolerance")?,
            wrong_clock: match section.text("wrong_clock")? {
                "as-recorded" => WrongClock::AsRecorded,
                "correct" => WrongClock::Correct,
                _ => WrongClock::Hold,
            },
            place: Place {
                title: section.text("location_title").unwrap_or(gateway_name).to_owned(),
                detail: section.text("location_detail").unwrap_or(name.as_str()).to_owned(),
                coordinates,
            },
            device_type: match section.integer("device_type")? {
                1 => DeviceType::Door,
                2 => DeviceType::AttendanceMachine,
                _ => DeviceType::Other,
            },
            device_detail: detail.unwrap_or_else(|| kind.get(..40).unwrap_or(kind)).to_owned(),
            values: section.kind,
            secrets: section.secrets,
            name,
        },
    ))
}

fn title(table: &Table) -> String {
    match table.get("name").map(|entry| &entry.node.raw) {
        Some(Raw::Text(name)) => format!("[[device]] {:?}", name.chars().take(40).collect::<String>()),
        _ => "[[device]]".to_owned(),
    }
}

fn driver(check: &mut Check<'_>, table: &Table, drivers: &[&'static dyn Driver]) -> Option<&'static dyn Driver> {
    let entry = table.get("kind")?;
    let Raw::Text(kind) = &entry.node.raw else { return None };
    let found = drivers.iter().copied().find(|driver| driver.declaration().kind == kind);
    if found.is_none() {
        let kinds: Vec<&str> = drivers.iter().map(|driver| driver.declaration().kind).collect();
        let (en, zh) = meant(nearest(kind, kinds.iter().copied()));
        let (shown, kinds) = (kind.chars().take(60).collect::<String>(), kinds.join(", "));
        check.findings.mistake(
            entry.node.at,
            format!("there is no kind of device {shown:?}{en}: the kinds are {kinds}"),
            format!("没有设备类型 {shown:?}{zh}：现有类型为 {kinds}"),
        );
    }
    found
}

fn zone(check: &mut Check<'_>, section: &Section, title: &str, around: &Around<'_>) -> Option<Zone> {
    if section.is_written("zone") {
        return section.zone("zone").cloned();
    }
    if !around.has_zone {
        check.findings.missing(
            section.at,
            format!("{title} has no time zone: set zone = \"Asia/Shanghai\" in [gateway] for all devices, or here for this one"),
            format!("{title} 没有时区：请在 [gateway] 中为所有设备设置 zone = \"Asia/Shanghai\"，或在此单独设置"),
        );
    }
    around.gateway?.zone.clone()
}

fn organisations(
    check: &mut Check<'_>,
    section: &Section,
    title: &str,
    known: &Organisations,
) -> Option<Vec<OrganisationName>> {
    match section.texts("organisations") {
        Some([]) => {
            check.findings.mistake(
                section.place("organisations"),
                "`organisations` is empty: name at least one, or leave the key out if there is only one organisation",
                "`organisations` 为空：请至少写一个；只有一个企业时可删去此项",
            );
            None
        }
        Some(names) => {
            let at = section.place("organisations");
            let found: Vec<_> = names.iter().map(|name| known.find(check, at, name)).collect();
            let found: BTreeSet<OrganisationName> = found.into_iter().collect::<Option<_>>()?;
            Some(found.into_iter().collect())
        }
        None => {
            if known.only().is_none() && !section.is_written("organisations") {
                let names = known.names().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
                check.findings.missing(
                    section.at,
                    format!("{title} needs `organisations`, because there are several: some of [{names}]"),
                    format!("有多个企业，{title} 需要写明 `organisations`，可选 [{names}]"),
                );
            }
            Some(vec![known.only()?])
        }
    }
}

fn user_ids(check: &mut Check<'_>, section: &Section) -> Option<UserIdRule> {
    let rule = section.text("user_ids")?;
    let prefix = section.text("user_id_prefix");
    if let (Some(prefix), "prefixed") = (prefix, rule) {
        let fits = crate::attendance::UserId::new(prefix).is_ok() && prefix.len() < 64;
        if !fits {
            check.findings.mistake(
                section.place("user_id_prefix"),
                "`user_id_prefix` may hold letters, digits and _ - . @ alone, at most 63, such as \"F1-\"",
                "`user_id_prefix` 只能含字母、数字和 _ - . @，最多 63 个，如 \"F1-\"",
            );
        }
        return fits.then(|| UserIdRule::Prefixed(prefix.to_owned()));
    }
    if section.is_written("user_id_prefix") && rule != "prefixed" {
        check.findings.mistake(
            section.place("user_id_prefix"),
            "`user_id_prefix` goes only with user_ids = \"prefixed\": set that, or remove the prefix",
            "`user_id_prefix` 只用于 user_ids = \"prefixed\"：请改为 prefixed 或删去前缀",
        );
    }
    match rule {
        "userid" => Some(UserIdRule::Userid),
        "mapped" => Some(UserIdRule::Mapped),
        _ => {
            if !section.is_written("user_id_prefix") {
                check.findings.missing(
                    section.place("user_ids"),
                    "user_ids = \"prefixed\" needs `user_id_prefix`, such as user_id_prefix = \"F1-\"",
                    "user_ids = \"prefixed\" 需要 `user_id_prefix`，如 user_id_prefix = \"F1-\"",
                );
            }
            None
        }
    }
}

fn prepare(check: &mut Check<'_>, driver: &'static dyn Driver, section: &Section) -> Option<Prepared> {
    match driver.prepare(&section.kind) {
        Ok(prepared) => Some(prepared),
        Err(mistakes) => {
            for mistake in mistakes {
                let (at, key, punchd_contract::Text { en, zh }) =
                    (section.place(mistake.key), mistake.key, mistake.text());
                // What only a driver can see may have no Chinese words; what the setting means always has.
                let means = driver.declaration().settings.iter().find(|setting| setting.key == key && en == zh);
                let means = means.map(|setting| format!("（{}）的值不对", setting.zh)).unwrap_or_default();
                check.findings.mistake(at, format!("`{key}`: {en}"), format!("`{key}`{means}：{zh}"));
            }
            None
        }
    }
}
