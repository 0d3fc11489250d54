//! Every driver there is: one line each. The config check, `punchd devices kinds`, the reference and the completions follow.

use punchd_contract::{Driver, Registered};
use punchd_process::Process;
use punchd_zkteco::{ZktecoPull, ZktecoPush};

/// The drivers, in the order in which they are shown.
pub static DRIVERS: &[&dyn Driver] =
    &[&Registered::<ZktecoPull>::NEW, &Registered::<ZktecoPush>::NEW, &Registered::<Process>::NEW];
