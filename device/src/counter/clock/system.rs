//! The machine's own clocks.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fs, io};

use super::Clock;

/// systemd-timesyncd touches its mark at each answer of a server, which it asks at least every
/// 2048 seconds. A mark of another age is one of the time before a step.
const MARK_AGE: Duration = Duration::from_secs(2 * 3600);

/// The clocks of this machine.
#[derive(Clone, Debug)]
pub struct SystemClock {
    boot_id: String,
    /// The folder /run.
    run: PathBuf,
}

impl SystemClock {
    /// Reads the boot's id. Where the system has none, each process counts as a boot.
    pub fn new() -> Self {
        Self {
            boot_id: boot_id().unwrap_or_else(|_| format!("process-{:016x}", fastrand::u64(..))),
            run: "/run".into(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn boot_id(&self) -> &str {
        &self.boot_id
    }

    fn boot_us(&self) -> u64 {
        since_boot().as_micros() as u64
    }

    fn wall_ms(&self) -> i64 {
        unix_ms(SystemTime::now())
    }

    fn is_synchronized(&self) -> bool {
        let mark = self.run.join("systemd/timesync/synchronized");
        let marked = fs::metadata(mark).and_then(|mark| mark.modified());
        marked.is_ok_and(|marked| is_fresh(marked, SystemTime::now())) || is_kernel_synchronized()
    }
}

/// Whether a mark of `marked` says something of a clock that shows `now`.
fn is_fresh(marked: SystemTime, now: SystemTime) -> bool {
    let age = now.duration_since(marked);
    age.unwrap_or_else(|error| error.duration()) <= MARK_AGE
}

/// Also before 1970.
fn unix_ms(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_millis() as i64,
        Err(error) => -(error.duration().as_millis() as i64),
    }
}

#[cfg(target_os = "linux")]
fn boot_id() -> io::Result<String> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    Ok(text.trim().to_owned())
}

#[cfg(target_os = "linux")]
fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// adjtimex(2): for time services other than systemd's. A service with `ProtectClock=` may not ask.
#[cfg(target_os = "linux")]
fn is_kernel_synchronized() -> bool {
    // SAFETY: all fields are integers, for which zero is a value.
    let mut state: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a live value of the right type; with `modes` zero nothing is set.
    let outcome = unsafe { libc::adjtimex(&raw mut state) };
    outcome >= 0 && outcome != libc::TIME_ERROR && state.status & libc::STA_UNSYNC == 0
}

#[cfg(not(target_os = "linux"))]
fn boot_id() -> io::Result<String> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "linux"))]
fn since_boot() -> Duration {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    START.get_or_init(std::time::Instant::now).elapsed()
}

#[cfg(not(target_os = "linux"))]
fn is_kernel_synchronized() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_since_the_boot_goes_on_and_the_boot_has_an_id() {
        let clock = SystemClock::new();
        let before = clock.boot_us();
        std::thread::sleep(Duration::from_millis(2));
        assert!(clock.boot_us() >= before + 2000);
        assert!(!clock.boot_id().is_empty());
        if cfg!(target_os = "linux") {
            assert_eq!(clock.boot_id(), SystemClock::new().boot_id());
        }
    }

    #[test]
    fn a_mark_from_before_a_jump_says_nothing() {
        let now = SystemTime::now();
        let years = Duration::from_secs(10 * 365 * 24 * 3600);
        assert!(is_fresh(now - Duration::from_secs(60), now));
        assert!(!is_fresh(now, now + years));
        assert!(!is_fresh(now, now - years));
    }

    #[test]
    fn the_mark_of_systemd_is_read() {
        let run = tempfile::tempdir().unwrap();
        let clock = SystemClock {
            boot_id: "b".to_owned(),
            run: run.path().to_owned(),
        };
        assert_eq!(clock.is_synchronized(), is_kernel_synchronized());
        fs::create_dir_all(run.path().join("systemd/timesync")).unwrap();
        fs::write(run.path().join("systemd/timesync/synchronized"), "").unwrap();
        assert!(clock.is_synchronized());
    }
}
