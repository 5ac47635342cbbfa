//! What time does to counts: new versions, retention, deletion.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use mien_device::counter::history::{self, Bucket, Step};
use mien_device::counter::store::purge::{What, preview, purge};
use mien_device::counter::store::{Period, Reader, Span, VERSION};

use super::made::{FakeClock, HOUR_US, NOW_MS, Told, commit, open, visit, visits};

const DAY_MS: i64 = 86_400_000;

fn by(step: Step, path: &Path) -> Vec<Bucket> {
    let reader = Reader::open(path).unwrap();
    history::read(&reader, Span::default(), step, &TimeZone::UTC)
        .unwrap()
        .buckets
}

fn moment(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

/// A boot a day for a week, each with some visits in two hours; then one that never knew the time.
fn fill(path: &Path) {
    let mut store = open(path);
    let ids = ["a", "b", "c", "d", "e", "f", "g"];
    for (day, boot_id) in (0..).zip(ids) {
        let clock = FakeClock::new(Told {
            boot_id,
            boot_us: 0,
            wall_ms: NOW_MS - (6 - day) * DAY_MS,
            is_synchronized: true,
        });
        let seed = day as u64;
        let made: Vec<_> = (0..20)
            .map(|n| visit(n * HOUR_US / 10, [1000 + seed, n * 100, 7], 30 * (n % 3)))
            .collect();
        let period = |n: u64| Period {
            start_ms: n * HOUR_US / 4000,
            up_ms: 900_000,
            frames: 27_000,
            frames_without_face: 20_000 + n,
            camera_losses: n % 2,
        };
        let periods: Vec<_> = (0..8).map(period).collect();
        commit(&mut store, &clock, &made, &periods);
    }
    let lost = FakeClock::new(Told {
        boot_id: "h",
        boot_us: 0,
        wall_ms: 0,
        is_synchronized: false,
    });
    commit(&mut store, &lost, &[visit(77, [2000, 0, 0], 0)], &[]);
}

#[test]
fn version_1_is_brought_up_to_date_with_all_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    let make = || {
        let _ = fs::remove_file(&path);
        let old = rusqlite::Connection::open(&path).unwrap();
        old.execute_batch(include_str!("fixtures/version-1.sql"))
            .unwrap();
    };
    // By a command that only reads, and by the counter.
    for is_reader in [true, false] {
        make();
        if is_reader {
            drop(Reader::open(&path).unwrap());
        } else {
            drop(open(&path));
        }
        let connection = rusqlite::Connection::open(&path).unwrap();
        let version: usize = connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .unwrap();
        assert_eq!(version, VERSION);
        let check: String = connection
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(check, "ok");
        let found = visits(&path);
        let starts: Vec<_> = found.iter().map(|visit| visit.start_ms).collect();
        assert_eq!(starts, [Some(NOW_MS), Some(NOW_MS + 60_000), None]);
        assert_eq!(found[0].shown_ms, [4000, 0, 1500]);
        let hours = by(Step::Hour, &path);
        assert_eq!(
            (hours.len(), hours[0].visits, hours[0].frames),
            (2, 2, 27_000)
        );
        let mut store = open(&path);
        assert!(
            !store
                .roll_up(NOW_MS + DAY_MS, &TimeZone::UTC, None)
                .unwrap()
        );
        assert_eq!(by(Step::Hour, &path), hours, "sums are what they were");
    }
}

#[test]
fn a_fresh_file_has_the_schema_of_an_old_one() {
    let folder = tempfile::tempdir().unwrap();
    let schema = |path: &Path| -> Vec<String> {
        let connection = rusqlite::Connection::open(path).unwrap();
        let mut read = connection
            .prepare("SELECT sql FROM sqlite_schema ORDER BY name")
            .unwrap();
        let rows = read
            .query_map([], |row| row.get::<_, Option<String>>(0))
            .unwrap();
        rows.filter_map(Result::unwrap).collect()
    };
    let (old, fresh) = (folder.path().join("old.db"), folder.path().join("fresh.db"));
    let connection = rusqlite::Connection::open(&old).unwrap();
    connection
        .execute_batch(include_str!("fixtures/version-1.sql"))
        .unwrap();
    drop(connection);
    drop((open(&old), open(&fresh)));
    assert_eq!(schema(&old), schema(&fresh));
}

#[test]
fn old_visits_become_sums_and_sums_stay_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    fill(&path);
    let near = |a: &Bucket, b: &Bucket| {
        // Sums of floating-point numbers in another order.
        let mut b = b.clone();
        assert!((a.certainty_ms - b.certainty_ms).abs() < 1e-6);
        b.certainty_ms = a.certainty_ms;
        assert_eq!(a, &b);
    };
    let before = [by(Step::Hour, &path), by(Step::Day, &path)];
    let mut store = open(&path);
    // Four days go; in the middle of a visit, which stays.
    let cut_ms = NOW_MS - 3 * DAY_MS + 2000;
    while store.roll_up(cut_ms, &TimeZone::UTC, None).unwrap() {}
    assert!(
        !store.roll_up(cut_ms, &TimeZone::UTC, None).unwrap(),
        "again: nothing to do"
    );
    let kept = visits(&path);
    assert!(
        kept.iter()
            .flat_map(|v| v.start_ms)
            .all(|ms| ms + 2000 >= cut_ms)
    );
    assert_eq!(kept.len(), 3 * 20 + 19 + 1);
    for (before, after) in before
        .iter()
        .zip([by(Step::Hour, &path), by(Step::Day, &path)])
    {
        assert_eq!(before.len(), after.len());
        before.iter().zip(&after).for_each(|(a, b)| near(a, b));
    }
    let connection = rusqlite::Connection::open(&path).unwrap();
    let count = |sql: &str| -> i64 { connection.query_row(sql, [], |row| row.get(0)).unwrap() };
    assert_eq!(
        count("SELECT count(*) FROM boots"),
        5,
        "boots of which nothing is left go"
    );
    assert_eq!(count("SELECT count(*) FROM pragma_foreign_key_check"), 0);
    // The one without a time is as old as the next that has one: here there is none.
    while store
        .roll_up(NOW_MS + DAY_MS, &TimeZone::UTC, None)
        .unwrap()
    {}
    assert_eq!(visits(&path).len(), 1);
    let next = FakeClock::right();
    commit(&mut store, &next, &[], &[]);
    while store
        .roll_up(NOW_MS + DAY_MS, &TimeZone::UTC, None)
        .unwrap()
    {}
    assert_eq!(visits(&path).len(), 0);
    let days = by(Step::Day, &path);
    let unknown = days.last().unwrap();
    assert_eq!((unknown.start.clone(), unknown.visits), (None, 1));
}

/// Whether any file of the folder holds `needle`.
fn holds(folder: &Path, needle: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        bytes.windows(needle.len()).any(|window| window == needle)
    })
}

#[test]
fn what_is_purged_is_gone_from_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    fill(&path);
    fs::write(
        folder.path().join("counts.db.damaged-20260101T000000Z"),
        "old",
    )
    .unwrap();
    fs::write(
        folder.path().join("counts.db.damaged-20260101T000000Z-wal"),
        "log",
    )
    .unwrap();
    // A second name shows what is in a file when its first one is gone.
    let kept = |name: &str| folder.path().join(name);
    fs::hard_link(
        kept("counts.db.damaged-20260101T000000Z"),
        kept("second name"),
    )
    .unwrap();
    // What a link points to is somebody else's.
    fs::write(kept("another's"), "left alone").unwrap();
    let link = kept("counts.db.damaged-20260102T000000Z");
    std::os::unix::fs::symlink(kept("another's"), &link).unwrap();
    // Durations of the first day are 1007 and more; as SQLite stores them, with the sequence.
    let sequence = 19 * HOUR_US / 10;
    let needle = &sequence.to_be_bytes()[2..];
    assert!(holds(folder.path(), needle));
    assert!(holds(folder.path(), b"happy"));

    // A counter has it open meanwhile.
    let mut store = open(&path);
    let before = What::Before(moment(NOW_MS - 4 * DAY_MS));
    assert_eq!(preview(&path, before).unwrap().visits, 40);
    assert_eq!(visits(&path).len(), 141, "looking deletes nothing");
    assert_eq!(purge(&path, before).unwrap().visits, 40);
    assert_eq!(visits(&path).len(), 101);
    assert_eq!(by(Step::Day, &path).len(), 6);

    let all = purge(&path, What::All).unwrap();
    assert_eq!((all.visits, all.files_aside.len()), (101, 3));
    assert_eq!(fs::read(kept("second name")).unwrap(), [0; 3]);
    assert_eq!(fs::read(kept("another's")).unwrap(), b"left alone");
    assert!(!link.is_symlink());
    assert!(!holds(folder.path(), needle) && !holds(folder.path(), b"happy"));
    let log = fs::metadata(folder.path().join("counts.db-wal")).unwrap();
    assert_eq!(log.len(), 0);
    // Counting goes on.
    commit(
        &mut store,
        &FakeClock::right(),
        &[visit(1, [2000, 0, 0], 0)],
        &[],
    );
    assert_eq!(visits(&path).len(), 1);
}

#[test]
fn rolled_up_hours_are_purged_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    fill(&path);
    while open(&path)
        .roll_up(NOW_MS - 2 * DAY_MS, &TimeZone::UTC, None)
        .unwrap()
    {}
    let before = What::Before(moment(NOW_MS - 3 * DAY_MS));
    let purged = purge(&path, before).unwrap();
    assert_eq!(
        (purged.visits, purged.hours),
        (0, 6),
        "two hours on each of three days"
    );
    let from = by(Step::Day, &path)[0].start.clone().unwrap();
    assert_eq!(
        from.timestamp(),
        moment(NOW_MS - 3 * DAY_MS - NOW_MS.rem_euclid(DAY_MS))
    );
}

#[test]
fn a_reader_in_the_way_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    fill(&path);
    let mut store = open(&path);
    let reader = Reader::open(&path).unwrap();
    commit(&mut store, &FakeClock::right(), &[], &[]);
    let error = purge(&path, What::All).unwrap_err();
    assert!(error.to_string().contains("run it again"), "{error}");
    drop(reader);
    purge(&path, What::All).unwrap();
}

#[test]
fn a_damaged_file_can_be_purged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    fs::write(&path, "no database at all".repeat(99)).unwrap();
    assert!(purge(&path, What::Before(moment(NOW_MS))).is_err());
    assert!(path.exists());
    purge(&path, What::All).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
