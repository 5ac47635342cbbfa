use std::fs;
use std::sync::Mutex;

use super::*;
use crate::counter::batch::MAX_VISITS;
use crate::counter::store::{Reader, Span};
use crate::counter::visit::Visit;

/// 2026-11-23 08:00 UTC.
const NOW_MS: i64 = 1_795_420_800_000;
const SECOND_US: u64 = 1_000_000;

/// Time since the boot, which began at `NOW_MS`.
struct Hand(Mutex<u64>);

impl Hand {
    fn pass(&self, passed_us: u64) {
        *self.0.lock().unwrap() += passed_us;
    }
}

impl Clock for Hand {
    fn boot_id(&self) -> &str {
        "boot"
    }

    fn boot_us(&self) -> u64 {
        *self.0.lock().unwrap()
    }

    fn wall_ms(&self) -> i64 {
        NOW_MS + (self.boot_us() / 1000) as i64
    }

    fn is_synchronized(&self) -> bool {
        true
    }
}

fn writer(path: &Path, clock: &Arc<Hand>, today: &Today) -> Writer {
    let options = CounterOptions {
        enabled: true,
        retention_days: 1,
        ..CounterOptions::default()
    };
    let labels = Labels::fer2013();
    let clock: Arc<dyn Clock> = Arc::clone(clock) as _;
    Writer::new(path, options, &labels, clock, TimeZone::UTC, today.clone())
}

fn visit(sequence: u64, duration_ms: u64) -> Visit {
    Visit {
        sequence,
        duration_ms,
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
    let (clock, today) = (Arc::new(Hand(Mutex::new(0))), Today::default());
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
    let (clock, today) = (Arc::new(Hand(Mutex::new(0))), Today::default());
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
    let (clock, today) = (Arc::new(Hand(Mutex::new(0))), Today::default());
    let mut writer = writer(&path, &clock, &today);
    writer.take(batch([visit(7, 2000)]));
    let minutes = 26 * 60;
    for _ in 0..minutes {
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

#[test]
fn what_waits_is_bounded_and_losses_are_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let (clock, today) = (Arc::new(Hand(Mutex::new(0))), Today::default());
    let mut writer = writer(&folder.path().join("file/counts.db"), &clock, &today);
    for number in 0..MAX_VISITS as u64 + 30 {
        writer.take(batch([visit(number, 2000)]));
    }
    writer.tick();
    assert_eq!(writer.pending.visits.len(), MAX_VISITS);
    let degraded = today.get().degraded.unwrap();
    assert!(degraded.starts_with("30 visits are lost: "), "{degraded}");
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
        let (clock, today) = (Arc::new(Hand(Mutex::new(0))), Today::default());
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
