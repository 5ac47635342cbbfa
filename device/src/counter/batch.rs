//! What was counted since the last time, on its way to the database.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::visit::Visit;

/// Most visits that wait to be written; then the oldest are lost. Days of them, while a disk is
/// full.
pub const MAX_VISITS: usize = 10_000;

/// Visits by their sequence, each as it was last, and what else happened.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// The labels that are counted from here on; `None` if they are as before.
    pub labels: Option<Arc<[String]>>,
    /// Visits.
    pub visits: BTreeMap<u64, Visit>,
    /// Frames judged.
    pub frames: u64,
    /// Those without a face.
    pub frames_without_face: u64,
    /// How often the camera was lost.
    pub camera_losses: u64,
    /// Visits that found no room.
    pub lost: u64,
    /// The latest of them: they go in their order.
    pub lost_up_to: Option<u64>,
}

impl Batch {
    /// Adds a visit, or what became of one.
    pub fn put(&mut self, visit: Visit) {
        // Somebody who is still here comes again and again, and is lost once.
        if self.lost_up_to.is_some_and(|lost| visit.sequence <= lost) {
            return;
        }
        self.visits.insert(visit.sequence, visit);
        if self.visits.len() > MAX_VISITS
            && let Some((sequence, _)) = self.visits.pop_first()
        {
            self.lost += 1;
            self.lost_up_to = Some(sequence);
        }
    }

    /// Adds what came later.
    pub fn merge(&mut self, later: Self) {
        self.labels = later.labels.or(self.labels.take());
        later.visits.into_values().for_each(|visit| self.put(visit));
        self.frames += later.frames;
        self.frames_without_face += later.frames_without_face;
        self.camera_losses += later.camera_losses;
        self.lost += later.lost;
        self.lost_up_to = self.lost_up_to.max(later.lost_up_to);
    }
}
