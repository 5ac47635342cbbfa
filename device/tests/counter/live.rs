//! The counter in a run: clocks that jump, databases that cannot be written.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use mien_device::capture::Loss;
use mien_device::card::Card;
use mien_device::counter::Counter;
use mien_device::counter::clock::Clock;
use mien_device::counter::store::{Period, Reader, Span, StoreError};
use mien_device::output::Output as _;
use mien_device::pipeline::exchange::Models;
use mien_models::label::Labels;

use super::made::{
    FakeClock, HOUR_US, LABELS, NOW_MS, QUICK, Told, counter, frame, nobody_for, open, visit_for,
    visits, wait_until,
};

const TEN_YEARS_MS: i64 = 315_576_000_000;

fn periods(path: &Path) -> Vec<(Option<i64>, Period)> {
    let mut periods = Vec::new();
    let each = |start_ms, period| {
        periods.push((start_ms, period));
        Ok::<_, StoreError>(())
    };
    Reader::open(path)
        .unwrap()
        .periods(Span::default(), each)
        .unwrap();
    periods
}

fn sql(path: &Path, query: &str) -> i64 {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.query_row(query, [], |row| row.get(0)).unwrap()
}

#[test]
fn a_run_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    let clock = Arc::new(FakeClock::right());
    let mut counter = counter(&path, QUICK, &clock);
    let today = counter.today();
    visit_for(&mut counter, &clock, 1, 2000);
    wait_until("a visit that goes on", || today.get().visits == 1);
    clock.pass_ms(5000);
    counter
        .show(&frame(clock.boot_us() / 1000, Vec::new()))
        .unwrap();
    visit_for(&mut counter, &clock, 2, 3000);
    let loss = |attempt| Loss {
        why: "unplugged".to_owned(),
        attempt,
        retry_in_ms: 500,
    };
    counter.lost(&loss(1)).unwrap();
    counter.lost(&loss(2)).unwrap();
    visit_for(&mut counter, &clock, 3, 500);
    drop(counter);
    let counted = today.get();
    assert_eq!((counted.visits, counted.degraded), (2, None));
    let happy: Vec<_> = counted
        .expressions
        .iter()
        .map(|(_, count)| *count)
        .collect();
    assert_eq!(happy, [2, 0, 0]);

    let visits = visits(&path);
    let durations: Vec<_> = visits.iter().map(|visit| visit.duration_ms).collect();
    assert_eq!(durations, [2000, 3000], "half a second is no visit");
    assert_eq!(visits[0].start_ms, Some(NOW_MS + 100));
    assert_eq!(visits[1].start_ms, Some(NOW_MS + 2100 + 5000 + 100));
    let sum = |of: fn(&Period) -> u64| -> u64 { periods(&path).iter().map(|(_, p)| of(p)).sum() };
    assert_eq!(sum(|period| period.frames), 21 + 1 + 31 + 6);
    assert_eq!(sum(|period| period.frames_without_face), 1);
    assert_eq!(
        sum(|period| period.camera_losses),
        1,
        "one loss, two attempts"
    );
    assert_eq!(sum(|period| period.up_ms), 2100 + 5000 + 3100 + 600);
}

#[test]
fn the_right_time_comes_late() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    let clock = Arc::new(FakeClock::new(Told {
        boot_id: "boot-1",
        boot_us: 20_000_000,
        wall_ms: 20_000,
        is_synchronized: false,
    }));
    let mut counter = counter(&path, QUICK, &clock);
    let today = counter.today();
    visit_for(&mut counter, &clock, 1, 2000);
    wait_until("the first write", || {
        path.exists() && today.get().visits == 1
    });
    let first_us = 20_100_000;
    // Later, servers answer: it is now eight o'clock.
    clock.pass_ms(60_000);
    let now_us = clock.boot_us();
    clock.jump_ms(NOW_MS - clock.wall_ms(), true);
    visit_for(&mut counter, &clock, 2, 2000);
    wait_until("the day's count", || today.get().visits == 2);
    drop(counter);
    let starts: Vec<_> = visits(&path)
        .iter()
        .map(|visit| visit.start_ms.unwrap())
        .collect();
    let passed_ms = |from_us: u64, to_us: u64| (to_us - from_us) as i64 / 1000;
    assert_eq!(starts, [NOW_MS - passed_ms(first_us, now_us), NOW_MS + 100]);
    assert_eq!(
        sql(&path, "SELECT count(*) FROM clock_steps WHERE is_applied"),
        1
    );
}

#[test]
fn jumps_of_ten_years_move_nothing_that_is_known() {
    for jump_ms in [TEN_YEARS_MS, -TEN_YEARS_MS] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("counts.db");
        let clock = Arc::new(FakeClock::right());
        let mut counter = counter(&path, QUICK, &clock);
        let today = counter.today();
        visit_for(&mut counter, &clock, 1, 2000);
        wait_until("the first visit", || {
            path.exists() && today.get().visits == 1
        });
        clock.jump_ms(jump_ms, false);
        visit_for(&mut counter, &clock, 2, 2000);
        wait_until("the step", || {
            sql(
                &path,
                "SELECT count(*) FROM clock_steps WHERE NOT is_applied",
            ) == 1
        });
        // A month passes: nothing is old, whatever the clock says.
        clock.jump_ms(-jump_ms, true);
        visit_for(&mut counter, &clock, 3, 2000);
        wait_until("all visits", || today.get().visits == 3);
        drop(counter);
        let starts: Vec<_> = visits(&path)
            .iter()
            .map(|visit| visit.start_ms.unwrap())
            .collect();
        assert_eq!(starts, [NOW_MS + 100, NOW_MS + 2200, NOW_MS + 4300]);
        assert_eq!(
            sql(&path, "SELECT count(*) FROM hours"),
            0,
            "nothing was rolled up"
        );
    }
}

#[test]
fn two_runs_of_a_boot_and_two_boots_do_not_mix() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    let clock = Arc::new(FakeClock::right());
    for _ in 0..2 {
        let mut counter = counter(&path, QUICK, &clock);
        visit_for(&mut counter, &clock, 1, 2000);
    }
    // The next boot never learns the time, and begins its count anew.
    let next = Arc::new(FakeClock::new(Told {
        boot_id: "boot-2",
        boot_us: HOUR_US,
        wall_ms: 0,
        is_synchronized: false,
    }));
    let mut counter = counter(&path, QUICK, &next);
    visit_for(&mut counter, &next, 1, 2000);
    drop(counter);
    let found: Vec<_> = visits(&path).iter().map(|v| (v.boot, v.start_ms)).collect();
    assert_eq!(
        found,
        [(1, Some(NOW_MS + 100)), (1, Some(NOW_MS + 2200)), (2, None)]
    );
}

#[test]
fn a_locked_database_is_waited_for_and_nothing_comes_twice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    let clock = Arc::new(FakeClock::right());
    let mut counter = counter(&path, QUICK, &clock);
    let today = counter.today();
    visit_for(&mut counter, &clock, 1, 2000);
    wait_until("the first visit", || {
        nobody_for(&mut counter, &clock, 10);
        path.exists() && !visits(&path).is_empty()
    });
    let shell = rusqlite::Connection::open(&path).unwrap();
    shell.execute_batch("BEGIN IMMEDIATE").unwrap();
    for track_id in 2..6 {
        visit_for(&mut counter, &clock, track_id, 2000);
    }
    wait_until("degraded", || {
        nobody_for(&mut counter, &clock, 100);
        today
            .get()
            .degraded
            .is_some_and(|why| why.contains("locked"))
    });
    wait_until("today's count goes on", || {
        nobody_for(&mut counter, &clock, 10);
        today.get().visits == 5
    });
    shell.execute_batch("ROLLBACK").unwrap();
    wait_until("recovered", || {
        nobody_for(&mut counter, &clock, 1000);
        today.get().degraded.is_none()
    });
    drop(counter);
    assert_eq!(visits(&path).len(), 5);
    assert_eq!(today.get().visits, 5);
    let with_face = |(_, period): &(_, Period)| period.frames - period.frames_without_face;
    assert_eq!(periods(&path).iter().map(with_face).sum::<u64>(), 5 * 21);
}

#[test]
fn a_model_with_other_labels_costs_nothing_while_the_database_is_locked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    let clock = Arc::new(FakeClock::right());
    let mut counter = counter(&path, QUICK, &clock);
    let today = counter.today();
    visit_for(&mut counter, &clock, 1, 2000);
    wait_until("the first visit", || {
        nobody_for(&mut counter, &clock, 10);
        path.exists() && !visits(&path).is_empty()
    });
    let shell = rusqlite::Connection::open(&path).unwrap();
    shell.execute_batch("BEGIN IMMEDIATE").unwrap();
    visit_for(&mut counter, &clock, 2, 2000);
    let others = Models {
        card: Card::default(),
        labels: Labels::new(["smiling", "happy"]).unwrap(),
        detector: "cascade".to_owned(),
    };
    let start = Instant::now();
    counter.switch(&others).unwrap();
    let switched = start.elapsed();
    assert!(
        switched < Duration::from_millis(200),
        "frames waited {switched:?}"
    );
    // The same person goes on: under the new names, and so as another visit.
    visit_for(&mut counter, &clock, 2, 3000);
    wait_until("today's counts by the new names", || {
        nobody_for(&mut counter, &clock, 10);
        let names = today.get().expressions;
        let names: Vec<_> = names
            .iter()
            .map(|(name, n)| (name.to_owned(), *n))
            .collect();
        // Those before were happy, whatever their index was.
        names == [("smiling".to_owned(), 1), ("happy".to_owned(), 2)]
    });
    shell.execute_batch("ROLLBACK").unwrap();
    wait_until("recovered", || {
        nobody_for(&mut counter, &clock, 1000);
        today.get().degraded.is_none()
    });
    drop(counter);
    let reader = Reader::open(&path).unwrap();
    let names: Vec<_> = reader.expressions().map(str::to_owned).collect();
    let kept: Vec<_> = visits(&path)
        .iter()
        .map(|visit| (names[visit.expression.unwrap()].clone(), visit.duration_ms))
        .collect();
    let named = |name: &str, duration_ms| (name.to_owned(), duration_ms);
    assert_eq!(
        kept,
        [
            named("happy", 2000),
            named("happy", 2000),
            named("smiling", 3000)
        ]
    );
    assert_eq!(today.get().visits, 3);
}

#[test]
fn a_folder_that_cannot_be_written_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    // A file where the folder should be: this stops root, too.
    let state = folder.path().join("state");
    fs::write(&state, "").unwrap();
    let path = state.join("counts.db");
    let clock = Arc::new(FakeClock::right());
    let mut counter = counter(&path, QUICK, &clock);
    let today = counter.today();
    visit_for(&mut counter, &clock, 1, 2000);
    wait_until("degraded", || today.get().degraded.is_some());
    fs::remove_file(&state).unwrap();
    visit_for(&mut counter, &clock, 2, 2000);
    wait_until("recovered", || {
        nobody_for(&mut counter, &clock, 1000);
        today.get().degraded.is_none()
    });
    drop(counter);
    assert_eq!(visits(&path).len(), 2);
}

#[test]
fn a_file_that_is_taken_away_or_damaged_in_use_is_begun_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    let clock = Arc::new(FakeClock::right());
    let mut counter = counter(&path, QUICK, &clock);
    let today = counter.today();
    visit_for(&mut counter, &clock, 1, 2000);
    wait_until("the first visit", || {
        nobody_for(&mut counter, &clock, 10);
        path.exists() && !visits(&path).is_empty()
    });
    for file in fs::read_dir(folder.path()).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    clock.pass_ms(10_000);
    visit_for(&mut counter, &clock, 2, 2000);
    wait_until("a fresh file", || {
        nobody_for(&mut counter, &clock, 1000);
        path.exists() && today.get().degraded.is_none() && !visits(&path).is_empty()
    });
    drop(counter);
    let count = visits(&path).len();
    assert_eq!(count, 2, "who was still here is in the fresh file, too");
    drop(open(&path));
}

#[test]
fn a_counter_that_cannot_write_ends_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file/counts.db");
    fs::write(folder.path().join("file"), "").unwrap();
    let clock = Arc::new(FakeClock::right());
    let mut counter = counter(&path, QUICK, &clock);
    visit_for(&mut counter, &clock, 1, 2000);
    let start = Instant::now();
    drop(counter);
    assert!(start.elapsed().as_secs() < 6, "{:?}", start.elapsed());
}

/// Time stands still, and then the writer's thread meets a fault.
#[derive(Debug)]
struct Faulty(FakeClock, AtomicBool);

impl Clock for Faulty {
    fn boot_id(&self) -> &str {
        self.0.boot_id()
    }

    fn boot_us(&self) -> u64 {
        let is_writer = thread::current().name() == Some("counter");
        assert!(!is_writer || !self.1.load(Ordering::Relaxed), "a fault");
        self.0.boot_us()
    }

    fn wall_ms(&self) -> i64 {
        self.0.wall_ms()
    }

    fn is_synchronized(&self) -> bool {
        true
    }
}

#[test]
fn a_writer_that_meets_a_fault_is_told_of_and_the_run_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    let clock = Arc::new(Faulty(FakeClock::right(), AtomicBool::new(false)));
    let labels = Labels::new(LABELS).unwrap();
    let shared: Arc<dyn Clock> = Arc::clone(&clock) as _;
    let mut counter = Counter::start(&path, QUICK, 3000, &labels, shared, TimeZone::UTC).unwrap();
    let today = counter.today();
    visit_for(&mut counter, &clock.0, 1, 2000);
    wait_until("a visit", || today.get().visits == 1);
    clock.1.store(true, Ordering::Relaxed);
    wait_until("degraded", || {
        let why = today.get().degraded;
        why.is_some_and(|why| why.contains("stopped by a fault"))
    });
    visit_for(&mut counter, &clock.0, 2, 2000);
    assert_eq!(today.get().visits, 1, "what was counted stays");
    let start = Instant::now();
    drop(counter);
    assert!(start.elapsed() < Duration::from_secs(1));
}
