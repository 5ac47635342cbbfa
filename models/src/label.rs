//! The seven FER2013 classes and a model's own label list.

use postcard_schema::Schema;
use serde::{Deserialize, Serialize};

/// Most labels a model may have.
pub const MAX_LABELS: usize = 16;
/// Longest label name in bytes (UTF-8).
pub const MAX_LABEL_BYTES: usize = 24;

/// One class name.
pub type LabelName = heapless::String<MAX_LABEL_BYTES>;

/// A model's labels, in the order of its logits. Unique, non-empty names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Labels(pub heapless::Vec<LabelName, MAX_LABELS>);

/// The seven FER2013 classes in FER2013 order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Expression {
    /// FER2013 label 0.
    Angry,
    /// FER2013 label 1.
    Disgust,
    /// FER2013 label 2.
    Fear,
    /// FER2013 label 3.
    Happy,
    /// FER2013 label 4.
    Sad,
    /// FER2013 label 5.
    Surprise,
    /// FER2013 label 6.
    Neutral,
}
