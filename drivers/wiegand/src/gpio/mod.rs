//! The GPIO lines of this machine, over the kernel's character device (uAPI v2, Linux 5.10 or later).

mod events;

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use gpiocdev::chip::{Chip, chips};
use gpiocdev::line::{Bias, EdgeDetection, EventClock, Value};
use gpiocdev::{AbiVersion, Request};

use self::events::Events;
use crate::board::{Board, BoardError, Lamp, OpenLines};
use crate::protocol::frames::Edge;
use crate::settings::{Pull, Wiring};

/// Edges that the kernel keeps for us, and the most that it allows: thirty cards, while the machine is busy. Its own default of 16 a line
/// is less than one. Of more it drops the oldest, which leaves a gap in their count.
const BUFFER: u32 = 1024;
/// What `gpioinfo` shows as the user of the lines.
const CONSUMER: &str = "punchd";

/// The GPIO chips of this machine.
#[derive(Debug)]
pub struct Gpio;

/// The lines of one reader.
#[derive(Debug)]
pub struct GpioLines {
    chip: String,
    /// Holds the lines.
    _inputs: Request,
    events: Events,
    lamps: Option<Lamps>,
}

/// Lines that are driven; switched off when dropped, or a reader would go on beeping.
#[derive(Debug)]
struct Lamps {
    request: Request,
    wiring: Wiring,
}

impl Board for Gpio {
    type Lines = GpioLines;

    async fn open(&self, wiring: &Wiring) -> Result<GpioLines, BoardError> {
        let path = find(&wiring.chip)?;
        openable(&path)?;
        let chip = path.display().to_string();
        let data = [wiring.data0, wiring.data1];
        // One request for both: only so is their order kept, and their count one (facts/readers.md B.4). No debouncing: it eats
        // pulses of 50 µs.
        let mut inputs = Request::builder();
        inputs.on_chip(&path).with_consumer(CONSUMER).with_kernel_event_buffer_size(BUFFER).with_lines(&data);
        inputs.as_input().with_edge_detection(EdgeDetection::FallingEdge).with_event_clock(EventClock::Monotonic);
        match wiring.pull {
            Pull::Up => inputs.with_bias(Bias::PullUp),
            Pull::None => inputs.with_bias(Bias::Disabled),
            Pull::AsIs => &mut inputs,
        };
        let inputs = inputs.request().map_err(|error| refused(&path, &data, &error))?;
        let events = inputs.as_fd().try_clone_to_owned().map(File::from);
        let events = events.and_then(|file| Events::new(file, wiring.data0, wiring.data1));
        let events = events.map_err(|error| BoardError::Unfit {
            chip: chip.clone(),
            lines: shown(&data),
            why: error.to_string(),
        })?;
        Ok(GpioLines { lamps: lamps(&path, wiring)?, chip, _inputs: inputs, events })
    }
}

fn lamps(path: &Path, wiring: &Wiring) -> Result<Option<Lamps>, BoardError> {
    let lines: Vec<u32> = Lamp::ALL.into_iter().filter_map(|lamp| wiring.lamp(lamp)).collect();
    if lines.is_empty() {
        return Ok(None);
    }
    let mut outputs = Request::builder();
    outputs.on_chip(path).with_consumer(CONSUMER).with_lines(&lines).as_output(Value::Inactive);
    if wiring.active_low {
        outputs.as_active_low();
    }
    let request = outputs.request().map_err(|error| refused(path, &lines, &error))?;
    Ok(Some(Lamps { request, wiring: wiring.clone() }))
}

/// By its path, its name (`gpiochip0`) or its label (`pinctrl-bcm2711`).
fn find(wanted: &str) -> Result<PathBuf, BoardError> {
    if wanted.starts_with('/') {
        return Ok(PathBuf::from(wanted));
    }
    let found = chips().unwrap_or_default().into_iter().find(|path| name(path) == wanted || label(path) == wanted);
    found.ok_or_else(|| BoardError::NoChip { wanted: wanted.to_owned(), there: there() })
}

/// The chips of this machine, for people.
fn there() -> String {
    let shown = |path: PathBuf| match label(&path) {
        label if label.is_empty() => name(&path),
        label => format!("{} ({label})", name(&path)),
    };
    let all: Vec<_> = chips().unwrap_or_default().into_iter().map(shown).collect();
    if all.is_empty() { "none: this machine has no GPIO chip".to_owned() } else { all.join(", ") }
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Empty for a chip that may not be opened; it still has its name.
fn label(path: &Path) -> String {
    Chip::from_path(path).and_then(|chip| chip.info()).map(|info| info.label).unwrap_or_default()
}

/// Why a chip cannot even be opened.
fn openable(path: &Path) -> Result<(), BoardError> {
    let chip = path.display().to_string();
    match std::fs::File::open(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(match error.kind() {
            io::ErrorKind::NotFound => BoardError::NoChip { wanted: chip, there: there() },
            io::ErrorKind::PermissionDenied => BoardError::Forbidden(chip),
            _ => BoardError::Unfit { chip, lines: "–".to_owned(), why: error.to_string() },
        }),
    }
}

/// Why the kernel does not give the lines, from what it says of each.
fn refused(path: &Path, lines: &[u32], error: &gpiocdev::Error) -> BoardError {
    let chip = path.display().to_string();
    let shown = shown(lines);
    let Ok(open) = Chip::from_path(path) else { return BoardError::Gone(chip) };
    if open.supports_abi_version(AbiVersion::V2).is_err() {
        return BoardError::OldKernel;
    }
    for line in lines {
        match open.line_info(*line) {
            Ok(info) if info.used => return BoardError::Taken { chip, line: *line, by: info.consumer },
            Ok(_) => {}
            Err(_) => return BoardError::Unfit { chip, lines: shown, why: format!("there is no line {line}") },
        }
    }
    match errno(error) {
        // Without an interrupt there are no edges: many GPIO adapters and port expanders have none.
        Some(NO_INTERRUPT) => BoardError::NoEdges(chip),
        _ => BoardError::Unfit { chip, lines: shown, why: error.to_string() },
    }
}

/// `ENXIO`: the line has no interrupt.
const NO_INTERRUPT: i32 = 6;

fn errno(error: &gpiocdev::Error) -> Option<i32> {
    match error {
        gpiocdev::Error::Uapi(_, gpiocdev_uapi::Error::Os(errno)) => Some(errno.0),
        _ => None,
    }
}

fn shown(lines: &[u32]) -> String {
    lines.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}

impl GpioLines {
    /// What was opened does not fail but by going away.
    fn gone(&self) -> BoardError {
        BoardError::Gone(self.chip.clone())
    }
}

impl OpenLines for GpioLines {
    async fn edge(&mut self) -> Result<Edge, BoardError> {
        self.events.next().await.map_err(|_| self.gone())
    }

    fn waiting(&mut self) -> Result<Option<Edge>, BoardError> {
        self.events.waiting().map_err(|_| self.gone())
    }

    async fn switch(&mut self, lamp: Lamp, on: bool) -> Result<(), BoardError> {
        match &self.lamps {
            Some(lamps) => lamps.switch(lamp, on).map_err(|_| self.gone()),
            None => Ok(()),
        }
    }
}

impl Lamps {
    fn switch(&self, lamp: Lamp, on: bool) -> gpiocdev::Result<()> {
        let value = if on { Value::Active } else { Value::Inactive };
        self.wiring.lamp(lamp).map_or(Ok(()), |line| self.request.set_value(line, value))
    }
}

impl Drop for Lamps {
    fn drop(&mut self) {
        for lamp in Lamp::ALL {
            // A chip that is gone needs no switching off.
            let _ = self.switch(lamp, false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_chip_that_is_not_there_is_named_with_what_is() {
        let wiring = Wiring { chip: "no-such-chip".into(), ..Wiring::NONE };
        let Err(error) = Gpio.open(&wiring).await else { panic!("it was opened") };
        assert!(matches!(&error, BoardError::NoChip { wanted, .. } if wanted == "no-such-chip"), "{error}");
        let wiring = Wiring { chip: "/dev/no-such-chip".into(), ..Wiring::NONE };
        let Err(error) = Gpio.open(&wiring).await else { panic!("it was opened") };
        assert!(matches!(error, BoardError::NoChip { .. }), "{error}");
    }

    #[tokio::test]
    async fn what_is_no_chip_is_no_panic() {
        let wiring = Wiring { chip: "/dev/null".into(), data0: 17, data1: 18, ..Wiring::NONE };
        let Err(error) = Gpio.open(&wiring).await else { panic!("it was opened") };
        assert!(error.to_string().contains("/dev/null"), "{error}");
    }
}
