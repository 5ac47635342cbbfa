//! What a cascade file holds.

use mien_models::cascade::{Boosted, CascadeModel, Ensemble};
use serde::Serialize;

/// The content of a cascade.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CascadeContent {
    /// Name of the file it was imported from.
    pub source: String,
    /// Licence notice of that file.
    pub licence: String,
    /// Height of the trained window in pixels.
    pub window_height: u8,
    /// Width of the trained window in pixels.
    pub window_width: u8,
    /// `haar` or `lbp`.
    pub features_kind: &'static str,
    /// Number of features.
    pub features: usize,
    /// Number of trees per stage.
    pub trees_per_stage: Vec<usize>,
}

impl CascadeContent {
    /// Describes a cascade.
    pub(super) fn of(model: &CascadeModel<'_>) -> Self {
        let (features_kind, features, trees_per_stage) = match &model.ensemble {
            Ensemble::Haar(boosted) => sizes("haar", boosted),
            Ensemble::Lbp(boosted) => sizes("lbp", boosted),
        };
        Self {
            source: model.source.to_owned(),
            licence: model.licence.to_owned(),
            window_height: model.window_height,
            window_width: model.window_width,
            features_kind,
            features,
            trees_per_stage,
        }
    }
}

fn sizes<F, S>(kind: &'static str, boosted: &Boosted<F, S>) -> (&'static str, usize, Vec<usize>) {
    let trees = boosted.stages.iter().map(|stage| stage.trees.len());
    (kind, boosted.features.len(), trees.collect())
}
