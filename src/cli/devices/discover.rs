//! `punchd devices discover`: what is plugged in or in reach, with a block of configuration for each.

use clap::Args;
use punchd_contract::{Found, LineError, Lines, Mode, Place as LinePlace, Search, Subnet, Text};
use serde_json::json;
use std::sync::Arc;

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::place::converse;
use crate::cli::screen::Screen;
use crate::cli::table::printable;
use crate::intake::lines::{Port, SystemLines, ports};
use crate::intake::registry::DRIVERS;

/// Look for devices: at serial ports, among input devices, over Bluetooth, and in the networks that you name
#[derive(Debug, Args)]
pub struct Discover {
    /// A network to look into for terminals, such as 192.168.1.0/24; nothing is sent into any other
    #[arg(long, value_name = "NETWORK", value_parser = subnet)]
    subnet: Vec<Subnet>,
}

fn subnet(text: &str) -> Result<Subnet, String> {
    Subnet::parse(text).ok_or_else(|| "a network from /20 to /32, such as 192.168.1.0/24".to_owned())
}

/// A serial port and what became of it.
struct Looked {
    port: Port,
    place: LinePlace,
    state: State,
}

enum State {
    Free,
    Trouble(LineError),
    Answered,
}

/// Carries it out. Works with and without an agent: ports that the agent uses are left alone.
pub fn discover(discover: Discover, screen: &mut Screen) -> Result<Exit, Failure> {
    let (looked, found) = converse(async { Ok(look(discover.subnet).await) })?;
    let names = names(&found);
    if screen.json {
        let ports: Vec<_> = looked.iter().map(|looked| describe(looked).1).collect();
        let found: Vec<_> = found
            .iter()
            .zip(&names)
            .map(|(found, name)| {
                json!({ "kind": found.kind, "place": found.place, "says": found.says, "block": block(found, name) })
            })
            .collect();
        screen.value(&json!({ "ports": ports, "found": found }))?;
        return Ok(Exit::Done);
    }
    for looked in &looked {
        screen.text(&describe(looked).0);
    }
    for (found, name) in found.iter().zip(&names) {
        let (place, Text { en, zh }) = (&found.place, &found.says);
        screen.line("");
        screen.say(format!("{place}: {en}"), format!("{place}：{zh}"));
        for line in block(found, name).lines() {
            screen.line(&format!("    {}", printable(line)));
        }
    }
    if found.is_empty() {
        screen.say(
            "Nothing was found that punchd knows. Scanners that read by themselves answer no question; name networks with --subnet.",
            "没有找到 punchd 认识的设备。自行扫描的扫码器不会应答探测；网络终端请用 --subnet 指定网段。",
        );
    }
    Ok(Exit::Done)
}

async fn look(subnets: Vec<Subnet>) -> (Vec<Looked>, Vec<Found>) {
    let mut looked = Vec::new();
    for port in ports() {
        let place = LinePlace::Serial(port.stable.clone());
        // Closed again at once: only who may speak there is asked.
        let state = match SystemLines.open(place.clone(), Mode::at(9600)).await {
            Ok(_) => State::Free,
            Err(error) => State::Trouble(error),
        };
        looked.push(Looked { port, place, state });
    }
    let mut found: Vec<Found> = Vec::new();
    for driver in DRIVERS {
        let free = looked.iter().filter(|looked| matches!(looked.state, State::Free));
        let search = Search {
            ports: free.map(|looked| looked.place.clone()).collect(),
            lines: Arc::new(SystemLines),
            subnets: subnets.clone(),
        };
        let more = driver.discover(&search).await;
        for one in &more {
            // A port whose device is known is not spoken to by the next driver.
            if let Some(looked) = looked.iter_mut().find(|looked| looked.place.to_string() == one.place) {
                looked.state = State::Answered;
            }
        }
        found.extend(more);
    }
    (looked, found)
}

fn describe(looked: &Looked) -> (Text, serde_json::Value) {
    let (name, product) = (looked.place.to_string(), looked.port.product.as_deref().unwrap_or("–"));
    let state = match &looked.state {
        State::Free => Text::new("nothing answered that punchd knows", "没有 punchd 认识的应答"),
        State::Trouble(LineError::Taken(_)) => Text::new("in use, left alone", "正在使用，未探测"),
        State::Trouble(error) => error.text(),
        State::Answered => Text::new("answered, see below", "有应答，见下"),
    };
    let value = json!({
        "port": name, "current": looked.port.current, "product": looked.port.product, "state": state,
    });
    let Text { en, zh } = &state;
    (Text::new(format!("{name} ({product}): {en}"), format!("{name}（{product}）：{zh}")), value)
}

/// The block to put into the configuration; the name is the operator's to choose.
fn block(found: &Found, name: &str) -> String {
    let mut block = format!("[[device]]\nname = \"{name}\"\nkind = \"{}\"\n", found.kind);
    for (key, value) in &found.settings {
        block.push_str(&format!("{key} = {value}\n"));
    }
    block
}

/// Names to begin with, each another.
fn names(all: &[Found]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for found in all {
        let name = name(found);
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        let free = std::iter::once(name.clone()).chain(numbered).find(|name| !names.contains(name));
        // As many as there are devices are enough numbers.
        names.push(free.unwrap_or(name));
    }
    names
}

/// A name to begin with: the kind and what of the place tells it from others.
fn name(found: &Found) -> String {
    let tail: String =
        found.place.rsplit('/').next().unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).collect();
    let tail = tail.get(tail.len().saturating_sub(12)..).unwrap_or_default();
    if tail.is_empty() { found.kind.to_owned() } else { format!("{}-{}", found.kind, tail.to_ascii_lowercase()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_of_a_device_is_right_as_it_stands() {
        let found = Found {
            kind: "zkteco-pull",
            place: "192.168.1.201:4370".into(),
            says: Text::new("a terminal", "终端"),
            settings: vec![("address", "\"192.168.1.201\"".into()), ("serial", "\"CJ9D204960001\"".into())],
        };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("punchd.toml");
        let rest = format!(
            "[gateway]\nzone = \"Asia/Shanghai\"\ndata = {:?}\n\n{}",
            folder.path(),
            block(&found, &name(&found))
        );
        std::fs::write(&file, rest).unwrap();
        let (config, _) = crate::config::Config::load_without_secrets(&file, DRIVERS).unwrap();
        assert_eq!(config.devices[0].name.as_str(), "zkteco-pull-216812014370");
    }

    #[test]
    fn two_devices_of_one_kind_get_two_names() {
        let place =
            |socket| format!("/dev/serial/by-path/platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.{socket}:1.0-port0");
        let found = |place| Found { kind: "pn532", place, says: Text::new("a chip", "芯片"), settings: vec![] };
        let names = names(&[found(place(1)), found(place(2)), found(place(2)), found("/dev/x".into())]);
        let different: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(different.len(), 4, "{names:?}");
    }
}
