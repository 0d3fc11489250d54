//! What no block shows by itself: names given twice, two devices that are one, an organisation without a destination.

use std::collections::HashMap;
use std::hash::Hash;

use crate::attendance::UserIdRule;
use punchd_contract::Value;

use super::Sections;
use super::check::Check;
use super::destination::DestinationConfig;
use super::device::{DeviceConfig, IDENTITY};
use super::organisation::Organisations;
use super::source::{Place, Sources};
use super::tree::{Node, Raw, Table};

/// The most blocks of one name; those beyond are named and not looked at.
pub(super) const MOST: [(&str, usize); 4] =
    [("organisation", 100), ("device", 1000), ("destination", 100), ("person", 10_000)];

pub(super) fn check(
    check: &mut Check<'_>,
    sources: &Sources,
    sections: &Sections<'_>,
    organisations: &Organisations,
    devices: &[(Place, DeviceConfig)],
    destinations: &[(Place, DestinationConfig)],
) {
    for (block, most) in MOST {
        if let Some(beyond) = sections.all(block).nth(most) {
            check.findings.mistake(
                beyond.at,
                format!("more than {most} blocks [[{block}]]: one gateway serves at most {most}"),
                format!("[[{block}]] 超过 {most} 段：一台网关最多 {most} 段"),
            );
        }
        if block != "person" {
            names_given_twice(check, sources, block, &sections.many(block));
        }
    }
    devices_that_are_one(check, sources, devices);
    destinations_that_are_one(check, sources, destinations);
    ids_of_several_organisations(check, devices);
    advice(check, sources, sections, organisations, devices, destinations);
}

/// Looks at the names as written, so that it works for blocks that hold other mistakes too.
fn names_given_twice(check: &mut Check<'_>, sources: &Sources, block: &str, tables: &[&Table]) {
    let names = tables.iter().filter_map(|table| match table.get("name").map(|entry| &entry.node) {
        Some(Node { at, raw: Raw::Text(name) }) => Some((name.trim().to_owned(), *at)),
        _ => None,
    });
    for (name, at, first) in repeated(names) {
        let first = sources.spot(first);
        let shown: String = name.chars().take(60).collect();
        check.findings.mistake(
            at,
            format!("a second [[{block}]] is called {shown:?}; the first is in {first}: give one of them another name"),
            format!("[[{block}]] 的名称 {shown:?} 重复，第一处在 {first}：请改其中一个"),
        );
    }
}

/// Two blocks for one piece of hardware would read everything twice.
fn devices_that_are_one(check: &mut Check<'_>, sources: &Sources, devices: &[(Place, DeviceConfig)]) {
    let identities = devices.iter().flat_map(|(at, device)| {
        IDENTITY.into_iter().filter_map(move |key| {
            let kind = device.driver.declaration().kind;
            let (among, shown) = match device.values.get(key)? {
                // One line carries one conversation, whatever kinds the two are.
                Value::Line(place) => ("any", place.to_string()),
                // Modules have an address on their own line, which is that of every other on its own.
                Value::Text(_) if key == "address" => return None,
                Value::Text(text) => (kind, text.clone()),
                Value::Endpoint(endpoint) => (kind, endpoint.to_string()),
                _ => return None,
            };
            Some(((among, key, shown), *at))
        })
    });
    for ((_, key, shown), at, first) in repeated(identities) {
        let first = sources.spot(first);
        check.findings.mistake(
            at,
            format!(
                "this device has the same `{key}` ({shown}) as the one in {first}: every device stands in one block"
            ),
            format!("此设备的 `{key}`（{shown}）与 {first} 的设备相同：每台设备只写一段"),
        );
    }
}

/// Two destinations of one corp for one organisation would have everything there twice.
fn destinations_that_are_one(check: &mut Check<'_>, sources: &Sources, destinations: &[(Place, DestinationConfig)]) {
    let identities = destinations.iter().map(|(at, destination)| {
        let of = (
            destination.declaration.kind,
            destination.settings.identity().to_owned(),
            destination.organisation.clone(),
        );
        (of, *at)
    });
    for ((kind, identity, organisation), at, first) in repeated(identities) {
        let first = sources.spot(first);
        check.findings.mistake(
            at,
            format!(
                "the punches of {organisation} go to {identity} ({kind}) already, by the destination in {first}: everything would be there twice; remove one of the two"
            ),
            format!("{organisation} 的打卡已由 {first} 的去向送往 {identity}（{kind}）：会全部重复，请删去其中一段"),
        );
    }
}

/// Where a terminal's id is the userid itself, it must be clear of which organisation.
fn ids_of_several_organisations(check: &mut Check<'_>, devices: &[(Place, DeviceConfig)]) {
    for (at, device) in devices {
        if device.user_ids != UserIdRule::Mapped && device.organisations.len() > 1 {
            check.findings.warning(
                *at,
                "it serves several organisations, so its user ids are looked up among listed people only: an id that no list has is nobody's",
                "该设备服务于多个企业，其终端编号只在人员名单中查找：名单中没有的编号不归任何人",
            );
        }
    }
}

/// Every repetition, with the place of the first.
fn repeated<K: Hash + Eq + Clone>(found: impl Iterator<Item = (K, Place)>) -> Vec<(K, Place, Place)> {
    let mut first: HashMap<K, Place> = HashMap::new();
    found
        .filter_map(|(key, at)| match first.get(&key) {
            Some(earlier) => Some((key, at, *earlier)),
            None => {
                first.insert(key, at);
                None
            }
        })
        .collect()
}

fn advice(
    check: &mut Check<'_>,
    sources: &Sources,
    sections: &Sections<'_>,
    organisations: &Organisations,
    devices: &[(Place, DeviceConfig)],
    destinations: &[(Place, DestinationConfig)],
) {
    if sections.many("device").is_empty() {
        check.findings.warning(
            sources.start(),
            "no device is configured, so nothing will be read: add a [[device]]",
            "没有配置设备，不会读取任何记录：请添加 [[device]]",
        );
    }
    // With a block that holds mistakes, what seems to be missing may be meant by it.
    let complete = sections.many("destination").len() == destinations.len()
        && sections.many("device").len() == devices.len()
        && !organisations.incomplete;
    if !complete {
        return;
    }
    for (at, organisation) in &organisations.list {
        let name = &organisation.name;
        if !destinations.iter().any(|(_, destination)| destination.organisation == *name) {
            check.findings.warning(
                *at,
                format!("the organisation \"{name}\" has no destination: its punches are kept here and go nowhere until a [[destination]] is added (those from before then only with its setting `history`)"),
                format!("企业 \"{name}\" 没有去向：其打卡只保存在本机，直到添加 [[destination]]（此前的打卡仅在其设置了 `history` 时送出）"),
            );
        }
        let served = devices.iter().any(|(_, device)| device.organisations.contains(name));
        if !served && !devices.is_empty() {
            check.findings.warning(
                *at,
                format!("no device serves the organisation \"{name}\": add it to `organisations` of a device"),
                format!("没有设备服务于企业 \"{name}\"：请加入某台设备的 `organisations`"),
            );
        }
    }
}
