//! Today's counts, for whoever shows them: the counter writes, display and page read.

use std::sync::{Arc, Mutex, PoisonError};

use crate::report::ByLabel;
use serde::Serialize;

/// Counts since local midnight.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TodayCounts {
    /// Visits that ended today or still go on.
    pub visits: u64,
    /// Visits by dominant expression.
    pub expressions: ByLabel<u64>,
    /// Why counting is impaired at the moment, if it is: one line for people, and without a path,
    /// since visitors and a broker read it.
    pub degraded: Option<String>,
    /// The same with the file it is about, for the owner alone.
    #[serde(skip)]
    pub degraded_where: Option<String>,
}

/// A handle on today's counts; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Today(Arc<Mutex<TodayCounts>>);

impl Today {
    /// The counts as they are now.
    pub fn get(&self) -> TodayCounts {
        self.lock().clone()
    }

    /// Replaces the counts.
    pub fn set(&self, counts: TodayCounts) {
        *self.lock() = counts;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, TodayCounts> {
        // Plain data: nothing is half written where a holder panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
