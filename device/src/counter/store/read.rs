//! Reading counts, all of it as of one moment, while the counter goes on.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, Row, params};

use super::schema::{self, Found};
use super::{Period, Store, StoreError, VERSION, damage};
use crate::counter::clock::Trust;
use crate::counter::history::{Bucket, Sums};

/// How long another program's lock is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// A visit as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptVisit {
    /// Number of its boot, in their order.
    pub boot: i64,
    /// Its number in the boot, ascending.
    pub sequence: i64,
    /// First sighting, Unix milliseconds; `None` if the time of that boot never became known.
    pub start_ms: Option<i64>,
    /// What the clock of that boot is worth.
    pub trust: Trust,
    /// From the first sighting to the last.
    pub duration_ms: u64,
    /// Time that the expression was uncertain.
    pub uncertain_ms: u64,
    /// Time out of sight in between.
    pub unseen_ms: u64,
    /// Index of the expression shown longest.
    pub expression: Option<usize>,
    /// Mean probability of what was shown, 0..=1.
    pub confidence: Option<f64>,
    /// Time per expression, in the order of [`Reader::expressions`].
    pub shown_ms: Vec<u64>,
}

/// Which times: from the first to before the second, each where it is given. A range leaves out
/// what has no known time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// From here on.
    pub from: Option<Timestamp>,
    /// Up to here, and not this itself.
    pub to: Option<Timestamp>,
}

impl Span {
    /// Both ends in Unix milliseconds; far away where there is none.
    fn bounds_ms(&self) -> [i64; 2] {
        let far = [Timestamp::MIN, Timestamp::MAX];
        [self.from.unwrap_or(far[0]), self.to.unwrap_or(far[1])].map(Timestamp::as_millisecond)
    }

    /// Whether it has no end at all.
    fn is_everything(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }
}

/// The database, open for reading.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    path: PathBuf,
    /// Their ids, ascending, and names.
    expressions: Vec<(i64, String)>,
}

impl Reader {
    /// Opens the database; what is read from now on is as of this moment. An older version is
    /// brought up to date first.
    ///
    /// # Errors
    /// If it is missing, damaged, of a later version or cannot be opened.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            let path = path.to_owned();
            return Err(StoreError::Missing { path });
        }
        let sqlite = |error| StoreError::new(path, error);
        let mut connection = connect(path).map_err(sqlite)?;
        match schema::find(&connection).map_err(sqlite)? {
            Found::Version(VERSION) => {}
            Found::Version(version) if version > VERSION => {
                let path = path.to_owned();
                return Err(StoreError::TooNew { path, version });
            }
            Found::Version(_) | Found::Empty => {
                drop(connection);
                Store::try_open(path, PATIENCE)?;
                connection = connect(path).map_err(sqlite)?;
            }
            Found::Foreign => {
                return Err(StoreError::Damaged {
                    path: path.to_owned(),
                    why: "it holds something else".to_owned(),
                });
            }
        }
        let expressions = snapshot(&connection).map_err(sqlite)?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            expressions,
        })
    }

    /// Looks whether the file is sound, all of it.
    ///
    /// # Errors
    /// If it is not.
    pub fn verify(&self) -> Result<(), StoreError> {
        super::verify(&self.connection, &self.path)
    }

    /// Names of all expressions that were ever counted, oldest first.
    pub fn expressions(&self) -> impl ExactSizeIterator<Item = &str> {
        self.expressions.iter().map(|(_, name)| name.as_str())
    }

    /// Gives the visits that began in `span` to `each`, in the order in which they happened.
    ///
    /// # Errors
    /// What SQLite says, or `each`.
    pub fn visits<E: From<StoreError>>(
        &self,
        span: Span,
        mut each: impl FnMut(KeptVisit) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = format!(
            "SELECT {VISIT_COLUMNS} FROM boots b CROSS JOIN visits v ON v.boot = b.id
             WHERE (?3 OR b.trust > 0)
               AND v.sequence >= (?1 - b.offset_ms) * 1000
               AND v.sequence < (?2 - b.offset_ms) * 1000
             ORDER BY b.id, v.sequence"
        );
        let sqlite = |error| StoreError::new(&self.path, error);
        let [from_ms, to_ms] = span.bounds_ms();
        let mut statement = self.connection.prepare(&sql).map_err(sqlite)?;
        let mut rows = statement
            .query(params![from_ms, to_ms, span.is_everything()])
            .map_err(sqlite)?;
        while let Some(row) = rows.next().map_err(sqlite)? {
            each(visit(&self.connection, &self.expressions, row).map_err(sqlite)?)?;
        }
        Ok(())
    }

    /// Gives the periods that began in `span`, with the begin in Unix milliseconds where it is
    /// known.
    ///
    /// # Errors
    /// What SQLite says, or `each`.
    pub fn periods<E: From<StoreError>>(
        &self,
        span: Span,
        mut each: impl FnMut(Option<i64>, Period) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = format!(
            "SELECT {PERIOD_COLUMNS} FROM boots b CROSS JOIN periods p ON p.boot = b.id
             WHERE (?3 OR b.trust > 0)
               AND p.start_ms >= ?1 - b.offset_ms AND p.start_ms < ?2 - b.offset_ms
             ORDER BY b.id, p.start_ms"
        );
        let sqlite = |error| StoreError::new(&self.path, error);
        let [from_ms, to_ms] = span.bounds_ms();
        let mut statement = self.connection.prepare(&sql).map_err(sqlite)?;
        let mut rows = statement
            .query(params![from_ms, to_ms, span.is_everything()])
            .map_err(sqlite)?;
        while let Some(row) = rows.next().map_err(sqlite)? {
            let (start_ms, period) = period(row).map_err(sqlite)?;
            each(start_ms, period)?;
        }
        Ok(())
    }

    /// Gives the hours of older visits that began in `span`, with the begin in Unix milliseconds
    /// where it is known.
    ///
    /// # Errors
    /// What SQLite says, or `each`.
    pub fn hours<E: From<StoreError>>(
        &self,
        span: Span,
        mut each: impl FnMut(Option<i64>, Bucket) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = "
            SELECT start_s, up_ms, frames, frames_without_face, camera_losses, visits,
              uncertain_visits, duration_ms, uncertain_ms, unseen_ms, certainty_ms
            FROM hours
            WHERE start_s * 1000 >= ?1 AND start_s * 1000 < ?2 AND (?3 OR start_s <> 0)
            ORDER BY start_s";
        let sqlite = |error| StoreError::new(&self.path, error);
        let [from_ms, to_ms] = span.bounds_ms();
        let mut statement = self.connection.prepare(sql).map_err(sqlite)?;
        let mut rows = statement
            .query(params![from_ms, to_ms, span.is_everything()])
            .map_err(sqlite)?;
        while let Some(row) = rows.next().map_err(sqlite)? {
            let (start_s, bucket) = self.hour(row).map_err(sqlite)?;
            each((start_s != 0).then_some(start_s * 1000), bucket)?;
        }
        Ok(())
    }

    fn hour(&self, row: &Row<'_>) -> rusqlite::Result<(i64, Bucket)> {
        let start_s: i64 = row.get(0)?;
        let mut bucket = Bucket {
            start: None,
            up_ms: row.get(1)?,
            frames: row.get(2)?,
            frames_without_face: row.get(3)?,
            camera_losses: row.get(4)?,
            visits: row.get(5)?,
            uncertain_visits: row.get(6)?,
            duration_ms: row.get(7)?,
            uncertain_ms: row.get(8)?,
            unseen_ms: row.get(9)?,
            certainty_ms: row.get(10)?,
            expressions: vec![Sums::default(); self.expressions.len()],
        };
        let sql = "
            SELECT expression, visits, showing, shown_ms FROM hour_expressions WHERE start_s = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([start_s])?;
        while let Some(row) = rows.next()? {
            if let Some(index) = index(&self.expressions, row.get(0)?) {
                bucket.expressions[index] = Sums {
                    visits: row.get(1)?,
                    showing: row.get(2)?,
                    shown_ms: row.get(3)?,
                };
            }
        }
        Ok((start_s, bucket))
    }
}

/// What [`visit`] reads, of boots `b` and visits `v`.
pub(super) const VISIT_COLUMNS: &str = "v.boot, v.sequence, b.offset_ms, b.trust, v.duration_ms, \
     v.uncertain_ms, v.unseen_ms, v.expression, v.confidence";

/// A row of [`VISIT_COLUMNS`], and what belongs to it.
pub(super) fn visit(
    connection: &Connection,
    expressions: &[(i64, String)],
    row: &Row<'_>,
) -> rusqlite::Result<KeptVisit> {
    let (boot, sequence): (i64, i64) = (row.get(0)?, row.get(1)?);
    let (offset_ms, trust) = (row.get::<_, i64>(2)?, Trust::from_number(row.get(3)?));
    let expression: Option<i64> = row.get(7)?;
    let mut visit = KeptVisit {
        boot,
        sequence,
        start_ms: (trust > Trust::Unknown).then_some(sequence / 1000 + offset_ms),
        trust,
        duration_ms: row.get(4)?,
        uncertain_ms: row.get(5)?,
        unseen_ms: row.get(6)?,
        expression: expression.and_then(|id| index(expressions, id)),
        confidence: row.get(8)?,
        shown_ms: vec![0; expressions.len()],
    };
    let sql =
        "SELECT expression, shown_ms FROM visit_expressions WHERE boot = ?1 AND sequence = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([boot, sequence])?;
    while let Some(row) = rows.next()? {
        if let Some(index) = index(expressions, row.get(0)?) {
            visit.shown_ms[index] = row.get(1)?;
        }
    }
    Ok(visit)
}

/// What [`period`] reads, of boots `b` and periods `p`.
pub(super) const PERIOD_COLUMNS: &str = "b.offset_ms, b.trust, p.start_ms, p.up_ms, p.frames, \
     p.frames_without_face, p.camera_losses";
/// How many these are.
pub(super) const PERIOD_COLUMN_COUNT: usize = 7;

/// A row of [`PERIOD_COLUMNS`]: the begin in Unix milliseconds, where it is known, and the rest.
pub(super) fn period(row: &Row<'_>) -> rusqlite::Result<(Option<i64>, Period)> {
    let (offset_ms, trust) = (row.get::<_, i64>(0)?, Trust::from_number(row.get(1)?));
    let period = Period {
        start_ms: row.get(2)?,
        up_ms: row.get(3)?,
        frames: row.get(4)?,
        frames_without_face: row.get(5)?,
        camera_losses: row.get(6)?,
    };
    let start_ms = period.start_ms as i64 + offset_ms;
    Ok(((trust > Trust::Unknown).then_some(start_ms), period))
}

fn index(expressions: &[(i64, String)], id: i64) -> Option<usize> {
    expressions.binary_search_by_key(&id, |(id, _)| *id).ok()
}

/// Ids, ascending, and names.
pub(super) fn expressions(connection: &Connection) -> rusqlite::Result<Vec<(i64, String)>> {
    let mut statement = connection.prepare("SELECT id, name FROM expressions ORDER BY id")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// Begins a transaction and reads the expressions, which fixes what it sees.
fn snapshot(connection: &Connection) -> rusqlite::Result<Vec<(i64, String)>> {
    connection.execute_batch("BEGIN")?;
    expressions(connection)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = |name: &Path, flags| {
        let connection = Connection::open_with_flags(name, flags)?;
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "trusted_schema", false)?;
        schema::find(&connection)?;
        Ok(connection)
    };
    match open(path, flags) {
        // Without a log beside it, a file in a folder where we may not write is at rest.
        Err(_) if !damage::with_suffix(path, "-wal").exists() => {
            let name = damage::with_suffix(Path::new("file:"), &as_uri(path));
            let name = damage::with_suffix(&name, "?immutable=1");
            open(&name, flags | OpenFlags::SQLITE_OPEN_URI)
        }
        outcome => outcome,
    }
}

/// The path with what means something in an address written as `%xx`.
fn as_uri(path: &Path) -> String {
    let special = |byte: &u8| !byte.is_ascii_alphanumeric() && !b"/._-~".contains(byte);
    path.as_os_str()
        .as_encoded_bytes()
        .iter()
        .map(|byte| match special(byte) {
            true => format!("%{byte:02x}"),
            false => char::from(*byte).to_string(),
        })
        .collect()
}
