//! Judges a packed model with the device's own inference code.

mod ferplus;
mod figures;
pub mod labels;
pub mod metrics;
mod model_facts;
mod predictions;
mod report;
mod verdicts;

pub use ferplus::Ferplus;
pub use figures::{Figures, Summary};
pub use model_facts::ModelFacts;
pub use predictions::Predictions;
pub use report::{Mistake, Passes, Report};

use mien_device::classify::ClassifyError;
use mien_models::ExpressionModel;
use mien_models::container::{self, FormatError};
use mien_models::label::Labels;
use mien_models::plane::PlaneError;
use sha2::{Digest, Sha256};

use crate::dataset::Dataset;
use crate::progress::Progress;

/// Why a model could not be judged.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// The data has classes that the model does not know.
    #[error(
        "the model does not fit the data: it has no label for {missing}; \
         its labels are {model}"
    )]
    Labels {
        /// Classes of the data without a label, comma-separated.
        missing: String,
        /// The model's labels, comma-separated.
        model: String,
    },
    /// There is nothing to judge it by.
    #[error("there are no pictures to judge the model by")]
    NoPictures,
    /// The file is not a sound expression model.
    #[error("the model file cannot be used")]
    Format(#[from] FormatError),
    /// A picture has no sound shape.
    #[error("a picture cannot be shown to the model")]
    Picture(#[from] PlaneError),
    /// The device's code refused the model or a picture.
    #[error("the model cannot be run")]
    Classify(#[from] ClassifyError),
}

/// What becomes of mirror images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flip {
    /// Each picture as it is, once.
    Off,
    /// The figures are of probabilities averaged over a picture and its mirror image.
    Average,
    /// The figures are of the pictures as they are; averaged ones stand beside them.
    Compare,
}

/// An evaluation: what it tells, and what the model said.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// All figures.
    pub report: Report,
    /// The model's labels, the classes of `predictions`.
    pub labels: Labels,
    /// What the figures are of, in the order of the pictures.
    pub predictions: Predictions,
}

/// Runs the packed model `file` over the pictures `indices` of `data` on all cores.
///
/// # Errors
/// When the file is not sound, its labels do not fit the data or there are no pictures.
pub fn evaluate(
    file: &[u8],
    data: &Dataset,
    indices: &[u32],
    flip: Flip,
    progress: Progress,
) -> Result<Evaluation, EvaluateError> {
    let (header, model) = container::decode::<ExpressionModel<'_>>(file)?;
    if indices.is_empty() {
        return Err(EvaluateError::NoPictures);
    }
    let mirrored = flip != Flip::Off;
    let (single, averaged) = verdicts::predictions(&model, data, indices, mirrored, progress)?;
    let labels = model.labels.clone();
    let figures_of = |predictions: &Predictions| Figures::new(predictions, &labels);
    let passes = Passes {
        single: figures_of(&single).summary(),
        flip_averaged: averaged.as_ref().map(|p| figures_of(p).summary()),
    };
    let (flip_averaged, predictions) = match averaged {
        Some(averaged) if flip == Flip::Average => (true, averaged),
        _ => (false, single),
    };
    let names: Vec<&str> = labels.iter().collect();
    let report = Report {
        figures: figures_of(&predictions),
        flip_averaged,
        passes,
        ferplus: ferplus::judge(&predictions, data, indices, &labels),
        worst: report::worst(&predictions, indices, &names),
        model: ModelFacts::new(file, &header, &model)?,
        model_sha256: format!("{:x}", Sha256::digest(file)),
    };
    Ok(Evaluation {
        report,
        labels,
        predictions,
    })
}
