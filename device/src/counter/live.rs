//! The counter as an output of a run. It never waits but at the very end, and then not for long.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use mien_models::label::Labels;

use super::batch::Batch;
use super::clock::Clock;
use super::today::{Today, TodayCounts};
use super::visit::{VisitOptions, Visits};
use super::writer::Writer;
use super::{CounterOptions, writer};
use crate::capture::Loss;
use crate::output::Output;
use crate::pipeline::exchange::Models;
use crate::pipeline::stages::Judged;
use crate::pipeline::totals::Totals;

/// Time between two batches for the writer; a visit that ends goes at once.
const SEND_PERIOD_US: u64 = 500_000;
/// Batches that may wait; while the writer is held up the next one grows instead.
const CAPACITY: usize = 16;
/// How long the last write may take.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// Counts visits.
pub struct Counter {
    visits: Visits,
    clock: Arc<dyn Clock>,
    batch: Batch,
    next_send_us: u64,
    /// `None` once it is over.
    writer: Option<(SyncSender<Batch>, Receiver<()>)>,
    today: Today,
    labels: Labels,
}

/// What a writer is started with.
struct Setup {
    database: PathBuf,
    options: CounterOptions,
    zone: TimeZone,
}

impl Counter {
    /// Starts counting into `database`, whose folder may be missing or read-only: the counts wait
    /// in memory then, and [`Today`] tells. `memory_ms` is how long the tracker remembers a face.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn start(
        database: &Path,
        options: CounterOptions,
        memory_ms: u32,
        labels: &Labels,
        clock: Arc<dyn Clock>,
        zone: TimeZone,
    ) -> io::Result<Self> {
        let today = Today::default();
        let setup = Setup {
            database: database.to_owned(),
            options,
            zone,
        };
        let names = names(labels);
        let writer = setup.start_writer(Arc::clone(&names), &clock, &today)?;
        let visit_options = VisitOptions {
            min_dwell_ms: options.min_dwell_ms.into(),
            memory_ms: memory_ms.into(),
        };
        Ok(Self {
            visits: Visits::new(visit_options, names),
            clock,
            batch: Batch::default(),
            next_send_us: 0,
            writer: Some(writer),
            today,
            labels: labels.clone(),
        })
    }

    /// Today's counts, now and later.
    pub fn today(&self) -> Today {
        self.today.clone()
    }

    /// Hands the batch over, unless the writer is busy: then it is kept.
    fn send(&mut self, now_us: u64) {
        for visit in self.visits.current() {
            self.batch.put(visit);
        }
        self.next_send_us = now_us + SEND_PERIOD_US;
        let Some((sender, _)) = &self.writer else {
            return;
        };
        match sender.try_send(std::mem::take(&mut self.batch)) {
            Ok(()) => {}
            Err(TrySendError::Full(batch) | TrySendError::Disconnected(batch)) => {
                self.batch = batch;
            }
        }
    }

    /// Everybody is gone, or the run is over.
    fn end_visits(&mut self) {
        for visit in self.visits.end() {
            self.batch.put(visit);
        }
    }

    /// Lets the writer write what is left, for at most [`LAST_WAIT`].
    fn close(&mut self) {
        let Some((sender, is_done)) = self.writer.take() else {
            return;
        };
        let deadline = Instant::now() + LAST_WAIT;
        self.end_visits();
        let mut batch = std::mem::take(&mut self.batch);
        while let Err(TrySendError::Full(back)) = sender.try_send(batch) {
            batch = back;
            if Instant::now() > deadline {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        drop(sender);
        let left = deadline.saturating_duration_since(Instant::now());
        if is_done.recv_timeout(left).is_err() {
            tracing::error!("the last counts could not be written in time");
        }
    }
}

/// The writer has ended by a fault of its own: nobody would know from counts that stand still.
fn say_stopped(today: &Today) {
    let why = "counting has stopped by a fault (hint: start the program again)";
    tracing::error!("{why}");
    today.set(TodayCounts {
        degraded: Some(why.to_owned()),
        degraded_where: Some(why.to_owned()),
        ..today.get()
    });
}

/// The labels as visits carry them.
fn names(labels: &Labels) -> Arc<[String]> {
    labels.iter().map(str::to_owned).collect()
}

impl Setup {
    fn start_writer(
        self,
        labels: Arc<[String]>,
        clock: &Arc<dyn Clock>,
        today: &Today,
    ) -> io::Result<(SyncSender<Batch>, Receiver<()>)> {
        let writer = Writer::new(
            &self.database,
            self.options,
            labels,
            Arc::clone(clock),
            self.zone,
            today.clone(),
        );
        let today = today.clone();
        let (sender, batches) = mpsc::sync_channel(CAPACITY);
        let (done, is_done) = mpsc::channel();
        thread::Builder::new()
            .name("counter".to_owned())
            .spawn(move || {
                let work = AssertUnwindSafe(|| writer::run(writer, &batches));
                if panic::catch_unwind(work).is_err() {
                    say_stopped(&today);
                }
                // The counter may have gone on without an answer.
                let _ = done.send(());
            })?;
        Ok((sender, is_done))
    }
}

impl Output for Counter {
    fn show(&mut self, judged: &Judged) -> io::Result<()> {
        let now_us = self.clock.boot_us();
        self.batch.frames += 1;
        self.batch.frames_without_face += u64::from(judged.faces.is_empty());
        let timestamp_ms = judged.frame.timestamp_ms;
        let ended = self.visits.update(&judged.faces, timestamp_ms, now_us);
        let has_ended = !ended.is_empty();
        ended.into_iter().for_each(|visit| self.batch.put(visit));
        if has_ended || now_us >= self.next_send_us {
            self.send(now_us);
        }
        Ok(())
    }

    fn lost(&mut self, loss: &Loss) -> io::Result<()> {
        // Later attempts are of the same loss.
        self.batch.camera_losses += u64::from(loss.attempt == 1);
        self.end_visits();
        self.send(self.clock.boot_us());
        Ok(())
    }

    fn switch(&mut self, models: &Models) -> io::Result<()> {
        if models.labels == self.labels {
            return Ok(());
        }
        // Whoever is here is a visit under the names so far, and another one under the new ones.
        // The writer goes on: what waits for a disk keeps waiting there.
        self.end_visits();
        self.labels = models.labels.clone();
        let names = names(&self.labels);
        self.visits.set_labels(Arc::clone(&names));
        self.batch.labels = Some(names);
        self.send(self.clock.boot_us());
        Ok(())
    }

    fn finish(&mut self, _: &Totals) -> io::Result<()> {
        self.close();
        Ok(())
    }
}

impl Drop for Counter {
    /// Also when a stage has failed: what was counted stays.
    fn drop(&mut self) {
        self.close();
    }
}
