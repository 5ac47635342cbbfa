//! The detector's weights as tensors, in the form the graph wants them.

use mien_models::network::Weights;
use mien_models::yunet::{Head, Unit, YunetNetwork};
use tract_core::internal::*;

use super::candidates::PER_CELL;

/// A convolution's tensors, as [`super::convolve`] takes them.
pub(super) struct Layer {
    /// `[in, out]`; of 3x3 pixels `[9, out]`.
    pub(super) kernel: Arc<Tensor>,
    /// `[out]`.
    pub(super) bias: Arc<Tensor>,
}

/// A 1x1 convolution, then a 3x3 one of each channel by itself.
pub(super) struct UnitLayers {
    pub(super) pointwise: Layer,
    pub(super) depthwise: Layer,
}

/// All weights; one gray plane instead of three colours, and each level's four predictions as one
/// unit of [`PER_CELL`] channels.
pub(super) struct Layers {
    pub(super) stem: Layer,
    pub(super) backbone: Vec<UnitLayers>,
    pub(super) laterals: Vec<UnitLayers>,
    /// Shared unit and predictions.
    pub(super) heads: Vec<(UnitLayers, UnitLayers)>,
}

impl Layers {
    /// `network` has been validated.
    pub(super) fn new(network: &YunetNetwork<'_>) -> TractResult<Self> {
        Ok(Self {
            stem: gray_stem(&network.stem)?,
            backbone: network
                .backbone
                .iter()
                .map(unit)
                .collect::<TractResult<_>>()?,
            laterals: network
                .laterals
                .iter()
                .map(unit)
                .collect::<TractResult<_>>()?,
            heads: network
                .heads
                .iter()
                .map(|head| Ok((unit(&head.shared)?, predictions(head)?)))
                .collect::<TractResult<_>>()?,
        })
    }
}

/// Weights for three equal channels, added up: the sum over the channels in f64, rounded once.
fn gray_stem(weights: &Weights<'_>) -> TractResult<Layer> {
    let inputs = usize::from(weights.inputs);
    let colour = weights.to_f32();
    let gray: Vec<f32> = colour
        .chunks_exact(9 * inputs)
        .flat_map(|kernels| {
            (0..9).map(|tap| {
                let taps = kernels.iter().skip(tap).step_by(9);
                taps.map(|&value| f64::from(value)).sum::<f64>() as f32
            })
        })
        .collect();
    layer(9, &gray, &weights.bias_f32())
}

fn unit(unit: &Unit<'_>) -> TractResult<UnitLayers> {
    joined(&[unit])
}

fn predictions(head: &Head<'_>) -> TractResult<UnitLayers> {
    let predictions = head.predictions();
    debug_assert_eq!(
        predictions.iter().map(|p| usize::from(p.1)).sum::<usize>(),
        PER_CELL
    );
    joined(&predictions.map(|(unit, _)| unit))
}

/// Units with the same input as one, their channels one after the other.
fn joined(units: &[&Unit<'_>]) -> TractResult<UnitLayers> {
    let inputs = units
        .first()
        .map_or(0, |unit| usize::from(unit.pointwise.inputs));
    let all = |of: fn(&Unit<'_>) -> Vec<f32>| -> Vec<f32> {
        units.iter().flat_map(|unit| of(unit)).collect()
    };
    Ok(UnitLayers {
        pointwise: layer(
            inputs,
            &all(|unit| unit.pointwise.to_f32()),
            &all(|unit| unit.pointwise.bias_f32()),
        )?,
        depthwise: layer(
            9,
            &all(|unit| unit.depthwise.to_f32()),
            &all(|unit| unit.depthwise.bias_f32()),
        )?,
    })
}

/// A layer of a kernel `[out, terms]`.
fn layer(terms: usize, kernel: &[f32], bias: &[f32]) -> TractResult<Layer> {
    let column = |term| kernel.iter().copied().skip(term).step_by(terms);
    let transposed: Vec<f32> = (0..terms).flat_map(column).collect();
    Ok(Layer {
        kernel: Tensor::from_shape(&[terms, bias.len()], &transposed)?.into_arc_tensor(),
        bias: tensor1(bias).into_arc_tensor(),
    })
}
