//! What a report says about the model file itself.

use mien_models::ExpressionModel;
use mien_models::container::{FormatError, Header};
use mien_models::expression_model::ExpressionModelError;
use mien_models::network::{Node, Op, Values};
use serde::Serialize;

/// The model card in short, with the file's size and cost.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelFacts {
    /// Short name.
    pub name: String,
    /// Grows with every release.
    pub version: u64,
    /// Length of the file.
    pub bytes: usize,
    /// Type of the weights: `int8`, `f32` or `int8 and f32`.
    pub precision: &'static str,
    /// Coefficients and biases.
    pub parameters: u64,
    /// Multiply-accumulates per picture.
    pub macs: u64,
    /// The logits are divided by this before the softmax.
    pub temperature: f32,
    /// Data it was trained on.
    pub data: String,
    /// The training recipe as TOML.
    pub recipe: String,
    /// ISO 8601 date of packing.
    pub date: String,
    /// Licence of the weights.
    pub licence: String,
    /// Intended use and limits.
    pub notes: String,
}

impl ModelFacts {
    pub(super) fn new(
        file: &[u8],
        header: &Header,
        model: &ExpressionModel<'_>,
    ) -> Result<Self, FormatError> {
        let refuse = |error| FormatError::from(ExpressionModelError::from(error));
        let card = &model.card;
        Ok(Self {
            name: card.name.to_owned(),
            version: header.model_version,
            bytes: file.len(),
            precision: precision(&model.network.nodes),
            parameters: model.network.parameters(),
            macs: model.network.macs().map_err(refuse)?,
            temperature: model.temperature,
            data: card.data.to_owned(),
            recipe: card.recipe.to_owned(),
            date: card.date.to_owned(),
            licence: card.licence.to_owned(),
            notes: card.notes.to_owned(),
        })
    }
}

fn precision(nodes: &[Node<'_>]) -> &'static str {
    let (mut int8, mut f32) = (false, false);
    for node in nodes {
        let values = match &node.op {
            Op::Conv2d(conv) => &conv.weights.values,
            Op::Dense(weights) => &weights.values,
            _ => continue,
        };
        match values {
            Values::I8 { .. } => int8 = true,
            Values::F32(_) => f32 = true,
        }
    }
    match (int8, f32) {
        (true, true) => "int8 and f32",
        (true, false) => "int8",
        _ => "f32",
    }
}
