//! What the dashboard shows, as plain data.

use std::time::{Duration, Instant};

use crate::train::recipe::{Recipe, Select};
use crate::train::results::EpochRow;
use crate::train::run::Event;

/// The time left is told by so many of the newest epochs.
const RECENT_EPOCHS: usize = 5;

/// A run so far.
#[derive(Clone, Debug)]
pub struct State {
    /// Side of the training pictures in each epoch of the whole run, in pixels.
    pub sides_px: Vec<usize>,
    /// What makes an epoch the best.
    pub select: Select,
    /// Finished epochs in order, also those before a resumption.
    pub rows: Vec<EpochRow>,
    /// The newest epoch with a step.
    pub current: Option<Current>,
    /// Number of rows before a resumption: another machine may have timed them.
    resumed: usize,
}

/// An epoch of which at least one step is done.
#[derive(Clone, Copy, Debug)]
pub struct Current {
    /// Counted from 1.
    pub epoch: usize,
    /// Steps done.
    pub step: usize,
    /// Steps of the epoch.
    pub steps: usize,
    /// Mean over the epoch so far.
    pub loss: f64,
    /// Of the newest step.
    pub learning_rate: f64,
    /// Mean over the epoch so far.
    pub pictures_per_second: f64,
    /// When its first step was done; that step itself may have had to wait for the device.
    started: Instant,
    /// When its newest step was done.
    updated: Instant,
}

impl State {
    /// Before the first step; `rows` are the epochs before a resumption.
    pub fn new(recipe: &Recipe, rows: Vec<EpochRow>) -> Self {
        Self {
            sides_px: (0..recipe.epochs).map(|e| recipe.side(e)).collect(),
            select: recipe.select,
            resumed: rows.len(),
            rows,
            current: None,
        }
    }

    /// Takes in what the training loop tells at `now`.
    pub fn update(&mut self, event: &Event<'_>, now: Instant) {
        match *event {
            Event::Older { epochs, .. } => self.forget_from(epochs + 1),
            Event::Step {
                epoch,
                step,
                steps,
                loss,
                learning_rate,
                pictures_per_second,
            } => {
                self.forget_from(epoch);
                let same = self.current.filter(|current| current.epoch == epoch);
                self.current = Some(Current {
                    epoch,
                    step,
                    steps,
                    loss,
                    learning_rate,
                    pictures_per_second,
                    started: same.map_or(now, |current| current.started),
                    updated: now,
                });
            }
            Event::Epoch { row, .. } => {
                self.forget_from(row.epoch);
                self.rows.push(*row);
            }
        }
    }

    /// Rows that a resumed run makes anew.
    fn forget_from(&mut self, epoch: usize) {
        self.rows.retain(|row| row.epoch < epoch);
        self.resumed = self.resumed.min(self.rows.len());
    }

    /// Epochs of the whole run.
    pub fn epochs(&self) -> usize {
        self.sides_px.len()
    }

    /// The epoch whose weights are kept: the first of the best.
    pub fn best(&self) -> Option<&EpochRow> {
        let value = |row: &EpochRow| match self.select {
            Select::ValidationLoss => -row.val_loss,
            Select::ValidationAccuracy => row.val_accuracy,
        };
        let known = self.rows.iter().filter(|row| value(row).is_finite());
        known.reduce(|best, row| match value(row) > value(best) {
            true => row,
            false => best,
        })
    }

    /// The current epoch before its row is there.
    fn unfinished(&self) -> Option<Current> {
        let done = self.rows.last().map_or(0, |row| row.epoch);
        self.current.filter(|current| current.epoch > done)
    }

    /// Whether all steps of an epoch are done and it is being judged.
    pub fn is_validating(&self) -> bool {
        self.unfinished()
            .is_some_and(|current| current.step >= current.steps)
    }

    /// Share of the whole run that is done, 0..1, in steps.
    pub fn run_share(&self) -> f64 {
        let part = self.unfinished().map_or(0.0, |current| current.share());
        let done = self.rows.len() as f64 + part;
        (done / self.epochs().max(1) as f64).min(1.0)
    }

    /// Time to the last step of the current epoch; `None` before its second step and after its
    /// last.
    pub fn epoch_left(&self) -> Option<Duration> {
        let current = self.unfinished()?;
        let left = current.steps.saturating_sub(current.step);
        let step_s = current.step_s().filter(|_| left > 0)?;
        Duration::try_from_secs_f64(step_s * left as f64).ok()
    }

    /// Time to the end of the run, by the newest epochs of this program; in its first one by the
    /// steps. An epoch costs as its pictures have pixels.
    pub fn run_left(&self) -> Option<Duration> {
        let pixels = |epoch: usize| {
            let side = epoch.checked_sub(1).and_then(|e| self.sides_px.get(e));
            side.map_or(0.0, |side| (side * side) as f64)
        };
        let timed = self.rows.get(self.resumed..).unwrap_or_default();
        let recent = &timed[timed.len().saturating_sub(RECENT_EPOCHS)..];
        let (seconds, cost): (f64, f64) = if recent.is_empty() {
            let current = self.current?;
            let epoch_s = current.step_s()? * current.steps as f64;
            (epoch_s, pixels(current.epoch))
        } else {
            let seconds = recent.iter().map(|row| row.seconds).sum();
            (seconds, recent.iter().map(|row| pixels(row.epoch)).sum())
        };
        let current = self.unfinished();
        let next = current.map_or(self.rows.len() + 1, |current| current.epoch + 1);
        let more: f64 = (next..=self.epochs()).map(pixels).sum();
        let this = self.epoch_left().unwrap_or_default();
        // Nothing was computed at a cost of 0: not a number, so no time.
        let rest = Duration::try_from_secs_f64(seconds * more / cost).ok()?;
        rest.checked_add(this)
    }
}

impl Current {
    /// Share of the epoch's steps that are done, 0..1.
    pub fn share(&self) -> f64 {
        self.step as f64 / self.steps.max(1) as f64
    }

    /// Seconds of a step.
    fn step_s(&self) -> Option<f64> {
        let timed = self.step.checked_sub(1).filter(|steps| *steps > 0)?;
        Some((self.updated - self.started).as_secs_f64() / timed as f64)
    }
}
