//! `punchd devices listen`: what is presented at a device, in every usual format, and whose it is or would be.

use clap::Args;
use punchd_contract::DeviceName;

use crate::cli::exit::Exit;
use crate::cli::failure::Failure;
use crate::cli::place::{Place, converse};
use crate::cli::screen::Screen;
use crate::cli::table::Table;
use crate::console::{Heard, Line};

/// Show what is presented at a device as it happens: every usual number format, and which person each would match
#[derive(Debug, Args)]
pub struct Listen {
    /// The device's name in the configuration
    name: String,
    /// End after so many have been heard; without it Ctrl-C ends it
    #[arg(long, value_name = "N")]
    count: Option<u32>,
}

/// Carries it out.
pub fn listen(listen: &Listen, place: &Place, screen: &mut Screen) -> Result<Exit, Failure> {
    let name = DeviceName::new(listen.name.as_str())
        .map_err(|error| Failure::plain(Exit::Usage, format!("the device's name {error}")))?;
    if !screen.json {
        screen.say(
            format!("Listening at {name}. Present a card, a finger, a code. Ctrl-C ends."),
            format!("正在监听 {name}，请刷卡、按指纹或扫码。按 Ctrl-C 结束。"),
        );
        show(screen)?;
    }
    let mut left = listen.count;
    converse(async {
        let mut lines = place.agent().listen::<Heard>(&format!("/v1/devices/{name}/listen")).await?;
        while left != Some(0) {
            match lines.next().await? {
                None | Some(Line::Done(_)) => break,
                Some(Line::Error(text)) => return Err(Failure { exit: Exit::Unavailable, text }),
                Some(Line::Step(heard)) => {
                    if screen.json {
                        screen.value(&heard)?
                    } else {
                        tell(&heard, screen)
                    }
                    show(screen)?;
                    left = left.map(|left| left - 1);
                }
            }
        }
        Ok(Exit::Done)
    })
}

fn show(screen: &mut Screen) -> Result<(), Failure> {
    screen.show().map_err(|error| Failure::plain(Exit::Disk, format!("cannot write the answer: {error}")))
}

fn tell(heard: &Heard, screen: &mut Screen) {
    let seq = heard.seq.map_or_else(|| "–".to_owned(), |seq| seq.to_string());
    let profile = heard.profile.as_deref().unwrap_or("–");
    screen.line("");
    screen.say(
        format!("#{seq} {} {} ({profile}): {}", heard.kind, heard.value, heard.text.en),
        format!("#{seq} {} {}（{profile}）：{}", heard.kind, heard.value, heard.text.zh),
    );
    if heard.written.is_empty() {
        return;
    }
    let mut table = Table::new(&[
        screen.word("format", "格式"),
        screen.word("!number", "!号码"),
        screen.word("would match", "可对应人员"),
    ]);
    for written in &heard.written {
        let partial = if written.partial { screen.word(" (partial)", "（部分号码）") } else { "" };
        table.row([
            written.format.clone(),
            format!("{}{partial}", written.text),
            if written.people.is_empty() { "–".to_owned() } else { written.people.join(", ") },
        ]);
    }
    screen.table(&table);
    if heard.written.iter().any(|written| written.partial) {
        screen.say(
            "A partial number can be several people's: enrol cards by tapping them at the kind of reader that is in use.",
            "部分号码可能对应多张卡：请在实际使用的读卡器上刷卡登记。",
        );
    }
}
