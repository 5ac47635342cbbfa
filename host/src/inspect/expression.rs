//! What an expression model file holds.

use mien_models::ExpressionModel;
use mien_models::container::FormatError;
use mien_models::expression_model::{ExpressionModelError, ModelCard};
use mien_models::network::{Activation, Node, Op, Shape, Values, Weights};
use mien_models::preprocess::{Contrast, Preprocessing};
use serde::Serialize;

use crate::by_name::ByName;

/// The content of an expression model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExpressionContent {
    /// One per logit.
    pub labels: Vec<String>,
    /// From crop to network input.
    pub preprocessing: PreprocessingContent,
    /// Calibration of the probabilities.
    pub temperature: f32,
    /// Coefficients and biases.
    pub parameters: u64,
    /// Multiply-accumulates per picture.
    pub macs: u64,
    /// In evaluation order.
    pub layers: Vec<Layer>,
    /// Number of golden inputs.
    pub golden: usize,
    /// Where the model comes from and what it can do.
    pub card: Card,
}

/// From crop to network input.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PreprocessingContent {
    /// Rows of the input.
    pub height: u16,
    /// Columns of the input.
    pub width: u16,
    /// `off`, or what the contrast is normalized to.
    pub contrast: String,
    /// Pixel value that becomes 0.
    pub zero_point: u8,
    /// Network input per pixel step.
    pub scale: f32,
}

/// A node of the network.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Layer {
    /// Operation with its geometry and activation.
    pub op: String,
    /// Numbers of the values it uses; 0 is the input, `i` the output of layer `i` from 1.
    pub inputs: Vec<u16>,
    /// `[channels, height, width]` or `[features]` of the output.
    pub shape: Vec<u32>,
    /// Coefficients and biases.
    pub parameters: u64,
    /// Multiply-accumulates per picture.
    pub macs: u64,
    /// Weights, scales and biases in the file.
    pub bytes: usize,
    /// `int8` or `f32`; null without weights.
    pub weights: Option<&'static str>,
}

/// The model card.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Card {
    /// Short name.
    pub name: String,
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
    /// Measured figures.
    pub figures: ByName<f64>,
}

impl ExpressionContent {
    /// Describes a model; fails only for one that [`decode`](mien_models::container::decode)
    /// would refuse.
    pub(super) fn of(model: &ExpressionModel<'_>) -> Result<Self, FormatError> {
        let network = &model.network;
        let refuse = |error| FormatError::from(ExpressionModelError::from(error));
        let shapes = network.shapes().map_err(refuse)?;
        Ok(Self {
            labels: model.labels.iter().map(str::to_owned).collect(),
            preprocessing: PreprocessingContent::of(&model.preprocessing),
            temperature: model.temperature,
            parameters: network.parameters(),
            macs: network.macs().map_err(refuse)?,
            layers: network.nodes.iter().zip(&shapes[1..]).map(layer).collect(),
            golden: model.golden.len(),
            card: Card::of(&model.card),
        })
    }
}

impl PreprocessingContent {
    fn of(preprocessing: &Preprocessing) -> Self {
        let contrast = match preprocessing.contrast {
            Contrast::Off => "off".to_owned(),
            Contrast::Standardize {
                target_mean,
                target_std,
                min_std,
            } => format!("mean {target_mean}, deviation {target_std} (at least {min_std} before)"),
        };
        Self {
            height: preprocessing.height,
            width: preprocessing.width,
            contrast,
            zero_point: preprocessing.zero_point,
            scale: preprocessing.scale,
        }
    }
}

impl Card {
    fn of(card: &ModelCard<'_>) -> Self {
        Self {
            name: card.name.to_owned(),
            data: card.data.to_owned(),
            recipe: card.recipe.to_owned(),
            date: card.date.to_owned(),
            licence: card.licence.to_owned(),
            notes: card.notes.to_owned(),
            figures: card.figures.iter().map(|f| (f.name, f.value)).collect(),
        }
    }
}

fn layer((node, shape): (&Node<'_>, &Shape)) -> Layer {
    let (shape, area) = match *shape {
        Shape::Map {
            channels,
            height,
            width,
        } => (vec![channels, height, width], height * width),
        Shape::Vector(features) => (vec![features], 1),
    };
    let weights = match &node.op {
        Op::Conv2d(conv) => Some(&conv.weights),
        Op::Dense(weights) => Some(weights),
        _ => None,
    };
    let (coefficients, bytes, kind) = weights.map_or((0, 0, None), stored);
    let outputs = weights.map_or(0, |weights| u64::from(weights.outputs));
    Layer {
        op: name(node),
        inputs: node.inputs.to_vec(),
        shape,
        parameters: coefficients + outputs,
        macs: coefficients * u64::from(area),
        bytes,
        weights: kind,
    }
}

/// Number of coefficients, bytes of everything, and the coefficients' type.
fn stored(weights: &Weights<'_>) -> (u64, usize, Option<&'static str>) {
    let (count, bytes, kind) = match weights.values {
        Values::F32(values) => (values.len() / 4, values.len(), "f32"),
        Values::I8 { values, scales } => (values.len(), values.len() + scales.len(), "int8"),
    };
    (count as u64, bytes + weights.bias.len(), Some(kind))
}

fn name(node: &Node<'_>) -> String {
    let by = |[height, width]: [u8; 2]| format!("{height}x{width}");
    let mut name = match &node.op {
        Op::Conv2d(conv) => {
            let mut name = format!("conv {}", by(conv.kernel));
            if conv.stride != [1, 1] {
                name += &format!(" stride {}", by(conv.stride));
            }
            if conv.groups > 1 {
                name += &format!(" groups {}", conv.groups);
            }
            name
        }
        Op::Dense(_) => "dense".to_owned(),
        Op::MaxPool2d(window) => format!("max pool {}", by(window.size)),
        Op::AvgPool2d(window) => format!("avg pool {}", by(window.size)),
        Op::GlobalAvgPool => "global avg pool".to_owned(),
        Op::Flatten => "flatten".to_owned(),
        Op::Add => "add".to_owned(),
        Op::ScaleChannels => "scale channels".to_owned(),
    };
    name += match node.activation {
        Activation::None => "",
        Activation::Relu => ", relu",
        Activation::Sigmoid => ", sigmoid",
        Activation::Silu => ", silu",
    };
    name
}
