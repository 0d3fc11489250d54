//! What the lines of an upload become: readings, people and alerts. Each line is read for what it is, under whatever table it came.

use jiff::Timestamp;
use jiff::tz::{AmbiguousOffset, Offset};
use punchd_contract::order::{self, Placed, Written};
use punchd_contract::{
    Alert, AlertKind, Credential, Direction, Doubt, Event, Happened, Method, Occurrences, Origin, Reading, Text,
};

use super::live_clock::Came;
use super::protocol::attlog::{Ahead, Odd, Punch};
use super::protocol::door_event::{self, Meaning};
use super::protocol::line::{self, Line};
use super::protocol::rtlog;
use super::protocol::table::Table;
use super::protocol::text::{decode, lines};
use super::protocol::time::Stamped;
use super::protocol::{codes, id_card, kept};
use super::terminal::{Taken, Terminal};

/// A record at most this far from the gateway's time came as it happened.
const LIVE_S: i64 = 300;

/// How far in the future a pass of a repeated hour may lie and still be the one that is meant.
const FUTURE_S: i64 = 60;

/// How the lines of a body were read.
#[derive(Debug, Default)]
pub struct Counted {
    /// Lines that hold something.
    pub lines: usize,
    /// Of those, lines of no known shape in which no time is written.
    pub other: usize,
    /// The table that the body itself names, where its address does not.
    pub heading: Option<Table>,
    /// What may be kept of the body.
    pub kept: Vec<u8>,
}

/// A record before its neighbours were looked at.
struct Draft {
    reading: Reading,
    content: String,
    written: Written,
}

impl Terminal {
    /// Reads a body line by line. `table` is what it came under, `None` if that name is not documented.
    /// `live`: records of it come by themselves as they happen.
    pub(super) fn read(&self, name: &str, table: Option<Table>, live: bool, body: &[u8], taken: &mut Taken) -> Counted {
        let encoding = self.settings.charset.of(body);
        let card_terminal = self.state().reads_identity_cards();
        let (mut counted, mut table, mut drafts) = (Counted::default(), table, Vec::new());
        let (mut as_sent, mut unnamed) = (true, false);
        for raw in lines(body) {
            let text = decode(raw, encoding);
            let line = line::read(&text, table);
            let kept = kept::of_line(raw, &text, &line, card_terminal);
            as_sent &= kept.as_deref() == Some(raw);
            if let Some(kept) = &kept {
                counted.kept.extend_from_slice(kept);
                counted.kept.push(b'\n');
            }
            if let Line::Heading(own) = &line {
                counted.heading = counted.heading.or_else(|| Table::named(own));
                table = table.or_else(|| counted.heading.filter(|_| name.is_empty()));
                continue;
            }
            counted.lines += 1;
            let raw = kept.unwrap_or_default();
            match line {
                Line::Punch(punch) => drafts.push(self.punch(&punch, raw, card_terminal)),
                Line::Event(event) => drafts.extend(self.event(&event, raw)),
                Line::Unreadable(civil) => drafts.push(self.unreadable(civil.map(Stamped::Civil), raw, &text)),
                Line::Operation(operation) => taken.alerts.extend(super::attendance::alert(&operation)),
                Line::Person(person) => taken.users.push(person),
                Line::State(Some(civil)) => taken.clock = self.state_of_doors(civil).or(taken.clock),
                Line::Other => counted.other += 1,
                Line::Heading(_) | Line::State(None) | Line::Unused => {}
            }
            unnamed = unnamed || table.is_none();
        }
        if !as_sent {
            let note = kept::note(name, counted.lines, body);
            counted.kept.extend_from_slice(&note);
        } else {
            counted.kept = body.to_vec();
        }
        let doubt = unnamed.then(|| Doubt::Said { text: unknown_table(name) });
        self.place(drafts, live, doubt, taken);
        self.note_unreadable(name, taken);
        counted
    }

    fn punch(&self, punch: &Punch, raw: Vec<u8>, card_terminal: bool) -> Draft {
        let pin = match card_terminal && id_card::looks_like_one(&punch.pin) {
            true => format!("id-{}", id_card::short(&punch.pin)),
            false => id_card::hidden(&punch.pin),
        };
        let (offset, mut doubt) = self.ahead(punch);
        if punch.odd == Some(Odd::State) {
            let text = Text::new(
                "the column of the state holds a number that is no state: the columns may be in another order, so look at the line",
                "状态列的数值不是考勤状态，列的顺序可能不同，请查看原始行",
            );
            doubt = Some(Doubt::Said { text });
        }
        let content = punch.content(self.serial(), &pin);
        let reading = Reading {
            credential: if punch.names_somebody() { Credential::UserId(pin) } else { Credential::Unreadable },
            happened: happened(&punch.time, offset),
            event: self.check_of_a_card(punch, card_terminal),
            doubt,
            origin: Origin::Log,
            method: codes::method(punch.verify),
            direction: codes::direction(punch.status),
            key: None,
            profile: None,
            raw,
        };
        Draft { written: Written { civil: punch.time.civil(), offset }, reading, content }
    }

    /// On identity-card terminals a line may be a check of somebody's card (vendor's attendance PUSH V5.8 §9.6).
    fn check_of_a_card(&self, punch: &Punch, card_terminal: bool) -> Event {
        if punch.tail.kind != Some(1) || !(card_terminal || punch.tail.has_id_number) {
            return Event::Punch;
        }
        let status = punch.status.unwrap_or(u16::MAX);
        let (en, zh) = match status {
            0 if self.settings.count_card_checks => return Event::Punch,
            0 => {
                ("passed; set `count_card_checks` if that is attendance", "通过；若属于考勤请设置 `count_card_checks`")
            }
            1 => ("failed", "失败"),
            2 => ("the person is black-listed", "黑名单"),
            _ => ("with an outcome that is not known", "结果未知"),
        };
        let text = Text::new(format!("check of an identity card: {en}"), format!("人证核验：{zh}"));
        Event::NoPunch { code: status, text }
    }

    /// How far the clock was ahead of UTC by the line's own word, and what is doubtful about that.
    fn ahead(&self, punch: &Punch) -> (Option<Offset>, Option<Doubt>) {
        let offset = match punch.ahead {
            Ahead::Unsaid => return (None, None),
            Ahead::Impossible => {
                let text = Text::new(
                    "the line says a distance from UTC that no place has: look at the line",
                    "该行给出的时区偏移不可能存在，请查看原始行",
                );
                return (None, Some(Doubt::Said { text }));
            }
            Ahead::Of(offset) => offset,
        };
        let own =
            punch.time.civil().and_then(|civil| self.zone.to_timestamp(civil).ok()).map(|at| self.zone.to_offset(at));
        let differs = own.filter(|own| *own != offset);
        self.state().zone_said = differs.map(|own| (offset, own));
        if offset == Offset::UTC && differs.is_some() {
            // Some firmware writes 0 for "not set".
            let text = Text::new(
                "the line says that its clock shows UTC, and the device's zone is another: which of the two is right?",
                "该行称设备时钟为 UTC，与所配置的时区不同：请确认哪个正确",
            );
            return (None, Some(Doubt::Said { text }));
        }
        (Some(offset), None)
    }

    fn event(&self, event: &rtlog::Event, raw: Vec<u8>) -> Option<Draft> {
        let code = event.code();
        let counts = code.is_some_and(|code| self.settings.count_events.contains(&code));
        let meaning = event.meaning();
        let named = event.credential();
        let credential = match (named, meaning) {
            (Some(credential), _) => credential,
            // Somebody went through and is not named: kept, to be given to somebody.
            (None, None | Some(Meaning::Passed)) => Credential::Unreadable,
            (None, _) if counts => Credential::Unreadable,
            // A door that opens by itself is nobody's punch.
            (None, _) => return None,
        };
        let no_punch = |code: u16, meaning| Event::NoPunch { code, text: door_event::words(code, meaning) };
        let (kind, doubt) = match meaning {
            Some(Meaning::Passed) => (Event::Punch, None),
            Some(_) if counts => (Event::Punch, None),
            Some(meaning) => (no_punch(code.unwrap_or(u16::MAX), meaning), None),
            None => {
                let text = Text::new("the line does not say what happened at the door", "该行未说明门禁事件类型");
                (Event::Punch, Some(Doubt::Said { text }))
            }
        };
        let reading = Reading {
            credential,
            happened: happened(&event.time, None),
            event: kind,
            doubt,
            origin: Origin::Log,
            method: codes::method_of_text(&event.verify),
            direction: codes::side_of_door(event.inout),
            key: None,
            profile: None,
            raw,
        };
        let written = Written { civil: event.time.civil(), offset: None };
        Some(Draft { reading, content: event.content(self.serial()), written })
    }

    /// A line that could be a punch and is nobody's: kept as it is, with its date where one can be read.
    fn unreadable(&self, time: Option<Stamped>, raw: Vec<u8>, text: &str) -> Draft {
        let reading = Reading {
            credential: Credential::Unreadable,
            happened: time.as_ref().map_or(Happened::Impossible, |time| happened(time, None)),
            event: Event::Punch,
            doubt: None,
            origin: Origin::Log,
            method: Method::Unsaid,
            direction: Direction::Unsaid,
            key: None,
            profile: None,
            raw,
        };
        // The line may hold what must not stand anywhere.
        let content = format!("{}|raw|{}", self.serial(), id_card::digest_of(text));
        Draft { reading, content, written: Written { civil: time.and_then(|time| time.civil()), offset: None } }
    }

    /// Looks at the records among their neighbours, and makes readings of them.
    fn place(&self, drafts: Vec<Draft>, live: bool, doubt: Option<Doubt>, taken: &mut Taken) {
        let placed = self.in_order(&drafts);
        let now = self.port.now();
        let trusted = now.bound.map(|_| now.utc);
        let (alone, fetching) = (drafts.len() == 1, self.state().survey.fetching().is_some());
        self.backlog(&drafts, trusted);
        let mut occurrences = Occurrences::new();
        for (draft, placed) in drafts.into_iter().zip(placed) {
            let Draft { mut reading, mut content, written } = draft;
            let pass =
                written.civil.filter(|_| written.offset.is_none()).and_then(|civil| self.pass(civil, &placed, trusted));
            if let Some(pass) = &pass {
                match pass {
                    Pass::First(offset) => reading.happened = at(reading.happened, *offset),
                    Pass::Second(offset) => {
                        reading.happened = at(reading.happened, *offset);
                        content.push_str("|2");
                    }
                    Pass::Untold => reading.doubt = reading.doubt.or(Some(Doubt::RepeatedHour)),
                }
            }
            let by_order = placed.doubt.filter(|doubt| pass.is_none() || *doubt != Doubt::RepeatedHour);
            reading.doubt = reading.doubt.or(by_order).or_else(|| doubt.clone());
            let recorded = self.recorded(reading.happened);
            let told = match (recorded, trusted) {
                (Some(recorded), Some(now)) if alone && live && !fetching => {
                    Some(self.state().live_clock.came(Came::Alone, recorded, now))
                }
                _ => None,
            };
            let live = match (told, recorded, trusted) {
                (Some(told), ..) => told.live,
                (None, Some(recorded), Some(now)) => now.duration_since(recorded).as_secs().abs() <= LIVE_S,
                _ => false,
            };
            reading.origin = self.origin(&reading, live);
            if let Some(by_s) = told.and_then(|told| told.late_s) {
                reading.doubt = reading.doubt.or(Some(Doubt::Late { by_s }));
            }
            reading.key = Some(occurrences.key(content));
            taken.readings.push(reading);
        }
        if taken.clock.is_none()
            && let Some(now) = trusted
        {
            taken.clock = self.state().live_clock.shown(now);
        }
    }

    /// What the order of a body tells. A body that goes backwards all the way is a log that is sent from its end.
    fn in_order(&self, drafts: &[Draft]) -> Vec<Placed> {
        let written: Vec<Written> = drafts.iter().map(|draft| draft.written).collect();
        let dated: Vec<_> = written.iter().filter_map(|written| written.civil).collect();
        let backwards = dated.len() > 2 && dated.is_sorted_by(|one, next| one > next);
        if !backwards {
            return order::place(&written, &self.zone, None);
        }
        let reversed: Vec<Written> = written.into_iter().rev().collect();
        let mut placed = order::place(&reversed, &self.zone, None);
        placed.reverse();
        placed
    }

    /// Several records at once, some of them old, are a backlog: what comes with them and before says nothing of the clock.
    fn backlog(&self, drafts: &[Draft], trusted: Option<Timestamp>) {
        let Some(now) = trusted else { return };
        let old = |draft: &Draft| {
            self.recorded(draft.reading.happened).is_some_and(|at| now.duration_since(at).as_secs() > LIVE_S)
        };
        let fetching = self.state().survey.fetching().is_some();
        if fetching || (drafts.len() > 1 && drafts.iter().any(old)) {
            self.state().live_clock.begins_anew(now);
        }
    }

    /// Doors tell the terminal's time of that moment.
    fn state_of_doors(&self, civil: jiff::civil::DateTime) -> Option<punchd_contract::ClockShown> {
        let now = self.port.now();
        now.bound?;
        let recorded = self.zone.to_timestamp(civil).ok()?;
        self.state().live_clock.came(Came::Now, recorded, now.utc).shown
    }

    /// When a record happened by its terminal's clock, taken in the device's zone.
    fn recorded(&self, happened: Happened) -> Option<Timestamp> {
        match happened {
            Happened::ByTerminal(civil) => self.zone.to_timestamp(civil).ok(),
            Happened::ByTerminalAt(civil, offset) => offset.to_timestamp(civil).ok(),
            Happened::Impossible | Happened::Now => None,
        }
    }

    fn origin(&self, reading: &Reading, live: bool) -> Origin {
        let Some(civil) = reading.happened.civil() else { return Origin::Log };
        if self.state().survey.fetching().is_some_and(|period| period.has(civil.date())) {
            return Origin::Backfill;
        }
        if live { Origin::Live } else { Origin::Log }
    }

    /// Which pass of an hour that the end of summer time repeats is meant. `None`: it is no such hour.
    fn pass(&self, civil: jiff::civil::DateTime, placed: &Placed, trusted: Option<Timestamp>) -> Option<Pass> {
        let AmbiguousOffset::Fold { before, after } = self.zone.to_ambiguous_timestamp(civil).offset() else {
            return None;
        };
        if let Some(offset) = placed.offset {
            return Some(if offset == after { Pass::Second(offset) } else { Pass::First(offset) });
        }
        let now = trusted?;
        let (first, second) = (before.to_timestamp(civil).ok()?, after.to_timestamp(civil).ok()?);
        // What has not been yet cannot be meant.
        if second.as_second() > now.as_second() + FUTURE_S {
            return Some(Pass::First(before));
        }
        let just_now = now.duration_since(second).as_secs().abs() <= LIVE_S;
        let in_touch = self.state().live_clock.in_touch_since().is_some_and(|since| since <= first);
        Some(if just_now && in_touch { Pass::Second(after) } else { Pass::Untold })
    }

    /// Counts and tells of lines that could not be read.
    fn note_unreadable(&self, table: &str, taken: &mut Taken) {
        let unreadable = |reading: &&Reading| reading.credential == Credential::Unreadable;
        let count = taken.readings.iter().filter(unreadable).count() as u64;
        if count > 0 {
            self.state().unreadable += count;
            let text = Text::new(
                format!(
                    "the terminal sent lines of {table} that name nobody or cannot be read; they are kept as readings: look at them, and give them to a person"
                ),
                format!("设备上传的 {table} 中有无法识别的打卡记录，已保留为读数，请查看并指定人员"),
            );
            taken.alerts.push((format!("lines:{table}"), Alert { kind: AlertKind::NotUnderstood, text }));
        }
    }
}

/// Which pass of a repeated hour.
enum Pass {
    First(Offset),
    Second(Offset),
    Untold,
}

fn happened(time: &Stamped, offset: Option<Offset>) -> Happened {
    match (time.civil(), offset) {
        (Some(civil), Some(offset)) => Happened::ByTerminalAt(civil, offset),
        (Some(civil), None) => Happened::ByTerminal(civil),
        (None, _) => Happened::Impossible,
    }
}

fn at(happened: Happened, offset: Offset) -> Happened {
    happened.civil().map_or(happened, |civil| Happened::ByTerminalAt(civil, offset))
}

fn unknown_table(name: &str) -> Text {
    Text::new(
        format!("it came under the name {name}, which no document lists: look whether it is a punch"),
        format!("来自未知的数据表 {name}，请确认是否为打卡记录"),
    )
}
