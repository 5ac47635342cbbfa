//! The payload of a YuNet file: the weights of a face detector whose shape is fixed.
//!
//! Source: Wu, Peng and Yu, "YuNet: a tiny millisecond-level face detector" (Machine Intelligence
//! Research, 2023), in the form that its authors export (`yunet_n`: three output levels, one
//! shared unit before the heads). Batch normalization is folded into the convolutions.
//!
//! ```text
//! stem (stride 2) ── 0 ─ pool ─ 1 2 3 4 ─ pool ─ 5 6 ─ pool ─ 7 8 ─ pool ─ 9 10   backbone units
//!                                           │           │             │
//!                                           + ◄── x2 ── + ◄─── x2 ────┤
//!                                           │           │             │
//!                                       lateral 0   lateral 1     lateral 2
//!                                           │           │             │
//!                                        head 0      head 1        head 2
//! stride                                    8          16            32
//! ```
//!
//! A level's lateral unit comes after the sum; what it gives also goes, enlarged twice by
//! repeating pixels, into the sum of the level before.

mod validate;

use postcard_schema::Schema;
use serde::{Deserialize, Serialize};

use crate::container::{FormatError, Kind, Payload, sha256_of_postcard};
use crate::network::Weights;

pub use validate::YunetError;

/// Units of the backbone.
pub const BACKBONE_UNITS: usize = 11;
/// After which of them the maximum over 2x2 pixels is taken.
pub const POOL_AFTER: [usize; 4] = [0, 4, 6, 8];
/// Units whose output is a level's input.
pub const LEVEL_UNITS: [usize; 3] = [6, 8, 10];
/// Pixels from one cell to the next, per level.
pub const STRIDES_PX: [u16; 3] = [8, 16, 32];
/// The input's sides are multiples of this.
pub const SIDE_MULTIPLE_PX: u16 = 32;
/// Points of a face: right eye, left eye, nose tip, right and left mouth corner.
pub const LANDMARKS: usize = 5;
/// Most channels of any convolution; YuNet has 64.
pub const MAX_CHANNELS: u16 = 256;

/// A YuNet face detector with the terms it may be passed on under.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct YunetModel<'a> {
    /// Name of the file it was imported from.
    pub source: &'a str,
    /// What is known of its licence.
    pub licence: &'a str,
    /// All weights.
    #[serde(borrow)]
    pub network: YunetNetwork<'a>,
}

/// The weights, in the places that the fixed shape has for them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct YunetNetwork<'a> {
    /// 3x3, stride 2, padding 1, ReLU: `[3, H, W]` in blue, green, red, 0 to 255, to
    /// `[C, H / 2, W / 2]`.
    #[serde(borrow)]
    pub stem: Weights<'a>,
    /// In the order they are computed, each with a ReLU.
    #[serde(borrow)]
    pub backbone: [Unit<'a>; BACKBONE_UNITS],
    /// For the strides 8, 16 and 32, each with a ReLU.
    #[serde(borrow)]
    pub laterals: [Unit<'a>; 3],
    /// For the strides 8, 16 and 32.
    #[serde(borrow)]
    pub heads: [Head<'a>; 3],
}

/// A 1x1 convolution, then a 3x3 one of each channel by itself with padding 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct Unit<'a> {
    /// `[out, in]` and one bias per `out`.
    #[serde(borrow)]
    pub pointwise: Weights<'a>,
    /// `[out, 1, 3, 3]` and one bias per `out`.
    #[serde(borrow)]
    pub depthwise: Weights<'a>,
}

/// What is predicted for every cell of a level.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct Head<'a> {
    /// With a ReLU; what the other four look at.
    #[serde(borrow)]
    pub shared: Unit<'a>,
    /// Logit of the class (one channel).
    #[serde(borrow)]
    pub class: Unit<'a>,
    /// Logit of there being an object (one channel).
    #[serde(borrow)]
    pub object: Unit<'a>,
    /// Centre from the cell's corner and logarithm of the size, in strides (four channels: x, y,
    /// width, height).
    #[serde(borrow)]
    pub face_box: Unit<'a>,
    /// From the cell's corner in strides (ten channels: x, y of five points).
    #[serde(borrow)]
    pub landmarks: Unit<'a>,
}

impl<'a> Head<'a> {
    /// The four predictions with their numbers of channels, in the order of the file.
    pub fn predictions(&self) -> [(&Unit<'a>, u16); 4] {
        [
            (&self.class, 1),
            (&self.object, 1),
            (&self.face_box, 4),
            (&self.landmarks, 2 * LANDMARKS as u16),
        ]
    }
}

impl YunetModel<'_> {
    /// The id of this detector: the first 16 bytes of the SHA-256 of its weights' encoding.
    pub fn model_id(&self) -> [u8; 16] {
        let hash = sha256_of_postcard(&self.network);
        core::array::from_fn(|i| hash[i])
    }

    /// Coefficients and biases.
    pub fn parameters(&self) -> u64 {
        let count = |weights: &Weights<'_>, kernel: u64| {
            u64::from(weights.outputs) * (u64::from(weights.inputs) * kernel + 1)
        };
        let units = self.network.units();
        let units = units.map(|(_, unit)| count(&unit.pointwise, 1) + count(&unit.depthwise, 9));
        count(&self.network.stem, 9) + units.sum::<u64>()
    }
}

impl<'a> Payload<'a> for YunetModel<'a> {
    const KIND: Kind = Kind::Yunet;
    const MAX_PAYLOAD_BYTES: usize = 4 << 20;

    fn validate(&self) -> Result<(), FormatError> {
        Ok(YunetModel::validate(self)?)
    }

    fn derived_model_id(&self) -> Option<[u8; 16]> {
        Some(self.model_id())
    }
}
