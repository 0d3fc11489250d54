//! `punchd devices`: what there is, what kinds there could be, letting terminals in, having devices do things.

mod discover;
mod listen;

use clap::{Args, Subcommand};
use jiff::civil::Date;
use punchd_contract::{Ability, Declaration, DeviceName, SerialNumber, Text};
use serde_json::{Value, json};

use self::discover::Discover;
use self::listen::Listen;
use crate::agent::{Approval, DeviceStatus, Status};
use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::moments;
use crate::cli::place::{Place, converse};
use crate::cli::screen::Screen;
use crate::cli::status::{ask, condition, show_stranger};
use crate::cli::table::Table;
use crate::console::{Approved, ClientError, Days, Reloaded};
use crate::health::{State, Subject};
use crate::intake::registry::DRIVERS;

#[derive(Debug, Args)]
pub struct Devices {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the kinds of devices with all their settings
    Kinds,
    Discover(Discover),
    Listen(Listen),
    /// Let a terminal in that has tried to connect: adds it to conf.d and reads the configuration again
    Approve {
        /// What the terminal calls itself, as `punchd status` shows it
        serial: String,
        /// What you call it
        #[arg(long)]
        name: String,
    },
    /// Have a device beep or blink
    Identify(Named),
    /// Set a terminal's clock to the gateway's time
    SetClock(Named),
    /// Read a terminal's whole log again
    ReadLog(Named),
    /// Open the door of a device
    Unlock(Named),
    /// Fetch and count a terminal's records of some days
    Reconcile {
        /// The device's name in the configuration
        name: String,
        /// The first day, such as 2026-11-02
        #[arg(long, value_name = "DATE")]
        from: Date,
        /// The last day
        #[arg(long, value_name = "DATE")]
        to: Date,
    },
}

#[derive(Debug, Args)]
struct Named {
    /// The device's name in the configuration
    name: String,
}

impl Devices {
    /// Whether the agent can carry it out for others: it ends, and looks at nothing but what the agent knows.
    pub fn concerns_the_agent(&self) -> bool {
        !matches!(self.command, Some(Command::Discover(_) | Command::Listen(_)))
    }
}

/// Carries it out.
pub fn devices(devices: Devices, place: &Place, screen: &mut Screen) -> Result<Exit, Failure> {
    let order =
        |name: String, command: &'static str, screen: &mut Screen| order(place, &name, command, &json!({}), screen);
    match devices.command {
        None => list(place, screen),
        Some(Command::Kinds) => kinds(screen),
        Some(Command::Discover(discover)) => discover::discover(discover, screen),
        Some(Command::Listen(listen)) => listen::listen(&listen, place, screen),
        Some(Command::Approve { serial, name }) => approve(place, serial, name, screen),
        Some(Command::Identify(Named { name })) => order(name, "identify", screen),
        Some(Command::SetClock(Named { name })) => order(name, "set-clock", screen),
        Some(Command::ReadLog(Named { name })) => order(name, "read-log", screen),
        Some(Command::Unlock(Named { name })) => order(name, "unlock", screen),
        Some(Command::Reconcile { name, from, to }) => {
            self::order(place, &name, "reconcile", &json!(Days { from, to }), screen)
        }
    }
}

fn list(place: &Place, screen: &mut Screen) -> Result<Exit, Failure> {
    let status = ask(place)?;
    let health = |device: &DeviceStatus| status.health.get(&Subject::Device(device.name.clone()));
    if screen.json {
        let mut all = Vec::new();
        for device in &status.devices {
            let mut value = json!(device);
            if let Some(value) = value.as_object_mut() {
                value.insert("health".into(), json!(health(device)));
            }
            all.push(value);
        }
        screen.value(&json!({ "running": status.running, "devices": all, "strangers": status.strangers }))?;
        return Ok(Exit::Done);
    }
    if status.devices.is_empty() {
        screen.say("No device is configured.", "没有配置任何设备。");
    } else {
        screen.table(&table(&status, screen));
        for device in &status.devices {
            if let Some(State { health, .. }) = health(device) {
                let (name, Text { en, zh }) = (&device.name, &health.text);
                screen.say(format!("{name}: {en}"), format!("{name}：{zh}"));
            }
        }
    }
    for stranger in &status.strangers {
        show_stranger(stranger, status.now_ms, screen);
    }
    Ok(Exit::Done)
}

fn table(status: &Status, screen: &Screen) -> Table {
    let mut table = Table::new(&[
        screen.word("!device", "!设备"),
        screen.word("!condition", "!状态"),
        screen.word("serial", "序列号"),
        screen.word("address", "地址"),
        screen.word(">clock", ">时钟"),
        screen.word(">held", ">已读"),
        screen.word(">claimed", ">设备记录"),
        screen.word("!contact", "!上次联系"),
    ]);
    for device in &status.devices {
        let state = status.health.get(&Subject::Device(device.name.clone()));
        let condition = state.map_or_else(|| Text::new("–", "–"), |state| condition(state.health.condition));
        let contact = device.last_contact_ms.map(|then| moments::ago(then, status.now_ms));
        let contact = contact.unwrap_or_else(|| Text::new("–", "–"));
        let number = |number: Option<i64>| number.map_or_else(|| "–".to_owned(), |number| number.to_string());
        table.row([
            device.name.clone(),
            screen.word(&condition.en, &condition.zh).to_owned(),
            device.serial.clone().unwrap_or_else(|| "–".to_owned()),
            device.address.clone().unwrap_or_else(|| "–".to_owned()),
            device.clock_offset_ms.map_or_else(|| "–".to_owned(), moments::offset),
            number(device.records_read),
            number(device.records_claimed),
            screen.word(&contact.en, &contact.zh).to_owned(),
        ]);
    }
    table
}

fn kinds(screen: &mut Screen) -> Result<Exit, Failure> {
    if screen.json {
        let kinds: Vec<Value> = DRIVERS.iter().map(|driver| declared(driver.declaration())).collect();
        screen.value(&kinds)?;
        return Ok(Exit::Done);
    }
    for driver in DRIVERS {
        let declaration = driver.declaration();
        screen.line(&format!("kind = \"{}\"", declaration.kind));
        screen.say(format!("  {}", declaration.en), format!("  {}", declaration.zh));
        let mut table = Table::new(&[
            screen.word("!setting", "!设置"),
            screen.word("default", "默认值"),
            screen.word("meaning", "含义"),
        ]);
        for setting in declaration.settings {
            table.row([
                format!("  {}", setting.key),
                default(&setting.default).to_owned(),
                screen.word(setting.en, setting.zh).to_owned(),
            ]);
        }
        screen.table(&table);
        screen.line("");
    }
    screen.say("All settings stand in docs/config.md.", "全部设置见 docs/config.md。");
    Ok(Exit::Done)
}

fn default(default: &punchd_contract::Default) -> &'static str {
    match default {
        punchd_contract::Default::Required => "required",
        punchd_contract::Default::Absent => "–",
        punchd_contract::Default::Is(written) => written,
    }
}

fn declared(declaration: &Declaration) -> Value {
    let settings: Vec<Value> = declaration
        .settings
        .iter()
        .map(|setting| {
            let required = matches!(setting.default, punchd_contract::Default::Required);
            let default = match setting.default {
                punchd_contract::Default::Is(written) => Some(written),
                _ => None,
            };
            json!({ "key": setting.key, "required": required, "default": default, "en": setting.en, "zh": setting.zh })
        })
        .collect();
    let abilities: Vec<&str> = declaration.abilities.iter().map(|ability| ability_word(*ability)).collect();
    json!({
        "kind": declaration.kind, "en": declaration.en, "zh": declaration.zh, "keeps_log": declaration.keeps_log,
        "abilities": abilities, "settings": settings,
    })
}

fn ability_word(ability: Ability) -> &'static str {
    match ability {
        Ability::Identify => "identify",
        Ability::SetClock => "set-clock",
        Ability::ReadLog => "read-log",
        Ability::Reconcile => "reconcile",
        Ability::Unlock => "unlock",
        Ability::People => "people",
        Ability::Faces => "faces",
        Ability::Fingers => "fingers",
    }
}

fn approve(place: &Place, serial: String, name: String, screen: &mut Screen) -> Result<Exit, Failure> {
    let usage = |what: &str, error: &dyn std::fmt::Display| Failure::plain(Exit::Usage, format!("{what} {error}"));
    let serial = SerialNumber::new(serial).map_err(|error| usage("the serial number", &error))?;
    let name = DeviceName::new(name).map_err(|error| usage("the name", &error))?;
    let approval = Approval { serial, name: name.clone() };
    let (approved, reloaded) = converse(async {
        let own = async |operations: &crate::agent::Operations| {
            Ok(Approved { file: operations.approve(approval.clone()).await? })
        };
        let approved: Approved = place.change("/v1/approve", &approval, own).await?;
        Ok((approved, place.agent().post::<Reloaded>("/v1/reload", &json!({})).await))
    })?;
    let read_again = match reloaded {
        Ok(_) => true,
        Err(ClientError::NoAgent(_)) => false,
        Err(error) => return Err(error.into()),
    };
    if screen.json {
        screen.value(&json!({ "file": approved.file, "device": name, "reloaded": read_again }))?;
        return Ok(Exit::Done);
    }
    let file = approved.file.display();
    screen.say(
        format!("{name} is in the configuration now ({file}). Add its zone and place there if they differ."),
        format!("{name} 已加入配置（{file}）。如时区、地点不同，请在该文件中补充。"),
    );
    if !read_again {
        screen.say("The agent is not running: it is served at the next start.", "服务未运行：下次启动时生效。");
    }
    Ok(Exit::Done)
}

fn order(place: &Place, name: &str, command: &str, body: &Value, screen: &mut Screen) -> Result<Exit, Failure> {
    // Checked before it becomes part of an address.
    let name =
        DeviceName::new(name).map_err(|error| Failure::plain(Exit::Usage, format!("the device's name {error}")))?;
    let done =
        converse(async { Ok(place.agent().post::<Text>(&format!("/v1/devices/{name}/{command}"), body).await?) })?;
    if screen.json {
        screen.value(&done)?
    } else {
        screen.text(&done)
    }
    Ok(Exit::Done)
}
