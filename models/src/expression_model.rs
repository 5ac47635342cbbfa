//! The payload of an expression model file.

use alloc::vec::Vec;
use postcard_schema::Schema;
use serde::{Deserialize, Serialize};

use crate::label::Labels;
use crate::network::Network;
use crate::preprocess::Preprocessing;

/// Everything the device needs to turn a face crop into probabilities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct ExpressionModel<'a> {
    /// From crop to network input.
    pub preprocessing: Preprocessing,
    /// One name per logit.
    pub labels: Labels,
    /// The network; its last value has one entry per label.
    #[serde(borrow)]
    pub network: Network<'a>,
    /// Calibration: probabilities are `softmax(logits / temperature)`; finite, > 0.
    pub temperature: f32,
    /// Inputs with the logits the packing host computed for them.
    #[serde(borrow)]
    pub golden: Vec<Golden<'a>>,
    /// Where the model comes from and what it can do.
    #[serde(borrow)]
    pub card: ModelCard<'a>,
}

/// A known input and the logits it must give.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct Golden<'a> {
    /// Gray pixels `[height, width]` of the preprocessing's size, before contrast normalization.
    pub pixels: &'a [u8],
    /// One per label.
    pub logits: heapless::Vec<f32, { crate::label::MAX_LABELS }>,
}

/// The model card: provenance and measured figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct ModelCard<'a> {
    /// Short name, such as `compact`.
    pub name: &'a str,
    /// Data it was trained on.
    pub data: &'a str,
    /// The training recipe as TOML.
    pub recipe: &'a str,
    /// ISO 8601 date of packing.
    pub date: &'a str,
    /// Licence of the weights.
    pub licence: &'a str,
    /// Intended use and limits.
    pub notes: &'a str,
    /// Measured figures, fractions in 0..=1.
    #[serde(borrow)]
    pub figures: Vec<Figure<'a>>,
}

/// One measured figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct Figure<'a> {
    /// What was measured, such as `public_test_accuracy`.
    pub name: &'a str,
    /// The value.
    pub value: f64,
}
