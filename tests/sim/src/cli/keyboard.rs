//! `punchd-sim device keyboard`: a card reader or scanner that types like a keyboard, at the kernel's uinput.

use std::time::Duration;

use clap::{Args, ValueEnum};
use punchd_keyboard::virtual_device::{Built, Ending, Habits, UinputKeyboard};

use super::plug::{orders, tell};
use super::{Failure, ready, until_stopped};

/// Be a USB card reader or scanner that types like a keyboard. Needs /dev/uinput. Each line of stdin is typed, `unplug` and
/// `replug` aside; every one is answered by a line of JSON when it is done.
#[derive(Debug, Args)]
pub(super) struct Keyboard {
    /// What it calls itself.
    #[arg(long, value_name = "NAME", default_value = "Virtual Card Reader")]
    name: String,
    /// USB vendor and product.
    #[arg(long, value_name = "VVVV:PPPP", default_value = "ffff:0035", value_parser = ids)]
    ids: (u16, u16),
    /// The physical port that it claims, such as usb-0000:00:14.0-2; none without it.
    #[arg(long, value_name = "PORT", default_value = "")]
    phys: String,
    /// What it types at the end.
    #[arg(long, value_enum, default_value = "enter")]
    end: End,
    /// It presses NumLock around every character.
    #[arg(long)]
    num_lock: bool,
    /// It has a second interface, a mouse.
    #[arg(long)]
    mouse: bool,
    /// Milliseconds between two key events.
    #[arg(long, value_name = "MS", default_value = "2", value_parser = clap::value_parser!(u64).range(0..=1000))]
    key_ms: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum End {
    Enter,
    PadEnter,
    Tab,
    None,
}

impl Keyboard {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let ending = match self.end {
            End::Enter => Ending::Enter,
            End::PadEnter => Ending::PadEnter,
            End::Tab => Ending::Tab,
            End::None => Ending::Nothing,
        };
        let (habits, pause) = (Habits { ending, num_lock: self.num_lock }, Duration::from_millis(self.key_ms));
        let built = Built { name: self.name, ids: self.ids, port: self.phys, with_mouse: self.mouse };
        let plug_in = || {
            UinputKeyboard::plug_in(&built).map_err(|error| {
                format!("cannot make a keyboard at /dev/uinput: {error} (modprobe uinput; only root may)")
            })
        };
        let mut keyboard = Some(plug_in().map_err(Failure::Unavailable)?);
        if let Some(keyboard) = &keyboard {
            ready::say_port("keyboard", keyboard.node())?;
        }
        let mut orders = orders();
        let obeying = async {
            while let Some(line) = orders.recv().await {
                let line = line.trim();
                let outcome = match (line, &mut keyboard) {
                    ("", _) => continue,
                    ("unplug", _) => {
                        keyboard = None;
                        Ok(None)
                    }
                    ("replug", Some(_)) => Ok(None),
                    ("replug", None) => plug_in().map(|plugged| {
                        let node = plugged.node().display().to_string();
                        keyboard = Some(plugged);
                        Some(node)
                    }),
                    (_, None) => Err("it is unplugged: replug first".to_owned()),
                    (text, Some(plugged)) => {
                        let typed = plugged.type_text(text, habits, pause).await;
                        typed.map(|()| None).map_err(|error| error.to_string())
                    }
                };
                tell(line, outcome)?;
            }
            std::future::pending().await
        };
        tokio::select! {
            stopped = until_stopped() => stopped,
            ended = obeying => ended,
        }
    }
}

fn ids(text: &str) -> Result<(u16, u16), String> {
    let hex = |part: &str| u16::from_str_radix(part, 16).ok().filter(|_| part.len() == 4);
    let ids = text.split_once(':').and_then(|(vendor, product)| Some((hex(vendor)?, hex(product)?)));
    ids.ok_or_else(|| "four hexadecimal digits, a colon and four more, such as ffff:0035".to_owned())
}
