//! What the kernel says of its clocks: the only place with calls that the standard library does not wrap.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::{BootNanos, UnixMillis};

/// One reading of the kernel's clocks.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub boottime: BootNanos,
    pub wall: UnixMillis,
    /// The kernel's own worst case while something keeps the clock synchronised.
    pub synchronised_within: Option<Duration>,
}

/// Reads boot time, wall time and the synchronisation state, as close together as can be.
pub(super) fn read() -> Reading {
    let boottime = gettime(libc::CLOCK_BOOTTIME);
    let wall = gettime(libc::CLOCK_REALTIME);
    Reading {
        boottime: BootNanos(boottime.0.saturating_mul(1_000_000_000).saturating_add(boottime.1)),
        wall: UnixMillis(wall.0.saturating_mul(1000).saturating_add(wall.1 / 1_000_000)),
        synchronised_within: synchronised_within(),
    }
}

/// Seconds and nanoseconds of a clock.
fn gettime(clock: libc::clockid_t) -> (i64, i64) {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec for the call to fill; both clocks exist on every Linux that punchd runs on,
    // and on failure the zeros stay, which no caller takes for a trusted time.
    unsafe { libc::clock_gettime(clock, &mut time) };
    // The widths differ between 32- and 64-bit targets.
    #[allow(clippy::useless_conversion)]
    (i64::from(time.tv_sec), i64::from(time.tv_nsec))
}

/// Whether the machine has a clock that goes on while it is off: every PC and virtual machine has, an ARM board only with a
/// clock module whose battery is good, which shows in that it agrees with the wall clock that it was the source of.
pub(super) fn clock_is_kept() -> bool {
    if cfg!(any(target_arch = "x86", target_arch = "x86_64")) {
        return true;
    }
    let Ok(clocks) = std::fs::read_dir("/sys/class/rtc") else { return false };
    let now = gettime(libc::CLOCK_REALTIME).0;
    clocks.flatten().any(|clock| {
        let read = |name: &str| std::fs::read_to_string(clock.path().join(name)).ok();
        let source = read("hctosys").is_some_and(|text| text.trim() == "1");
        let shows: Option<i64> = read("since_epoch").and_then(|text| text.trim().parse().ok());
        source && shows.is_some_and(|shows| shows.abs_diff(now) <= 5)
    })
}

fn synchronised_within() -> Option<Duration> {
    // SAFETY: timex is plain integers, for which zero is a valid value.
    let mut timex: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: with modes = 0 the call only reads, into a timex that is ours.
    let state = unsafe { libc::adjtimex(&mut timex) };
    if state < 0 || state == libc::TIME_ERROR || timex.status & libc::STA_UNSYNC != 0 {
        return None;
    }
    // maxerror is in microseconds and never negative in a synchronised kernel.
    #[allow(clippy::useless_conversion, clippy::unnecessary_cast)]
    let micros = u64::try_from(timex.maxerror as i64).ok()?;
    Some(Duration::from_micros(micros))
}

/// A timer that becomes readable when the wall clock is set (`TFD_TIMER_CANCEL_ON_SET`), and never goes off by itself.
/// Inside a runtime only.
pub(super) fn step_timer() -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the call takes no pointers.
    let fd = unsafe { libc::timerfd_create(libc::CLOCK_REALTIME, libc::TFD_NONBLOCK | libc::TFD_CLOEXEC) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call gave this descriptor to us alone.
    let timer = unsafe { OwnedFd::from_raw_fd(fd) };
    arm(&timer)?;
    // SAFETY: an owned descriptor is open and the same one as long as it lives, and nobody registers it a second time.
    unsafe { AsyncFd::register_with_interest(timer, Interest::READABLE) }.map_err(io::Error::from)
}

fn arm(timer: &OwnedFd) -> io::Result<()> {
    let never = libc::itimerspec {
        it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 },
        it_value: libc::timespec { tv_sec: libc::time_t::MAX, tv_nsec: 0 },
    };
    let flags = libc::TFD_TIMER_ABSTIME | libc::TFD_TIMER_CANCEL_ON_SET;
    // SAFETY: the descriptor is a timer's and open, `never` outlives the call, and no old value is asked for.
    let set = unsafe { libc::timerfd_settime(timer.as_raw_fd(), flags, &never, std::ptr::null_mut()) };
    if set < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Takes note of a step; `WouldBlock` where there was none.
pub(super) fn take_step(timer: &OwnedFd) -> io::Result<()> {
    let mut expirations = 0_u64;
    // SAFETY: the buffer is eight bytes of ours, which is what a timer writes.
    let read = unsafe { libc::read(timer.as_raw_fd(), (&raw mut expirations).cast(), size_of::<u64>()) };
    if read >= 0 {
        // It went off, at the end of time as 32 bits count it: that is no step, but the next one must be noticed.
        return arm(timer);
    }
    let error = io::Error::last_os_error();
    // The timer stays armed.
    if error.raw_os_error() == Some(libc::ECANCELED) { Ok(()) } else { Err(error) }
}
