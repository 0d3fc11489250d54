//! What happens to a terminal without its doing: contact noted, commands overdue, counts compared in time, health told.

use std::net::IpAddr;
use std::time::Duration;

use punchd_contract::{Alert, AlertKind, CommandError, Condition, Health, Text};
use tokio::time::{Instant, MissedTickBehavior};

use super::orders::Purpose;
use super::protocol::command::Order;
use super::terminal::{State, Taken, Terminal};
use super::trouble::Cause;

/// How often a terminal is looked after.
const EVERY: Duration = Duration::from_secs(5);

/// Two addresses in turn within this time are two terminals.
const AT_ONCE: Duration = Duration::from_secs(120);

impl Terminal {
    /// Looks after the terminal for ever.
    pub async fn tend(&self) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                request = self.port.request() => self.obey(request),
                _ = ticks.tick() => self.look_after().await,
            }
        }
    }

    async fn look_after(&self) {
        self.spare_doors();
        let overdue = self.state().orders.overdue(Instant::now());
        self.fail(overdue).await;
        self.watch_zone();
        self.plan();
        self.begin_check();
        self.flush().await;
        self.say_health();
    }

    /// It was heard of. After a silence, and at first, it is asked how it is and what it has.
    pub async fn heard_of(&self, peer: IpAddr) {
        let patience = self.patience();
        let returned = {
            let mut state = self.state();
            let returned = !state.is_here(patience);
            state.came_from(peer, returned, self.serial());
            state.seen = Some(Instant::now());
            if returned {
                state.live_clock.begins_anew(self.port.now().utc);
            }
            returned
        };
        if returned {
            tracing::info!(device = %self.device, %peer, "the terminal is connected");
            let stale = self.state().orders.take_all();
            self.fail(stale).await;
            let mut state = self.state();
            let now = Instant::now();
            // The queue was just emptied: there is room.
            let _ = state.orders.give(Order::Info, Purpose::Info, now);
            let _ = state.orders.give(Order::SendUsers, Purpose::Users, now);
            state.round_due = true;
            drop(state);
            self.plan();
            self.begin_check();
        }
    }

    /// The commands of the attendance dialect mean nothing to an access controller: what was lined up before it said that
    /// it is one is dropped.
    fn spare_doors(&self) {
        let mut state = self.state();
        if !state.guards_doors() {
            return;
        }
        let errands = state.orders.take_all();
        let mut requests = state.survey.drop_all();
        drop(state);
        requests.extend(errands.into_iter().filter_map(|errand| match errand.purpose {
            Purpose::Agent(request) => Some(request),
            _ => None,
        }));
        requests.into_iter().for_each(|request| request.answer(Err(CommandError::Unsupported)));
    }

    /// Has the options fetched again when summer time began or ended, or when the gateway has learned the time since the
    /// handshake.
    fn watch_zone(&self) {
        let (minutes, patience) = (self.zone_minutes(), self.patience());
        let mut state = self.state();
        let differs = minutes.is_some() && state.zone_told != minutes;
        if differs
            && state.is_here(patience)
            && !state.guards_doors()
            && !state.orders.has(&Order::Check)
            && state.orders.give(Order::Check, Purpose::Options, Instant::now()).is_ok()
        {
            state.zone_told = minutes;
        }
    }

    /// Lines up a comparison of counts when it is time.
    fn plan(&self) {
        let (today, patience) = (self.today(), self.patience());
        let mut state = self.state();
        if state.guards_doors() || !state.is_here(patience) {
            return;
        }
        let due =
            state.round_due || state.last_round.is_none_or(|last| last.elapsed() >= self.settings.reconcile_every);
        if let Some(today) = today
            && due
            && state.survey.is_idle()
        {
            let older = !state.memory.older_complete && !state.findings.older_differs;
            let compared = state.survey.plan(today, older);
            state.findings.begin(compared);
            state.round_due = false;
            state.last_round = Some(Instant::now());
        }
    }

    /// Notes that a request in this terminal's name was refused, and tells it once a run.
    pub async fn refuse(&self, peer: IpAddr, text: Text) {
        let first = {
            let mut state = self.state();
            state.troubles.happened(Cause::TurnedAway, text.clone())
        };
        if first {
            tracing::warn!(device = %self.device, %peer, "a request in this terminal's name was refused");
            let alert = Alert { kind: AlertKind::WrongTerminal, text };
            if let Err(error) = self.take(Taken { alerts: vec![(String::new(), alert)], ..Taken::default() }).await {
                tracing::warn!(device = %self.device, %error, "an alert could not be written");
            }
        }
        self.say_health();
    }

    /// Says how it is.
    pub fn say_health(&self) {
        self.port.health(self.health());
    }

    fn health(&self) -> Health {
        let clock_known = self.port.now().bound.is_some();
        let patience = self.patience();
        let state = self.state();
        if let Some(text) = state.troubles.worst() {
            let condition = if state.is_here(patience) { Condition::Warning } else { Condition::Fault };
            return Health { condition, text: text.clone() };
        }
        if !state.is_here(patience) {
            let waited = state.seen.unwrap_or(state.started).elapsed() > patience;
            let condition = if waited { Condition::Fault } else { Condition::Starting };
            return Health { condition, text: self.waiting() };
        }
        if !clock_known {
            return Health::warning(Text::new(
                "punches arrive; the gateway does not know the time yet, so the terminal's clock is not set: give the gateway a network or a time source",
                "可收到打卡；网关时间尚未校准，不会校准设备时钟，请为网关提供网络或时间源",
            ));
        }
        if let Some(text) = state.live_clock.text() {
            return Health::warning(Text::new(
                format!("punches arrive; {}", text.en),
                format!("可收到打卡；{}", text.zh),
            ));
        }
        if let Some((said, own)) = state.zone_said {
            return Health::warning(Text::new(
                format!(
                    "punches arrive; their lines say that the terminal's clock is {said} from UTC, and its `zone` here is {own}: set the right `zone`, or the terminal's"
                ),
                format!("可收到打卡；打卡行称设备时区为 {said}，而此处 `zone` 为 {own}：请改正 `zone` 或设备时区"),
            ));
        }
        if let Some((period, (theirs, ours))) = state.findings.differing.iter().next() {
            return Health::warning(Text::new(
                format!(
                    "from {} to {} the terminal counts {theirs} records, {ours} are here: read its log by USB and compare",
                    period.from, period.to
                ),
                format!("{} 至 {} 设备计数 {theirs} 条，网关 {ours} 条，请用 U 盘导出核对", period.from, period.to),
            ));
        }
        if let Some(table) = state.unknown_tables.iter().next() {
            return Health::warning(Text::new(
                format!(
                    "punches arrive; the terminal also sends data under a name that no document lists ({table}): it was not told OK and keeps them; what could be punches is held here"
                ),
                format!("可收到打卡；设备还上传了未知数据表（{table}）：未回复 OK，设备会保留；其中像打卡的记录已暂扣"),
            ));
        }
        if state.unreadable > 0 {
            let count = state.unreadable;
            return Health::warning(Text::new(
                format!("punches arrive; {count} lines name nobody or could not be read and are kept: look at them"),
                format!("可收到打卡；有 {count} 行无法识别，已保留，请查看"),
            ));
        }
        if state.findings.no_answer {
            return Health::warning(Text::new(
                "punches arrive; the terminal did not answer a question about its records, so completeness is not proven: it is asked again at the next comparison",
                "可收到打卡；设备未回答记录核对命令，完整性未证实，将在下次核对时重试",
            ));
        }
        let how_complete = if state.guards_doors() || state.findings.cannot_count {
            ("it cannot count its records, so completeness is not proven", "设备不支持计数，完整性无法证实")
        } else if !state.findings.proven.is_empty() && state.survey.is_idle() && !state.round_due {
            ("complete at the last comparison of counts", "最近一次核对：完整")
        } else {
            ("the counts are being compared", "正在核对条数")
        };
        let address = state.address.map_or_else(String::new, |address| address.to_string());
        Health::working(Text::new(
            format!("connected from {address}; {}", how_complete.0),
            format!("已连接（{address}）；{}", how_complete.1),
        ))
    }

    fn waiting(&self) -> Text {
        let port = self.settings.listen.port;
        let serial = self.serial();
        Text::new(
            format!(
                "waiting for terminal {serial} to connect: in its menu (Comm. → Cloud Server / ADMS) set the server address to this gateway's address and the port to {port}"
            ),
            format!(
                "等待设备 {serial} 连接：请在设备菜单“通讯设置 → 云服务器”中把服务器地址设为本网关地址，端口设为 {port}"
            ),
        )
    }
}

impl State {
    /// It was heard of at this address. Back at one that it left for another a moment ago: two terminals with one serial number.
    fn came_from(&mut self, peer: IpAddr, returned: bool, serial: &str) {
        let before = self.address.replace(peer).filter(|before| *before != peer && !returned);
        let Some(before) = before else { return };
        let both = self.left.is_some_and(|(left, at)| left == peer && at.elapsed() < AT_ONCE);
        self.left = Some((before, Instant::now()));
        if both {
            let (one, other) = if before < peer { (before, peer) } else { (peer, before) };
            let text = Text::new(
                format!(
                    "two terminals call with the serial number {serial}, from {one} and {other}: whose punches are whose cannot be told. Give one of them its own serial number, or let one in alone with `source`"
                ),
                format!(
                    "两台设备（{one} 和 {other}）使用同一序列号 {serial}，无法区分打卡来源：请更换其中一台的序列号，或用 `source` 只允许一台"
                ),
            );
            self.troubles.happened(Cause::TwoAddresses, text);
        }
    }
}
