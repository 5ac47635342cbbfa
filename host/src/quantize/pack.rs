//! From folded layers to a packed model file.

use mien_device::classify::{Classifier, ClassifyError};
use mien_models::container::{FormatError, encode};
use mien_models::expression_model::{ExpressionModel, Golden, ModelCard};
use mien_models::label::Labels;
use mien_models::network::{Activation, Conv2d, Network, Node, Op, Values, Weights, Window};
use mien_models::preprocess::{Preprocessing, normalize_contrast};
use mien_models::procedural::{Scene, plane};

use super::fold::Folded;
use super::int8::{Quantized, quantize};
use crate::train::plan::{DenseSpec, Plan, StepOp};

/// How weights are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// One int8 per coefficient with one scale per output.
    Int8,
    /// f32, to see what int8 costs.
    Float,
}

/// Why a model could not be packed.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The result would not be a valid model file.
    #[error("the packed model is not valid: {0}")]
    Format(#[from] FormatError),
    /// The device's inference code refuses it.
    #[error("the packed model does not run: {0}")]
    Classify(#[from] ClassifyError),
}

/// The window of both kinds of pooling.
const HALVING: Window = Window {
    size: [2, 2],
    stride: [2, 2],
};

/// Owned bytes of one layer; the network borrows them.
struct Stored {
    inputs: u16,
    outputs: u16,
    values: Vec<u8>,
    /// Empty for f32.
    scales: Vec<u8>,
    bias: Vec<u8>,
}

fn little_endian(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

impl Stored {
    fn new(layer: &Folded, inputs: usize, outputs: usize, precision: Precision) -> Self {
        let (values, scales) = match precision {
            Precision::Float => (little_endian(&layer.weights), vec![]),
            Precision::Int8 => {
                let Quantized { values, scales } = quantize(&layer.weights, outputs);
                (
                    bytemuck::cast_slice(&values).to_vec(),
                    little_endian(&scales),
                )
            }
        };
        // The plan limits widths to u16's range.
        let width = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        let bias = little_endian(&layer.bias);
        Self {
            inputs: width(inputs),
            outputs: width(outputs),
            values,
            scales,
            bias,
        }
    }

    fn weights(&self) -> Weights<'_> {
        let values = if self.scales.is_empty() {
            Values::F32(&self.values)
        } else {
            Values::I8 {
                values: &self.values,
                scales: &self.scales,
            }
        };
        Weights {
            inputs: self.inputs,
            outputs: self.outputs,
            values,
            bias: &self.bias,
        }
    }
}

/// A network with its own weight bytes.
pub struct PackedNetwork {
    plan: Plan,
    convs: Vec<Stored>,
    denses: Vec<Stored>,
}

impl PackedNetwork {
    /// Stores the folded layers of `plan`.
    pub fn new(plan: &Plan, convs: &[Folded], denses: &[Folded], precision: Precision) -> Self {
        let convs = plan.convs.iter().zip(convs);
        let last = plan.denses.len().saturating_sub(1);
        let denses = plan.denses.iter().zip(denses).enumerate();
        // The auxiliary head ends with training.
        let outputs =
            |i: usize, spec: &DenseSpec| if i == last { plan.labels } else { spec.outputs };
        Self {
            plan: plan.clone(),
            convs: convs
                .map(|(s, f)| Stored::new(f, s.inputs, s.outputs, precision))
                .collect(),
            denses: denses
                .map(|(i, (s, f))| {
                    let outputs = outputs(i, s);
                    let first = Folded {
                        weights: f.weights[..outputs * s.inputs].to_vec(),
                        bias: f.bias[..outputs].to_vec(),
                    };
                    Stored::new(&first, s.inputs, outputs, precision)
                })
                .collect(),
        }
    }

    /// Adds to the logits, `[labels]`.
    pub fn shift_logits(&mut self, offsets: &[f64]) {
        let Some(last) = self.denses.last_mut() else {
            return;
        };
        for (bytes, offset) in last.bias.as_chunks_mut::<4>().0.iter_mut().zip(offsets) {
            let shifted = f64::from(f32::from_le_bytes(*bytes)) + offset;
            *bytes = (shifted as f32).to_le_bytes();
        }
    }

    /// The network as the model file describes it. What only training does has
    /// no node, so values are renumbered.
    pub fn network(&self, preprocessing: &Preprocessing) -> Network<'_> {
        let mut nodes: Vec<Node<'_>> = Vec::with_capacity(self.plan.steps.len());
        let mut numbers: Vec<u16> = vec![0];
        for step in &self.plan.steps {
            let inputs: Vec<u16> = step.inputs.iter().map(|i| numbers[*i]).collect();
            let relu = |on| {
                if on {
                    Activation::Relu
                } else {
                    Activation::None
                }
            };
            let (op, activation) = match step.op {
                StepOp::Dropout { .. } | StepOp::DropPath { .. } => {
                    numbers.push(inputs[0]);
                    continue;
                }
                StepOp::Conv { index, relu: on } => (self.conv(index), relu(on)),
                StepOp::Dense { index, activation } => {
                    (Op::Dense(self.denses[index].weights()), activation)
                }
                StepOp::MaxPool => (Op::MaxPool2d(HALVING), Activation::None),
                StepOp::AvgPool => (Op::AvgPool2d(HALVING), Activation::None),
                StepOp::GlobalAvgPool => (Op::GlobalAvgPool, Activation::None),
                StepOp::ScaleChannels => (Op::ScaleChannels, Activation::None),
                StepOp::Flatten => (Op::Flatten, Activation::None),
                StepOp::AddRelu => (Op::Add, Activation::Relu),
            };
            let inputs = inputs.into_iter().collect();
            nodes.push(Node {
                op,
                inputs,
                activation,
                output_quant: None,
            });
            numbers.push(nodes.len() as u16);
        }
        Network {
            input: [1, preprocessing.height, preprocessing.width],
            nodes,
        }
    }

    fn conv(&self, index: usize) -> Op<'_> {
        let spec = &self.plan.convs[index];
        // The plan limits kernels to 11, strides to 8.
        let byte = |n: usize| n as u8;
        Op::Conv2d(Conv2d {
            kernel: [byte(spec.kernel); 2],
            stride: [byte(spec.geometry.stride); 2],
            padding: [byte(spec.geometry.padding); 4],
            groups: 1,
            weights: self.convs[index].weights(),
        })
    }
}

/// Number of golden inputs in a file.
const GOLDEN: usize = 4;

/// Packs a network with golden inputs whose logits the device's inference code computes here.
///
/// # Errors
/// When the result is not a valid model.
pub fn pack(
    network: &PackedNetwork,
    preprocessing: Preprocessing,
    labels: &Labels,
    temperature: f32,
    card: ModelCard<'_>,
    model_version: u64,
) -> Result<Vec<u8>, PackError> {
    let mut model = ExpressionModel {
        preprocessing,
        labels: labels.clone(),
        network: network.network(&preprocessing),
        temperature,
        golden: vec![],
        card,
    };
    let (height, width) = (
        u32::from(preprocessing.height),
        u32::from(preprocessing.width),
    );
    let planes: Vec<Vec<u8>> = (0..GOLDEN as u64)
        .map(|seed| plane(Scene::Face, seed, width, height).pixels)
        .collect();
    let mut classifier = Classifier::new(&model)?;
    for pixels in &planes {
        let mut normalized = pixels.clone();
        normalize_contrast(&mut normalized, &preprocessing.contrast);
        let logits = classifier.logits(&normalized)?.iter().copied().collect();
        model.golden.push(Golden { pixels, logits });
    }
    Ok(encode(&model, model.model_id(), model_version)?)
}
