//! An output that may fail without ending the run: it is opened again after a while.

use std::io;
use std::time::{Duration, Instant};

use mien_models::label::Labels;

use super::Output;
use crate::capture::Loss;
use crate::pipeline::exchange::Models;
use crate::pipeline::stages::Judged;
use crate::pipeline::totals::Totals;

/// Time between two attempts to open a failed output.
pub const RETRY: Duration = Duration::from_secs(5);

/// Opens the output for a model's labels; called again after each failure, and for other labels.
pub type Open = dyn FnMut(&Labels) -> io::Result<Box<dyn Output>>;

/// An output with a guard.
pub struct Guarded {
    name: String,
    open: Box<Open>,
    labels: Labels,
    output: Option<Box<dyn Output>>,
    retry: Duration,
    failed: Instant,
}

impl Guarded {
    /// Opens the output for the first time. `name` is for messages.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn new(
        name: &str,
        mut open: Box<Open>,
        labels: &Labels,
        retry: Duration,
    ) -> io::Result<Self> {
        let output = open(labels)?;
        Ok(Self {
            name: name.to_owned(),
            open,
            labels: labels.clone(),
            output: Some(output),
            retry,
            failed: Instant::now(),
        })
    }

    fn with(&mut self, work: impl FnOnce(&mut dyn Output) -> io::Result<()>) {
        if self.output.is_none() && self.failed.elapsed() >= self.retry {
            match (self.open)(&self.labels) {
                Ok(output) => {
                    tracing::info!("output {} is back", self.name);
                    self.output = Some(output);
                }
                Err(_) => self.failed = Instant::now(),
            }
        }
        let Some(output) = &mut self.output else {
            return;
        };
        if let Err(error) = work(&mut **output) {
            tracing::warn!("output {}: {error}; the others go on", self.name);
            self.output = None;
            self.failed = Instant::now();
        }
    }
}

impl Output for Guarded {
    fn show(&mut self, judged: &Judged) -> io::Result<()> {
        self.with(|output| output.show(judged));
        Ok(())
    }

    fn lost(&mut self, loss: &Loss) -> io::Result<()> {
        self.with(|output| output.lost(loss));
        Ok(())
    }

    fn switch(&mut self, models: &Models) -> io::Result<()> {
        if models.labels != self.labels {
            self.labels = models.labels.clone();
            // The old one first lets go of its pins and buses.
            self.output = None;
            match (self.open)(&self.labels) {
                Ok(output) => self.output = Some(output),
                Err(error) => {
                    tracing::warn!("output {}: {error}; the others go on", self.name);
                    self.failed = Instant::now();
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, totals: &Totals) -> io::Result<()> {
        self.with(|output| output.finish(totals));
        Ok(())
    }
}
