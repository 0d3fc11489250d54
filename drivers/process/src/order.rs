//! What the order of a batch tells of the dates in it: a program hands over its terminal's log, oldest first.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use punchd_contract::order::{self, Placed, Written};
use punchd_contract::{Happened, Reading};

/// Looks at the readings among their neighbours: tells the passes of an hour apart, and says which dates cannot be. `clock` is what the
/// terminal's clock shows, if the batch tells; `now` the time, if the gateway knows it. Answers how many are doubtful.
pub fn place(readings: &mut [Reading], zone: &TimeZone, clock: Option<DateTime>, now: Option<Timestamp>) -> usize {
    let written: Vec<Written> = readings.iter().map(written).collect();
    let mut doubtful = 0;
    for (reading, Placed { offset, doubt }) in readings.iter_mut().zip(order::place_body(&written, zone, clock, now)) {
        if let (Happened::ByTerminal(civil), Some(offset)) = (reading.happened, offset) {
            reading.happened = Happened::ByTerminalAt(civil, offset);
        }
        doubtful += usize::from(doubt.is_some());
        reading.doubt = reading.doubt.take().or(doubt);
    }
    doubtful
}

fn written(reading: &Reading) -> Written {
    match reading.happened {
        Happened::ByTerminal(civil) => Written { civil: Some(civil), offset: None },
        Happened::ByTerminalAt(civil, offset) => Written { civil: Some(civil), offset: Some(offset) },
        Happened::Impossible | Happened::Now => Written::default(),
    }
}
