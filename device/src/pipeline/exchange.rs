//! How a running pipeline gets other models: they wait here until a stage takes them, between two
//! frames.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use mien_models::label::Labels;

use crate::card::Card;
use crate::classify::Classifier;
use crate::detect::Detector;

/// What the numbers in a judged frame mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Models {
    /// The classifier's model card.
    pub card: Card,
    /// Names of the classifier's labels.
    pub labels: Labels,
    /// Name of the detector.
    pub detector: String,
}

/// The models that wait.
#[derive(Debug, Default)]
pub struct Exchange {
    /// For the classify stage.
    pub classifier: Waiting<Classifier>,
    /// For the detect stage.
    pub detector: Waiting<Box<dyn Detector + Send>>,
}

/// A place for one thing, which the next one displaces.
pub struct Waiting<T>(Mutex<Option<T>>);

impl Models {
    /// Those of a run that begins with this classifier and this detector.
    pub fn of(classifier: &Classifier, detector: &str) -> Self {
        Self {
            card: classifier.card().clone(),
            labels: classifier.labels().clone(),
            detector: detector.to_owned(),
        }
    }
}

impl<T> Waiting<T> {
    /// Leaves it for the stage.
    pub fn put(&self, item: T) {
        *self.lock() = Some(item);
    }

    /// What was left, if the stage has not been here since.
    pub fn take(&self) -> Option<T> {
        self.lock().take()
    }

    /// Whether the stage has yet to come for it.
    pub fn is_waiting(&self) -> bool {
        self.lock().is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Option<T>> {
        // Nothing is half written where a holder panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> fmt::Debug for Waiting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Waiting").field(&self.is_waiting()).finish()
    }
}
