//! What a replay set holds.

use mien_models::replay::ReplaySet;
use serde::Serialize;

use crate::by_name::ByName;

/// The content of a replay set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReplayContent {
    /// What the rows were made from.
    pub source: String,
    /// Numbers per row.
    pub features: u16,
    /// Rows to fit to.
    pub fitted: u16,
    /// Rows to judge by.
    pub held_out: usize,
    /// Rows per label.
    pub rows: ByName<usize>,
}

impl ReplayContent {
    /// Describes a replay set.
    pub(super) fn of(set: &ReplaySet<'_>) -> Self {
        let rows_of = |label: usize| {
            let classes = set.classes.iter();
            classes
                .filter(|&&class| usize::from(class) == label)
                .count()
        };
        Self {
            source: set.source.to_owned(),
            features: set.features,
            fitted: set.fitted,
            held_out: set.len() - usize::from(set.fitted),
            rows: (set.labels.iter().enumerate())
                .map(|(index, label)| (label, rows_of(index)))
                .collect(),
        }
    }
}
