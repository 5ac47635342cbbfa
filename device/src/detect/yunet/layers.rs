//! The detector's weights as tensors, in the form the graph wants them.

use mien_models::network::Weights;
use mien_models::yunet::{Head, Unit, YunetNetwork};
use tract_core::internal::*;

use super::candidates::PER_CELL;

/// A convolution's tensors.
pub(super) struct Layer {
    /// `[out, in, height, width]`; of a depthwise convolution `[9, channels]`.
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
    let (inputs, outputs) = (usize::from(weights.inputs), usize::from(weights.outputs));
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
    layer(&[outputs, 1, 3, 3], &gray, &weights.bias_f32())
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
    let outputs = units
        .iter()
        .map(|unit| usize::from(unit.pointwise.outputs))
        .sum();
    let all = |of: fn(&Unit<'_>) -> Vec<f32>| -> Vec<f32> {
        units.iter().flat_map(|unit| of(unit)).collect()
    };
    Ok(UnitLayers {
        pointwise: layer(
            &[outputs, inputs, 1, 1],
            &all(|unit| unit.pointwise.to_f32()),
            &all(|unit| unit.pointwise.bias_f32()),
        )?,
        depthwise: layer(
            &[9, outputs],
            &taps_first(&all(|unit| unit.depthwise.to_f32())),
            &all(|unit| unit.depthwise.bias_f32()),
        )?,
    })
}

/// `[channels, 9]` to `[9, channels]`.
fn taps_first(kernels: &[f32]) -> Vec<f32> {
    let tap = |tap| kernels.iter().copied().skip(tap).step_by(9);
    (0..9).flat_map(tap).collect()
}

fn layer(shape: &[usize], kernel: &[f32], bias: &[f32]) -> TractResult<Layer> {
    Ok(Layer {
        kernel: Tensor::from_shape(shape, kernel)?.into_arc_tensor(),
        bias: tensor1(bias).into_arc_tensor(),
    })
}
