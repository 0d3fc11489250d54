//! The conversation with a device that notifies.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use punchd_contract::text_in_time::Told;
use punchd_contract::{CommandError, Condition, DriverError, Health, Losses, Member, Port, Repeat, Text};
use tokio::time::{Instant, sleep};

use super::Settings;
use super::conversation::Conversation;
use crate::protocol::content::{Content, presented};
use crate::protocol::frame::Decoder;
use crate::radio::{Radio, Source, State, Trouble};

/// The first and the longest wait before trying again.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));
/// A link that held for so long was a good one: the next is tried at once.
const STEADY: Duration = Duration::from_secs(30);
/// What is remembered of a device over links.
pub(super) struct Memory {
    /// Where its frames end, and whether one was cut.
    pub decoder: Decoder,
    /// What lies in front of it.
    pub repeat: Repeat,
    /// How much of what it sent was cut.
    pub losses: Losses,
    /// Where times are counted from.
    pub origin: Instant,
    /// A whole frame has come: it marks them as set.
    pub marks: bool,
    /// What the end of the last link has cut.
    pub parts: Vec<Told>,
}

impl Memory {
    fn new(settings: &Settings) -> Self {
        let (origin, decoder) = (Instant::now(), Decoder::new(settings.framing, settings.pause));
        // Behind a prefix the width of what is notified is not that of a number.
        let decoder = match settings.content {
            Content::Text(means) if settings.prefix.is_empty() => decoder.meaning(&presented(means)),
            Content::Text(_) | Content::CardBytes => decoder,
        };
        let (repeat, losses) = (Repeat::new(settings.repeat), Losses::new(origin));
        Self { decoder, repeat, losses, origin, marks: false, parts: Vec::new() }
    }
}

/// Serves the devices, each for itself.
pub(super) async fn run<S: Source>(members: Vec<Member<Settings>>) -> Result<(), DriverError> {
    join_all(members.into_iter().map(serve::<S>)).await;
    Ok(())
}

async fn serve<S: Source>(member: Member<Settings>) {
    let radio = Radio::of::<S>(member.settings.adapter.as_deref());
    tokio::select! {
        never = refuse(&member.port) => match never {},
        never = connect_again(&member, &radio) => match never {},
    }
}

/// Such a device can be asked nothing.
async fn refuse(port: &Port) -> Infallible {
    loop {
        port.request().await.answer(Err(CommandError::Unsupported));
    }
}

async fn connect_again(member: &Member<Settings>, radio: &Arc<Radio>) -> Infallible {
    let wanted = &member.settings.wanted;
    let target = &wanted.target;
    let looking = Text::new(format!("looking for {target} over Bluetooth"), format!("正在通过蓝牙寻找 {target}"));
    member.port.health(Health { condition: Condition::Starting, text: looking });
    let (mut wait, mut memory) = (RETRY.0, Memory::new(&member.settings));
    loop {
        let trouble = match radio.link(wanted).await {
            Ok(link) => {
                let since = Instant::now();
                let trouble = Conversation::over(member, link, &mut memory).hold().await;
                memory.decoder.broken(&mut memory.parts);
                if since.elapsed() >= STEADY {
                    wait = RETRY.0;
                }
                trouble
            }
            Err(trouble) => trouble,
        };
        tracing::info!(device = %member.device, %trouble, "Bluetooth device is not there");
        member.port.health(Health::fault(fault(&trouble, radio)));
        let mut state = radio.state();
        // A radio that comes back is no reason to wait any longer.
        let returns = async {
            if matches!(&*state.borrow_and_update(), State::Closed(_)) {
                // It ends with the radio, which is held here.
                let _ = state.wait_for(|state| matches!(state, State::Open(_))).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = sleep(wait) => {}
            () = returns => {}
        }
        wait = (wait * 2).min(RETRY.1);
    }
}

fn fault(trouble: &Trouble, radio: &Radio) -> Text {
    let text = trouble.text();
    match (trouble, *radio.silent().borrow()) {
        (Trouble::NotHeard(_), true) => Text::new(
            format!("{}. Nothing at all is heard over Bluetooth: `systemctl restart bluetooth` may help", text.en),
            format!("{}。蓝牙完全收不到信号：可尝试 `systemctl restart bluetooth`", text.zh),
        ),
        _ => text,
    }
}
