//! What an output with room for one face shows of a frame.

use crate::pipeline::stages::Judged;

/// The expression of the largest face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Leading {
    /// Index of its label.
    pub label_index: usize,
    /// Its smoothed probability, 0..=1.
    pub probability: f32,
}

/// The largest face's expression; `None` without a face and while it is uncertain.
pub fn leading(judged: &Judged) -> Option<Leading> {
    let shown = &judged.faces.first()?.shown;
    let label_index = shown.label_index?;
    Some(Leading {
        label_index,
        probability: shown.probabilities.get(label_index).copied().unwrap_or(0.0),
    })
}
