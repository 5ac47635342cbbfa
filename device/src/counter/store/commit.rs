//! One transaction: everything that is new.

use rusqlite::{OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::{Store, StoreError};
use crate::counter::clock::{BootTime, Step, Trust};
use crate::counter::visit::Visit;

/// Most clock steps that are kept, of all boots together: the newest.
const MAX_STEPS: i64 = 1000;

/// What the device did in at most a quarter of an hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// Milliseconds from the boot to its begin.
    pub start_ms: u64,
    /// Time the program ran in it, milliseconds.
    pub up_ms: u64,
    /// Frames judged.
    pub frames: u64,
    /// Those without a face.
    pub frames_without_face: u64,
    /// How often the camera was lost.
    pub camera_losses: u64,
}

/// What is to be written: sums so far, not what was added since the last time.
#[derive(Clone, Debug)]
pub struct Commit<'a, V> {
    /// The boot all of it belongs to.
    pub boot_id: &'a str,
    /// The boot's offset to the wall clock.
    pub time: BootTime,
    /// Names of the expressions that are counted now, in their order; a visit has its own.
    pub labels: &'a [String],
    /// Visits; one that is known already is replaced.
    pub visits: V,
    /// Periods; likewise.
    pub periods: &'a [Period],
    /// Steps of the clock; likewise.
    pub steps: &'a [Step],
}

impl Store {
    /// Writes all of it, or nothing.
    ///
    /// # Errors
    /// What SQLite says: the disk is full, read-only, …
    pub fn commit<'v>(
        &mut self,
        commit: Commit<'_, impl IntoIterator<Item = &'v Visit>>,
    ) -> Result<(), StoreError> {
        if !self.is_in_place() {
            let path = self.path.clone();
            return Err(StoreError::Gone { path });
        }
        let outcome = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .and_then(|transaction| {
                write(&transaction, commit)?;
                transaction.commit()
            });
        outcome.map_err(|error| self.sqlite(error))
    }

    /// Offset and trust of a boot, as an earlier run left them.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn boot_time(&self, boot_id: &str) -> Result<Option<(i64, Trust)>, StoreError> {
        let sql = "SELECT offset_ms, trust FROM boots WHERE boot_id = ?1";
        let found = self.connection.query_row(sql, [boot_id], |row| {
            Ok((row.get(0)?, Trust::from_number(row.get(1)?)))
        });
        found.optional().map_err(|error| self.sqlite(error))
    }

    /// Visits that were going on at some time from the first to before the second moment (Unix,
    /// milliseconds), by the expression shown longest. Of boots without a known time only
    /// `boot_id` counts.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn visits_between(
        &self,
        [from_ms, to_ms]: [i64; 2],
        boot_id: &str,
    ) -> Result<Vec<(Option<String>, u64)>, StoreError> {
        // The range keeps to the key: who has been here for a day is furniture.
        let sql = "
            SELECT e.name, count(*)
            FROM boots b CROSS JOIN visits v ON v.boot = b.id
            LEFT JOIN expressions e ON e.id = v.expression
            WHERE (b.trust > 0 OR b.boot_id = ?3)
              AND v.sequence >= (?1 - b.offset_ms - 86400000) * 1000
              AND v.sequence < (?2 - b.offset_ms) * 1000
              AND v.sequence / 1000 + v.duration_ms + b.offset_ms >= ?1
            GROUP BY v.expression";
        let read = || -> rusqlite::Result<_> {
            let mut statement = self.connection.prepare_cached(sql)?;
            let rows = statement.query_map(params![from_ms, to_ms, boot_id], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
            rows.collect()
        };
        read().map_err(|error| self.sqlite(error))
    }
}

fn write<'v>(
    transaction: &Transaction<'_>,
    commit: Commit<'_, impl IntoIterator<Item = &'v Visit>>,
) -> rusqlite::Result<()> {
    let boot = boot(transaction, commit.boot_id, &commit.time)?;
    let mut expressions = Expressions::default();
    expressions.of(transaction, commit.labels)?;
    for visit in commit.visits {
        let expressions = expressions.of(transaction, &visit.labels)?;
        write_visit(transaction, boot, expressions, visit)?;
    }
    for period in commit.periods {
        let sql = "
            INSERT INTO periods VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            ON CONFLICT DO UPDATE SET up_ms = excluded.up_ms, frames = excluded.frames,
              frames_without_face = excluded.frames_without_face,
              camera_losses = excluded.camera_losses";
        transaction.prepare_cached(sql)?.execute(params![
            boot,
            period.start_ms as i64,
            period.up_ms as i64,
            period.frames as i64,
            period.frames_without_face as i64,
            period.camera_losses as i64,
        ])?;
    }
    for step in commit.steps {
        let sql = "INSERT OR IGNORE INTO clock_steps VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        transaction.prepare_cached(sql)?.execute(params![
            boot,
            step.boot_us as i64,
            step.from_ms,
            step.to_ms,
            step.trust.to_number(),
            step.is_applied,
        ])?;
    }
    if !commit.steps.is_empty() {
        let sql = "
            DELETE FROM clock_steps WHERE (boot, boot_us) IN
              (SELECT boot, boot_us FROM clock_steps ORDER BY boot DESC, boot_us DESC
               LIMIT -1 OFFSET ?1)";
        transaction.execute(sql, [MAX_STEPS])?;
    }
    Ok(())
}

/// The boot's row, with what is known of its time.
pub(super) fn boot(
    transaction: &Transaction<'_>,
    boot_id: &str,
    time: &BootTime,
) -> rusqlite::Result<i64> {
    let sql = "
        INSERT INTO boots (boot_id, offset_ms, trust) VALUES (?1, ?2, ?3)
        ON CONFLICT DO UPDATE SET offset_ms = excluded.offset_ms, trust = excluded.trust
          WHERE offset_ms <> excluded.offset_ms OR trust <> excluded.trust";
    transaction.prepare_cached(sql)?.execute(params![
        boot_id,
        time.offset_ms,
        time.trust.to_number()
    ])?;
    let sql = "SELECT id FROM boots WHERE boot_id = ?1";
    transaction
        .prepare_cached(sql)?
        .query_row([boot_id], |row| row.get(0))
}

/// The rows of label sets: one for most commits, a few where models were exchanged meanwhile.
#[derive(Default)]
struct Expressions(Vec<(Vec<String>, Vec<i64>)>);

impl Expressions {
    /// The rows of `labels`, in their order.
    fn of(&mut self, transaction: &Transaction<'_>, labels: &[String]) -> rusqlite::Result<&[i64]> {
        let known = self.0.iter().position(|(names, _)| names == labels);
        let index = match known {
            Some(index) => index,
            None => {
                let ids = labels.iter().map(|name| expression(transaction, name));
                let ids = ids.collect::<rusqlite::Result<_>>()?;
                self.0.push((labels.to_vec(), ids));
                self.0.len() - 1
            }
        };
        Ok(&self.0[index].1)
    }
}

fn expression(transaction: &Transaction<'_>, name: &str) -> rusqlite::Result<i64> {
    let sql = "INSERT INTO expressions (name) VALUES (?1) ON CONFLICT DO NOTHING";
    transaction.prepare_cached(sql)?.execute([name])?;
    let sql = "SELECT id FROM expressions WHERE name = ?1";
    transaction
        .prepare_cached(sql)?
        .query_row([name], |row| row.get(0))
}

fn write_visit(
    transaction: &Transaction<'_>,
    boot: i64,
    expressions: &[i64],
    visit: &Visit,
) -> rusqlite::Result<()> {
    let sequence = visit.sequence as i64;
    let longest = visit.expression.and_then(|index| expressions.get(index));
    let sql = "
        INSERT INTO visits VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
        ON CONFLICT DO UPDATE SET duration_ms = excluded.duration_ms,
          uncertain_ms = excluded.uncertain_ms, unseen_ms = excluded.unseen_ms,
          expression = excluded.expression, confidence = excluded.confidence";
    transaction.prepare_cached(sql)?.execute(params![
        boot,
        sequence,
        visit.duration_ms as i64,
        visit.uncertain_ms as i64,
        visit.unseen_ms as i64,
        longest,
        visit.confidence,
    ])?;
    for (&shown_ms, expression) in visit.shown_ms.iter().zip(expressions) {
        if shown_ms == 0 {
            continue;
        }
        let sql = "
            INSERT INTO visit_expressions VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT DO UPDATE SET shown_ms = excluded.shown_ms";
        transaction.prepare_cached(sql)?.execute(params![
            boot,
            sequence,
            expression,
            shown_ms as i64
        ])?;
    }
    Ok(())
}
