//! Disk, clock, temperature and supply.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Check, State};
use crate::counter::store::{Reader, StoreError};
use crate::thermal::hottest_c;

/// 2025-01-01: no clock of this program's users says less, if it was ever set.
const EARLIEST: Duration = Duration::from_secs(1_735_689_600);
/// Least free space.
const MIN_FREE_BYTES: u64 = 100 << 20;
/// A Pi slows down from 80 degrees on.
const HOT_C: f32 = 75.0;
const TOO_HOT_C: f32 = 80.0;

/// The state folder can be written to and has room.
pub fn disk(folder: Option<&Path>) -> Check {
    let name = "disk";
    let Some(folder) = folder else {
        let hint = "set MIEN_STATE_DIR";
        return Check::new(
            name,
            State::Failed,
            "there is no folder for the state",
            hint,
        );
    };
    let place = folder.display();
    if let Err(error) = write_and_remove(folder) {
        let hint = "`sudo chown` it to the user that runs mien-device, or set MIEN_STATE_DIR";
        return Check::new(name, State::Failed, format!("{place}: {error}"), hint);
    }
    match rustix::fs::statvfs(folder) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let detail = format!("{place}: {} MiB free", free >> 20);
            if free < MIN_FREE_BYTES {
                Check::new(name, State::Warning, detail, "make room: counts need some")
            } else {
                Check::new(name, State::Ok, detail, "")
            }
        }
        Err(error) => Check::new(name, State::Unknown, format!("{place}: {error}"), ""),
    }
}

fn write_and_remove(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let probe = folder.join(format!(".selftest-{}", std::process::id()));
    fs::write(&probe, b"mien")?;
    fs::remove_file(probe)
}

/// The counter's database is sound, or not there yet.
pub fn counts(database: &Path) -> Check {
    let name = "counts";
    match Reader::open(database).and_then(|reader| reader.verify()) {
        Ok(()) => Check::new(
            name,
            State::Ok,
            format!("{} is sound", database.display()),
            "",
        ),
        Err(StoreError::Missing { .. }) => {
            Check::new(name, State::Ok, "nothing has been counted yet", "")
        }
        Err(error) => Check::new(name, State::Failed, error.to_string(), ""),
    }
}

/// The clock was set. A Pi has no battery for it. `run` is the folder /run.
pub fn clock(now: SystemTime, run: &Path) -> Check {
    let name = "clock";
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    if since < EARLIEST {
        let hint =
            "connect to a network once, or add a clock module; counts get the right time then";
        return Check::new(name, State::Warning, "the clock was never set", hint);
    }
    if run.join("systemd/timesync/synchronized").exists() {
        return Check::new(name, State::Ok, "synchronized", "");
    }
    let detail = "set, but not known to be synchronized";
    Check::new(name, State::Ok, detail, "")
}

/// The hottest thermal zone. `sys` is the folder /sys.
pub fn temperature(sys: &Path) -> Check {
    let name = "temperature";
    match hottest_c(sys) {
        None => Check::new(name, State::Unknown, "no sensor", ""),
        Some(c) => {
            let detail = format!("{c:.0} °C");
            let hint = "a heat sink, a fan, or [tracking] detect_every_frames = 12";
            match c {
                c if c >= TOO_HOT_C => Check::new(name, State::Failed, detail, hint),
                c if c >= HOT_C => Check::new(name, State::Warning, detail, hint),
                _ => Check::new(name, State::Ok, detail, ""),
            }
        }
    }
}

/// What a Pi's firmware has slowed it down for. `sys` is the folder /sys.
pub fn throttling(sys: &Path) -> Check {
    let name = "supply";
    let file: PathBuf = sys.join("devices/platform/soc/soc:firmware/get_throttled");
    let flags = fs::read_to_string(file).ok();
    let flags = flags.and_then(|text| u32::from_str_radix(text.trim(), 16).ok());
    match flags {
        None => Check::new(name, State::Unknown, "no Raspberry Pi firmware", ""),
        Some(0) => Check::new(name, State::Ok, "never too weak, never slowed down", ""),
        Some(flags) => {
            // raspberrypi.com, vcgencmd get_throttled: now, and 16 bits higher since the start.
            let meanings = [
                (0, "the supply is too weak"),
                (1, "the clock is limited"),
                (2, "slowed down"),
                (3, "near its temperature limit"),
                (16, "the supply was too weak"),
                (17, "the clock was limited"),
                (18, "was slowed down"),
                (19, "was near its temperature limit"),
            ];
            let said = meanings.iter().filter(|(bit, _)| flags >> bit & 1 == 1);
            let said: Vec<_> = said.map(|(_, meaning)| *meaning).collect();
            let hint = "use the official power supply and a short cable; cool the board";
            let is_now = flags & 0xf != 0;
            let state = if is_now {
                State::Failed
            } else {
                State::Warning
            };
            Check::new(name, state, said.join(", "), hint)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let file = root.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    #[test]
    fn the_hottest_zone_counts() {
        let sys = tempfile::tempdir().unwrap();
        assert_eq!(temperature(sys.path()).state, State::Unknown);
        write(sys.path(), "class/thermal/thermal_zone0/temp", "41000\n");
        write(sys.path(), "class/thermal/cooling_device0/temp", "99000\n");
        assert_eq!(temperature(sys.path()).detail, "41 °C");
        write(sys.path(), "class/thermal/thermal_zone1/temp", "76500\n");
        assert_eq!(temperature(sys.path()).state, State::Warning);
        write(sys.path(), "class/thermal/thermal_zone1/temp", "85000\n");
        let check = temperature(sys.path());
        assert_eq!(check.state, State::Failed);
        assert!(check.hint.contains("heat sink"));
    }

    #[test]
    fn throttling_tells_now_from_before() {
        let sys = tempfile::tempdir().unwrap();
        let file = "devices/platform/soc/soc:firmware/get_throttled";
        assert_eq!(throttling(sys.path()).state, State::Unknown);
        for (flags, state, says) in [
            ("0\n", State::Ok, "never"),
            (
                "50000\n",
                State::Warning,
                "the supply was too weak, was slowed down",
            ),
            (
                "50005\n",
                State::Failed,
                "the supply is too weak, slowed down",
            ),
        ] {
            write(sys.path(), file, flags);
            let check = throttling(sys.path());
            assert_eq!(check.state, state);
            assert!(check.detail.starts_with(says), "{}", check.detail);
        }
    }

    #[test]
    fn a_clock_from_1970_is_no_clock() {
        let run = tempfile::tempdir().unwrap();
        let never = clock(UNIX_EPOCH + Duration::from_secs(60), run.path());
        assert_eq!(never.state, State::Warning);
        assert!(
            clock(SystemTime::now(), run.path())
                .detail
                .contains("not known")
        );
        write(run.path(), "systemd/timesync/synchronized", "");
        assert_eq!(clock(SystemTime::now(), run.path()).detail, "synchronized");
    }

    #[test]
    fn counts_are_sound_or_not_there_yet() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("counts.db");
        assert!(counts(&database).detail.contains("nothing"));
        write(folder.path(), "counts.db", "");
        assert!(counts(&database).detail.ends_with("is sound"));
        write(folder.path(), "counts.db", &"damaged ".repeat(1000));
        assert_eq!(counts(&database).state, State::Failed);
    }

    #[test]
    fn the_state_folder_is_tried() {
        let folder = tempfile::tempdir().unwrap();
        let check = disk(Some(&folder.path().join("new/state")));
        assert!(check.detail.contains("MiB free"), "{check:?}");
        assert_eq!(
            fs::read_dir(folder.path().join("new/state"))
                .unwrap()
                .count(),
            0
        );
        write(folder.path(), "file", "");
        assert_eq!(disk(Some(&folder.path().join("file"))).state, State::Failed);
        assert_eq!(disk(None).state, State::Failed);
    }
}
