//! Every driver there is: one line each. The config check, `punchd devices kinds`, the reference and the completions follow.

use punchd_ble::{Ble, BleBadge};
use punchd_contract::{Driver, Registered};
use punchd_fingerprint::Fingerprint;
use punchd_keyboard::Keyboard;
use punchd_pn532::Pn532;
use punchd_process::Process;
use punchd_serial_line::SerialLine;
use punchd_wiegand::Wiegand;
use punchd_zkteco::{ZktecoPull, ZktecoPush};

/// The drivers, in the order in which they are shown: terminals, then readers, then what other programs drive.
pub static DRIVERS: &[&dyn Driver] = &[
    &Registered::<ZktecoPull>::NEW,
    &Registered::<ZktecoPush>::NEW,
    &Registered::<Keyboard>::NEW,
    &Registered::<SerialLine>::NEW,
    &Registered::<Pn532>::NEW,
    &Registered::<Fingerprint>::NEW,
    &Registered::<Wiegand>::NEW,
    &Registered::<Ble>::NEW,
    &Registered::<BleBadge>::NEW,
    &Registered::<Process>::NEW,
];
