//! What happens in the demo, and when.

use std::path::Path;
use std::time::Duration;

use punchd_sim::site::{STRANGER, Site};
use punchd_sim::standin::Reach;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::DemoError;
use super::account;
use super::agent::{AgentProcess, CLOCK_ASLEEP};
use super::display::Display;
use super::readers::Readers;

/// Between two punches.
const PUNCH_EVERY: Duration = Duration::from_millis(150);
const SHOW_EVERY: Duration = Duration::from_millis(1000);
/// When what happens, in seconds after the agent has answered for the first time.
const TIME_ARRIVES: u64 = CLOCK_ASLEEP.as_secs();
const UPLINK_DOWN: u64 = 11;
const KILL: u64 = 14;
const START_AGAIN: u64 = 15;
const UPLINK_UP: u64 = 18;
const LAST_PUNCH: u64 = 22;
/// How long the rest may take.
const SETTLES_WITHIN: Duration = Duration::from_secs(12);
/// The same under an emulator.
const SETTLES_WITHIN_SLOW: Duration = Duration::from_secs(240);

/// The demo's story.
pub(super) struct Story<'a> {
    pub site: &'a Site,
    pub folder: &'a Path,
    pub keep: bool,
    /// The agent runs under an emulator.
    pub slow: bool,
}

impl Story<'_> {
    /// Tells it to the end, or with `keep` until Ctrl-C.
    pub async fn tell(&self, agent: &mut AgentProcess, display: &mut Display) -> Result<(), DemoError> {
        let readers = Readers::new(self.site, self.slow, agent);
        let live = async {
            let outcome = self.live(agent, display).await;
            readers.close();
            outcome
        };
        let (outcome, enrolled) = tokio::join!(live, readers.go_on());
        outcome?;
        enrolled?;
        display.say("everybody has gone home; the rest is delivered", "打卡结束，等待剩余记录送达");
        self.settle(agent, display).await;
        Ok(())
    }

    async fn live(&self, agent: &mut AgentProcess, display: &mut Display) -> Result<(), DemoError> {
        let started = Instant::now();
        let at = |second| started + Duration::from_secs(second);
        display.say(
            "the gateway does not know the time yet, as a board without a clock battery; people punch, two give a finger",
            "网关尚不知道时间（如无时钟电池的主板）；员工开始打卡，两人登记指纹",
        );
        self.go_on(at(TIME_ARRIVES), agent, display, true).await;

        display.say(
            "the time arrives: what was held at the readers gets its true second",
            "校时成功：读头保留的打卡补上准确时间",
        );
        self.go_on(at(UPLINK_DOWN), agent, display, true).await;

        self.site.standin.behaviour(|behaviour| behaviour.reach = Reach::Refuses(None));
        display.say("the uplink goes away; people punch on", "网络中断，员工继续打卡");
        self.go_on(at(KILL), agent, display, false).await;

        agent.kill().await;
        display.say("the agent is killed in the middle of it", "打卡途中强制结束网关进程");
        self.go_on(at(START_AGAIN), agent, display, false).await;

        agent.start_again().await?;
        display.say("the agent is started again over the same journal", "网关进程重新启动，沿用同一日志库");
        // A push terminal tries again after its ErrorDelay, half a minute at least. The demo does not wait that long:
        // somebody pulls its cable and puts it back.
        self.site.push.go_offline();
        self.site.push.go_online();
        self.go_on(at(UPLINK_UP), agent, display, false).await;

        self.site.standin.behaviour(|behaviour| behaviour.reach = Reach::Answers);
        display.say("the uplink comes back", "网络恢复");
        self.go_on(at(LAST_PUNCH), agent, display, true).await;
        if self.keep {
            display.say(
                "going on until Ctrl-C; look inside from a second window, with these or any other command:",
                "持续运行，按 Ctrl-C 结束；可在另一个窗口用以下或其他命令查看：",
            );
            for command in ["status", "punches", "deliveries"] {
                display.command(&agent.command_line(command));
            }
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                () = self.go_on(started + Duration::from_secs(10 * 365 * 86_400), agent, display, true) => {}
            }
        }
        Ok(())
    }

    /// People punch until then.
    async fn go_on(&self, until: Instant, agent: &AgentProcess, display: &mut Display, uplink: bool) {
        let mut punches = interval(PUNCH_EVERY);
        let mut shows = interval(SHOW_EVERY);
        punches.set_missed_tick_behavior(MissedTickBehavior::Skip);
        shows.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                () = sleep_until(until) => return,
                _ = punches.tick() => self.somebody_punches(),
                _ = shows.tick() => {
                    let account = account::draw(self.site, self.folder).await;
                    display.state(&account, agent.runs(), uplink);
                }
            }
        }
    }

    fn somebody_punches(&self) {
        let terminal = fastrand::usize(..self.site.terminals());
        let person = &self.site.people[fastrand::usize(..self.site.people.len())];
        let number = if fastrand::u8(..20) == 0 { STRANGER } else { &person.number };
        self.site.punch(terminal, number);
        // Some are not sure whether it took their finger.
        if fastrand::u8(..8) == 0 {
            self.site.punch(terminal, number);
        }
    }

    async fn settle(&self, agent: &AgentProcess, display: &mut Display) {
        let end = Instant::now() + if self.slow { SETTLES_WITHIN_SLOW } else { SETTLES_WITHIN };
        let mut looks = interval(SHOW_EVERY / 2);
        while Instant::now() < end {
            looks.tick().await;
            let account = account::draw(self.site, self.folder).await;
            display.state(&account, agent.runs(), true);
            if account.is_right() && account.journalled.waiting == 0 {
                return;
            }
        }
    }
}
