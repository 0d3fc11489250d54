//! `punchd punches let-through`: readings from before the day from which their device counts are to count after all.

use clap::Args;
use jiff::civil::Date;

use super::super::exit::Exit;
use super::super::failure::Failure;
use super::super::place::{Place, converse, operator};
use super::super::screen::Screen;
use crate::agent::{LetThrough, LetThroughDone, Operations};

#[derive(Debug, Args)]
pub struct LetThem {
    /// Of this device
    #[arg(long, value_name = "NAME")]
    device: String,
    /// From this day on, in the device's zone; else from the beginning
    #[arg(long, value_name = "DATE")]
    from: Option<Date>,
    /// Until this day, the day included; else all
    #[arg(long, value_name = "DATE")]
    until: Option<Date>,
    /// Why; kept with the decision
    #[arg(long, value_name = "WORDS")]
    reason: String,
    /// Who decides; else the user of this terminal
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Only count them
    #[arg(long)]
    dry_run: bool,
}

/// Carries it out.
pub fn let_through(them: &LetThem, place: &Place, screen: &mut Screen) -> Result<Exit, Failure> {
    let wish = LetThrough {
        device: them.device.clone(),
        from: them.from,
        until: them.until,
        reason: them.reason.clone(),
        by: them.by.clone().unwrap_or_else(operator),
        dry_run: them.dry_run,
    };
    let own = async |operations: &Operations| operations.let_through(wish.clone()).await;
    let done: LetThroughDone = converse(place.change("/v1/let-through", &wish, own))?;
    if screen.json {
        screen.value(&done)?;
    } else {
        let (n, settled) = (done.readings, done.settled);
        if them.dry_run {
            screen.say(format!("{n} readings would be judged again."), format!("将重新判定 {n} 条记录。"));
        } else {
            screen.say(
                format!("{n} readings were let through; {settled} of them are settled, the others wait for something else (`punchd punches held`, `punchd punches unknown`)."),
                format!("已放行 {n} 条记录，其中 {settled} 条已判定，其余另有待处理原因（`punchd punches held`、`punchd punches unknown`）。"),
            );
        }
    }
    Ok(if done.readings == 0 { Exit::Negative } else { Exit::Done })
}
