use std::fs;
use std::sync::Mutex;

use mien_models::label::Labels;

use super::*;
use crate::counter::batch::MAX_VISITS;
use crate::counter::store::{Reader, Span};
use crate::counter::visit::Visit;

/// 2026-11-23 08:00 UTC.
const NOW_MS: i64 = 1_795_420_800_000;
const SECOND_US: u64 = 1_000_000;

/// Time since the boot, which began at `NOW_MS`, as long as nobody sets the clock.
struct Hand {
    boot_us: Mutex<u64>,
    set: Mutex<(i64, bool)>,
}

impl Hand {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            boot_us: Mutex::new(0),
            set: Mutex::new((0, true)),
        })
    }

    fn pass(&self, passed_us: u64) {
        *self.boot_us.lock().unwrap() += passed_us;
    }

    /// The boot began so much later than `NOW_MS`, says the clock.
    fn set(&self, later_ms: i64, is_synchronized: bool) {
        *self.set.lock().unwrap() = (later_ms, is_synchronized);
    }
}

impl Clock for Hand {
    fn boot_id(&self) -> &str {
        "boot"
    }

    fn boot_us(&self) -> u64 {
        *self.boot_us.lock().unwrap()
    }

    fn wall_ms(&self) -> i64 {
        NOW_MS + self.set.lock().unwrap().0 + (self.boot_us() / 1000) as i64
    }

    fn is_synchronized(&self) -> bool {
        self.set.lock().unwrap().1
    }
}

fn writer(path: &Path, clock: &Arc<Hand>, today: &Today) -> Writer {
    let options = CounterOptions {
        enabled: true,
        retention_days: 1,
        ..CounterOptions::default()
    };
    let clock: Arc<dyn Clock> = Arc::clone(clock) as _;
    Writer::new(path, options, labels(), clock, TimeZone::UTC, today.clone())
}

fn labels() -> Arc<[String]> {
    Labels::fer2013().iter().map(str::to_owned).collect()
}

fn visit(sequence: u64, duration_ms: u64) -> Visit {
    Visit {
        sequence,
        duration_ms,
        labels: labels(),
        shown_ms: heapless::Vec::from_slice(&[0, 0, 0, duration_ms]).unwrap(),
        uncertain_ms: 0,
        unseen_ms: 0,
        expression: Some(3),
        confidence: Some(0.9),
    }
}

fn batch(visits: impl IntoIterator<Item = Visit>) -> Batch {
    let mut batch = Batch {
        frames: 15,
        ..Batch::default()
    };
    visits.into_iter().for_each(|visit| batch.put(visit));
    batch
}

fn kept(path: &Path) -> usize {
    let mut count = 0;
    let each = |_| {
        count += 1;
        Ok::<_, StoreError>(())
    };
    Reader::open(path)
        .unwrap()
        .visits(Span::default(), each)
        .unwrap();
    count
}

#[test]
fn writes_come_in_their_interval() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    let (clock, today) = (Hand::new(), Today::default());
    let mut writer = writer(&path, &clock, &today);
    writer.tick();
    assert!(path.exists(), "the first at once");
    clock.pass(4 * SECOND_US);
    writer.take(batch([visit(1, 2000)]));
    writer.tick();
    assert_eq!(
        (kept(&path), today.get().visits),
        (0, 1),
        "seen at once, written later"
    );
    clock.pass(SECOND_US);
    writer.tick();
    assert_eq!((kept(&path), today.get().visits), (1, 1));
    // Nobody is here: a minute.
    clock.pass(59 * SECOND_US);
    writer.take(batch([]));
    writer.tick();
    assert_eq!(writer.written_us, Some(5 * SECOND_US));
    clock.pass(SECOND_US);
    writer.tick();
    assert_eq!(writer.written_us, Some(65 * SECOND_US));
    // Somebody comes after a while: at once.
    clock.pass(20 * SECOND_US);
    writer.take(batch([visit(2, 2000)]));
    writer.tick();
    assert_eq!(kept(&path), 2);
}

#[test]
fn midnight_begins_a_new_day() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    let (clock, today) = (Hand::new(), Today::default());
    let mut writer = writer(&path, &clock, &today);
    writer.take(batch([visit(1, 2000)]));
    writer.tick();
    assert_eq!(today.get().visits, 1);
    clock.pass(16 * 3600 * SECOND_US - 1);
    writer.tick();
    assert_eq!(today.get().visits, 1);
    // Somebody stays over midnight: today, too.
    writer.take(batch([visit(16 * 3600 * SECOND_US - 1_500_000, 1499)]));
    clock.pass(1);
    writer.tick();
    assert_eq!(today.get().visits, 0);
    writer.take(batch([visit(16 * 3600 * SECOND_US - 1_500_000, 2000)]));
    clock.pass(5 * SECOND_US);
    writer.tick();
    assert_eq!((today.get().visits, kept(&path)), (1, 2));
}

#[test]
fn periods_begin_with_quarter_hours_and_old_visits_go() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    let (clock, today) = (Hand::new(), Today::default());
    let mut writer = writer(&path, &clock, &today);
    writer.take(batch([visit(7, 2000)]));
    let minutes = 26 * 60;
    for _ in 0..minutes {
        writer.take(batch([]));
        writer.tick();
        clock.pass(60 * SECOND_US);
    }
    writer.finish();
    let reader = Reader::open(&path).unwrap();
    let mut up_ms = 0;
    let each = |start_ms: Option<i64>, period: Period| {
        assert_eq!(start_ms.unwrap() % PERIOD_MS, 0);
        assert!(period.up_ms <= PERIOD_MS as u64);
        up_ms += period.up_ms;
        Ok::<_, StoreError>(())
    };
    reader.periods(Span::default(), each).unwrap();
    // Two hours and a bit are older than the day that is kept.
    let mut hours = (0, 0);
    let each = |_, hour: crate::counter::history::Bucket| {
        hours = (hours.0 + hour.up_ms, hours.1 + hour.visits);
        Ok::<_, StoreError>(())
    };
    reader.hours(Span::default(), each).unwrap();
    assert_eq!(up_ms + hours.0, minutes * 60_000, "all of the time, once");
    assert!(hours.0 > 3_600_000 && hours.1 == 1, "{hours:?}");
    assert_eq!(kept(&path), 0);
}

/// The sums of older visits by the hour's begin, Unix milliseconds.
fn hours(path: &Path) -> Vec<(i64, u64)> {
    let mut hours = Vec::new();
    let each = |start_ms: Option<i64>, hour: crate::counter::history::Bucket| {
        hours.push((start_ms.unwrap(), hour.visits));
        Ok::<_, StoreError>(())
    };
    let reader = Reader::open(path).unwrap();
    reader.hours(Span::default(), each).unwrap();
    hours
}

#[test]
fn a_clock_that_was_set_since_the_last_write_ages_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    let (clock, today) = (Hand::new(), Today::default());
    // A year and more behind, as after a start without a network.
    clock.set(-400 * 86_400_000, false);
    let mut writer = writer(&path, &clock, &today);
    writer.take(batch([visit(1, 2000)]));
    writer.tick();
    assert_eq!(kept(&path), 1);
    clock.pass(2 * SECOND_US);
    clock.set(0, true);
    writer.next_roll_up_us = 0;
    writer.tick();
    assert_eq!(writer.steps.len(), 1, "the next write is not due yet");
    assert_eq!((kept(&path), hours(&path)), (1, Vec::new()));
    // When the day is over it goes under the right hour.
    clock.pass(26 * 3600 * SECOND_US);
    writer.take(batch([visit(26 * 3600 * SECOND_US, 2000)]));
    writer.tick();
    assert_eq!((kept(&path), hours(&path)), (1, vec![(NOW_MS, 1)]));
}

#[test]
fn what_may_be_written_again_becomes_no_sum() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    let (clock, today) = (Hand::new(), Today::default());
    let mut writer = writer(&path, &clock, &today);
    clock.pass(SECOND_US);
    writer.take(batch([visit(1, 1000)]));
    writer.tick();
    assert_eq!(kept(&path), 1);
    // The machine sleeps for two days with somebody before it, and cannot write at once.
    clock.pass(48 * 3600 * SECOND_US);
    writer.next_attempt_us = u64::MAX;
    writer.tick();
    assert_eq!((kept(&path), hours(&path)), (1, Vec::new()));
    writer.next_attempt_us = 0;
    writer.take(batch([visit(1, 1500)]));
    writer.tick();
    let up_ms = 48 * 3_600_000 + 1000;
    writer.take(batch([visit(48 * 3600 * SECOND_US, 2000)]));
    writer.finish();
    assert_eq!(
        kept(&path) as u64 + hours(&path).iter().map(|h| h.1).sum::<u64>(),
        2
    );
    let mut all_up_ms = 0;
    let reader = Reader::open(&path).unwrap();
    let each = |_, period: Period| {
        all_up_ms += period.up_ms;
        Ok::<_, StoreError>(())
    };
    reader.periods(Span::default(), each).unwrap();
    let each = |_, hour: crate::counter::history::Bucket| {
        all_up_ms += hour.up_ms;
        Ok::<_, StoreError>(())
    };
    reader.hours(Span::default(), each).unwrap();
    assert_eq!(all_up_ms, up_ms);
}

#[test]
fn what_waits_is_bounded_and_losses_are_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let (clock, today) = (Hand::new(), Today::default());
    let mut writer = writer(&folder.path().join("file/counts.db"), &clock, &today);
    for number in 0..MAX_VISITS as u64 + 30 {
        writer.take(batch([visit(number, 2000)]));
    }
    writer.tick();
    assert_eq!(writer.pending.visits.len(), MAX_VISITS);
    // Who is still here comes again, and is not lost again.
    for _ in 0..3 {
        writer.take(batch([visit(0, 3000)]));
    }
    writer.tick();
    let told = today.get();
    let (degraded, in_full) = (told.degraded.unwrap(), told.degraded_where.unwrap());
    assert!(degraded.starts_with("30 visits are lost: "), "{degraded}");
    let place = folder.path().display().to_string();
    assert!(
        in_full.contains(&place) && !degraded.contains('/'),
        "{degraded}"
    );
    assert_eq!(
        writer.pending.visits.first_key_value().unwrap().0,
        &30,
        "the oldest"
    );
    // A hundred days later there are still not too many periods.
    for _ in 0..MAX_PERIODS + 40 {
        clock.pass(900 * SECOND_US);
        writer.tick();
    }
    assert_eq!(writer.closed.len(), MAX_PERIODS);
    // What is over is over.
    fs::remove_file(folder.path().join("file")).unwrap();
    writer.next_attempt_us = 0;
    writer.tick();
    assert_eq!((today.get().degraded, writer.pending.lost), (None, 0));
}

/// Bytes that this thread has given to the system to write.
#[cfg(target_os = "linux")]
fn written_bytes() -> u64 {
    let counters = fs::read_to_string("/proc/thread-self/io").unwrap();
    let line = counters
        .lines()
        .find_map(|line| line.strip_prefix("wchar: "));
    line.unwrap().parse().unwrap()
}

/// docs/counting.md has these numbers.
#[cfg(target_os = "linux")]
#[test]
fn writing_is_sparing() {
    // An hour; `visits` of ten seconds each.
    let hour = |visits: u64| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("counts.db");
        let (clock, today) = (Hand::new(), Today::default());
        let mut writer = writer(&path, &clock, &today);
        writer.tick();
        let before = written_bytes();
        for second in 0..3600_u64 {
            clock.pass(SECOND_US);
            let number = second * visits / 3600;
            let begin = (number * 3600).div_ceil(visits.max(1));
            if visits > 0 && second - begin < 10 {
                let duration_ms = 1000 * (second - begin + 1);
                writer.take(batch([visit(number * 1_000_000, duration_ms)]));
            } else {
                writer.take(batch([]));
            }
            writer.tick();
        }
        writer.finish();
        written_bytes() - before
    };
    let day_mb = |visits| 24.0 * hour(visits) as f64 / 1e6;
    let [nobody, some, many] = [0, 20, 360].map(day_mb);
    println!(
        "MB a day: nobody {nobody:.1}, 20 visits an hour {some:.1}, always somebody {many:.1}"
    );
    assert!(nobody < 20.0, "{nobody} MB a day with nobody here");
    assert!(some < 60.0, "{some} MB a day with 20 visits an hour");
    assert!(many < 400.0, "{many} MB a day with somebody always here");
}
