//! What the network side reads of a run: the pipeline publishes its newest state here and never
//! waits, page and broker read as fast as they can.

pub mod about;
pub mod live;
pub mod publisher;
pub mod state;
pub mod stats;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{broadcast, watch};

use about::About;
use live::Desk;
use state::{Change, State};
use stats::Stats;

use crate::pipeline::exchange::Models;

/// Changes that a slow reader may be behind before it misses some.
const CHANGES: usize = 64;

/// The place where the run publishes and everyone else reads; clones share it. Bounded: one state,
/// the latest changes, one picture while somebody watches.
#[derive(Clone, Debug)]
pub struct Hub(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    about: watch::Sender<Arc<About>>,
    state: watch::Sender<Arc<State>>,
    changes: broadcast::Sender<Change>,
    stats: Mutex<Stats>,
    desk: Desk,
}

impl Hub {
    /// A place where nothing was seen yet.
    pub fn new(about: About) -> Self {
        Self(Arc::new(Inner {
            about: watch::Sender::new(Arc::new(about)),
            state: watch::Sender::new(Arc::default()),
            changes: broadcast::Sender::new(CHANGES),
            stats: Mutex::default(),
            desk: Desk::default(),
        }))
    }

    /// What runs.
    pub fn about(&self) -> Arc<About> {
        self.0.about.borrow().clone()
    }

    /// A reader of what runs: it changes with the models and with the configuration.
    pub fn abouts(&self) -> watch::Receiver<Arc<About>> {
        self.0.about.subscribe()
    }

    /// The configuration that counts from now on, as TOML.
    pub fn set_settings(&self, settings: String) {
        self.0
            .about
            .send_modify(|about| Arc::make_mut(about).settings = settings);
    }

    /// The newest state.
    pub fn state(&self) -> Arc<State> {
        self.0.state.borrow().clone()
    }

    /// A reader of states: it sees the newest one, however slow it is.
    pub fn states(&self) -> watch::Receiver<Arc<State>> {
        self.0.state.subscribe()
    }

    /// A reader of every change from now on; one that is slow misses the oldest.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.0.changes.subscribe()
    }

    /// Figures of the run so far.
    pub fn stats(&self) -> MutexGuard<'_, Stats> {
        // Plain numbers: nothing is half written where a holder panicked.
        self.0.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The live picture, while somebody asks for it.
    pub fn desk(&self) -> &Desk {
        &self.0.desk
    }

    /// Other models run.
    pub(crate) fn set_models(&self, models: &Models) {
        self.0
            .about
            .send_modify(|about| *about = Arc::new(About::new(models, about.settings.clone())));
    }

    /// Replaces the state.
    pub(crate) fn set_state(&self, state: State) {
        self.0.state.send_replace(Arc::new(state));
    }

    /// Tells of a change; nobody need listen.
    pub(crate) fn tell(&self, change: Change) {
        let _ = self.0.changes.send(change);
    }
}
