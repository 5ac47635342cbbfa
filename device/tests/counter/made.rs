//! Clocks that say what they are told, visits and databases.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use mien_device::capture::Frame;
use mien_device::classify::{PerLabel, Verdict};
use mien_device::counter::clock::{BootTime, Clock};
use mien_device::counter::store::{Commit, KeptVisit, Period, Reader, Span, Store, StoreError};
use mien_device::counter::visit::Visit;
use mien_device::counter::{Counter, CounterOptions};
use mien_device::detect::Detection;
use mien_device::output::Output;
use mien_device::pipeline::stages::{Judged, JudgedFace};
use mien_device::smooth::Shown;
use mien_models::label::Labels;

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

    /// Both clocks go on.
    pub fn pass_ms(&self, passed_ms: u64) {
        let mut told = self.told.lock().unwrap();
        told.boot_us += passed_ms * 1000;
        told.wall_ms += passed_ms as i64;
    }

    /// The wall clock is set.
    pub fn jump_ms(&self, jump_ms: i64, is_synchronized: bool) {
        let mut told = self.told.lock().unwrap();
        told.wall_ms += jump_ms;
        told.is_synchronized = is_synchronized;
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
        labels: LABELS.map(str::to_owned).into(),
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

/// A face of a track that shows a label with 0.8, or is uncertain.
pub fn face(track_id: u64, label_index: Option<usize>) -> JudgedFace {
    let likely = |label| if Some(label) == label_index { 0.8 } else { 0.1 };
    let probabilities: PerLabel = (0..LABELS.len()).map(likely).collect();
    JudgedFace {
        track_id,
        detection: Detection {
            x: 0.0,
            y: 0.0,
            width: 9.0,
            height: 9.0,
            score: 1.0,
            landmarks: None,
        },
        verdict: Verdict {
            label_index: label_index.unwrap_or(0),
            probabilities: probabilities.clone(),
            logits: PerLabel::default(),
        },
        shown: Shown {
            label_index,
            probabilities,
        },
    }
}

/// A frame with faces.
pub fn frame(timestamp_ms: u64, faces: Vec<JudgedFace>) -> Judged {
    Judged {
        frame: Frame {
            pixels: vec![0; 4],
            width: 2,
            height: 2,
            sequence: timestamp_ms,
            timestamp_ms,
        },
        faces: faces.into_iter().collect(),
        detect_time: None,
        track_time: Duration::ZERO,
        classify_time: Duration::ZERO,
        smooth_time: Duration::ZERO,
        shed_level: 0,
    }
}

/// The options of tests: a second between two writes.
pub const QUICK: CounterOptions = CounterOptions {
    enabled: true,
    min_dwell_ms: 1000,
    commit_interval_s: 1,
    retention_days: 90,
};

/// A counter on `clock`, in UTC, after a tracker that remembers for three seconds.
pub fn counter(path: &Path, options: CounterOptions, clock: &Arc<FakeClock>) -> Counter {
    let labels = Labels::new(LABELS).unwrap();
    let clock: Arc<dyn Clock> = Arc::clone(clock) as _;
    Counter::start(path, options, 3000, &labels, clock, TimeZone::UTC).unwrap()
}

/// Somebody with `track_id` is happy for `for_ms`; frames come every 100 ms, on `clock` and as the
/// source's time alike.
pub fn visit_for(counter: &mut Counter, clock: &FakeClock, track_id: u64, for_ms: u64) {
    for _ in 0..=for_ms / 100 {
        clock.pass_ms(100);
        let timestamp_ms = clock.boot_us() / 1000;
        counter
            .show(&frame(timestamp_ms, vec![face(track_id, Some(0))]))
            .unwrap();
    }
}

/// A moment with nobody in sight.
pub fn nobody_for(counter: &mut Counter, clock: &FakeClock, for_ms: u64) {
    clock.pass_ms(for_ms);
    counter
        .show(&frame(clock.boot_us() / 1000, Vec::new()))
        .unwrap();
}

/// All visits that are written.
pub fn visits(path: &Path) -> Vec<KeptVisit> {
    let mut visits = Vec::new();
    let each = |visit| {
        visits.push(visit);
        Ok::<_, StoreError>(())
    };
    Reader::open(path)
        .unwrap()
        .visits(Span::default(), each)
        .unwrap();
    visits
}

/// Waits until something holds.
#[track_caller]
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "waited for: {what}"
        );
        thread::sleep(Duration::from_millis(20));
    }
}
