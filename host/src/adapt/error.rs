//! Why a model could not be adapted.

use std::io;
use std::path::PathBuf;

use mien_device::classify::ClassifyError;
use mien_device::detect::DetectError;
use mien_models::container::{FormatError, Kind};
use mien_models::label::LabelError;

use super::MIN_PICTURES;
use crate::evaluate::EvaluateError;
use crate::plot::sheet::SheetError;

/// Why a model could not be adapted.
#[derive(Debug, thiserror::Error)]
pub enum AdaptError {
    /// A folder cannot be listed.
    #[error("cannot read {path}")]
    Read {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Not a folder of folders of pictures.
    #[error("{path} is not laid out as FOLDER/<label>/*.jpg: {why}")]
    Layout {
        /// The folder that is not as it should be.
        path: PathBuf,
        /// What is there.
        why: &'static str,
    },
    /// Two folders that mean one label.
    #[error(
        "{first} and {second} both mean the label {label:?}: put their pictures into one folder"
    )]
    SameLabel {
        /// The label.
        label: String,
        /// A folder.
        first: PathBuf,
        /// The other one.
        second: PathBuf,
    },
    /// Folder names that cannot be labels.
    #[error("the folders' names cannot be a model's labels")]
    Labels(#[from] LabelError),
    /// There is nothing to tell apart.
    #[error(
        "there is only the label {0:?}: a model needs two or more, so add a folder with pictures that \
         are not of it"
    )]
    OneLabel(String),
    /// Too few faces.
    #[error(
        "too few usable pictures: {found}; at least {MIN_PICTURES} a folder are needed, and 20 are \
         enough{why}"
    )]
    TooFew {
        /// The folders with too few, and their numbers.
        found: String,
        /// What became of the others.
        why: String,
    },
    /// Labels that are to stay although nothing is known of them.
    #[error(
        "the labels of the model stay (--keep-labels), but there are no pictures of {0} and no replay \
         set that has them"
    )]
    Unknown(String),
    /// The detector's file is no detector.
    #[error("the detector's file holds a {0}, which finds no faces")]
    NoDetector(Kind),
    /// The detector failed.
    #[error("faces cannot be looked for")]
    Detect(#[from] DetectError),
    /// A file is not sound.
    #[error("the file is not sound")]
    Format(#[from] FormatError),
    /// The device's code refused the model or a face.
    #[error("the model cannot be run")]
    Classify(#[from] ClassifyError),
    /// A replay set that was not made with this model.
    #[error(
        "the replay set belongs to the model {found}, not to this one ({expected}): `mien replay` \
         makes this model's from the data it was trained on; a model that was adapted is adapted \
         again from the one before it"
    )]
    OtherModel {
        /// This model's id in hex.
        expected: String,
        /// The id in the set.
        found: String,
    },
    /// No regression converged.
    #[error("no head could be fitted to the pictures")]
    Fit(#[source] linfa_logistic::error::Error),
    /// The contact sheet could not be drawn.
    #[error(transparent)]
    Sheet(#[from] SheetError),
    /// The check's data set could not be judged.
    #[error("the data set of the check cannot be judged")]
    Check(#[from] EvaluateError),
    /// The check's data set has nothing that both models know.
    #[error("the check's data set has no picture of a label that both models have")]
    NothingToCheck,
}
