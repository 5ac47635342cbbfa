use super::*;
use crate::counter::clock::{BootTime, Clock, Trust};
use crate::counter::visit::Visit;

/// 2026-11-23 08:00 UTC.
const NOW_MS: i64 = 1_795_420_800_000;

struct Fixed;

impl Clock for Fixed {
    fn boot_id(&self) -> &str {
        "boot"
    }

    fn boot_us(&self) -> u64 {
        0
    }

    fn wall_ms(&self) -> i64 {
        NOW_MS
    }

    fn is_synchronized(&self) -> bool {
        true
    }
}

fn visit(number: u64) -> Visit {
    Visit {
        sequence: number * 1_000_000,
        duration_ms: 2500,
        labels: ["happy", "sad"].map(str::to_owned).into(),
        shown_ms: heapless::Vec::from_slice(&[1500, 0]).unwrap(),
        uncertain_ms: 1000,
        unseen_ms: 0,
        expression: Some(0),
        confidence: Some(0.75),
    }
}

fn open(path: &Path) -> Store {
    let now = Timestamp::from_millisecond(NOW_MS).unwrap();
    Store::open(path, Duration::from_millis(50), now)
        .unwrap()
        .store
}

fn commit(store: &mut Store, numbers: impl IntoIterator<Item = u64>) -> Result<(), StoreError> {
    let visits: Vec<_> = numbers.into_iter().map(visit).collect();
    store.commit(Commit {
        boot_id: "boot",
        time: BootTime::new(&Fixed),
        labels: &["happy".to_owned(), "sad".to_owned()],
        visits: &visits,
        periods: &[],
        steps: &[],
    })
}

fn count(path: &Path) -> usize {
    let mut count = 0;
    let reader = Reader::open(path).unwrap();
    let each = |_| {
        count += 1;
        Ok::<_, StoreError>(())
    };
    reader.visits(Span::default(), each).unwrap();
    count
}

#[test]
fn what_is_written_twice_is_there_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/counts.db");
    let mut store = open(&path);
    commit(&mut store, 0..5).unwrap();
    commit(&mut store, 3..8).unwrap();
    drop(store);
    let store = open(&path);
    assert_eq!(count(&path), 8);
    assert_eq!(
        store.boot_time("boot").unwrap(),
        Some((NOW_MS, Trust::Synchronized))
    );
    assert_eq!(store.boot_time("another").unwrap(), None);
    let today = store
        .visits_between([NOW_MS + 2500, i64::MAX / 2000], "")
        .unwrap();
    assert_eq!(
        today,
        [(Some("happy".to_owned()), 8)],
        "over at the moment itself"
    );
    let later = store
        .visits_between([NOW_MS + 2501, i64::MAX / 2000], "")
        .unwrap();
    assert_eq!(later, [(Some("happy".to_owned()), 7)]);
}

#[test]
fn a_full_disk_leaves_the_file_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    let mut store = open(&path);
    commit(&mut store, 0..10).unwrap();
    let pages = |store: &Store, pragma: &str| -> i64 {
        let query = |row: &rusqlite::Row<'_>| row.get(0);
        store
            .connection
            .pragma_query_value(None, pragma, query)
            .unwrap()
    };
    let used = pages(&store, "page_count");
    let limit = |store: &Store, limit: i64| {
        let set = store
            .connection
            .pragma_update_and_check(None, "max_page_count", limit, |_| Ok(()));
        set.unwrap();
    };
    limit(&store, used);
    let error = commit(&mut store, 0..2000).unwrap_err();
    assert!(error.to_string().contains("the disk is full"), "{error}");
    assert_eq!(count(&path), 10, "all or nothing");
    limit(&store, 1 << 20);
    commit(&mut store, 0..2000).unwrap();
    assert_eq!(count(&path), 2000);
}

#[test]
fn a_removed_file_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    let mut store = open(&path);
    commit(&mut store, 0..1).unwrap();
    fs::remove_file(&path).unwrap();
    assert!(matches!(
        commit(&mut store, 1..2),
        Err(StoreError::Gone { .. })
    ));
    let mut fresh = open(&path);
    assert!(matches!(
        commit(&mut store, 1..2),
        Err(StoreError::Gone { .. })
    ));
    drop(store);
    commit(&mut fresh, 0..2).unwrap();
    assert_eq!(count(&path), 2);
}

#[test]
fn a_later_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("counts.db");
    let store = open(&path);
    let later = VERSION as i64 + 1;
    store
        .connection
        .pragma_update(None, "user_version", later)
        .unwrap();
    drop(store);
    let before = fs::read(&path).unwrap();
    let outcome = Store::open(&path, Duration::ZERO, Timestamp::UNIX_EPOCH);
    assert!(matches!(outcome, Err(StoreError::TooNew { .. })));
    assert!(matches!(
        Reader::open(&path),
        Err(StoreError::TooNew { .. })
    ));
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(damage::files_aside(&path).unwrap(), [] as [PathBuf; 0]);
}
