//! Judges a packed model with the device's own inference code.

pub mod labels;
pub mod metrics;
mod report;
mod verdicts;

pub use report::Report;

use mien_device::classify::ClassifyError;
use mien_models::ExpressionModel;
use mien_models::container::{self, FormatError};
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

/// Runs the packed model `file` over the pictures `indices` of `data` on all cores. With `flip`,
/// the probabilities of a picture and its mirror image are averaged.
pub fn evaluate(
    file: &[u8],
    data: &Dataset,
    indices: &[u32],
    flip: bool,
    progress: Progress,
) -> Result<Report, EvaluateError> {
    let (_, model) = container::decode::<ExpressionModel<'_>>(file)?;
    if indices.is_empty() {
        return Err(EvaluateError::NoPictures);
    }
    let outcomes = verdicts::outcomes(&model, data, indices, flip, progress)?;
    let sha256 = format!("{:x}", Sha256::digest(file));
    Ok(Report::new(&outcomes, &model.labels, flip, sha256))
}
