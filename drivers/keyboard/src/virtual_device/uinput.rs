//! A keyboard at the kernel's uinput: programs see it as they see a reader on USB.

use std::ffi::CString;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use evdev::uinput::VirtualDevice;
use evdev::{AttributeSet, BusType, EventType, InputEvent, InputId, KeyCode, RelativeAxisCode};

use super::strokes::Habits;
use crate::protocol::typing::Stroke;

/// The codes of a whole keyboard, as cheap readers claim to be, and of a number pad.
const WHOLE: std::ops::RangeInclusive<u16> = 1..=127;
/// The longest name that the kernel takes.
const LONGEST_NAME: usize = 79;

/// What it is built as.
#[derive(Clone, Debug)]
pub struct Built {
    /// What it calls itself.
    pub name: String,
    /// USB vendor and product.
    pub ids: (u16, u16),
    /// The physical port that it claims, without the interface; empty: none.
    pub port: String,
    /// It has a second interface, a mouse, in front of the keyboard.
    pub with_mouse: bool,
}

/// A keyboard that is plugged in. Dropping it unplugs it.
#[derive(Debug)]
pub struct UinputKeyboard {
    keyboard: VirtualDevice,
    node: PathBuf,
    _mouse: Option<VirtualDevice>,
}

impl UinputKeyboard {
    /// Plugs it in. Errors: there is no `/dev/uinput`, it may not be opened, or the name is too long.
    pub fn plug_in(built: &Built) -> io::Result<Self> {
        if built.name.len() > LONGEST_NAME || built.name.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the name must have 1 to 79 bytes"));
        }
        let mouse = built.with_mouse.then(|| mouse(built)).transpose()?;
        let keys: AttributeSet<KeyCode> = WHOLE.map(KeyCode::new).collect();
        let builder = VirtualDevice::builder()?.name(&built.name).input_id(id(built));
        let phys = phys(built, usize::from(built.with_mouse))?;
        let builder = match &phys {
            Some(phys) => builder.with_phys(phys)?,
            None => builder,
        };
        let mut keyboard = builder.with_keys(&keys)?.build()?;
        let node = keyboard.enumerate_dev_nodes_blocking()?.next();
        let node = node.ok_or_else(|| io::Error::other("the kernel made no event device"))??;
        Ok(Self { keyboard, node, _mouse: mouse })
    }

    /// Where programs find it.
    pub fn node(&self) -> &PathBuf {
        &self.node
    }

    /// Types a text, with this pause after every key event.
    pub async fn type_text(&mut self, text: &str, habits: Habits, pause: Duration) -> io::Result<()> {
        for (code, stroke) in habits.strokes(text) {
            let value = i32::from(stroke == Stroke::Down);
            self.keyboard.emit(&[InputEvent::new(EventType::KEY.0, code, value)])?;
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }
}

fn mouse(built: &Built) -> io::Result<VirtualDevice> {
    let keys: AttributeSet<KeyCode> = [KeyCode::BTN_LEFT, KeyCode::BTN_RIGHT].into_iter().collect();
    let axes: AttributeSet<RelativeAxisCode> = [RelativeAxisCode::REL_X, RelativeAxisCode::REL_Y].into_iter().collect();
    let builder = VirtualDevice::builder()?.name(&built.name).input_id(id(built));
    let phys = phys(built, 0)?;
    let builder = match &phys {
        Some(phys) => builder.with_phys(phys)?,
        None => builder,
    };
    builder.with_keys(&keys)?.with_relative_axes(&axes)?.build()
}

fn id(built: &Built) -> InputId {
    InputId::new(BusType::BUS_USB, built.ids.0, built.ids.1, 0x0110)
}

fn phys(built: &Built, interface: usize) -> io::Result<Option<CString>> {
    if built.port.is_empty() {
        return Ok(None);
    }
    Ok(Some(CString::new(format!("{}/input{interface}", built.port))?))
}
