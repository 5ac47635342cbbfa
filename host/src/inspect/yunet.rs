//! What a YuNet file holds.

use mien_models::yunet::{LANDMARKS, STRIDES_PX, YunetModel};
use serde::Serialize;

/// The content of a YuNet.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct YunetContent {
    /// Name of the file it was imported from.
    pub source: String,
    /// What is known of its licence.
    pub licence: String,
    /// Coefficients and biases.
    pub parameters: u64,
    /// Pixels between the places where faces are looked for, one for each range of sizes.
    pub strides_px: [u16; 3],
    /// Points found in each face.
    pub landmarks: usize,
}

impl YunetContent {
    /// Describes a YuNet.
    pub(super) fn of(model: &YunetModel<'_>) -> Self {
        Self {
            source: model.source.to_owned(),
            licence: model.licence.to_owned(),
            parameters: model.parameters(),
            strides_px: STRIDES_PX,
            landmarks: LANDMARKS,
        }
    }
}
