//! The run's side: an output that never waits.

use std::io;
use std::time::{Duration, Instant};

use mien_models::label::Labels;

use super::Hub;
use super::state::{Camera, State};
use crate::capture::Loss;
use crate::output::Output;
use crate::pipeline::exchange::Models;
use crate::pipeline::stages::Judged;
use crate::pipeline::totals::Totals;

/// Least time between two states in which nothing was decided: probabilities and places alone.
const QUIET: Duration = Duration::from_millis(100);

/// Publishes every decision at once, and what else changes ten times a second.
#[derive(Debug)]
pub struct Publisher {
    hub: Hub,
    labels: Labels,
    published: Option<Instant>,
}

impl Publisher {
    /// Publishes to `hub`.
    pub fn new(hub: Hub, labels: &Labels) -> Self {
        Self {
            hub,
            labels: labels.clone(),
            published: None,
        }
    }

    /// Where it publishes.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    fn publish(&mut self, state: State) {
        let before = self.hub.state();
        let changes = state.changes_since(&before);
        let is_due = self.published.is_none_or(|at| at.elapsed() >= QUIET);
        if changes.is_empty() && (!is_due || state.faces == before.faces) {
            return;
        }
        self.published = Some(Instant::now());
        // First the state, so that who learns of a change finds it in the state.
        self.hub.set_state(state);
        for change in changes {
            self.hub.tell(change);
        }
    }
}

impl Output for Publisher {
    fn show(&mut self, judged: &Judged) -> io::Result<()> {
        self.hub.stats().count(judged, Instant::now());
        self.publish(State::of(judged, &self.labels));
        self.hub.desk().offer(judged, &self.labels);
        Ok(())
    }

    fn lost(&mut self, loss: &Loss) -> io::Result<()> {
        let mut stats = self.hub.stats();
        // Until a frame comes again, what is told are attempts within the same loss.
        stats.camera_losses += u64::from(stats.loss.is_none());
        stats.loss = Some(loss.clone());
        drop(stats);
        self.hub.desk().clear();
        let timestamp_ms = self.hub.state().timestamp_ms;
        self.publish(State {
            camera: Camera::Lost,
            timestamp_ms,
            faces: Vec::new(),
        });
        Ok(())
    }

    fn switch(&mut self, models: &Models) -> io::Result<()> {
        self.labels = models.labels.clone();
        self.hub.set_models(models);
        Ok(())
    }

    fn finish(&mut self, _: &Totals) -> io::Result<()> {
        self.hub.desk().clear();
        let timestamp_ms = self.hub.state().timestamp_ms;
        self.publish(State {
            camera: Camera::Ended,
            timestamp_ms,
            faces: Vec::new(),
        });
        Ok(())
    }
}
