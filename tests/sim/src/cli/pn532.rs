//! `punchd-sim device pn532`: a PN532 at a serial port, and cards that a script lays on it.

use clap::Args;
use punchd_pn532::virtual_device::cards::{Application, Card};
use punchd_pn532::virtual_device::{Disturbance, Options, VirtualPn532};

use super::Failure;
use super::plug::Plug;

/// Be a PN532 card reader at a serial port.
///
/// It takes orders as lines on stdin: `present CARD`, `take CARD`, `remove` (everything), `pins`, `brown-out`, `noise HEX`, `corrupt`, `cut BYTES`,
/// `unplug`, `replug`. CARD is `classic:UID`, `ntag:UID`, `plain:UID`, `phone`, `b:PUPI`, `b-random`, `felica:IDM`, or `desfire:UID`
/// and `phone` followed by `:AID=ANSWER`; all in hexadecimal. A UID alone is a card of its size.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Pn532 {
    #[command(flatten)]
    plug: Plug,
    /// A card that lies on it from the start; may be repeated.
    #[arg(long, value_name = "CARD", value_parser = card)]
    card: Vec<Card>,
}

impl Pn532 {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let reader = VirtualPn532::new(Options::default());
        for card in self.card {
            reader.present(card);
        }
        let served = reader.clone();
        let device = move |line| {
            let reader = served.clone();
            async move { reader.serve(line).await }
        };
        self.plug.serve("pn532", device, |order| obey(&reader, order)).await
    }
}

fn obey(reader: &VirtualPn532, order: &str) -> Result<Option<String>, String> {
    match order.split_once(' ').map_or((order, ""), |(word, rest)| (word, rest.trim())) {
        ("present", what) => reader.present(card(what)?),
        ("take", what) => reader.take(&card(what)?),
        ("remove", "") => reader.remove(),
        ("brown-out", "") => reader.brown_out(),
        ("noise", bytes) => reader.noise(&hex(bytes)?),
        ("corrupt", "") => reader.disturb(Disturbance::Corrupt),
        ("cut", bytes) => {
            reader.disturb(Disturbance::Cut(bytes.parse().map_err(|_| "a number of bytes".to_owned())?));
        }
        ("pins", "") => {
            let pins = reader.pins();
            return Ok(Some(format!("{:02X} {:02X}", pins.p3, pins.p7)));
        }
        _ => {
            return Err(
                "present CARD, take CARD, remove, pins, brown-out, noise HEX, corrupt, cut BYTES, unplug, replug"
                    .to_owned(),
            );
        }
    }
    Ok(None)
}

/// Reads a card as the orders name it.
fn card(text: &str) -> Result<Card, String> {
    let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
    Ok(match kind {
        "classic" => Card::Classic(uid(rest)?),
        "ntag" => Card::Ntag(uid(rest)?),
        "plain" => Card::Plain(uid(rest)?),
        "desfire" => {
            let (number, application) = rest.split_once(':').unwrap_or((rest, ""));
            Card::IsoDep { uid: uid(number)?, applications: applications(application)? }
        }
        "phone" => Card::Phone(applications(rest)?),
        "b" => Card::B(sized(rest)?),
        "b-random" => Card::RandomB,
        "felica" => Card::Felica(sized(rest)?),
        number => match uid(number)? {
            uid if uid.len() == 4 => Card::Classic(uid),
            uid if uid.len() == 7 => Card::Ntag(uid),
            uid => Card::Plain(uid),
        },
    })
}

/// `AID=ANSWER`, or none.
fn applications(text: &str) -> Result<Vec<Application>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let (aid, selected) = text.split_once('=').ok_or("AID=ANSWER")?;
    Ok(vec![Application { aid: hex(aid)?, selected: hex(selected)?, answers: Vec::new() }])
}

fn uid(text: &str) -> Result<Vec<u8>, String> {
    let bytes = hex(text)?;
    if matches!(bytes.len(), 4 | 7 | 10) { Ok(bytes) } else { Err("a UID of 4, 7 or 10 bytes".to_owned()) }
}

fn sized<const N: usize>(text: &str) -> Result<[u8; N], String> {
    hex(text)?.try_into().map_err(|_| format!("{N} bytes"))
}

fn hex(text: &str) -> Result<Vec<u8>, String> {
    let wrong = || "hexadecimal digits, two a byte".to_owned();
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if !digits.len().is_multiple_of(2) {
        return Err(wrong());
    }
    let byte = |pair: &[u8]| {
        let [high, low] = *pair else { return Err(wrong()) };
        let digit = |byte: u8| char::from(byte).to_digit(16).ok_or_else(wrong);
        u8::try_from(digit(high)? * 16 + digit(low)?).map_err(|_| wrong())
    };
    digits.chunks(2).map(byte).collect()
}
