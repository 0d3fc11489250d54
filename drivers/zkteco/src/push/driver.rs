//! The house: one listener, the terminals that may come in, and everybody else.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use punchd_contract::{Condition, DriverError, Health, Member, Port, SerialNumber, Stranger, Text};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::protocol::path::Door;
use super::reply::{Ask, Reply};
use super::server;
use super::settings::Settings;
use super::terminal::Terminal;
use super::{KIND, security};

/// How often one stranger is reported.
const STRANGER_EVERY: Duration = Duration::from_secs(60);

/// How many strangers are remembered at once; more are turned away unreported until one is forgotten.
const MOST_STRANGERS: usize = 64;

/// Everybody behind one listener.
#[derive(Debug)]
pub struct House {
    terminals: HashMap<SerialNumber, Arc<Terminal>>,
    port: Port,
    strangers: Mutex<BTreeMap<SerialNumber, Instant>>,
}

/// Listens and serves the members until the listener breaks. Dropped, everything stops.
pub async fn run(members: Vec<Member<Settings>>) -> Result<(), DriverError> {
    let Some(first) = members.first() else {
        return Err(DriverError(Text::new("no terminal was given to serve", "没有可服务的设备")));
    };
    let (listen, port) = (first.settings.listen.clone(), first.port.clone());
    let listener = match TcpListener::bind((listen.host.as_str(), listen.port)).await {
        Ok(listener) => listener,
        Err(error) => {
            let text = Text::new(
                format!("cannot listen on {listen} ({error}): is another program using it? set `listen`"),
                format!("无法监听 {listen}（{error}）：端口可能被占用，请修改 `listen`"),
            );
            members.iter().for_each(|member| member.port.health(Health::fault(text.clone())));
            return Err(DriverError(text));
        }
    };
    tracing::info!(%listen, terminals = members.len(), "waiting for push terminals");
    let mut terminals: HashMap<SerialNumber, Arc<Terminal>> = HashMap::new();
    let mut tasks = JoinSet::new();
    for member in members {
        let serial = member.settings.serial.clone();
        if let Some(other) = terminals.get(&serial) {
            let text = Text::new(
                format!("device {} has the same serial number {serial}: remove one of the two", other.device),
                format!("设备 {} 使用了相同的序列号 {serial}，请删除其中一个", other.device),
            );
            member.port.health(Health { condition: Condition::Fault, text });
            continue;
        }
        let terminal = Arc::new(Terminal::new(member).await);
        terminal.say_health();
        terminals.insert(serial, Arc::clone(&terminal));
        tasks.spawn(async move { terminal.tend().await });
    }
    let house = Arc::new(House { terminals, port, strangers: Mutex::default() });
    tasks.spawn(async move { server::serve(listener, house).await });
    let ended = tasks.join_next().await;
    tracing::error!(?ended, "a task of the push listener ended");
    Err(DriverError(Text::new("the listener for push terminals stopped unexpectedly", "推送监听意外停止")))
}

impl House {
    /// Whether a request comes in the name of a terminal that is let in.
    pub fn knows(&self, ask: &Ask) -> bool {
        serial(ask).is_some_and(|serial| self.terminals.contains_key(&serial))
    }

    /// Answers one request. The first question is always who it is.
    pub async fn answer(&self, ask: &Ask) -> Reply {
        let Some(serial) = serial(ask) else {
            return Reply::refused(400, "a serial number (SN) is missing");
        };
        let Some(terminal) = self.terminals.get(&serial) else {
            self.meet(serial, ask);
            return Reply::refused(403, "this terminal is not approved yet");
        };
        if let Some(refused) = terminal.refused(ask).await {
            return refused;
        }
        terminal.heard_of(ask.peer).await;
        let mut reply = terminal.dispatch(ask).await;
        let now = terminal.port.now();
        reply.date = now.bound.map(|_| now.utc);
        reply
    }

    /// Shows a stranger to the operator, now and then.
    fn meet(&self, serial: SerialNumber, ask: &Ask) {
        let mut strangers = self.strangers.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        strangers.retain(|_, at| at.elapsed() < STRANGER_EVERY);
        if strangers.contains_key(&serial) || strangers.len() >= MOST_STRANGERS {
            return;
        }
        strangers.insert(serial.clone(), Instant::now());
        drop(strangers);
        let plain =
            |key| ask.query.get(key).unwrap_or("").chars().filter(char::is_ascii_graphic).take(24).collect::<String>();
        let dialect = if security::says_so(ask) { "security push" } else { "attendance push" };
        let detail = format!("{dialect} {}", plain("pushver"));
        tracing::info!(%serial, peer = %ask.peer, "an unknown terminal wants in");
        let address = ask.peer.to_string();
        self.port.stranger(Stranger { kind: KIND, serial, address, detail: detail.trim().to_owned() });
    }
}

impl Terminal {
    /// Why somebody with the right serial number is turned away all the same (facts/terminals.md B.6).
    async fn refused(&self, ask: &Ask) -> Option<Reply> {
        let peer = ask.peer;
        if self.settings.source.is_some_and(|source| source != peer) {
            let text = Text::new(
                format!("somebody at {peer} uses this terminal's serial number: if the terminal moved, set `source`"),
                format!("有设备从 {peer} 使用了该序列号；若设备更换了地址，请修改 `source`"),
            );
            self.refuse(peer, text).await;
            return Some(Reply::refused(403, "not from this address"));
        }
        let key = self.settings.comm_key.as_ref()?;
        let offered = ask.query.get("pushcommkey");
        let proven = self.state().memory.key_came_from.as_deref() == Some(peer.to_string().as_str());
        let greets = ask.query.get("options").is_some();
        let good = match offered {
            Some(offered) => same(offered, key.reveal()),
            None => proven && !greets,
        };
        if !good {
            let text = Text::new(
                format!(
                    "a terminal at {peer} sends another comm key or none: set the same key in its menu and in `comm_key`"
                ),
                format!("来自 {peer} 的设备通信密钥不符或缺失：请使设备菜单与 `comm_key` 一致"),
            );
            self.refuse(peer, text).await;
            return Some(Reply::refused(403, "the comm key is missing or wrong"));
        }
        if offered.is_some() && !proven {
            self.change(|state| state.memory.key_came_from = Some(peer.to_string())).await;
        }
        None
    }

    async fn dispatch(&self, ask: &Ask) -> Reply {
        match (ask.door, ask.is_post) {
            (Door::Cdata, false) if ask.query.get("table").is_none() => {
                if security::says_so(ask) || self.state().guards_doors() {
                    self.greet_door(ask).await
                } else {
                    self.greet(ask).await
                }
            }
            (Door::Cdata, true) => self.upload(ask).await,
            (Door::Fdata, true) => self.photo(ask).await,
            (Door::GetRequest, _) => self.poll(ask),
            (Door::DeviceCmd, true) => self.results(ask).await,
            (Door::Ping, _) => Reply::ok("OK"),
            (Door::Registry, _) => self.register(ask).await,
            (Door::Push, _) => self.door_settings(ask).await,
            (Door::QueryData, true) => self.query_data(ask).await,
            (Door::RtData, _) if ask.query.get("type").is_some_and(|kind| kind.eq_ignore_ascii_case("time")) => {
                self.time()
            }
            _ => Reply::refused(400, "this is not understood here"),
        }
    }
}

fn serial(ask: &Ask) -> Option<SerialNumber> {
    SerialNumber::new(ask.query.get("SN")?.trim()).ok()
}

/// Compares without telling by the time where they differ.
fn same(one: &str, other: &str) -> bool {
    let differing = one.bytes().zip(other.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b));
    one.len() == other.len() && differing == 0
}

/// The address of a peer, IPv4 as such even on a socket for both.
pub fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}
