//! A packed network's weights in the places of a trainable one.

use std::path::Path;

use burn::module::Param;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use mien_models::ExpressionModel;
use mien_models::container;
use mien_models::network::{Conv2d, Op, Weights};

use super::{Init, InitError};
use crate::train::net::{Net, NormParams};
use crate::train::plan::Plan;
use crate::train::recipe::{BatchNorm, Recipe};

/// A convolution or dense layer as real numbers, BatchNorm folded in.
pub struct Layer {
    inputs: usize,
    outputs: usize,
    /// Kernel side, stride and padding; 1, 1 and 0 of a dense layer.
    geometry: [usize; 3],
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Layer {
    fn new(weights: &Weights<'_>, geometry: [usize; 3]) -> Self {
        Self {
            inputs: usize::from(weights.inputs),
            outputs: usize::from(weights.outputs),
            geometry,
            weights: weights.to_f32(),
            bias: weights.bias_f32(),
        }
    }

    /// Square kernels with even padding and one group are all that recipes make.
    fn of_conv(conv: &Conv2d<'_>) -> Option<Self> {
        let ([kernel, k], [stride, s], [padding, ..]) = (conv.kernel, conv.stride, conv.padding);
        let is_plain =
            kernel == k && stride == s && conv.padding == [padding; 4] && conv.groups == 1;
        let geometry = [kernel, stride, padding].map(usize::from);
        is_plain.then(|| Self::new(&conv.weights, geometry))
    }
}

/// Reads a packed model and the recipe in its card.
pub fn open(file: &[u8]) -> Result<Init, InitError> {
    let (_, model) = container::decode::<ExpressionModel<'_>>(file)?;
    let recipe = Recipe::parse(model.card.recipe, Path::new("in the model card"))
        .map_err(InitError::NoRecipe)?;
    let (mut convs, mut denses) = (vec![], vec![]);
    for node in &model.network.nodes {
        match &node.op {
            Op::Conv2d(conv) => convs.push(Layer::of_conv(conv).ok_or_else(|| {
                InitError::Other("it has convolutions that recipes do not make".to_owned())
            })?),
            Op::Dense(weights) => denses.push(Layer::new(weights, [1, 1, 0])),
            _ => {}
        }
    }
    if model.preprocessing != recipe.input.preprocessing() {
        return Err(InitError::Other(
            "its pictures are prepared in another way than its recipe says".to_owned(),
        ));
    }
    Ok(Init {
        recipe,
        labels: model.labels,
        weights: super::Weights::Packed { convs, denses },
    })
}

/// `net` with the layers' weights; BatchNorm passes through what it gets but for the bias. The last
/// layer is left with as many outputs as the file has.
pub fn fill<B: Backend>(
    mut net: Net<B>,
    plan: &Plan,
    convs: &[Layer],
    denses: &[Layer],
    constants: BatchNorm,
    device: &B::Device,
) -> Result<Net<B>, InitError> {
    let (found, wanted) = (
        [convs.len(), denses.len()],
        [plan.convs.len(), plan.denses.len()],
    );
    if found != wanted {
        return Err(InitError::Other(format!(
            "{found:?} convolutions and dense layers instead of {wanted:?}"
        )));
    }
    for (i, (layer, spec)) in convs.iter().zip(&plan.convs).enumerate() {
        let geometry = [spec.kernel, spec.geometry.stride, spec.geometry.padding];
        if (layer.inputs, layer.outputs, layer.geometry) != (spec.inputs, spec.outputs, geometry) {
            let why = format!("convolution {} has another shape", i + 1);
            return Err(InitError::Other(why));
        }
        let shape = [layer.outputs, layer.inputs, spec.kernel, spec.kernel];
        net.convs[i].weight = parameter(&layer.weights, shape, device);
        net.convs[i].norm = pass(&layer.bias, constants, device);
    }
    let last = plan.denses.len().saturating_sub(1);
    for (i, (layer, spec)) in denses.iter().zip(&plan.denses).enumerate() {
        if layer.inputs != spec.inputs || (i != last && layer.outputs != spec.outputs) {
            let why = format!("dense layer {} has another shape", i + 1);
            return Err(InitError::Other(why));
        }
        let dense = &mut net.denses[i];
        dense.weight = parameter(&layer.weights, [layer.outputs, layer.inputs], device);
        let zeros = vec![0.0; layer.outputs];
        let bias = if spec.hidden { &zeros } else { &layer.bias };
        dense.bias = parameter(bias, [layer.outputs], device);
        dense.norm = spec.hidden.then(|| pass(&layer.bias, constants, device));
    }
    Ok(net)
}

/// Subtracts nothing, divides by one, adds `bias`.
fn pass<B: Backend>(bias: &[f32], constants: BatchNorm, device: &B::Device) -> NormParams<B> {
    let n = bias.len();
    let constant = |value: f64| parameter::<B, 1>(&vec![value as f32; n], [n], device);
    NormParams {
        gamma: constant(1.0),
        beta: parameter(bias, [n], device),
        mean: constant(0.0).set_require_grad(false),
        var: constant(1.0 - constants.epsilon).set_require_grad(false),
    }
}

/// A trainable parameter of these values.
pub fn parameter<B: Backend, const D: usize>(
    values: &[f32],
    shape: [usize; D],
    device: &B::Device,
) -> Param<Tensor<B, D>> {
    let data = TensorData::new(values.to_vec(), shape);
    Param::from_tensor(Tensor::from_data(data, device))
}
