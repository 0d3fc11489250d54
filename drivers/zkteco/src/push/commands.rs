//! What is asked of a terminal and what it answers: polls, results, and the agent's wishes.

use std::time::Duration;

use punchd_contract::{Alert, AlertKind, Command, CommandError, Done, Request, TerminalUser, Text};
use tokio::time::Instant;

use super::backfill::{Answer, Check, Finding, Period, Step};
use super::memory::FIRST_DAY;
use super::orders::{Errand, Purpose};
use super::protocol::command::{NO_DATA, Order, Outcome, Plain, meaning, outcomes};
use super::protocol::text::decode;
use super::reply::{Ask, Reply};
use super::terminal::{Taken, Terminal};

/// How long firmware that answers a query before it sends the data is given to send it.
const SENDS_WITHIN: Duration = Duration::from_secs(30);

impl Terminal {
    /// `getrequest`: takes what it says of itself, gives it the next command.
    pub fn poll(&self, ask: &Ask) -> Reply {
        let now = Instant::now();
        let mut state = self.state();
        if let Some(info) = ask.query.get("INFO") {
            let mut columns = info.split(',').map(str::trim);
            if let Some(firmware) = columns.next().filter(|text| !text.is_empty()) {
                state.firmware = Some(firmware.chars().filter(|c| !c.is_control()).take(60).collect());
            }
            state.claimed = columns.nth(2).and_then(|count| count.parse().ok()).or(state.claimed);
        }
        if state.guards_doors() {
            return Reply::ok("OK");
        }
        let encoding = self.settings.charset.to_terminal(state.memory.language.as_deref());
        match state.orders.next(now) {
            Some((id, order)) => Reply::ok(encoding.encode(&format!("C:{id}:{order}\n")).0.into_owned()),
            None => Reply::ok("OK"),
        }
    }

    /// `devicecmd`: takes results.
    pub async fn results(&self, ask: &Ask) -> Reply {
        let text = decode(&ask.body, self.settings.charset.of(&ask.body)).into_owned();
        for outcome in outcomes(&text) {
            self.learn(&outcome.details);
            let errand = self.state().orders.answered(&outcome);
            // Without an errand it answers a command from before a restart.
            if let Some(errand) = errand {
                self.settle(errand, &outcome).await;
            }
        }
        Reply::ok("OK")
    }

    async fn settle(&self, errand: Errand, outcome: &Outcome) {
        let done = outcome.code >= 0;
        match errand.purpose {
            Purpose::Info | Purpose::Options => {}
            Purpose::Users => self.all_users_came().await,
            Purpose::Survey => {
                let answer = match errand.order {
                    Order::SendPunches { .. } if done || outcome.code == NO_DATA => Answer::Sent,
                    Order::CountPunches { .. } if done => Answer::Counted(outcome.details.number(&["AttlogSum"])),
                    Order::CountPunches { .. } => Answer::Counted(None),
                    _ => Answer::Nothing,
                };
                // Some firmware answers first and sends then: what it has is counted a little later.
                let unsent = done && answer == Answer::Sent && self.state().survey.fetched_nothing();
                self.survey(answer, if unsent { SENDS_WITHIN } else { Duration::ZERO }).await;
            }
            Purpose::Agent(request) if done => {
                self.list_follows(&errand.order).await;
                request.answer(Ok(done_text(&errand.order)));
            }
            Purpose::Agent(request) => request.answer(Err(CommandError::Failed(meaning(outcome.code)))),
        }
    }

    /// From now on the list of people is whole.
    async fn all_users_came(&self) {
        let users = {
            let mut state = self.state();
            state.users_complete = true;
            state.users.values().cloned().collect::<Vec<_>>()
        };
        if !users.is_empty()
            && let Err(error) = self.take(Taken { users, ..Taken::default() }).await
        {
            tracing::warn!(device = %self.device, %error, "the terminal's people could not be written");
        }
    }

    /// Somebody stored or removed by us stands in the list at once.
    async fn list_follows(&self, order: &Order) {
        let users = match order {
            Order::StoreUser { pin, name, card } => {
                let card = card.map(|card| card.to_string());
                vec![TerminalUser { user_id: pin.as_str().into(), name: name.as_str().into(), card }]
            }
            Order::DeleteUser { pin } => {
                let mut state = self.state();
                state.users.remove(pin.as_str());
                // Any one of the others carries the whole list along.
                state.users.values().next().cloned().into_iter().collect()
            }
            _ => return,
        };
        if let Err(error) = self.take(Taken { users, ..Taken::default() }).await {
            tracing::warn!(device = %self.device, %error, "the terminal's people could not be written");
        }
    }

    /// Nothing came of these commands.
    pub async fn fail(&self, errands: Vec<Errand>) {
        for errand in errands {
            match errand.purpose {
                Purpose::Agent(request) => request.answer(Err(CommandError::Unreachable(silent()))),
                Purpose::Survey => self.survey(Answer::Nothing, Duration::ZERO).await,
                Purpose::Info | Purpose::Users | Purpose::Options => {}
            }
        }
    }

    /// Goes on with the comparison of counts; the next command goes out after `pause`.
    async fn survey(&self, answer: Answer, pause: Duration) {
        let over = self
            .change(|state| {
                if answer == Answer::Sent {
                    let counted_from = state.memory.counted_from();
                    let (mut older, mut all_older) = (0, false);
                    for (day, records) in state.survey.fetched() {
                        if day < counted_from {
                            older += records;
                        } else {
                            state.memory.at_least(day, records);
                        }
                    }
                    if let Some(period) = state.survey.under_way() {
                        all_older = period.from <= FIRST_DAY && period.to >= counted_from;
                    }
                    if all_older {
                        state.memory.at_least_older(older);
                    }
                }
                let ours = state.survey.under_way().and_then(|period| state.memory.records(period.from, period.to));
                match state.survey.step(answer, ours)? {
                    Step::Give(order) => {
                        let Err(_full) = state.orders.give(order, Purpose::Survey, Instant::now() + pause) else {
                            return None;
                        };
                        match state.survey.step(Answer::Nothing, None) {
                            Some(Step::Over(check, finding)) => Some((check, finding)),
                            _ => None,
                        }
                    }
                    Step::Over(check, finding) => Some((check, finding)),
                }
            })
            .await;
        if let Some((check, finding)) = over {
            self.conclude(check, finding).await;
        }
        self.begin_check();
    }

    /// Gives the first command of the next check, if none is under way.
    pub fn begin_check(&self) {
        let mut state = self.state();
        let Some(order) = state.survey.begin() else { return };
        if state.orders.give(order, Purpose::Survey, Instant::now()).is_err() {
            // Too many commands wait; the next round tries again.
            let requests = state.survey.drop_all();
            drop(state);
            requests.into_iter().for_each(|request| request.answer(Err(CommandError::Failed(crowded()))));
        }
    }

    async fn conclude(&self, check: Check, finding: Finding) {
        let Check { period, request, .. } = check;
        let today = self.today();
        tracing::info!(device = %self.device, from = %period.from, to = %period.to, ?finding, "counts were compared");
        self.change(|state| {
            let findings = &mut state.findings;
            let is_older = period.from <= FIRST_DAY;
            findings.differing.retain(|known, _| *known != period && !(is_older && known.from <= FIRST_DAY));
            match finding {
                Finding::Complete { .. } | Finding::Fewer { .. } => {
                    findings.cannot_count = false;
                    findings.no_answer = false;
                    findings.proven.insert(period);
                    if is_older {
                        state.memory.older_complete = true;
                    }
                }
                Finding::Differs { theirs, ours } => {
                    findings.differing.insert(period, (theirs, ours));
                    findings.older_differs |= is_older;
                }
                Finding::Uncounted { .. } => {
                    findings.cannot_count = true;
                    // Sent once in full; it is not made to send its whole log every day for no proof.
                    if is_older {
                        state.memory.older_complete = true;
                    }
                }
                Finding::NoAnswer => findings.no_answer = true,
            }
        })
        .await;
        if let Some((what, alert)) = differs(period, finding, today.is_some_and(|today| period.has(today)))
            && let Err(error) = self.take(Taken { alerts: vec![(what, alert)], ..Taken::default() }).await
        {
            tracing::warn!(device = %self.device, %error, "an alert could not be written");
        }
        if let Some(request) = request {
            request.answer(answer(period, finding));
        }
    }

    /// What the agent wants.
    pub fn obey(&self, request: Request) {
        let patience = self.patience();
        if !self.state().is_here(patience) {
            return request.answer(Err(CommandError::Unreachable(silent())));
        }
        if self.state().guards_doors() {
            return request.answer(Err(CommandError::Unsupported));
        }
        let order = match &request.command {
            Command::ReadLog => return self.compare(Period::EVERYTHING, true, request),
            Command::Reconcile { from, to } if from <= to => {
                return self.compare(Period { from: *from, to: *to }, true, request);
            }
            Command::Reconcile { .. } => {
                return refuse(request, "the first day is after the last", "开始日期晚于结束日期");
            }
            Command::SetClock if self.zone_minutes().is_none() => {
                return refuse(request, "the gateway does not know the time itself yet", "网关自身时间尚未校准");
            }
            Command::SetClock => Order::Check,
            Command::Unlock => Order::Unlock,
            Command::EnrolPerson { user_id, name, card } => match Plain::pin(user_id) {
                Some(pin) => Order::StoreUser { pin, name: Plain::name(name), card: *card },
                None => return refuse_pin(request),
            },
            Command::DeletePerson { user_id } => match Plain::pin(user_id) {
                Some(pin) => Order::DeleteUser { pin },
                None => return refuse_pin(request),
            },
            Command::Identify
            | Command::SetFace { .. }
            | Command::EnrolFinger
            | Command::StoreFinger { .. }
            | Command::DeleteFinger { .. } => return request.answer(Err(CommandError::Unsupported)),
        };
        let given = self.state().orders.give(order, Purpose::Agent(request), Instant::now());
        if let Err(Purpose::Agent(request)) = given {
            request.answer(Err(CommandError::Failed(crowded())));
        }
    }

    fn compare(&self, period: Period, fetch_always: bool, request: Request) {
        let given = self.state().survey.ask(period, fetch_always, request);
        match given {
            Ok(()) => self.begin_check(),
            Err(request) => request.answer(Err(CommandError::Failed(crowded()))),
        }
    }
}

fn done_text(order: &Order) -> Done {
    Done::said(match order {
        Order::Check => Text::new(
            "the terminal was told to fetch its settings and the time again; it does not show its clock, so look at its display",
            "已通知设备重新获取参数和时间；设备不回报时钟，请查看屏幕确认",
        ),
        Order::Unlock => Text::new("the door was opened", "已开门"),
        Order::StoreUser { .. } => Text::new("the terminal stored the person", "设备已保存该人员"),
        Order::DeleteUser { .. } => {
            Text::new("the terminal removed the person; punches stay", "设备已删除该人员，打卡记录保留")
        }
        _ => Text::new("the terminal did it", "设备已执行"),
    })
}

fn answer(period: Period, finding: Finding) -> Result<Done, CommandError> {
    let days = format!("{} – {}", period.from, period.to);
    match finding {
        Finding::Complete { records } => Ok(Done::said(Text::new(
            format!("complete: all {records} records that the terminal has of {days} are here"),
            format!("完整：设备上 {days} 的 {records} 条记录均已收到"),
        ))),
        Finding::Fewer { theirs, ours } => Ok(Done::said(Text::new(
            format!("all {theirs} records that the terminal still has of {days} are here; {ours} had arrived"),
            format!("设备上现存 {days} 的 {theirs} 条记录均已收到（此前共收到 {ours} 条）"),
        ))),
        Finding::Uncounted { records } => Ok(Done::said(Text::new(
            format!(
                "the terminal sent {records} records of {days}; its firmware cannot count, so there is no proof that these are all"
            ),
            format!("设备已上传 {days} 的 {records} 条记录；固件不支持计数，无法证明完整"),
        ))),
        Finding::Differs { theirs, ours } => Err(CommandError::Failed(Text::new(
            format!("of {days} the terminal counts {theirs} records and sends {ours}"),
            format!("{days} 设备计数 {theirs} 条，实际收到 {ours} 条"),
        ))),
        Finding::NoAnswer => Err(CommandError::Unreachable(silent())),
    }
}

/// The alert for a difference, and the words under which it is told once.
fn differs(period: Period, finding: Finding, is_today: bool) -> Option<(String, Alert)> {
    let Period { from, to } = period;
    let (theirs, ours, text) = match finding {
        Finding::Differs { theirs, ours } => {
            let en = format!(
                "from {from} to {to} the terminal counts {theirs} records, {ours} are here: read its log by USB and compare"
            );
            let zh = format!("{from} 至 {to} 设备计数 {theirs} 条，网关 {ours} 条，请用 U 盘导出核对");
            (theirs, ours, Text::new(en, zh))
        }
        // Today a punch may arrive while the terminal counts.
        Finding::Fewer { theirs, ours } if !is_today => {
            let en = format!(
                "from {from} to {to} the terminal has only {theirs} records left, {ours} had arrived: were some deleted on it?"
            );
            let zh = format!("{from} 至 {to} 设备上只剩 {theirs} 条，网关已有 {ours} 条，请确认设备上是否删除过记录");
            (theirs, ours, Text::new(en, zh))
        }
        _ => return None,
    };
    Some((format!("differs:{from}:{to}:{theirs}:{ours}"), Alert { kind: AlertKind::CountsDiffer, text }))
}

fn silent() -> Text {
    Text::new(
        "the terminal has not asked for commands; it must connect to the gateway by itself",
        "设备未来获取命令，须由设备主动连接网关",
    )
}

fn crowded() -> Text {
    Text::new("too many commands wait for this terminal; try again later", "等待该设备执行的命令过多，请稍后再试")
}

fn refuse(request: Request, en: &str, zh: &str) {
    request.answer(Err(CommandError::Failed(Text::new(en, zh))));
}

fn refuse_pin(request: Request) {
    refuse(request, "a user id has 1 to 24 letters and digits", "用户编号须为 1 至 24 位字母或数字");
}
