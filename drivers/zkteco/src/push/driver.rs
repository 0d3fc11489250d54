//! The house: one listener, the terminals that may come in, and everybody else.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use punchd_contract::{Condition, DriverError, Health, Member, Port, SerialNumber, Text};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::memory::Dialect;
use super::protocol::path::Door;
use super::reply::{Ask, Reply, Verb};
use super::settings::Settings;
use super::terminal::Terminal;
use super::trouble::{self, Cause};
use super::{security, server};

/// When somebody knocked first, and with what troubles.
pub(super) type Knocked = (Instant, Vec<Option<Text>>);

/// Everybody behind one listener.
#[derive(Debug)]
pub struct House {
    terminals: HashMap<SerialNumber, Arc<Terminal>>,
    pub(super) port: Port,
    /// Who knocked lately.
    pub(super) strangers: Mutex<BTreeMap<String, Knocked>>,
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
    /// The terminal in whose name a request comes.
    pub(super) fn terminal(&self, ask: &Ask) -> Option<&Arc<Terminal>> {
        self.terminals.get(&ask.serial()?)
    }

    /// Answers one request. The first question is always who it is.
    pub async fn answer(&self, ask: &Ask) -> Reply {
        if let Some(refused) = self.odd(ask) {
            return refused;
        }
        let Some(serial) = ask.serial() else { return self.unnamed(ask) };
        let Some(terminal) = self.terminals.get(&serial) else {
            self.unapproved(serial, ask);
            return Reply::refused(403, "this terminal is not approved yet");
        };
        if let Some(refused) = terminal.refused(ask).await {
            return refused;
        }
        terminal.heard_of(ask.peer).await;
        let mut reply = terminal.dispatch(ask).await;
        terminal.say_health();
        let now = terminal.port.now();
        reply.date = now.bound.map(|_| now.utc);
        reply
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
        let Some(door) = ask.door else { return Reply::refused(404, "nothing is here") };
        self.state().troubles.over(Cause::Path);
        match (door, ask.verb) {
            (Door::Cdata, Verb::Get) if ask.query.get("table").is_none() => match security::said(ask) {
                Some(Dialect::Security) => self.greet_door(ask).await,
                // What it does not say now, it said before.
                None if self.state().guards_doors() => self.greet_door(ask).await,
                _ => self.greet(ask).await,
            },
            (Door::Cdata, Verb::Post) => self.upload(ask).await,
            (Door::Fdata, Verb::Post) => self.photo(ask).await,
            (Door::GetRequest, _) => self.poll(ask),
            (Door::DeviceCmd, Verb::Post) => self.results(ask).await,
            (Door::Ping, _) => Reply::ok("OK"),
            (Door::Registry, _) => self.register(ask).await,
            (Door::Push, _) => self.door_settings(ask).await,
            (Door::QueryData, Verb::Post) => self.query_data(ask).await,
            (Door::RtData, _) if ask.query.get("type").is_some_and(|kind| kind.eq_ignore_ascii_case("time")) => {
                self.time()
            }
            _ => {
                let path = trouble::shown_path(&ask.path);
                let text = Text::new(
                    format!("it asks {path} for something that is not known here: please report the model"),
                    format!("设备对 {path} 的请求无法识别：请反馈型号"),
                );
                self.not_taken(400, Cause::Method, text)
            }
        }
    }
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
