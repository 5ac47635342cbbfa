//! Visits and periods that are old enough become sums by the hour.

use std::collections::BTreeMap;

use jiff::Zoned;
use jiff::tz::TimeZone;
use rusqlite::{Transaction, TransactionBehavior, params};

use super::read::{self, KeptVisit};
use super::{Period, Store, StoreError, commit};
use crate::counter::clock::BootTime;
use crate::counter::history::{self, Bucket, Step, Sums};

/// Most visits, and most periods, of one transaction: the lock is held for a moment only.
const CHUNK: i64 = 2000;

/// Boots, and what of them is older than `?1` (Unix milliseconds). One whose time never became
/// known is as old as the next one whose time did.
pub(super) const OLD_UNKNOWN: &str = "
    b.trust = 0 AND EXISTS (SELECT 1 FROM boots later
      WHERE later.id > b.id AND later.trust > 0 AND later.offset_ms < ?1)";

/// The boot that is being counted: its newest time, and which of its rows may be written again.
#[derive(Clone, Copy, Debug)]
pub struct Ongoing<'a> {
    /// The boot.
    pub boot_id: &'a str,
    /// Its offset to the wall clock, which the database may not know yet.
    pub time: BootTime,
    /// Its visits from this sequence on may be written again, and so must not become sums.
    pub sequence: u64,
    /// Likewise its periods from this time since the boot on, milliseconds.
    pub start_ms: u64,
}

impl Store {
    /// Adds what was over before `before_ms` (Unix, milliseconds) to the sums of `zone`'s hours and
    /// deletes it, as much as one transaction should. Whether there may be more. `ongoing` is the
    /// boot that is being counted, if one is: what `before_ms` rests on and when its rows were must
    /// be the same time.
    ///
    /// # Errors
    /// What SQLite says; nothing has changed then.
    pub fn roll_up(
        &mut self,
        before_ms: i64,
        zone: &TimeZone,
        ongoing: Option<Ongoing<'_>>,
    ) -> Result<bool, StoreError> {
        let outcome = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .and_then(|transaction| {
                let has_more = roll_up(&transaction, before_ms, zone, ongoing)?;
                transaction.commit()?;
                Ok(has_more)
            });
        outcome.map_err(|error| self.sqlite(error))
    }
}

fn roll_up(
    transaction: &Transaction<'_>,
    before_ms: i64,
    zone: &TimeZone,
    ongoing: Option<Ongoing<'_>>,
) -> rusqlite::Result<bool> {
    // No boot has the number 0.
    let mut still = Still::default();
    if let Some(ongoing) = ongoing {
        still = Still {
            boot: commit::boot(transaction, ongoing.boot_id, &ongoing.time)?,
            sequence: ongoing.sequence as i64,
            start_ms: ongoing.start_ms as i64,
        };
    }
    let expressions = read::expressions(transaction)?;
    let mut hours = Hours {
        sums: BTreeMap::new(),
        expressions: expressions.len(),
        zone,
    };
    let visits = old_visits(transaction, before_ms, &still, &expressions)?;
    for visit in &visits {
        hours.at(visit.start_ms).add_visit(visit);
        let key = params![visit.boot, visit.sequence];
        for sql in [
            "DELETE FROM visit_expressions WHERE boot = ?1 AND sequence = ?2",
            "DELETE FROM visits WHERE boot = ?1 AND sequence = ?2",
        ] {
            transaction.prepare_cached(sql)?.execute(key)?;
        }
    }
    let periods = old_periods(transaction, before_ms, &still)?;
    for (boot, start_ms, period) in &periods {
        hours.at(*start_ms).add_period(period);
        let sql = "DELETE FROM periods WHERE boot = ?1 AND start_ms = ?2";
        let key = params![boot, period.start_ms];
        transaction.prepare_cached(sql)?.execute(key)?;
    }
    for (start_s, bucket) in &hours.sums {
        add(transaction, *start_s, bucket, &expressions)?;
    }
    remove_empty_boots(transaction)?;
    let most = CHUNK as usize;
    Ok(visits.len() == most || periods.len() == most)
}

/// From where on a boot's rows may be written again.
#[derive(Default)]
struct Still {
    boot: i64,
    sequence: i64,
    start_ms: i64,
}

/// Sums by the hour's begin; 0 stands for no known time.
struct Hours<'z> {
    sums: BTreeMap<i64, Bucket>,
    expressions: usize,
    zone: &'z TimeZone,
}

impl Hours<'_> {
    fn at(&mut self, start_ms: Option<i64>) -> &mut Bucket {
        let start = start_ms.and_then(|start_ms| history::begin(start_ms, Step::Hour, self.zone));
        let start_s = start
            .as_ref()
            .map_or(0, |start: &Zoned| start.timestamp().as_second());
        self.sums.entry(start_s).or_insert_with(|| Bucket {
            expressions: vec![Sums::default(); self.expressions],
            ..Bucket::default()
        })
    }
}

fn old_visits(
    transaction: &Transaction<'_>,
    before_ms: i64,
    still: &Still,
    expressions: &[(i64, String)],
) -> rusqlite::Result<Vec<KeptVisit>> {
    let sql = format!(
        "SELECT {columns} FROM boots b CROSS JOIN visits v ON v.boot = b.id
         WHERE ((b.trust > 0 AND v.sequence < (?1 - b.offset_ms) * 1000
             AND v.sequence / 1000 + v.duration_ms + b.offset_ms < ?1)
           OR ({OLD_UNKNOWN}))
           AND (b.id <> ?3 OR v.sequence < ?4)
         ORDER BY b.id, v.sequence LIMIT ?2",
        columns = read::VISIT_COLUMNS,
    );
    let mut statement = transaction.prepare(&sql)?;
    let values = [before_ms, CHUNK, still.boot, still.sequence];
    let rows = statement.query_map(values, |row| read::visit(transaction, expressions, row))?;
    rows.collect()
}

type OldPeriod = (i64, Option<i64>, Period);

fn old_periods(
    transaction: &Transaction<'_>,
    before_ms: i64,
    still: &Still,
) -> rusqlite::Result<Vec<OldPeriod>> {
    let sql = format!(
        "SELECT {columns}, b.id FROM boots b CROSS JOIN periods p ON p.boot = b.id
         WHERE ((b.trust > 0 AND p.start_ms + p.up_ms + b.offset_ms < ?1) OR ({OLD_UNKNOWN}))
           AND (b.id <> ?3 OR p.start_ms < ?4)
         ORDER BY b.id, p.start_ms LIMIT ?2",
        columns = read::PERIOD_COLUMNS,
    );
    let mut statement = transaction.prepare(&sql)?;
    let values = [before_ms, CHUNK, still.boot, still.start_ms];
    let rows = statement.query_map(values, |row| {
        let (start_ms, period) = read::period(row)?;
        Ok((row.get(read::PERIOD_COLUMN_COUNT)?, start_ms, period))
    })?;
    rows.collect()
}

/// Adds sums to an hour's.
fn add(
    transaction: &Transaction<'_>,
    start_s: i64,
    bucket: &Bucket,
    expressions: &[(i64, String)],
) -> rusqlite::Result<()> {
    let sql = "
        INSERT INTO hours VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
        ON CONFLICT DO UPDATE SET up_ms = up_ms + excluded.up_ms,
          frames = frames + excluded.frames,
          frames_without_face = frames_without_face + excluded.frames_without_face,
          camera_losses = camera_losses + excluded.camera_losses,
          visits = visits + excluded.visits,
          uncertain_visits = uncertain_visits + excluded.uncertain_visits,
          duration_ms = duration_ms + excluded.duration_ms,
          uncertain_ms = uncertain_ms + excluded.uncertain_ms,
          unseen_ms = unseen_ms + excluded.unseen_ms,
          certainty_ms = certainty_ms + excluded.certainty_ms";
    transaction.prepare_cached(sql)?.execute(params![
        start_s,
        bucket.up_ms,
        bucket.frames,
        bucket.frames_without_face,
        bucket.camera_losses,
        bucket.visits,
        bucket.uncertain_visits,
        bucket.duration_ms,
        bucket.uncertain_ms,
        bucket.unseen_ms,
        bucket.certainty_ms,
    ])?;
    for ((id, _), sums) in expressions.iter().zip(&bucket.expressions) {
        if *sums == Sums::default() {
            continue;
        }
        let sql = "
            INSERT INTO hour_expressions VALUES (?1, ?2, ?3, ?4, ?5)
            ON CONFLICT DO UPDATE SET visits = visits + excluded.visits,
              showing = showing + excluded.showing, shown_ms = shown_ms + excluded.shown_ms";
        transaction.prepare_cached(sql)?.execute(params![
            start_s,
            id,
            sums.visits,
            sums.showing,
            sums.shown_ms
        ])?;
    }
    Ok(())
}

/// Boots of which nothing is left, but for the newest.
pub(super) fn remove_empty_boots(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    transaction.execute_batch(
        "CREATE TEMP TABLE empty AS SELECT id FROM boots b
           WHERE id < (SELECT max(id) FROM boots)
             AND NOT EXISTS (SELECT 1 FROM visits WHERE boot = b.id)
             AND NOT EXISTS (SELECT 1 FROM periods WHERE boot = b.id);
         DELETE FROM clock_steps WHERE boot IN empty;
         DELETE FROM boots WHERE id IN empty;
         DROP TABLE temp.empty;",
    )
}
