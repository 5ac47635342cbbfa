//! A model with a verdict that anyone can predict: the darkest seventh of the gray scale is the
//! first label, the brightest the last.

use alloc::vec;

use crate::ExpressionModel;
use crate::expression_model::{Figure, Golden, ModelCard};
use crate::label::{Expression, Labels};
use crate::network::{Activation, Conv2d, Network, Node, Op, Values, Weights};
use crate::preprocess::{Contrast, Preprocessing};

const LABELS: usize = Expression::ALL.len();
const SIDE: usize = 48;
/// Steepness: at a label's own brightness the next one has e^-8 of its probability.
const STEEPNESS: f32 = 400.0;

/// Coefficient 64 with scale 1/64: an exact 1.0 in int8.
static IDENTITY: [u8; 1] = [64];
static IDENTITY_SCALE: [u8; 4] = (1.0_f32 / 64.0).to_le_bytes();
static ZERO_BIAS: [u8; 4] = 0.0_f32.to_le_bytes();
static SLOPES: [u8; 4 * LABELS] = per_label(0);
static OFFSETS: [u8; 4 * LABELS] = per_label(1);
/// A flat picture in the middle of each label's range.
static FLAT: [[u8; SIDE * SIDE]; LABELS] = flat_pictures();

/// An expression model for `[48, 48]` input with contrast normalization off, whose verdict
/// follows the mean brightness m in 0..=1: label `floor(7 m)`.
///
/// The logit of label k is `-s (m - c_k)²` plus what all labels share, with `c_k` the middle of
/// its range: linear in m, so an int8 1x1 convolution, a global mean and one dense layer do.
pub fn test_model() -> ExpressionModel<'static> {
    let node = |op, input| Node {
        op,
        inputs: [input].into_iter().collect(),
        activation: Activation::None,
        output_quant: None,
    };
    let identity = Op::Conv2d(Conv2d {
        kernel: [1, 1],
        stride: [1, 1],
        padding: [0; 4],
        groups: 1,
        weights: Weights {
            inputs: 1,
            outputs: 1,
            values: Values::I8 {
                values: &IDENTITY,
                scales: &IDENTITY_SCALE,
            },
            bias: &ZERO_BIAS,
        },
    });
    let decide = Op::Dense(Weights {
        inputs: 1,
        outputs: LABELS as u16,
        values: Values::F32(&SLOPES),
        bias: &OFFSETS,
    });
    ExpressionModel {
        preprocessing: Preprocessing {
            height: SIDE as u16,
            width: SIDE as u16,
            contrast: Contrast::Off,
            zero_point: 0,
            scale: 1.0 / 255.0,
        },
        labels: Labels::fer2013(),
        network: Network {
            input: [1, SIDE as u16, SIDE as u16],
            nodes: vec![
                node(identity, 0),
                node(Op::GlobalAvgPool, 1),
                node(decide, 2),
            ],
        },
        temperature: 1.0,
        golden: FLAT.iter().map(|pixels| golden(pixels)).collect(),
        card: ModelCard {
            name: "test",
            data: "none",
            recipe: "",
            date: "2026-01-01",
            licence: "MIT OR Apache-2.0",
            notes: "Its verdict follows the mean brightness. For tests only.",
            figures: vec![Figure {
                name: "golden_inputs",
                value: 1.0,
            }],
        },
    }
}

fn golden(pixels: &'static [u8]) -> Golden<'static> {
    let mean = f32::from(pixels[0]) / 255.0;
    Golden {
        pixels,
        logits: (0..LABELS)
            .map(|label| logit_parts(label)[0] * mean + logit_parts(label)[1])
            .collect(),
    }
}

/// Slope and offset of a label's logit over the brightness.
const fn logit_parts(label: usize) -> [f32; 2] {
    let center = (label as f32 + 0.5) / LABELS as f32;
    [2.0 * STEEPNESS * center, -STEEPNESS * center * center]
}

const fn per_label(part: usize) -> [u8; 4 * LABELS] {
    let mut bytes = [0; 4 * LABELS];
    let mut label = 0;
    while label < LABELS {
        let value = logit_parts(label)[part].to_le_bytes();
        let mut i = 0;
        while i < 4 {
            bytes[4 * label + i] = value[i];
            i += 1;
        }
        label += 1;
    }
    bytes
}

const fn flat_pictures() -> [[u8; SIDE * SIDE]; LABELS] {
    let mut pictures = [[0; SIDE * SIDE]; LABELS];
    let mut label = 0;
    while label < LABELS {
        let level = (255 * (2 * label + 1) / (2 * LABELS)) as u8;
        pictures[label] = [level; SIDE * SIDE];
        label += 1;
    }
    pictures
}
