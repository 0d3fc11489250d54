//! The driver at a board that is a line to a virtual reader: edges and lamps as JSON.
#![allow(
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    reason = "each test takes what it needs; a failure is to be seen"
)]

use futures_util::FutureExt;
use jiff::tz::TimeZone;
use punchd_contract::conformance::Cable;
use punchd_contract::{Declaration, DriverError, Kind, Line, Member, Mistake, Mode, Place, Port, Value, Values};
use punchd_wiegand::board::{Board, BoardError, Lamp, OpenLines};
use punchd_wiegand::protocol::frames::{Edge, Wire};
use punchd_wiegand::virtual_device::{Options, VirtualHead};
use punchd_wiegand::{Settings, Wiegand, serve};

/// The driver with a line in the place of the GPIO lines; `chip` names the line.
pub struct AtTheWall;

impl Kind for AtTheWall {
    const DECLARATION: Declaration = Wiegand::DECLARATION;
    type Settings = Settings;

    fn settings(values: &Values) -> Result<Settings, Vec<Mistake>> {
        Wiegand::settings(values)
    }

    async fn run(members: Vec<Member<Settings>>) -> Result<(), DriverError> {
        let member = members.first().unwrap();
        match serve(member, &Wall(member.port.clone())).await {}
    }
}

struct Wall(Port);

struct WallLines {
    line: Line,
    bytes: Vec<u8>,
    chip: String,
}

impl WallLines {
    /// An edge that has been read.
    fn told(&mut self) -> Option<Edge> {
        let end = self.bytes.iter().position(|byte| *byte == b'\n')?;
        let line: Vec<u8> = self.bytes.drain(..=end).collect();
        let edge: serde_json::Value = serde_json::from_slice(&line).unwrap();
        let wire = if edge["wire"] == 1 { Wire::Data1 } else { Wire::Data0 };
        Some(Edge { wire, at: edge["at"].as_u64().unwrap(), seq: edge["seq"].as_u64().unwrap() as u32 })
    }
}

impl Board for Wall {
    type Lines = WallLines;

    async fn open(&self, wiring: &punchd_wiegand::board::Wiring) -> Result<WallLines, BoardError> {
        let chip = wiring.chip.clone();
        let place = Place::parse(&chip).unwrap();
        let line = self.0.line(&place, Mode::at(115_200)).await.map_err(|_| BoardError::Gone(chip.clone()))?;
        Ok(WallLines { line, bytes: Vec::new(), chip })
    }
}

impl OpenLines for WallLines {
    async fn edge(&mut self) -> Result<Edge, BoardError> {
        loop {
            if let Some(edge) = self.told() {
                return Ok(edge);
            }
            self.line.read(&mut self.bytes).await.map_err(|_| BoardError::Gone(self.chip.clone()))?;
        }
    }

    fn waiting(&mut self) -> Result<Option<Edge>, BoardError> {
        match self.line.read(&mut self.bytes).now_or_never() {
            Some(Err(_)) => Err(BoardError::Gone(self.chip.clone())),
            _ => Ok(self.told()),
        }
    }

    async fn switch(&mut self, lamp: Lamp, on: bool) -> Result<(), BoardError> {
        let lamp = match lamp {
            Lamp::Green => "green",
            Lamp::Red => "red",
            Lamp::Buzzer => "buzzer",
        };
        let line = format!("{}\n", serde_json::json!({"lamp": lamp, "on": on}));
        self.line.write(line.as_bytes()).await.map_err(|_| BoardError::Gone(self.chip.clone()))
    }
}

/// A virtual reader and the cable to it.
pub struct Device {
    pub head: VirtualHead,
    pub cable: Cable,
}

pub fn device(options: Options) -> Device {
    let head = VirtualHead::new(options);
    let served = head.clone();
    let cable = Cable::to(move |stream| {
        let head = served.clone();
        async move { head.serve(stream).await }
    });
    Device { head, cable }
}

impl Device {
    pub fn values(&self) -> Values {
        let mut values = Values::new().with("chip", Value::Text(self.cable.place().to_string()));
        for (line, key) in (17..).zip(["data0", "data1", "green", "red", "buzzer"]) {
            values = values.with(key, Value::Integer(line));
        }
        values
    }

    pub fn zone(&self) -> TimeZone {
        TimeZone::get("Asia/Shanghai").unwrap()
    }
}
