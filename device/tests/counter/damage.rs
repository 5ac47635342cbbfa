//! Files that are damaged, or none of ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use mien_device::counter::store::{Opened, Reader, Span, Store, StoreError};

use super::made::{FakeClock, HOUR_US, NOW_MS, commit, open, visit};

const PAGE_BYTES: usize = 4096;

fn reopen(path: &Path) -> Opened {
    let now = Timestamp::from_millisecond(NOW_MS).unwrap();
    Store::open(path, Duration::from_millis(100), now).unwrap()
}

/// A database of several pages, at rest.
fn fill(path: &Path) {
    let mut store = open(path);
    let visits: Vec<_> = (0..400)
        .map(|n| visit(HOUR_US + n, [1000 + n, 3, 20], 1))
        .collect();
    commit(&mut store, &FakeClock::right(), &visits, &[]);
}

fn count(path: &Path) -> usize {
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

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    files.sort();
    files
}

#[test]
fn a_file_damaged_at_any_page_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    fill(&path);
    let whole = fs::read(&path).unwrap();
    let pages = whole.len() / PAGE_BYTES;
    assert!(pages > 10, "{pages} pages");
    let mut random = fastrand::Rng::with_seed(6);
    for page in 0..pages {
        for kind in ["zeros", "noise"] {
            let mut bytes = whole.clone();
            let at = page * PAGE_BYTES..(page + 1) * PAGE_BYTES;
            match kind {
                "zeros" => bytes[at].fill(0),
                _ => bytes[at].fill_with(|| random.u8(..)),
            }
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("counts.db");
            fs::write(&path, &bytes).unwrap();
            let opened = reopen(&path);
            let (aside, why) = opened
                .aside
                .unwrap_or_else(|| panic!("page {page}: {kind}"));
            assert_eq!(
                fs::read(&aside).unwrap(),
                bytes,
                "page {page} is kept as it was"
            );
            assert!(!why.is_empty());
            let name = aside.file_name().unwrap().to_str().unwrap();
            assert_eq!(name, "counts.db.damaged-20261123T080000Z");
            let mut store = opened.store;
            commit(
                &mut store,
                &FakeClock::right(),
                &[visit(1, [2000, 0, 0], 0)],
                &[],
            );
            assert_eq!(count(&path), 1);
        }
    }
}

#[test]
fn a_file_cut_short_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    fill(&path);
    let whole = fs::read(&path).unwrap();
    for length in [
        1,
        99,
        100,
        PAGE_BYTES - 1,
        PAGE_BYTES + 5,
        whole.len() - PAGE_BYTES,
    ] {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(reopen(&path).aside.is_some(), "{length} bytes");
        assert_eq!(count(&path), 0);
    }
    // Six of the same second; nothing was overwritten.
    let names = files(folder.path());
    let names = names.iter().map(|file| file.to_str().unwrap());
    let is_database = |name: &&str| !name.ends_with("-wal") && !name.ends_with("-shm");
    let aside = names
        .filter(|name| name.contains(".damaged-"))
        .filter(is_database);
    assert_eq!(aside.count(), 6);
}

#[test]
fn another_program_s_file_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    let foreign = rusqlite::Connection::open(&path).unwrap();
    foreign
        .execute_batch("CREATE TABLE precious (x); INSERT INTO precious VALUES (1)")
        .unwrap();
    drop(foreign);
    assert!(matches!(
        Reader::open(&path),
        Err(StoreError::Damaged { .. })
    ));
    let (aside, why) = reopen(&path).aside.unwrap();
    assert!(why.contains("something else"), "{why}");
    let foreign = rusqlite::Connection::open(&aside).unwrap();
    let x: i64 = foreign
        .query_row("SELECT x FROM precious", [], |row| row.get(0))
        .unwrap();
    assert_eq!(x, 1);
    fs::write(
        folder.path().join("text.db"),
        "these are no counts\n".repeat(99),
    )
    .unwrap();
    assert!(reopen(&folder.path().join("text.db")).aside.is_some());
}

#[test]
fn an_empty_file_is_a_fresh_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    fs::write(&path, "").unwrap();
    assert_eq!(count(&path), 0);
    drop(open(&path));
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn a_torn_log_costs_only_what_was_last() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    let mut store = open(&path);
    let clock = FakeClock::right();
    for n in 0..4 {
        commit(
            &mut store,
            &clock,
            &[visit(HOUR_US + n, [2000, 0, 0], 0)],
            &[],
        );
    }
    let log = fs::read(folder.path().join("counts.db-wal")).unwrap();
    let file = fs::read(&path).unwrap();
    // As a power cut leaves it: the end of the log is missing.
    for keep in [log.len(), log.len() - 1, log.len() / 2, 40, 0] {
        let torn = tempfile::tempdir().unwrap();
        let path = torn.path().join("counts.db");
        fs::write(&path, &file).unwrap();
        fs::write(torn.path().join("counts.db-wal"), &log[..keep]).unwrap();
        drop(open(&path));
        let left = count(&path);
        assert!(left <= 4, "{left}");
        assert!(keep < log.len() || left == 4);
        assert!(keep + 1 != log.len() || left == 3, "{left}");
    }
}
