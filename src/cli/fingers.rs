//! `punchd fingers`: who can punch with which finger, enrolling and withdrawing.

use clap::{Args, Subcommand};
use punchd_contract::{FingerName, Text};
use serde::Serialize;
use serde_json::json;

use super::exit::Exit;
use super::failure::Failure;
use super::place::{Place, converse, operator};
use super::screen::Screen;
use super::table::Table;
use crate::agent::{Assign, Enrol, FingerDone, Withdraw};
use crate::console::Line;
use crate::journal::{FingerRow, fingers as all_fingers};

#[derive(Debug, Args)]
pub struct Fingers {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Have a person give a finger at a module: two touches; Ctrl-C gives it up
    Enrol {
        /// The module's name in the configuration
        device: String,
        /// The person's WeCom member id
        userid: String,
        /// The person's organisation, if there are several
        #[arg(long)]
        organisation: Option<String>,
    },
    /// Say whose finger it is that was in a module already; its readings so far are that person's too
    Assign {
        /// The finger, as `punchd fingers` shows it
        finger: String,
        /// The person's WeCom member id
        userid: String,
        /// The person's organisation, if there are several
        #[arg(long)]
        organisation: Option<String>,
    },
    /// Let a finger serve nobody any more and take it out of all modules
    Withdraw {
        /// The finger, as `punchd fingers` shows it
        finger: String,
    },
}

impl Fingers {
    /// Whether nothing is changed.
    pub fn only_looks(&self) -> bool {
        self.command.is_none()
    }
}

/// Carries it out.
pub fn fingers(fingers: Fingers, place: &Place, screen: &mut Screen) -> Result<Exit, Failure> {
    match fingers.command {
        None => list(place, screen),
        Some(Command::Enrol { device, userid, organisation }) => {
            enrol(Enrol { device, userid, organisation, by: operator() }, place, screen)
        }
        Some(Command::Assign { finger, userid, organisation }) => {
            change("/v1/fingers/assign", &Assign { finger: FingerName(finger), userid, organisation }, place, screen)
        }
        Some(Command::Withdraw { finger }) => {
            change("/v1/fingers/withdraw", &Withdraw { finger: FingerName(finger) }, place, screen)
        }
    }
}

fn list(place: &Place, screen: &mut Screen) -> Result<Exit, Failure> {
    let rows = all_fingers(&place.journal()?)?;
    if screen.json {
        screen.value(&json!({ "fingers": rows }))?;
        return Ok(Exit::Done);
    }
    if rows.is_empty() {
        screen.say(
            "No module holds a finger. Enrol: punchd fingers enrol DEVICE USERID",
            "尚无指纹。登记方法：punchd fingers enrol 设备 账号",
        );
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&[
        screen.word("!finger", "!指纹"),
        screen.word("!device", "!设备"),
        screen.word("userid", "账号"),
        screen.word("person", "姓名"),
        screen.word("state", "状态"),
    ]);
    for row in &rows {
        let state = match (row.present, &row.userid) {
            (true, Some(_)) => screen.word("in use", "使用中"),
            (true, None) => screen.word("nobody's yet", "未指定人员"),
            (false, _) => screen.word("not in the module", "不在模块中"),
        };
        let FingerRow { name, device, userid, person, .. } = row;
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "–".to_owned());
        table.row([name.clone(), device.clone(), or_none(userid), or_none(person), state.to_owned()]);
    }
    screen.table(&table);
    Ok(Exit::Done)
}

fn enrol(enrol: Enrol, place: &Place, screen: &mut Screen) -> Result<Exit, Failure> {
    converse(async {
        let mut lines = place.agent().carry_out::<serde_json::Value>("/v1/fingers/enrol", &enrol).await?;
        loop {
            let broken = || {
                Failure::new(
                    Exit::Unavailable,
                    "the agent went away in the middle: look with `punchd fingers` whether the finger is there",
                    "服务中途断开：请用 `punchd fingers` 查看指纹是否已存入",
                )
            };
            match lines.next().await?.ok_or_else(broken)? {
                Line::Step(step) => {
                    if screen.json {
                        screen.value(&json!({ "step": step }))?;
                    } else if let Ok(text) = serde_json::from_value::<Text>(step) {
                        screen.text(&text);
                    }
                    let shown = screen.show();
                    shown.map_err(|error| Failure::plain(Exit::Disk, format!("cannot write the answer: {error}")))?;
                }
                Line::Done(done) if screen.json => {
                    screen.value(&done)?;
                    return Ok(Exit::Done);
                }
                Line::Done(done) => {
                    let done: FingerDone =
                        serde_json::from_value(done).map_err(|error| Failure::plain(Exit::Unavailable, error))?;
                    screen.text(&done.text);
                    return Ok(Exit::Done);
                }
                Line::Error(text) => return Err(Failure { exit: Exit::Negative, text }),
            }
        }
    })
}

fn change(path: &str, body: &impl Serialize, place: &Place, screen: &mut Screen) -> Result<Exit, Failure> {
    let done: FingerDone = converse(async { Ok(place.agent().post(path, body).await?) })?;
    if screen.json {
        screen.value(&done)?;
        return Ok(Exit::Done);
    }
    screen.text(&done.text);
    if done.settled > 0 {
        let settled = done.settled;
        screen.say(
            format!("{settled} readings that were open found their person."),
            format!("{settled} 条待定记录已找到人员。"),
        );
    }
    Ok(Exit::Done)
}
