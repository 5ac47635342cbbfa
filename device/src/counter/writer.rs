//! The counter's own thread: gathers batches, writes them now and then, and goes on when it cannot.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::CounterOptions;
use super::batch::Batch;
use super::clock::{BootTime, Clock, Step};
use super::store::{Commit, Ongoing, Period, Store, StoreError, damage};
use super::tally::{self, Tally};
use super::today::{Today, TodayCounts};

/// Longest time between two looks at clock and calendar.
const TICK: Duration = Duration::from_millis(250);
/// Time between two looks at the wall clock.
const LOOK_US: u64 = 1_000_000;
/// Time between two writes while nobody is here: then only the up-time grows.
const IDLE_US: u64 = 60_000_000;
/// Time to the next attempt while the database cannot be written; each is twice as long as the one
/// before.
const RETRY_US: u64 = 5_000_000;
/// The longest.
const MAX_RETRY_US: u64 = 60_000_000;
/// How long another program's lock is waited for.
const PATIENCE: Duration = Duration::from_secs(1);
/// Time between two looks for visits beyond their retention.
const ROLL_UP_US: u64 = 600_000_000;
/// Attempts at the last write.
const LAST_ATTEMPTS: u32 = 3;
/// Periods begin with the quarter hours.
const PERIOD_MS: i64 = 15 * 60 * 1000;
/// Most periods that wait to be written: a hundred days.
const MAX_PERIODS: usize = 9600;
/// Most steps of the clock that wait to be written.
const MAX_STEPS: usize = 100;

/// Takes batches until their sender is gone, and writes what is left.
pub fn run(mut writer: Writer, batches: &Receiver<Batch>) {
    loop {
        writer.tick();
        match batches.recv_timeout(TICK) {
            Ok(batch) => writer.take(batch),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return writer.finish(),
        }
    }
}

/// What waits to be written, and when it was last.
pub struct Writer {
    path: PathBuf,
    options: CounterOptions,
    /// The labels that are counted now; a visit has its own.
    labels: Arc<[String]>,
    clock: Arc<dyn Clock>,
    zone: TimeZone,
    today: Today,
    /// `None` while it cannot be opened.
    store: Option<Store>,
    time: BootTime,
    /// When the wall clock is looked at next.
    next_look_us: u64,
    /// Visits and camera losses that are not written yet.
    pending: Batch,
    /// Periods that are over and not written yet.
    closed: Vec<Period>,
    /// The present one and the quarter hour (since 1970) it is in.
    period: Period,
    quarter: i64,
    last_tick_us: u64,
    steps: Vec<Step>,
    /// When something was written last, and when an attempt may be made again.
    written_us: Option<u64>,
    next_attempt_us: u64,
    retry_us: u64,
    next_roll_up_us: u64,
    /// What went wrong last: in full, and without the path.
    trouble: Option<(String, String)>,
    tally: Tally,
}

impl Writer {
    /// Nothing is opened before the first [`Self::tick`].
    pub fn new(
        path: &Path,
        options: CounterOptions,
        labels: Arc<[String]>,
        clock: Arc<dyn Clock>,
        zone: TimeZone,
        today: Today,
    ) -> Self {
        let now_us = clock.boot_us();
        let time = BootTime::new(&*clock);
        Self {
            path: path.to_owned(),
            options,
            labels,
            zone,
            today,
            store: None,
            time,
            next_look_us: now_us,
            pending: Batch::default(),
            closed: Vec::new(),
            period: Period {
                start_ms: now_us / 1000,
                ..Period::default()
            },
            quarter: time.wall_ms(now_us).div_euclid(PERIOD_MS),
            last_tick_us: now_us,
            steps: Vec::new(),
            written_us: None,
            next_attempt_us: now_us,
            retry_us: RETRY_US,
            next_roll_up_us: now_us,
            trouble: None,
            tally: Tally::default(),
            clock,
        }
    }

    /// Adds what was counted.
    pub fn take(&mut self, mut batch: Batch) {
        if let Some(labels) = batch.labels.take() {
            self.labels = labels;
        }
        self.period.frames += batch.frames;
        self.period.frames_without_face += batch.frames_without_face;
        self.period.camera_losses += batch.camera_losses;
        self.pending.merge(batch);
    }

    /// Does what is due.
    pub fn tick(&mut self) {
        let now_us = self.clock.boot_us();
        self.period.up_ms += (now_us - self.last_tick_us) / 1000;
        // What is left of a millisecond counts the next time.
        self.last_tick_us = now_us - (now_us - self.last_tick_us) % 1000;
        if now_us >= self.next_look_us {
            self.next_look_us = now_us + LOOK_US;
            self.look();
        }
        self.turn_period(now_us);
        if self.is_due(now_us) {
            self.write(now_us);
        }
        if now_us >= self.next_roll_up_us && self.store.is_some() {
            self.roll_up(now_us);
        }
        self.publish(now_us);
    }

    /// Makes sums of what is older than its retention, a part at a time. A clock that may be
    /// wrong by years decides nothing.
    fn roll_up(&mut self, now_us: u64) {
        self.next_roll_up_us = now_us + ROLL_UP_US;
        let Some(store) = self.store.as_mut().filter(|_| self.time.is_settled(now_us)) else {
            return;
        };
        let age_ms = i64::from(self.options.retention_days) * 24 * 3_600_000;
        // The clock may have been set since the last write, and who was written last may still be
        // here: a visit that became a sum and is written again would count twice.
        let waiting = self.pending.visits.keys().next();
        let visits = waiting.into_iter().chain(self.tally.last.first());
        let oldest = self.closed.first().unwrap_or(&self.period);
        let ongoing = Ongoing {
            boot_id: self.clock.boot_id(),
            time: self.time,
            sequence: visits.min().copied().unwrap_or(u64::MAX >> 1),
            start_ms: oldest.start_ms,
        };
        let before_ms = self.time.wall_ms(now_us) - age_ms;
        match store.roll_up(before_ms, &self.zone, Some(ongoing)) {
            Ok(true) => self.next_roll_up_us = now_us,
            Ok(false) => {}
            Err(error) => tracing::warn!("{error}; old visits stay for now"),
        }
    }

    /// Writes what is left; there is no later.
    fn finish(mut self) {
        // Not by itself any more.
        self.next_attempt_us = u64::MAX;
        for attempt in 1..=LAST_ATTEMPTS {
            self.tick();
            if self.write(self.clock.boot_us()) {
                self.publish(self.clock.boot_us());
                return;
            }
            self.next_attempt_us = u64::MAX;
            if attempt < LAST_ATTEMPTS {
                std::thread::sleep(TICK);
            }
        }
        let visits = self.pending.visits.len();
        let (why, _) = self.trouble.unwrap_or_default();
        tracing::error!("{visits} visits are lost: {why}");
    }

    fn look(&mut self) {
        let Some(step) = self.time.look(&*self.clock) else {
            return;
        };
        let seconds = (step.to_ms - step.from_ms) as f64 / 1000.0;
        let effect = if step.is_applied {
            "this boot's counts follow"
        } else {
            "counts keep the time they had"
        };
        tracing::info!("the clock changed by {seconds:.1} s: {effect}");
        self.steps.push(step);
        if self.steps.len() > MAX_STEPS {
            self.steps.remove(0);
        }
    }

    /// Begins a new period with the quarter hour.
    fn turn_period(&mut self, now_us: u64) {
        let quarter = self.time.wall_ms(now_us).div_euclid(PERIOD_MS);
        if quarter == self.quarter {
            return;
        }
        self.quarter = quarter;
        let fresh = Period {
            start_ms: now_us / 1000,
            ..Period::default()
        };
        // Two that begin at once would be one.
        if self.period.start_ms == fresh.start_ms {
            return;
        }
        self.closed.push(std::mem::replace(&mut self.period, fresh));
        if self.closed.len() > MAX_PERIODS {
            self.closed.remove(0);
        }
    }

    fn is_due(&self, now_us: u64) -> bool {
        if now_us < self.next_attempt_us {
            return false;
        }
        let Some(written_us) = self.written_us else {
            return true;
        };
        let interval_us = u64::from(self.options.commit_interval_s) * 1_000_000;
        let has_news = !self.pending.visits.is_empty()
            || self.pending.camera_losses > 0
            || !self.steps.is_empty();
        let wait_us = match has_news {
            true => interval_us,
            false => interval_us.max(IDLE_US),
        };
        now_us >= written_us + wait_us
    }

    /// Writes everything; whether it could.
    fn write(&mut self, now_us: u64) -> bool {
        let outcome = self.try_write(now_us);
        match &outcome {
            Ok(()) => {
                if self.trouble.take().is_some() {
                    tracing::info!("{}: counts are written again", self.path.display());
                }
                self.written_us = Some(now_us);
                self.retry_us = RETRY_US;
            }
            Err(error) => {
                let trouble = error.to_string();
                if self
                    .trouble
                    .as_ref()
                    .is_none_or(|(known, _)| *known != trouble)
                {
                    tracing::warn!("{trouble}; counts wait in memory");
                }
                self.trouble = Some((trouble, error.in_short()));
                self.next_attempt_us = now_us + self.retry_us;
                self.retry_us = (2 * self.retry_us).min(MAX_RETRY_US);
                if !error.is_passing() {
                    // The next attempt opens, and so checks, it again.
                    self.store = None;
                }
            }
        }
        outcome.is_ok()
    }

    fn try_write(&mut self, now_us: u64) -> Result<(), StoreError> {
        if self.store.is_none() {
            self.open(now_us)?;
        }
        let Some(store) = &mut self.store else {
            return Ok(());
        };
        let mut periods = self.closed.clone();
        periods.push(self.period);
        let outcome = store.commit(Commit {
            boot_id: self.clock.boot_id(),
            time: self.time,
            labels: &self.labels,
            visits: self.pending.visits.values(),
            periods: &periods,
            steps: &self.steps,
        });
        if let Err(error) = outcome {
            if error.is_damage() {
                self.set_aside(&error, now_us);
            }
            return Err(error);
        }
        let written = std::mem::take(&mut self.pending);
        if written.lost > 0 {
            tracing::error!(
                "{} visits found no room in memory and are lost",
                written.lost
            );
        }
        // Without a frame nobody can have left.
        if written.frames > 0 || !written.visits.is_empty() {
            self.tally.last = written.visits.into_keys().collect();
        }
        self.closed.clear();
        self.steps.clear();
        // What was written stays written, whatever becomes of the rest.
        self.tally.day_ms = tally::day(&self.time, now_us, &self.zone);
        self.count_today()
    }

    /// The file was found damaged while it was in use.
    fn set_aside(&mut self, error: &StoreError, now_us: u64) {
        self.store = None;
        match damage::set_aside(&self.path, self.now(now_us)) {
            Ok(aside) => tracing::error!(
                "{error}; it is now {}, and a fresh one is begun",
                aside.display()
            ),
            Err(why) => tracing::error!("{error}; it cannot be set aside: {why}"),
        }
    }

    fn now(&self, now_us: u64) -> Timestamp {
        Timestamp::from_millisecond(self.time.wall_ms(now_us)).unwrap_or_default()
    }

    fn open(&mut self, now_us: u64) -> Result<(), StoreError> {
        let now = self.now(now_us);
        let opened = Store::open(&self.path, PATIENCE, now)?;
        if let Some((aside, why)) = opened.aside {
            tracing::error!(
                "{} was damaged ({why}): it is now {}, and a fresh one is begun",
                self.path.display(),
                aside.display()
            );
        }
        if let Some((offset_ms, trust)) = opened.store.boot_time(self.clock.boot_id())? {
            self.time.remember(offset_ms, trust);
        }
        self.store = Some(opened.store);
        Ok(())
    }

    /// Reads today's visits again.
    fn count_today(&mut self) -> Result<(), StoreError> {
        if let Some(store) = &self.store {
            self.tally.written = store.visits_between(self.tally.day_ms, self.clock.boot_id())?;
        }
        Ok(())
    }

    /// Tells today's counts.
    fn publish(&mut self, now_us: u64) {
        let day_ms = tally::day(&self.time, now_us, &self.zone);
        if day_ms != self.tally.day_ms {
            self.tally.day_ms = day_ms;
            self.tally.written.clear();
            if let Err(error) = self.count_today() {
                tracing::debug!("{error}");
            }
        }
        let pending = self.pending.visits.values();
        let (visits, expressions) = self.tally.count(pending, &self.labels, &self.time);
        self.today.set(TodayCounts {
            visits,
            expressions: self.labels.iter().cloned().zip(expressions).collect(),
            degraded: self.degraded(|(_, short)| short),
            degraded_where: self.degraded(|(full, _)| full),
        });
    }

    /// What is wrong at the moment, in one line.
    fn degraded(&self, words: impl Fn(&(String, String)) -> &String) -> Option<String> {
        let why = words(self.trouble.as_ref()?);
        Some(match self.pending.lost {
            0 => why.clone(),
            lost => format!("{lost} visits are lost: {why}"),
        })
    }
}

#[cfg(test)]
mod tests;
