//! Disks that are full or read-only: small file systems in memory, where the test may mount them.
//! `MIEN_REQUIRE_MOUNT=1` makes it a failure where it may not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use super::made::{FakeClock, QUICK, counter, nobody_for, visit_for, visits, wait_until};

/// A file system of its own that goes with the value.
struct Mounted(PathBuf);

impl Mounted {
    /// `None`, with a word on it, where the system does not allow it.
    fn new(at: &Path, options: &str) -> Option<Self> {
        fs::create_dir(at).unwrap();
        let arguments = ["-t", "tmpfs", "-o", options, "tmpfs"];
        let done = Command::new("mount").args(arguments).arg(at).output();
        match done {
            Ok(done) if done.status.success() => Some(Self(at.to_owned())),
            _ => {
                let why = "no file system can be mounted here (only root may)";
                assert!(std::env::var_os("MIEN_REQUIRE_MOUNT").is_none(), "{why}");
                eprintln!("skipped: {why}");
                None
            }
        }
    }

    fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        let done = Command::new("mount")
            .args(["-o", &options])
            .arg(&self.0)
            .status();
        assert!(done.unwrap().success());
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Mounted::new(&folder.path().join("disk"), "size=512k") else {
        return;
    };
    let path = disk.0.join("counts.db");
    let clock = Arc::new(FakeClock::right());
    let mut counter = counter(&path, QUICK, &clock);
    let today = counter.today();
    visit_for(&mut counter, &clock, 1, 2000);
    wait_until("the first visit", || {
        nobody_for(&mut counter, &clock, 10);
        path.exists() && !visits(&path).is_empty()
    });
    // Somebody else takes all the room.
    let filler = disk.0.join("filler");
    let _ = fs::write(&filler, vec![7; 1 << 20]);
    for track_id in 2..12 {
        visit_for(&mut counter, &clock, track_id, 2000);
        nobody_for(&mut counter, &clock, 4000);
    }
    wait_until("degraded", || {
        nobody_for(&mut counter, &clock, 1000);
        let degraded = today.get().degraded;
        degraded.is_some_and(|why| why.contains("full") || why.contains("disk"))
    });
    fs::remove_file(&filler).unwrap();
    wait_until("recovered", || {
        nobody_for(&mut counter, &clock, 1000);
        today.get().degraded.is_none()
    });
    drop(counter);
    assert_eq!(visits(&path).len(), 11);
}

#[test]
fn a_read_only_disk_is_waited_for_and_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Mounted::new(&folder.path().join("disk"), "size=2m") else {
        return;
    };
    let path = disk.0.join("counts.db");
    let clock = Arc::new(FakeClock::right());
    let mut first = counter(&path, QUICK, &clock);
    visit_for(&mut first, &clock, 1, 2000);
    drop(first);
    disk.remount("ro");
    // Without a log and without a place for one.
    assert_eq!(visits(&path).len(), 1);
    let mut counter = counter(&path, QUICK, &clock);
    let today = counter.today();
    visit_for(&mut counter, &clock, 1, 2000);
    wait_until("degraded", || today.get().degraded.is_some());
    disk.remount("rw");
    wait_until("recovered", || {
        nobody_for(&mut counter, &clock, 1000);
        today.get().degraded.is_none()
    });
    drop(counter);
    assert_eq!(visits(&path).len(), 2);
}
