//! What to write in the place of a name that the kernel gives anew at every start, where the port is plugged in just now.

use std::path::Path;

use punchd_contract::{Place, Value};

use super::screen::Screen;
use crate::config::Config;
use crate::config::kernel_names::is_kernel_name;
use crate::intake::lines::{Port, ports};

/// A device whose port has a name that stays.
#[derive(Debug, PartialEq, Eq)]
pub struct StableName {
    /// The device.
    pub device: String,
    /// What is written.
    pub written: String,
    /// What to write.
    pub write: String,
}

/// Those of this configuration.
pub fn stable_names(config: &Config) -> Vec<StableName> {
    let written = config.devices.iter().filter_map(|device| match device.values.get("port") {
        Some(Value::Line(Place::Serial(path))) => Some((device.name.to_string(), path.as_path())),
        _ => None,
    });
    among(written, &ports())
}

fn among<'a>(written: impl Iterator<Item = (String, &'a Path)>, ports: &[Port]) -> Vec<StableName> {
    let stable = |(device, path): (String, &Path)| {
        let written = path.display().to_string();
        let port = ports.iter().find(|port| port.current == path && is_kernel_name(&written))?;
        let write = port.stable.display().to_string();
        (write != written).then_some(StableName { device, written, write })
    };
    written.filter_map(stable).collect()
}

/// Says them.
pub fn say(names: &[StableName], screen: &mut Screen) {
    for StableName { device, written, write } in names {
        screen.say(
            format!("{device}: `{written}` is now {write}: write port = {write:?}"),
            format!("{device}：`{written}` 目前即 {write}：请写 port = {write:?}"),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_there_is_told_with_the_name_that_stays() {
        let port = |current: &str, stable: &str| Port { stable: stable.into(), current: current.into(), product: None };
        let ports = [
            port("/dev/ttyUSB0", "/dev/serial/by-path/usb-0:1.1:1.0-port0"),
            port("/dev/ttyUSB1", "/dev/ttyUSB1"),
            port("/dev/ttyAMA0", "/dev/serial/by-path/uart"),
        ];
        let written = ["/dev/ttyUSB0", "/dev/ttyUSB1", "/dev/ttyUSB2", "/dev/ttyAMA0"];
        let found = among(written.into_iter().map(|path| ("gate".to_owned(), Path::new(path))), &ports);
        let write = "/dev/serial/by-path/usb-0:1.1:1.0-port0".to_owned();
        assert_eq!(found, [StableName { device: "gate".into(), written: "/dev/ttyUSB0".into(), write }]);
    }
}
