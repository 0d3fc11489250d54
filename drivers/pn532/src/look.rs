//! One look at what lies on the reader: every kind of card in turn, and what that amounts to.

use crate::chip::Chip;
use crate::protocol::apdu::{self, Answer};
use crate::protocol::command::Command;
use crate::protocol::status::Status;
use crate::protocol::target::{Listing, Target, Technology, TypeA};
use crate::settings::{Application, Settings};
use crate::trouble::{Refusal, Trouble};

/// An application's answer as a number: shorter ones are parts of numbers to the agent, longer ones no numbers.
const NUMBER: std::ops::RangeInclusive<usize> = 4..=16;
/// Begins what an application says about itself (FCI template): the same for everybody who has it.
const DESCRIPTION: u8 = 0x6F;
/// The pieces in which an answer may come.
const PIECES: usize = 8;

/// What a look saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Nothing,
    Card(Card),
    Refused(Refusal),
    /// Something is there that did not let itself be read this time.
    Unclear,
}

/// Something with a number that stays the same.
#[derive(Clone, Debug)]
pub(crate) struct Card {
    /// In air order.
    pub(crate) number: Vec<u8>,
    pub(crate) profile: String,
    /// What the chip told of it.
    pub(crate) raw: Vec<u8>,
    /// As what it was found.
    pub(crate) technology: Technology,
    /// It is an application's number.
    pub(crate) by_application: bool,
}

impl Card {
    /// Whether one pass is not enough: the number may be made up, or another card may have come after its kind was asked for.
    fn wants_a_second_look(&self, settings: &Settings) -> bool {
        self.technology == Technology::B || settings.technologies.first() != Some(&self.technology)
    }
}

impl PartialEq for Card {
    fn eq(&self, other: &Self) -> bool {
        // The bytes as they came differ from look to look, where parts of them are made up.
        (&self.number, &self.profile) == (&other.number, &other.profile)
    }
}

impl Eq for Card {}

/// What one kind of card came to.
enum Part {
    Card(Card),
    Refused(Refusal),
    Unclear,
}

/// Looks at what lies there. `lying` is what lay there the last time and was read. [`darken`] follows, when what was seen is on its way.
pub(crate) async fn look(chip: &mut Chip, settings: &Settings, lying: Option<&Card>) -> Result<Seen, Trouble> {
    let seen = pass(chip, settings, &settings.technologies, lying.is_some()).await?;
    let Seen::Card(card) = &seen else { return Ok(seen) };
    if lying == Some(card) || !card.wants_a_second_look(settings) {
        return Ok(seen);
    }
    darken(chip, &seen).await?;
    // The kinds behind its own were asked for with the card lying there.
    let own = settings.technologies.iter().position(|technology| *technology == card.technology).unwrap_or_default();
    let up_to_it = settings.technologies.get(..=own).unwrap_or(&settings.technologies);
    Ok(match pass(chip, settings, up_to_it, true).await? {
        Seen::Card(again) if again == *card => Seen::Card(again),
        // Some cards of type B make up a number whenever they get power.
        Seen::Card(again) if again.technology == Technology::B && card.technology == Technology::B => {
            Seen::Refused(Refusal::Random)
        }
        Seen::Card(_) => Seen::Refused(Refusal::Several),
        Seen::Nothing => Seen::Unclear,
        other => other,
    })
}

/// Takes the field from what was seen, so that the next look finds it again (facts/readers.md A.5). An empty reader keeps its field: a card
/// that comes has power before it is asked, and the gateway is spared a command (A.7 knows both ways).
pub(crate) async fn darken(chip: &mut Chip, seen: &Seen) -> Result<(), Trouble> {
    if *seen == Seen::Nothing {
        return Ok(());
    }
    chip.ask(&Command::ReleaseAll).await?;
    chip.ask(&Command::FieldOff).await.map(|_| ())
}

/// Asks for these kinds of cards once; in a hurry where somebody is known to wait.
async fn pass(chip: &mut Chip, settings: &Settings, technologies: &[Technology], hurry: bool) -> Result<Seen, Trouble> {
    let mut parts = Vec::new();
    for technology in technologies {
        let list = Command::List(*technology);
        let data = if hurry || !parts.is_empty() { chip.ask(&list).await? } else { chip.ask_at_leisure(&list).await? };
        let part = match Listing::parse(*technology, &data) {
            Ok(Listing::Nothing) => continue,
            Ok(Listing::Several) => Part::Refused(Refusal::Several),
            Ok(Listing::One(number, target)) => {
                read(chip, *technology, number, target, &data, settings.application.as_ref()).await?
            }
            Err(_) => Part::Unclear,
        };
        let decided = matches!(&part, Part::Card(card) if card.by_application);
        // One FeliCa card answers at both speeds.
        if !matches!((&part, parts.last()), (Part::Card(card), Some(Part::Card(last))) if card == last) {
            parts.push(part);
        }
        if decided {
            break;
        }
    }
    Ok(together(parts))
}

/// What several kinds of cards amount to: one card, or the reason why none.
fn together(mut parts: Vec<Part>) -> Seen {
    // A phone may answer in several ways at once: its application decides, and without one it is a phone, not two cards.
    if let Some(at) = parts.iter().position(|part| matches!(part, Part::Card(card) if card.by_application))
        && let Part::Card(card) = parts.swap_remove(at)
    {
        return Seen::Card(card);
    }
    if let Some(Part::Refused(reason)) = parts.iter().find(|part| matches!(part, Part::Refused(_))) {
        return Seen::Refused(*reason);
    }
    match (parts.pop(), parts.is_empty()) {
        (None, _) => Seen::Nothing,
        (Some(Part::Card(card)), true) => Seen::Card(card),
        (Some(Part::Card(_)), false) => Seen::Refused(Refusal::Several),
        (Some(_), _) => Seen::Unclear,
    }
}

/// Reads one card.
async fn read(
    chip: &mut Chip,
    technology: Technology,
    number: u8,
    target: Target,
    raw: &[u8],
    application: Option<&Application>,
) -> Result<Part, Trouble> {
    let card = |number: &[u8], profile: &str| Card {
        number: number.to_vec(),
        profile: profile.to_owned(),
        raw: raw.to_vec(),
        technology,
        by_application: false,
    };
    Ok(match target {
        Target::A(target) => {
            let own = card(&target.uid, "iso14443a");
            match application.filter(|_| target.is_iso_dep()) {
                Some(application) => by_application(chip, number, &target, application, own).await?,
                None if target.is_random() => Part::Refused(Refusal::Random),
                None => Part::Card(own),
            }
        }
        Target::B(target) => Part::Card(card(&target.pupi, "iso14443b")),
        Target::Felica(target) if target.is_random() => Part::Refused(Refusal::Random),
        Target::Felica(target) => Part::Card(card(&target.idm, "felica")),
    })
}

/// What the application says. A card that does not have it is known by its own number, if that stays the same.
async fn by_application(
    chip: &mut Chip,
    target: u8,
    shown: &TypeA,
    application: &Application,
    card: Card,
) -> Result<Part, Trouble> {
    let mut raw = card.raw.clone();
    let mut answer = match exchange(chip, target, apdu::select(&application.aid)).await? {
        Some(answer) => answer,
        None => return Ok(Part::Unclear),
    };
    if !answer.is_ok() {
        return Ok(if shown.is_random() { Part::Refused(Refusal::NoApplication) } else { Part::Card(card) });
    }
    if let Some(read) = &application.read {
        answer = match exchange(chip, target, read.clone()).await? {
            Some(answer) => answer,
            None => return Ok(Part::Unclear),
        };
    }
    if !answer.is_ok() || !is_number(&answer.data) {
        let status = format!("{:04X}", answer.status);
        tracing::debug!(status, length = answer.data.len(), "an application's answer is no number");
        return Ok(Part::Refused(Refusal::Unusable));
    }
    raw.extend_from_slice(&answer.data);
    raw.extend(answer.status.to_be_bytes());
    let aid: String = application.aid.iter().map(|byte| format!("{byte:02X}")).collect();
    Ok(Part::Card(Card { number: answer.data, profile: format!("aid:{aid}"), raw, by_application: true, ..card }))
}

/// Neither a description nor empty memory.
fn is_number(data: &[u8]) -> bool {
    let same = |byte: &u8| Some(byte) == data.first();
    NUMBER.contains(&data.len()) && data.first() != Some(&DESCRIPTION) && !data.iter().all(same)
}

/// One APDU; `None`: the card did not answer properly, as when it is being taken away.
async fn exchange(chip: &mut Chip, target: u8, apdu: Vec<u8>) -> Result<Option<Answer>, Trouble> {
    let mut whole = Vec::new();
    let mut data = apdu;
    for _ in 0..PIECES {
        let answer = chip.ask(&Command::Exchange { target, data }).await?;
        let Some((status, piece)) = answer.split_first() else { return Ok(None) };
        let status = Status(*status);
        if !status.is_ok() {
            tracing::debug!(reason = status.words().en, "a card did not answer properly");
            return Ok(None);
        }
        whole.extend_from_slice(piece);
        if !status.more() {
            break;
        }
        // The rest is fetched with nothing to say.
        data = Vec::new();
    }
    Ok(Answer::parse(&whole))
}
