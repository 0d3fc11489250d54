//! The kernel's input devices: found through sysfs, grabbed, read without blocking.

use std::io;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant, UNIX_EPOCH};

use evdev::raw_stream::{EventStream, RawDevice};
use evdev::{EventType, InputEvent, SoundCode, SynchronizationCode};
use punchd_contract::Found;

use super::inputs::{self, Roots};
use super::{Event, InputError, Reader, Source};
use crate::discover::readers_among;
use crate::protocol::typing::Stroke;
use crate::wanted::Wanted;

/// No such device or address; no such device: what the kernel answers of one that was unplugged.
const ENXIO: i32 = 6;
const ENODEV: i32 = 19;
/// `_IOW('E', 0xa0, int)`: which clock stamps the events that we read (linux/input.h).
const EVIOCSCLOCKID: libc::Ioctl = libc::_IOW::<libc::c_int>(b'E' as u32, 0xa0);
/// The pitch of a bell that has one.
const PITCH: i32 = 2000;

/// The kernel's input devices.
#[derive(Debug)]
pub struct Evdev;

/// One of them, grabbed. Dropping it gives it back.
pub struct Grabbed {
    name: String,
    stream: EventStream,
    /// What is written to turn lights and bell on: kind, code, value.
    shows: Vec<(EventType, u16, i32)>,
    /// The kernel stamps events by a clock that nobody sets.
    monotonic: bool,
    opened: Instant,
    /// Events were lost; what comes until the next report is of a state that is not known.
    dropping: bool,
}

impl Grabbed {
    /// When an event happened, by a clock that nobody sets: as the kernel stamped it, or as it arrives where the kernel stamps by the
    /// wall clock alone.
    fn at(&self, event: &InputEvent) -> Duration {
        match self.monotonic {
            true => event.timestamp().duration_since(UNIX_EPOCH).unwrap_or_default(),
            false => self.opened.elapsed(),
        }
    }
}

/// Asks the kernel for events that are stamped by `CLOCK_MONOTONIC`: the wall clock may be set between two keys of one card.
#[expect(unsafe_code, reason = "evdev has no call for EVIOCSCLOCKID")]
fn stamp_monotonically(device: &RawDevice) -> bool {
    let clock: libc::c_int = libc::CLOCK_MONOTONIC;
    // SAFETY: the descriptor is open for as long as `device` is borrowed, and the kernel reads one int through the pointer.
    let answer = unsafe { libc::ioctl(device.as_raw_fd(), EVIOCSCLOCKID, &raw const clock) };
    if answer != 0 {
        let error = io::Error::last_os_error();
        tracing::debug!(%error, "this input device is stamped by the wall clock: the time of arrival is taken instead");
    }
    answer == 0
}

impl Source for Evdev {
    type Reader = Grabbed;

    async fn open(wanted: &Wanted) -> Result<Grabbed, InputError> {
        let wanted = wanted.clone();
        // Files of sysfs and the opening of a device may take their time; they must not hold up anybody else.
        let opening = tokio::task::spawn_blocking(move || {
            let input = inputs::find(&Roots::real(), &wanted)?;
            let node = format!("/dev/input/{}", input.event);
            let refused = |error: io::Error| refused(&node, &wanted, &error);
            let mut device = RawDevice::open(&node).map_err(refused)?;
            // Before anything waits to be read: what waits is lost when the clock is changed.
            let monotonic = stamp_monotonically(&device);
            device.grab().map_err(refused)?;
            Ok((format!("{}, {node}", input.says()), node, device, monotonic))
        });
        let failed = |why: &dyn std::fmt::Display| InputError::Failed("the keyboard".into(), why.to_string());
        let (name, node, device, monotonic) = opening.await.map_err(|error| failed(&error))??;
        let shows = shows(&device);
        let stream = device.into_event_stream().map_err(|error| InputError::Failed(node, error.to_string()))?;
        Ok(Grabbed { name, stream, shows, monotonic, opened: Instant::now(), dropping: false })
    }

    async fn readers() -> Vec<Found> {
        tokio::task::spawn_blocking(|| readers_among(&Roots::real())).await.unwrap_or_default()
    }
}

fn refused(node: &str, wanted: &Wanted, error: &io::Error) -> InputError {
    match error.kind() {
        io::ErrorKind::PermissionDenied => InputError::Forbidden(node.to_owned()),
        io::ErrorKind::ResourceBusy => InputError::Taken(node.to_owned()),
        // Unplugged between finding and opening.
        io::ErrorKind::NotFound => InputError::NotThere(wanted.clone()),
        _ if matches!(error.raw_os_error(), Some(ENXIO | ENODEV)) => InputError::NotThere(wanted.clone()),
        _ => InputError::Failed(node.to_owned(), error.to_string()),
    }
}

fn shows(device: &RawDevice) -> Vec<(EventType, u16, i32)> {
    let lights = device.supported_leds().into_iter().flat_map(|leds| leds.iter()).map(|led| (EventType::LED, led.0, 1));
    let sounds = device.supported_sounds();
    let has = |sound| sounds.is_some_and(|sounds| sounds.contains(sound));
    let bell = match (has(SoundCode::SND_TONE), has(SoundCode::SND_BELL)) {
        (true, _) => Some((EventType::SOUND, SoundCode::SND_TONE.0, PITCH)),
        (false, true) => Some((EventType::SOUND, SoundCode::SND_BELL.0, 1)),
        (false, false) => None,
    };
    lights.chain(bell).collect()
}

impl Reader for Grabbed {
    fn name(&self) -> &str {
        &self.name
    }

    async fn next(&mut self) -> Result<Event, InputError> {
        loop {
            let event = self.stream.next_event().await.map_err(|error| match error.raw_os_error() {
                Some(ENODEV) => InputError::Gone(self.name.clone()),
                _ => InputError::Failed(self.name.clone(), error.to_string()),
            })?;
            match event.event_type() {
                EventType::KEY if !self.dropping => {
                    if let Some(stroke) = Stroke::from_value(event.value()) {
                        return Ok(Event::Key { code: event.code(), stroke, at: self.at(&event) });
                    }
                }
                EventType::SYNCHRONIZATION if event.code() == SynchronizationCode::SYN_DROPPED.0 => {
                    self.dropping = true;
                    return Ok(Event::Lost);
                }
                EventType::SYNCHRONIZATION => self.dropping = false,
                _ => {}
            }
        }
    }

    fn can_show(&self) -> bool {
        !self.shows.is_empty()
    }

    fn show(&mut self, on: bool) {
        let event =
            |(kind, code, value): &(EventType, u16, i32)| InputEvent::new(kind.0, *code, if on { *value } else { 0 });
        let events: Vec<_> = self.shows.iter().map(event).collect();
        if let Err(error) = self.stream.device_mut().send_events(&events) {
            // Opened for reading alone, or just unplugged: reading tells.
            tracing::debug!(%error, "the keyboard's lights cannot be set");
            self.shows.clear();
        }
    }
}
