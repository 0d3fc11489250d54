//! Which layout a log has: a hypothesis, which the log as a whole must bear out before one record of it is used.
//!
//! Nothing in the protocol says how long a record is. The terminal's own count of records does, where it divides the bytes into a
//! length that is known; it beats every guess, and a few odd records (a date of 2000, a row of 0xFF) change nothing. But the count
//! has been wrong, and a body that is no log at all has come too (js_zklib #53). So whatever is proposed, by the count or by the
//! contents, has to read as a log: names where names stand, dates between the possible and the terminal's own clock, most of them in
//! order, people who are known, padding where padding is. A layout that is told by little (8 and 16 bytes have no text in them) and
//! one that nobody has documented (40 bytes and an unknown tail) are held to more. What stands behind each is in
//! docs/sources/pull.md.

use std::collections::HashSet;

use punchd_contract::Text;

use super::bytes::{looks_like_id, u8_at, u16_at, u32_at, until_nul};
use super::record::{LARGEST, Record, RecordId, RecordSize, TAIL};
use super::time::RawTime;

/// 1 January 2005: a terminal that lost its clock begins again at 2000, and read with a wrong layout, small numbers become dates of
/// that year.
const FIRST_POSSIBLE: RawTime = RawTime(5 * 12 * 31 * 86_400);
const DAY: u32 = 86_400;
/// A record may be behind the one before it by so much and still be in order: clocks are put right, summer time ends.
const ORDER_TOLERANCE: u32 = 3_600;
/// So many records are looked at: all of a short log, else runs of neighbours from all over it. Single ones at equal distances would
/// not do: every fourth of 50 bytes begins where one of 40 does.
const SAMPLE: usize = 512;
/// So many of them stand one behind the other.
const RUN: usize = 32;
/// So many of the youngest are looked up in the user list: the people of old ones may have left.
const YOUNGEST: usize = 200;
/// Of the 24 bytes of a user id as text, the first nine are used by most firmware; something may be left in them.
const USED: usize = 9;
/// The longest user id in digits, of nine.
const LARGEST_ID: u32 = 999_999_999;
/// No work code is near this, and every date is above it.
const LARGEST_WORK_CODE: u32 = 99_999_999;

/// What is known of a log besides its bytes.
#[derive(Clone, Debug, Default)]
pub struct Known<'a> {
    /// How many records the terminal says it has; `None` where it does not say or where they changed during the read.
    pub claimed: Option<u32>,
    /// What the terminal's clock shows.
    pub clock: Option<RawTime>,
    /// What time it is in that zone as far as the gateway knows: a clock that was set back makes no log implausible.
    pub now: Option<RawTime>,
    /// Whom the terminal knows, where its list could be read and has somebody.
    pub users: Option<&'a Users>,
}

/// The rows and the user ids of a user list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Users {
    /// Row numbers.
    pub rows: HashSet<u16>,
    /// User ids.
    pub ids: HashSet<String>,
}

impl Known<'_> {
    fn bounds(&self) -> (RawTime, RawTime) {
        let lost = self.clock.is_some_and(|clock| clock < FIRST_POSSIBLE);
        let latest = self.clock.max(self.now).map_or(RawTime(u32::MAX), |last| RawTime(last.0.saturating_add(DAY)));
        (if lost { RawTime(0) } else { FIRST_POSSIBLE }, latest)
    }
}

/// Why a log is not taken; nothing of it is used then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text().en)]
pub struct LayoutError {
    /// Bytes of records.
    pub bytes: usize,
    /// How many records the terminal says it has.
    pub claimed: Option<u32>,
    /// The known record lengths that divide the bytes.
    pub tried: Vec<usize>,
    /// The lengths with which the bytes would read as a log; several, or none.
    pub plausible: Vec<usize>,
}

impl LayoutError {
    /// What was seen, as a part of a sentence.
    pub fn text(&self) -> Text {
        let bytes = self.bytes;
        let each = self.claimed.and_then(|count| usize::try_from(count).ok()).filter(|count| *count > 0);
        let each = each.filter(|count| bytes.is_multiple_of(*count)).map(|count| bytes / count);
        let (counted, zh_counted) = match (self.claimed, each) {
            (None, _) => ("no count".to_owned(), "考勤机未给出记录数".to_owned()),
            (Some(count), None) => (format!("{count} records counted"), format!("考勤机计 {count} 条")),
            (Some(count), Some(each)) => {
                (format!("{count} records counted of {each} bytes"), format!("考勤机计 {count} 条，每条 {each} 字节"))
            }
        };
        let list = |sizes: &[usize]| sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let (found, zh_found) = match (self.plausible.is_empty(), self.tried.is_empty()) {
            (false, _) => {
                let sizes = list(&self.plausible);
                (format!("several lengths would fit: {sizes}"), format!("多种长度都可能：{sizes}"))
            }
            (true, false) => {
                let sizes = list(&self.tried);
                (format!("not a log when read as records of {sizes}"), format!("按每条 {sizes} 字节读取都不像记录"))
            }
            (true, true) => ("no known record length divides it".to_owned(), "不是任何已知记录长度的整数倍".to_owned()),
        };
        Text::new(format!("{bytes} bytes, {counted}, {found}"), format!("{bytes} 字节，{zh_counted}，{zh_found}"))
    }
}

/// How sure the count makes a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Count {
    /// It names this length.
    Agrees,
    /// There is none to go by.
    Absent,
    /// It names another.
    Contradicts,
}

/// How well a log reads with one length: shares in percent.
#[derive(Clone, Copy, Debug)]
struct Fit {
    records: usize,
    /// Fields are as they should be.
    formed: usize,
    /// And the padding behind a text is clean.
    clean: usize,
    /// Dates are possible.
    dated: usize,
    /// Of neighbours with a date, so many are in order.
    ordered: usize,
    /// Of the youngest, so many name somebody of the user list; nothing where there is none.
    listed: Option<usize>,
}

/// The length of the records in this log. `body` is what follows the leading length and is not empty.
pub fn layout_of(body: &[u8], known: &Known<'_>) -> Result<RecordSize, LayoutError> {
    let bytes = body.len();
    let claimed = known.claimed.and_then(|count| usize::try_from(count).ok()).filter(|count| *count > 0);
    let by_count =
        claimed.filter(|count| bytes.is_multiple_of(*count)).and_then(|count| RecordSize::new(bytes / count));
    let dividing = || {
        let sizes = [8, 16].into_iter().chain(TAIL..=LARGEST).filter(|size| bytes.is_multiple_of(*size));
        sizes.filter_map(RecordSize::new)
    };
    let mut halves: Vec<usize> = Vec::new();
    let mut plausible: Vec<(RecordSize, Fit)> = Vec::new();
    // Two records of 8 bytes and one of 16 have much in common.
    let mut faultless: Vec<RecordSize> = Vec::new();
    for size in dividing() {
        let count = match (by_count, claimed) {
            (Some(named), _) if named == size => Count::Agrees,
            (_, Some(_)) => Count::Contradicts,
            (_, None) => Count::Absent,
        };
        let fit = Fit::of(body, size, known);
        // Every second record of 40 bytes is no record of 80, however well it reads.
        let several = halves.iter().any(|half| size.bytes().is_multiple_of(*half));
        if size.bytes() >= TAIL && fit.formed >= 50 {
            halves.push(size.bytes());
        }
        if !several && fit.is_faultless() {
            faultless.push(size);
        }
        if !several && fit.bears_out(size, count) {
            plausible.push((size, fit));
        }
    }
    // The count decides, unless the contents speak for another length without a fault and for this one with some.
    let rivals = |size: RecordSize| faultless.iter().any(|other| *other != size);
    let chosen = match plausible.as_slice() {
        [(size, fit)] if fit.is_faultless() || !rivals(*size) => Some(*size),
        [_] => None,
        several => several
            .iter()
            .find(|(size, fit)| Some(*size) == by_count && (fit.is_faultless() || !rivals(*size)))
            .map(|(size, _)| *size),
    };
    chosen.ok_or_else(|| LayoutError {
        bytes,
        claimed: known.claimed,
        tried: dividing().map(RecordSize::bytes).filter(|size| matches!(size, 8 | 16 | 40 | 49)).collect(),
        plausible: plausible.iter().map(|(size, _)| size.bytes()).collect(),
    })
}

impl Fit {
    fn of(body: &[u8], size: RecordSize, known: &Known<'_>) -> Self {
        let count = body.len() / size.bytes();
        let (earliest, latest) = known.bounds();
        let possible = |time: RawTime| (earliest..=latest).contains(&time) && time.civil().is_some();
        let (mut records, mut formed, mut clean, mut dated) = (0, 0, 0, 0);
        let (mut pairs, mut ordered, mut before) = (0, 0, None::<RawTime>);
        let runs = if count <= SAMPLE { 1 } else { SAMPLE / RUN };
        let run = if count <= SAMPLE { count } else { RUN };
        let sample = (0..runs).flat_map(|n| {
            let first = n * (count - run) / (runs.max(2) - 1) * size.bytes();
            body.get(first..).unwrap_or_default().chunks_exact(size.bytes()).take(run)
        });
        // Erased rows among text say nothing: half of a log of 70 000 was zeros (raihanafroz/zkteco #20). Numbers have zeros of their own.
        let speaks =
            |raw: &&[u8]| size.bytes() < TAIL || !(raw.iter().all(|b| *b == 0) || raw.iter().all(|b| *b == 0xff));
        for record in sample.filter(speaks).filter_map(|raw| size.decode(raw)) {
            records += 1;
            let possible = possible(record.time);
            match form(size, &record, possible) {
                Form::Wrong => continue,
                Form::Padded => clean += 1,
                Form::Loose => {}
            }
            formed += 1;
            if !possible {
                continue;
            }
            dated += 1;
            if let Some(before) = before.replace(record.time) {
                pairs += 1;
                ordered += usize::from(record.time.0.saturating_add(ORDER_TOLERANCE) >= before.0);
            }
        }
        let percent = |part: usize, of: usize| (part * 100).checked_div(of).unwrap_or(0);
        Self {
            records: count,
            formed: percent(formed, records),
            clean: percent(clean, records),
            dated: percent(dated, records),
            ordered: if pairs < 4 { 100 } else { percent(ordered, pairs) },
            listed: known.users.map(|users| {
                let young = body.rchunks_exact(size.bytes()).take(YOUNGEST).filter_map(|raw| size.decode(raw));
                let young: Vec<bool> = young.map(|record| users.know(record.id)).collect();
                percent(young.iter().filter(|known| **known).count(), young.len())
            }),
        }
    }

    fn is_faultless(&self) -> bool {
        self.formed >= 95 && self.dated >= 95
    }

    /// Whether a log that reads so has records of this length.
    fn bears_out(&self, size: RecordSize, count: Count) -> bool {
        let listed = |least: usize| self.listed.is_some_and(|share| share >= least);
        let at_least = |formed, dated, ordered| self.formed >= formed && self.dated >= dated && self.ordered >= ordered;
        match (size.bytes(), count) {
            // Text tells these apart from everything else. Of dates, half are enough; a log whose dates are all false is taken where
            // the count and the people agree, or where it is too short to tell: its records are held one by one.
            (40 | 49, Count::Agrees) => {
                let odd_dates = self.clean >= 90 && (listed(80) || self.records <= 3);
                self.formed >= 50 && (self.dated >= 50 || odd_dates)
            }
            (40 | 49, _) => at_least(60, 50, 0),
            (TAIL.., Count::Agrees) => self.clean >= 90 && at_least(90, 50, 70),
            (TAIL.., _) => self.clean >= 99 && at_least(99, 90, 90) && self.records >= 5,
            // Numbers alone. An operation log has dates in the same place, and other things in all others.
            (_, _) if self.listed.is_none() && self.clean < 80 => false,
            (_, Count::Agrees) => {
                let dates = if self.records <= 3 { 50 } else { 60 };
                at_least(80, dates, 70) && (self.listed.is_none() || listed(25))
            }
            (_, Count::Absent) => at_least(95, 80, 90) && (listed(50) || self.listed.is_none() && self.records >= 8),
            (_, Count::Contradicts) => at_least(95, 90, 90) && listed(50),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Wrong,
    /// A text with something behind it in the bytes that firmware uses, as fields that were used before have; a work code.
    Loose,
    Padded,
}

fn form(size: RecordSize, record: &Record<'_>, dated: bool) -> Form {
    let sound = |sound: bool| if sound { Form::Padded } else { Form::Wrong };
    let raw = record.raw;
    match (size.bytes(), record.id) {
        (8, RecordId::Row(row)) => sound(row != 0 && row != u16::MAX && u8_at(raw, 3) == Some(0)),
        (16, RecordId::Number(id)) => match u32_at(raw, 12) {
            _ if !(1..=LARGEST_ID).contains(&id) || u16_at(raw, 10) != Some(0) => Form::Wrong,
            Some(0) => Form::Padded,
            Some(..=LARGEST_WORK_CODE) => Form::Loose,
            _ => Form::Wrong,
        },
        // A row alone is little to go by, so that it needs its date, and nothing but zeros where the text would be.
        (_, RecordId::Row(row)) => {
            let empty = raw.get(2..26).is_some_and(|field| field.iter().all(|byte| *byte == 0));
            sound(row != u16::MAX && empty && dated)
        }
        (_, _) => match raw.get(2..26) {
            Some(field) if looks_like_id(field) => {
                let zero = |from: usize| field.iter().skip(from).all(|byte| *byte == 0);
                match (zero(until_nul(field).len()), zero(USED)) {
                    (true, _) => Form::Padded,
                    (_, true) => Form::Loose,
                    _ => Form::Wrong,
                }
            }
            _ => Form::Wrong,
        },
    }
}

impl Users {
    fn know(&self, id: RecordId<'_>) -> bool {
        match id {
            RecordId::Row(row) => self.rows.contains(&row),
            RecordId::Number(number) => self.ids.contains(number.to_string().as_str()),
            RecordId::Text(text) => std::str::from_utf8(text).is_ok_and(|id| self.ids.contains(id)),
        }
    }
}

/// A log whose layout is known.
#[derive(Clone, Copy, Debug)]
pub struct Log<'a> {
    body: &'a [u8],
    size: RecordSize,
}

impl<'a> Log<'a> {
    /// Finds out how long its records are. `body` is what follows the leading length; nothing for an empty one.
    pub fn open(body: &'a [u8], known: &Known<'_>) -> Result<Option<Self>, LayoutError> {
        if body.is_empty() {
            return Ok(None);
        }
        let size = layout_of(body, known)?;
        Ok(Some(Self { body, size }))
    }

    /// The size of its records.
    pub fn size(&self) -> RecordSize {
        self.size
    }

    /// How many records it has.
    pub fn count(&self) -> usize {
        self.body.len() / self.size.bytes()
    }

    /// The records in the terminal's order; nothing is allocated for them.
    pub fn records(&self) -> impl ExactSizeIterator<Item = Record<'a>> + use<'a> {
        let size = self.size;
        let body = self.body;
        let empty = Record { id: RecordId::Text(&[]), time: RawTime(0), verify: 0, state: 0, raw: &[] };
        // Every chunk has the size, so that each decodes.
        body.chunks_exact(size.bytes()).map(move |record| size.decode(record).unwrap_or(empty))
    }
}

#[cfg(test)]
mod tests;
