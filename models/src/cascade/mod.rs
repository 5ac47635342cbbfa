//! The payload of a cascade file: a boosted Viola-Jones cascade over Haar or LBP features, as
//! OpenCV (2.4 and later) trains them.
//!
//! A window is tested stage by stage. A stage adds up one leaf of each of its trees and rejects
//! the window when the sum stays below its threshold. Sources: Viola and Jones, "Robust real-time
//! face detection" (2004); Lienhart and Maydt, "An extended set of Haar-like features" (2002);
//! Liao et al., "Learning multi-scale block local binary patterns" (2007).

mod validate;

use alloc::vec::Vec;
use postcard_schema::Schema;
use serde::{Deserialize, Serialize};

use crate::bounded;
use crate::container::{FormatError, Kind, Payload, sha256_of_postcard};

pub use validate::CascadeError;

/// Least window side in pixels: the variance is taken over the window less a 1-pixel border.
pub const MIN_WINDOW_PX: u8 = 3;
/// Most stages.
pub const MAX_STAGES: usize = 256;
/// Most trees in all stages together.
pub const MAX_TREES: usize = 32_768;
/// Most trees in one stage; OpenCV trains 100 unless told otherwise.
pub const MAX_TREES_PER_STAGE: usize = 512;
/// Most nodes in one tree.
pub const MAX_NODES_PER_TREE: usize = 127;
/// Most features.
pub const MAX_FEATURES: usize = 65_536;
/// Most rectangles in a Haar feature.
pub const MAX_RECTS: usize = 3;

/// A cascade with the terms it may be passed on under.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct CascadeModel<'a> {
    /// Name of the file it was imported from.
    pub source: &'a str,
    /// Licence notice of that file, to be passed on with the cascade.
    pub licence: &'a str,
    /// Height of the trained window in pixels.
    pub window_height: u8,
    /// Width of the trained window in pixels.
    pub window_width: u8,
    /// Features and stages.
    pub ensemble: Ensemble,
}

/// The two kinds of cascade.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub enum Ensemble {
    /// A node goes left when its feature, divided by the window's standard deviation times the
    /// pixels it was taken over, is below the threshold.
    Haar(Boosted<HaarFeature, f32>),
    /// A node goes left when the bit of its feature's code is set: bit `c % 32` of word `c / 32`.
    Lbp(Boosted<LbpFeature, [u32; 8]>),
}

/// Stages over shared features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
#[serde(bound(deserialize = "F: Deserialize<'de>, S: Deserialize<'de>"))]
pub struct Boosted<F, S> {
    /// What the nodes look at.
    #[serde(deserialize_with = "bounded::vec::<_, _, MAX_FEATURES>")]
    pub features: Vec<F>,
    /// In the order they are tested.
    #[serde(deserialize_with = "bounded::vec::<_, _, MAX_STAGES>")]
    pub stages: Vec<Stage<S>>,
}

impl<F, S> Boosted<F, S> {
    /// How many trees all stages have together.
    pub fn trees(&self) -> usize {
        self.stages.iter().map(|stage| stage.trees.len()).sum()
    }
}

/// One stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
#[serde(bound(deserialize = "S: Deserialize<'de>"))]
pub struct Stage<S> {
    /// As in the source; OpenCV lowers it by 1e-5 when it evaluates.
    pub threshold: f32,
    /// Summed in this order.
    #[serde(deserialize_with = "bounded::vec::<_, _, MAX_TREES_PER_STAGE>")]
    pub trees: Vec<Tree<S>>,
}

/// A decision tree; one with a single node is a stump.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
#[serde(bound(deserialize = "S: Deserialize<'de>"))]
pub struct Tree<S> {
    /// The first one is the root; children come after their parents.
    #[serde(deserialize_with = "bounded::vec::<_, _, MAX_NODES_PER_TREE>")]
    pub nodes: Vec<Node<S>>,
    /// One more than there are nodes.
    #[serde(deserialize_with = "bounded::vec::<_, _, { MAX_NODES_PER_TREE + 1 }>")]
    pub leaves: Vec<f32>,
}

/// An inner node. A child above 0 is that node of the tree, one at or below 0 the leaf of the
/// negated number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct Node<S> {
    /// Index into the features.
    pub feature: u16,
    /// Where a window goes when the split says yes.
    pub left: i8,
    /// Where it goes otherwise.
    pub right: i8,
    /// What the feature is compared with.
    pub split: S,
}

/// The weighted sum of pixels in a few rectangles of the window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct HaarFeature {
    /// One to three.
    pub rects: heapless::Vec<WeightedRect, MAX_RECTS>,
    /// Rectangles turned by 45 degrees: `x, y` is the topmost corner, `width` runs to the lower
    /// right and `height` to the lower left.
    pub tilted: bool,
}

/// A rectangle inside the window with the weight of its pixel sum.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct WeightedRect {
    /// Left edge in pixels.
    pub x: u8,
    /// Top edge in pixels.
    pub y: u8,
    /// Width in pixels, > 0.
    pub width: u8,
    /// Height in pixels, > 0.
    pub height: u8,
    /// Finite.
    pub weight: f32,
}

/// A multi-block local binary pattern: 3x3 blocks, the outer eight compared with the middle one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct LbpFeature {
    /// Left edge of the nine blocks in pixels.
    pub x: u8,
    /// Top edge of the nine blocks in pixels.
    pub y: u8,
    /// Width of one block in pixels, > 0.
    pub block_width: u8,
    /// Height of one block in pixels, > 0.
    pub block_height: u8,
}

impl CascadeModel<'_> {
    /// The id of this cascade: it follows from what is evaluated, whatever the file was called.
    pub fn model_id(&self) -> [u8; 16] {
        let hash = sha256_of_postcard(&(self.window_height, self.window_width, &self.ensemble));
        core::array::from_fn(|i| hash[i])
    }
}

impl<'a> Payload<'a> for CascadeModel<'a> {
    const KIND: Kind = Kind::Cascade;
    const MAX_PAYLOAD_BYTES: usize = 1 << 20;

    fn validate(&self) -> Result<(), FormatError> {
        Ok(CascadeModel::validate(self)?)
    }

    fn derived_model_id(&self) -> Option<[u8; 16]> {
        Some(self.model_id())
    }
}
