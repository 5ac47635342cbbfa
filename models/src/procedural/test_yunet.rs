//! A face detector with findings that anyone can predict: a white cell is a face.

use core::array;

use crate::network::{Values, Weights};
use crate::yunet::{Head, Unit, YunetModel, YunetNetwork};

/// One of each gray weight's three channels, so that white gives 1.
const STEM_WEIGHT: f32 = 1.0 / (3.0 * 255.0);
/// Cells at a brightness of `OFFSET / SLOPE` have a score of 0.5.
const SLOPE: f32 = 40.0;
const OFFSET: f32 = -20.0;
/// Natural logarithm of the box's width and height in strides: 3 and 4.
const BOX: [f32; 4] = [0.5, 0.5, 1.098_612_3, 1.386_294_4];
/// x, y in strides from the cell's corner.
const LANDMARKS: [f32; 10] = [0.0, 0.0, 1.0, 0.0, 0.5, 0.5, 0.125, 1.0, 0.875, 1.0];

static ZERO: [u8; 40] = [0; 40];
static ONE: [u8; 4] = 1.0_f32.to_le_bytes();
static STEM: [u8; 108] = centers::<108>(STEM_WEIGHT);
static CENTERS: [u8; 360] = centers::<360>(1.0);
static LOGIT_SLOPE: [u8; 4] = SLOPE.to_le_bytes();
static LOGIT_OFFSET: [u8; 4] = OFFSET.to_le_bytes();
static BOX_OFFSETS: [u8; 16] = bytes(BOX);
static LANDMARK_OFFSETS: [u8; 40] = bytes(LANDMARKS);

/// A YuNet of one channel. The brightest of the pixels with even coordinates in an 8x8 cell
/// decides: from half the gray scale on it is a face of 24x32 pixels about the cell's centre, with
/// the landmarks at the cell's four corners (the mouth's one pixel inwards) and its centre.
/// The levels of stride 16 and 32 see nothing.
pub fn test_yunet() -> YunetModel<'static> {
    let see = || unit(1, &ONE, &ZERO[..4]);
    let ignore = || unit(1, &ZERO[..4], &ZERO[..4]);
    let head = || Head {
        shared: see(),
        class: unit(1, &LOGIT_SLOPE, &LOGIT_OFFSET),
        object: unit(1, &LOGIT_SLOPE, &LOGIT_OFFSET),
        face_box: unit(4, &ZERO[..16], &BOX_OFFSETS),
        landmarks: unit(10, &ZERO, &LANDMARK_OFFSETS),
    };
    YunetModel {
        source: "test",
        licence: "MIT OR Apache-2.0",
        network: YunetNetwork {
            stem: weights(3, 1, &STEM, &ZERO[..4]),
            backbone: array::from_fn(|_| see()),
            laterals: [see(), ignore(), ignore()],
            heads: array::from_fn(|_| head()),
        },
    }
}

/// A unit of one input whose 3x3 kernels pass their centre on and add an offset.
fn unit(outputs: u16, slopes: &'static [u8], offsets: &'static [u8]) -> Unit<'static> {
    let count = usize::from(outputs);
    Unit {
        pointwise: weights(1, outputs, slopes, &ZERO[..4 * count]),
        depthwise: weights(1, outputs, &CENTERS[..36 * count], offsets),
    }
}

fn weights(
    inputs: u16,
    outputs: u16,
    values: &'static [u8],
    bias: &'static [u8],
) -> Weights<'static> {
    Weights {
        inputs,
        outputs,
        values: Values::F32(values),
        bias,
    }
}

/// 3x3 kernels of zeros with `value` in their centres, as bytes.
const fn centers<const BYTES: usize>(value: f32) -> [u8; BYTES] {
    let mut kernels = [0; BYTES];
    let value = value.to_le_bytes();
    let mut i = 0;
    while i < BYTES {
        if i % 36 / 4 == 4 {
            kernels[i] = value[i % 4];
        }
        i += 1;
    }
    kernels
}

const fn bytes<const COUNT: usize, const BYTES: usize>(values: [f32; COUNT]) -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    let mut i = 0;
    while i < BYTES {
        bytes[i] = values[i / 4].to_le_bytes()[i % 4];
        i += 1;
    }
    bytes
}
