//! Every driver there is: one line each. The config check, `punchd devices kinds`, the reference and the completions follow.

use punchd_ble::{Ble, BleBadge};
use punchd_contract::{Driver, Registered};
use punchd_serial_line::SerialLine;
use punchd_zkteco::{ZktecoPull, ZktecoPush};

/// The drivers, in the order in which they are shown.
pub static DRIVERS: &[&dyn Driver] = &[
    &Registered::<ZktecoPull>::NEW,
    &Registered::<ZktecoPush>::NEW,
    &Registered::<SerialLine>::NEW,
    &Registered::<Ble>::NEW,
    &Registered::<BleBadge>::NEW,
];
