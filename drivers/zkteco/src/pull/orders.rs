//! What the agent wants done at a terminal.

use jiff::civil::Date;
use punchd_contract::{Command, CommandError, Done, Request, Text};

use super::protocol::code::Ask;
use super::protocol::time::RawTime;
use super::protocol::user::{User, UserForm};
use super::trouble::Trouble;
use super::visit::{Extent, Visit};

/// How long the door stays open, in tenths of a second.
const DOOR_TENTHS: u32 = 30;

type Outcome = Result<Result<Done, CommandError>, Trouble>;

/// Carries one request out and answers it. A trouble that ends the visit is answered and handed on.
pub async fn carry_out(visit: &mut Visit<'_>, request: Request) -> Result<(), Trouble> {
    let outcome = match request.command.clone() {
        Command::Identify => simple(visit, Ask::TestVoice, "it made a sound", "已发出声音").await,
        Command::Unlock => {
            simple(visit, Ask::Unlock { tenths: DOOR_TENTHS }, "the door is open for 3 s", "门已打开 3 秒").await
        }
        Command::SetClock => set_clock(visit).await,
        Command::ReadLog => read_log(visit, None).await,
        Command::Reconcile { from, to } => read_log(visit, Some((from, to))).await,
        Command::EnrolPerson { user_id, name, card } => enrol(visit, &user_id, &name, card).await,
        Command::DeletePerson { user_id } => delete(visit, &user_id).await,
        Command::SetFace { .. } | Command::EnrolFinger | Command::StoreFinger { .. } | Command::DeleteFinger { .. } => {
            Ok(Err(CommandError::Unsupported))
        }
    };
    match outcome {
        Ok(answer) => request.answer(answer),
        Err(trouble) => {
            request.answer(Err(CommandError::Unreachable(trouble.text(&visit.address()))));
            return Err(trouble);
        }
    }
    Ok(())
}

fn done(en: impl Into<String>, zh: impl Into<String>) -> Outcome {
    Ok(Ok(Done::said(Text::new(en, zh))))
}

fn failed(en: impl Into<String>, zh: impl Into<String>) -> Outcome {
    Ok(Err(CommandError::Failed(Text::new(en, zh))))
}

/// A refusal is the answer to the command, not the end of the visit.
async fn said_yes(visit: &mut Visit<'_>, ask: Ask<'_>) -> Result<bool, Trouble> {
    match visit.session.ask_for_yes(ask, "a command").await {
        Ok(()) => Ok(true),
        Err(Trouble::Rejected(_)) => Ok(false),
        Err(trouble) => Err(trouble),
    }
}

async fn simple(visit: &mut Visit<'_>, ask: Ask<'_>, en: &str, zh: &str) -> Outcome {
    if said_yes(visit, ask).await? {
        done(en, zh)
    } else {
        failed("the terminal does not have that function", "考勤机没有这个功能")
    }
}

async fn set_clock(visit: &mut Visit<'_>) -> Outcome {
    let now = visit.port.now();
    if now.bound.is_none() {
        return failed(
            "the gateway's own clock is not known to be right yet: wait until it is synchronised",
            "网关自身的时间尚未确认：请等待时间同步",
        );
    }
    let civil = visit.zone.to_datetime(now.utc);
    let Some(time) = RawTime::from_civil(civil) else {
        return failed("the terminal cannot hold this date", "考勤机无法保存这个日期");
    };
    if !said_yes(visit, Ask::SetTime(time)).await? || !said_yes(visit, Ask::RefreshData).await? {
        return failed("the terminal refuses to have its clock set", "考勤机拒绝校时");
    }
    visit.forget_clock();
    let clock = visit.read_clock().await?;
    let sizes = visit.session.sizes().await?;
    visit.note_contact(clock, sizes.map(|sizes| u64::from(sizes.punches))).await?;
    done(format!("its clock was set to {civil:.0}"), format!("时钟已设为 {civil:.0}"))
}

async fn read_log(visit: &mut Visit<'_>, days: Option<(Date, Date)>) -> Outcome {
    let read = visit.read_log(Extent::All, days).await?;
    if let Some(code) = read.refused {
        return failed(
            format!("the terminal refuses to hand over its log (code {code})"),
            format!("考勤机拒绝提供考勤记录（代码 {code}）"),
        );
    }
    let (records, fresh, within) = (read.records, read.fresh, read.within);
    match days {
        None => done(
            format!("{records} records were read, {fresh} of them new"),
            format!("读取 {records} 条记录，其中 {fresh} 条是新的"),
        ),
        Some((from, to)) => done(
            format!("{within} records from {from} to {to}; {fresh} of {records} in the log were new"),
            format!("{from} 至 {to} 共 {within} 条；全部 {records} 条中有 {fresh} 条是新的"),
        ),
    }
}

async fn enrol(visit: &mut Visit<'_>, user_id: &str, name: &str, card: Option<u32>) -> Outcome {
    let sizes = visit.session.sizes().await?;
    if !visit.read_people(sizes.map(|sizes| sizes.users)).await? {
        return failed(
            "its user list cannot be read, so that nobody can be added safely",
            "无法读取人员名单，因此不能安全地添加人员",
        );
    }
    let form = visit.people.form().unwrap_or(match visit.record_size().map(|size| size.bytes()) {
        Some(8 | 16) => UserForm::Short,
        _ => UserForm::Long,
    });
    let known = visit.people.user(user_id).cloned();
    let Some(uid) = known.as_ref().map(|user| user.uid).or_else(|| visit.people.free_uid()) else {
        return failed("the terminal has no room for another person", "考勤机人员已满");
    };
    let user = User {
        uid,
        // Somebody who is there already keeps rights and password.
        privilege: known.as_ref().map_or(0, |user| user.privilege),
        user_id: user_id.to_owned(),
        name: visit.people.encoding().encode(name, form.name_room()),
        card: card.unwrap_or(known.as_ref().map_or(0, |user| user.card)),
        raw: known.map(|user| user.raw).unwrap_or_default(),
    };
    let Ok(record) = form.encode(&user) else {
        return match form {
            UserForm::Short => failed("this terminal takes only numbers as user ids", "这台考勤机的工号只能是数字"),
            UserForm::Long => failed(
                "a user id has 1 to 23 letters and digits, without spaces",
                "工号为 1 到 23 个字母或数字，不含空格",
            ),
        };
    };
    if said_yes(visit, Ask::WriteUser(&record)).await? && said_yes(visit, Ask::RefreshData).await? {
        refresh_list(visit).await?;
        done(format!("{user_id} is stored on the terminal"), format!("{user_id} 已存入考勤机"))
    } else {
        failed("the terminal refuses this person: it may be full", "考勤机拒绝保存此人：可能已满")
    }
}

async fn delete(visit: &mut Visit<'_>, user_id: &str) -> Outcome {
    let sizes = visit.session.sizes().await?;
    if !visit.read_people(sizes.map(|sizes| sizes.users)).await? {
        return failed(
            "its user list cannot be read, so that nobody can be removed safely",
            "无法读取人员名单，因此不能安全地删除人员",
        );
    }
    let Some(uid) = visit.people.uid_of(user_id) else {
        return done(format!("{user_id} was not on the terminal"), format!("考勤机上没有 {user_id}"));
    };
    if said_yes(visit, Ask::DeleteUser(uid)).await? && said_yes(visit, Ask::RefreshData).await? {
        refresh_list(visit).await?;
        done(
            format!("{user_id} was removed from the terminal; the records stay"),
            format!("{user_id} 已从考勤机删除，记录保留"),
        )
    } else {
        failed("the terminal refuses to remove this person", "考勤机拒绝删除此人")
    }
}

/// The list as it is after the change, for ourselves and for the agent.
async fn refresh_list(visit: &mut Visit<'_>) -> Result<(), Trouble> {
    let sizes = visit.session.sizes().await?;
    visit.note_people(sizes.map(|sizes| sizes.users)).await
}
