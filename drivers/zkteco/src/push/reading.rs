//! What the lines of an upload become: readings, people and alerts. Each line is read for what it is, under whatever table it came.

use jiff::tz::Offset;
use punchd_contract::order::Written;
use punchd_contract::{Alert, AlertKind, Credential, Direction, Doubt, Event, Happened, Method, Origin, Reading, Text};

use super::placing::Draft;
use super::protocol::attlog::{Ahead, Odd, Punch};
use super::protocol::door_event::{self, Meaning};
use super::protocol::line::{self, Line};
use super::protocol::rtlog;
use super::protocol::table::Table;
use super::protocol::text::{decode, lines};
use super::protocol::time::Stamped;
use super::protocol::{codes, id_card, kept};
use super::terminal::{Taken, Terminal};

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
                Line::Operation(mut operation) => {
                    operation.who = hidden(&operation.who, card_terminal);
                    operation.object = hidden(&operation.object, card_terminal);
                    taken.alerts.extend(super::attendance::alert(&operation));
                }
                Line::Person(mut person) => {
                    person.user_id = hidden(&person.user_id, card_terminal);
                    taken.users.push(person);
                }
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
        let pin = hidden(&punch.pin, card_terminal);
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
            also: None,
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
        let also = event.card().filter(|card| named.as_ref() != Some(card));
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
            also,
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
            also: None,
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
                format!("设备上传的 {table} 中有无法识别的打卡记录，已保存，请查看并指定人员"),
            );
            taken.alerts.push((format!("lines:{table}"), Alert { kind: AlertKind::NotUnderstood, text }));
        }
    }
}

/// An id as it may stand: on a terminal that reads identity cards, whatever looks like a number of one is a digest.
fn hidden(id: &str, card_terminal: bool) -> String {
    match card_terminal && id_card::looks_like_one(id) {
        true => format!("id-{}", id_card::short(id)),
        false => id_card::hidden(id),
    }
}

fn happened(time: &Stamped, offset: Option<Offset>) -> Happened {
    match (time.civil(), offset) {
        (Some(civil), Some(offset)) => Happened::ByTerminalAt(civil, offset),
        (Some(civil), None) => Happened::ByTerminal(civil),
        (None, _) => Happened::Impossible,
    }
}

fn unknown_table(name: &str) -> Text {
    Text::new(
        format!("it came under the name {name}, which no document lists: look whether it is a punch"),
        format!("来自未知的数据表 {name}，请确认是否为打卡记录"),
    )
}
