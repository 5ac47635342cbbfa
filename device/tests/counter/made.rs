//! Clocks that say what they are told, visits and databases.

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use mien_device::counter::clock::{BootTime, Clock};
use mien_device::counter::store::{Commit, Period, Store};
use mien_device::counter::visit::Visit;

/// 2026-11-23 08:00 UTC, a Monday.
pub const NOW_MS: i64 = 1_795_420_800_000;
/// An hour in microseconds.
pub const HOUR_US: u64 = 3_600_000_000;

/// What a clock says.
#[derive(Clone, Debug)]
pub struct Told {
    /// The boot.
    pub boot_id: &'static str,
    /// Time since the boot, microseconds.
    pub boot_us: u64,
    /// Wall clock, Unix milliseconds.
    pub wall_ms: i64,
    /// Whether servers vouch for it.
    pub is_synchronized: bool,
}

/// A clock that says what it is told.
#[derive(Debug)]
pub struct FakeClock {
    boot_id: &'static str,
    told: Mutex<Told>,
}

impl FakeClock {
    pub fn new(told: Told) -> Self {
        Self {
            boot_id: told.boot_id,
            told: Mutex::new(told),
        }
    }

    /// At `NOW_MS`, synchronized, an hour after the boot.
    pub fn right() -> Self {
        Self::new(Told {
            boot_id: "boot-1",
            boot_us: HOUR_US,
            wall_ms: NOW_MS,
            is_synchronized: true,
        })
    }
}

impl Clock for FakeClock {
    fn boot_id(&self) -> &str {
        self.boot_id
    }

    fn boot_us(&self) -> u64 {
        self.told.lock().unwrap().boot_us
    }

    fn wall_ms(&self) -> i64 {
        self.told.lock().unwrap().wall_ms
    }

    fn is_synchronized(&self) -> bool {
        self.told.lock().unwrap().is_synchronized
    }
}

/// The labels of [`visit`].
pub const LABELS: [&str; 3] = ["happy", "sad", "neutral"];

/// A visit that showed the expressions so long.
pub fn visit(sequence: u64, shown_ms: [u64; 3], uncertain_ms: u64) -> Visit {
    let total_ms: u64 = shown_ms.iter().sum();
    let longest = (0..3).rev().max_by_key(|&index| shown_ms[index]);
    Visit {
        sequence,
        duration_ms: total_ms + uncertain_ms,
        shown_ms: shown_ms.into_iter().collect(),
        uncertain_ms,
        unseen_ms: 0,
        expression: longest.filter(|_| total_ms > 0),
        confidence: (total_ms > 0).then_some(0.75),
    }
}

/// Opens a database as the counter does.
pub fn open(path: &Path) -> Store {
    let now = Timestamp::from_millisecond(NOW_MS).unwrap();
    let opened = Store::open(path, Duration::from_millis(100), now).unwrap();
    assert_eq!(opened.aside, None);
    opened.store
}

/// Writes visits and periods of a boot.
pub fn commit(store: &mut Store, clock: &FakeClock, visits: &[Visit], periods: &[Period]) {
    store
        .commit(Commit {
            boot_id: clock.boot_id(),
            time: BootTime::new(clock),
            labels: &LABELS.map(str::to_owned),
            visits,
            periods,
            steps: &[],
        })
        .unwrap();
}
