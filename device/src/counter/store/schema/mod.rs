//! The schema and its versions. `PRAGMA user_version` says which one a file has.

use rusqlite::{Connection, TransactionBehavior};

/// What takes a file of version `index` to the next one.
const MIGRATIONS: [&str; 2] = [include_str!("1.sql"), include_str!("2.sql")];
/// The version this program reads and writes.
pub const VERSION: usize = MIGRATIONS.len();
/// `PRAGMA application_id` of our files: "Mien".
const APPLICATION_ID: i64 = 0x4d69_656e;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing is in it yet.
    Empty,
    /// Counts of this version.
    Version(usize),
    /// Somebody else's.
    Foreign,
}

/// Looks whose file this is.
pub fn find(connection: &Connection) -> rusqlite::Result<Found> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(match (number("application_id")?, tables) {
        (APPLICATION_ID, _) => Found::Version(number("user_version")?.max(0) as usize),
        (0, 0) => Found::Empty,
        _ => Found::Foreign,
    })
}

/// Brings a file of `version` to [`VERSION`], each step whole or not at all.
pub fn migrate(connection: &mut Connection, version: usize) -> rusqlite::Result<()> {
    for (step, sql) in MIGRATIONS.iter().enumerate().skip(version) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have been faster.
        let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if found == step as i64 {
            transaction.execute_batch(sql)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", step as i64 + 1)?;
        }
        transaction.commit()?;
    }
    Ok(())
}
