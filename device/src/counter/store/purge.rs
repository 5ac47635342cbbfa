//! Deleting for good.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior};

use super::retention::{OLD_UNKNOWN, remove_empty_boots};
use super::{Store, StoreError, damage};

/// How long a counter that is writing is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// What to delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// What began before, and sums of hours that did. Of boots whose time never became known, those
    /// before a boot that began earlier than this.
    Before(Timestamp),
    /// Everything, damaged files that were set aside too.
    All,
}

/// What was, or would be, deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Visits one by one.
    pub visits: u64,
    /// Hours of older visits.
    pub hours: u64,
    /// Damaged files, with what belongs to them.
    pub files_aside: Vec<PathBuf>,
}

/// What [`purge`] would delete.
///
/// # Errors
/// If the database cannot be read.
pub fn preview(path: &Path, what: What) -> Result<Purged, StoreError> {
    let files_aside = files_aside(path, what)?;
    if !path.exists() && !files_aside.is_empty() {
        return Ok(Purged {
            files_aside,
            ..Purged::default()
        });
    }
    let store = open(path)?;
    let count = |connection: &Connection| {
        let (visits, hours) = match what {
            What::All => ("true".to_owned(), "true".to_owned()),
            What::Before(_) => (old("v.sequence / 1000"), "start_s * 1000 < ?1".to_owned()),
        };
        let count = |sql: String| {
            connection.query_row(
                &format!("{sql} AND ?1 IS NOT NULL"),
                [before_ms(what)],
                |row| row.get(0),
            )
        };
        Ok(Purged {
            visits: count(format!(
                "SELECT count(*) FROM visits v JOIN boots b ON b.id = v.boot WHERE {visits}"
            ))?,
            hours: count(format!("SELECT count(*) FROM hours WHERE {hours}"))?,
            files_aside,
        })
    };
    count(&store.connection).map_err(|error| store.sqlite(error))
}

/// Deletes it, so that nothing of it is left in the file or its log. A running counter goes on; who
/// is in front of the camera meanwhile is written again.
///
/// # Errors
/// If the database cannot be written, or another program keeps reading it.
pub fn purge(path: &Path, what: What) -> Result<Purged, StoreError> {
    let purged = match preview(path, what) {
        // Nothing in it can be told from the rest.
        Err(StoreError::Damaged { .. }) if what == What::All => {
            let beside = ["-wal", "-shm"].map(|suffix| damage::with_suffix(path, suffix));
            let files = beside.into_iter().filter(|file| file.exists());
            Purged {
                files_aside: files
                    .chain([path.to_owned()])
                    .chain(files_aside(path, what)?)
                    .collect(),
                ..Purged::default()
            }
        }
        outcome => outcome?,
    };
    for file in &purged.files_aside {
        erase(file).map_err(|error| StoreError::Io {
            path: file.clone(),
            error,
        })?;
    }
    if !path.exists() {
        return Ok(purged);
    }
    let mut store = open(path)?;
    let outcome = delete(&mut store.connection, what);
    match outcome.map_err(|error| store.sqlite(error))? {
        false => Ok(purged),
        true => Err(StoreError::LogInUse {
            path: path.to_owned(),
        }),
    }
}

/// Overwrites a file with zeros, as SQLite does with rows, and removes it. A link is only removed:
/// what it points to is not ours.
fn erase(file: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(file)?;
    if found.is_file() {
        let mut to = File::options().write(true).open(file)?;
        io::copy(&mut io::repeat(0).take(found.len()), &mut to)?;
        // Before the name goes: afterwards nobody writes to its blocks.
        to.sync_all()?;
    }
    fs::remove_file(file)
}

fn open(path: &Path) -> Result<Store, StoreError> {
    if !path.exists() {
        let path = path.to_owned();
        return Err(StoreError::Missing { path });
    }
    Store::try_open(path, PATIENCE)
}

fn files_aside(path: &Path, what: What) -> Result<Vec<PathBuf>, StoreError> {
    match what {
        What::Before(_) => Ok(Vec::new()),
        What::All
            if path
                .parent()
                .is_some_and(|p| !p.as_os_str().is_empty() && !p.exists()) =>
        {
            Ok(Vec::new())
        }
        What::All => damage::files_aside(path).map_err(|error| StoreError::Io {
            path: path.to_owned(),
            error,
        }),
    }
}

fn before_ms(what: What) -> i64 {
    match what {
        What::Before(moment) => moment.as_millisecond(),
        What::All => i64::MAX,
    }
}

/// Whether something that began `since_boot` (milliseconds since its boot) is old.
fn old(since_boot: &str) -> String {
    format!("((b.trust > 0 AND {since_boot} + b.offset_ms < ?1) OR ({OLD_UNKNOWN}))")
}

/// Whether the log could not be emptied.
fn delete(connection: &mut Connection, what: What) -> rusqlite::Result<bool> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    match what {
        What::All => transaction.execute_batch(
            "DELETE FROM visit_expressions; DELETE FROM visits; DELETE FROM periods;
             DELETE FROM hour_expressions; DELETE FROM hours; DELETE FROM clock_steps;
             DELETE FROM boots; DELETE FROM expressions;",
        )?,
        What::Before(_) => {
            let visits = old("v.sequence / 1000");
            let periods = old("p.start_ms");
            let from_visits = format!("FROM visits v JOIN boots b ON b.id = v.boot WHERE {visits}");
            for sql in [
                format!(
                    "DELETE FROM visit_expressions WHERE (boot, sequence) IN
                       (SELECT v.boot, v.sequence {from_visits})"
                ),
                format!(
                    "DELETE FROM visits WHERE (boot, sequence) IN
                       (SELECT v.boot, v.sequence {from_visits})"
                ),
                format!(
                    "DELETE FROM periods WHERE (boot, start_ms) IN
                       (SELECT p.boot, p.start_ms FROM periods p JOIN boots b ON b.id = p.boot
                        WHERE {periods})"
                ),
                "DELETE FROM hour_expressions WHERE start_s * 1000 < ?1".to_owned(),
                "DELETE FROM hours WHERE start_s * 1000 < ?1".to_owned(),
            ] {
                transaction.execute(&sql, [before_ms(what)])?;
            }
            remove_empty_boots(&transaction)?;
        }
    }
    transaction.commit()?;
    // Deleting has overwritten the rows; this takes the free pages away, and then the log, which
    // still holds what was changed.
    connection.execute_batch("VACUUM")?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
}
