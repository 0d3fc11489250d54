//! `punchd-sim device serial-line`: a scanner or card reader that sends lines, on a serial port.

use clap::{Args, ValueEnum};
use punchd_serial_line::virtual_device::{Obeys, Options, Sends, VirtualReader};
use serde::Serialize;

use super::plug::Plug;
use super::{Failure, ready};

/// Be a scanner or card reader that sends lines. Each line of stdin is presented to it, `unplug` and `replug` aside; what is
/// written back to it is printed as {"answer":"…"}.
#[derive(Debug, Args)]
pub(super) struct SerialLine {
    #[command(flatten)]
    plug: Plug,
    /// What it sends: text, or the frames of a 125 kHz card reader, whose cards are given as ten hexadecimal digits.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// What ends a line.
    #[arg(long, value_enum, default_value = "crlf")]
    terminator: Terminator,
    /// Stands before every line, such as an AIM id.
    #[arg(long, value_name = "TEXT", default_value = "")]
    prefix: String,
    /// What has to tell it to read.
    #[arg(long, value_enum, default_value = "none")]
    obeys: Command,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Rdm6300,
    Id12,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Terminator {
    Cr,
    Lf,
    Crlf,
    Tab,
    Etx,
    None,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Command {
    None,
    Gm65,
    Honeywell,
}

#[derive(Debug, Serialize)]
struct Answer {
    answer: String,
}

impl SerialLine {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let after: &[u8] = match self.terminator {
            Terminator::Cr => b"\r",
            Terminator::Lf => b"\n",
            Terminator::Crlf => b"\r\n",
            Terminator::Tab => b"\t",
            Terminator::Etx => b"\x03",
            Terminator::None => b"",
        };
        let sends = match self.format {
            Format::Text => Sends::Text { before: self.prefix.into_bytes(), after: after.to_vec() },
            format => Sends::Rdm6300 { cr_lf: format == Format::Id12 },
        };
        let obeys = match self.obeys {
            Command::None => Obeys::Nothing,
            Command::Gm65 => Obeys::Gm65,
            Command::Honeywell => Obeys::Honeywell,
        };
        let cards = matches!(sends, Sends::Rdm6300 { .. });
        let reader = VirtualReader::new(Options { sends, obeys });
        let (served, presented) = (reader.clone(), reader.clone());
        let serve = move |line| {
            let reader = served.clone();
            async move { reader.serve(line).await }
        };
        let order = move |line: &str| {
            let what = if cards { card(line)?.to_vec() } else { line.into() };
            presented.present(&what);
            Ok(None)
        };
        let answers = async {
            loop {
                ready::line(&Answer { answer: reader.answer().await })?;
            }
        };
        tokio::select! {
            ended = self.plug.serve("serial-line", serve, order) => ended,
            ended = answers => ended,
        }
    }
}

/// Ten hexadecimal digits.
fn card(text: &str) -> Result<[u8; 5], String> {
    let digits = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u64::from_str_radix(text, 16).ok().filter(|_| digits);
    let number = number.ok_or_else(|| "a card is ten hexadecimal digits, such as 0100745A70".to_owned())?;
    let [_, _, _, card @ ..] = number.to_be_bytes();
    Ok(card)
}
