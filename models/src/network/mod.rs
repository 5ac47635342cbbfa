//! The network as data: nodes in evaluation order, weights borrowed from the file.
//!
//! Values are numbered: value 0 is the input, value `i + 1` the output of node `i`. A node may
//! use any earlier value; the last node's output is the logits. All shapes are for one picture,
//! `[channels, height, width]` row-major, or `[features]` once flattened.

mod error;
mod shape;
mod weights;

use alloc::vec::Vec;

use postcard_schema::Schema;
use serde::{Deserialize, Serialize};

pub use error::{NetworkError, WeightsError};
pub use shape::Shape;

/// Most nodes a network may have.
pub const MAX_NODES: usize = 256;
/// Most numbers in one value (a picture of 48x48 with 455 channels).
pub const MAX_VALUE_LEN: u64 = 1 << 20;
/// Most coefficients and biases of a whole network.
pub const MAX_PARAMETERS: u64 = 1 << 23;
/// Most multiply-accumulates per picture: seconds, not minutes, on the slowest Pi.
pub const MAX_MACS: u64 = 1 << 31;

/// A network for one input plane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct Network<'a> {
    /// `[channels, height, width]` of the input.
    pub input: [u16; 3],
    /// Nodes in evaluation order, 1..=[`MAX_NODES`].
    #[serde(borrow, deserialize_with = "crate::bounded::vec::<_, _, MAX_NODES>")]
    pub nodes: Vec<Node<'a>>,
}

/// One operation with its inputs and the activation applied to its result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct Node<'a> {
    /// What is computed.
    #[serde(borrow)]
    pub op: Op<'a>,
    /// Value numbers: one for most operations, two for [`Op::Add`] and [`Op::ScaleChannels`].
    pub inputs: heapless::Vec<u16, 2>,
    /// Applied to the result.
    pub activation: Activation,
    /// Room for the int8 quantization of this node's output (after the activation).
    pub output_quant: Option<ActivationQuant>,
}

/// The operations Mien's networks are made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub enum Op<'a> {
    /// Cross-correlation plus bias: `[in, H, W]` to `[out, H', W']`.
    #[serde(borrow)]
    Conv2d(Conv2d<'a>),
    /// `y = W x + b`: `[in]` to `[out]`.
    #[serde(borrow)]
    Dense(Weights<'a>),
    /// Maximum over windows without padding; incomplete windows are dropped.
    MaxPool2d(Window),
    /// Mean over windows without padding; incomplete windows are dropped.
    AvgPool2d(Window),
    /// Mean over height and width: `[C, H, W]` to `[C]`.
    GlobalAvgPool,
    /// `[C, H, W]` to `[C * H * W]`, row-major.
    Flatten,
    /// Sum of two values of equal shape.
    Add,
    /// First input `[C, H, W]` times second input `[C]`, per channel (squeeze-and-excitation).
    ScaleChannels,
}

/// A convolution's geometry and weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct Conv2d<'a> {
    /// Kernel `[height, width]`.
    pub kernel: [u8; 2],
    /// Stride `[y, x]`.
    pub stride: [u8; 2],
    /// Zero padding `[top, left, bottom, right]`.
    pub padding: [u8; 4],
    /// Groups; `in` and `out` are multiples of it.
    pub groups: u16,
    /// `[out, in / groups, kernel_height, kernel_width]` and one bias per `out`.
    #[serde(borrow)]
    pub weights: Weights<'a>,
}

/// A pooling window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub struct Window {
    /// Size `[height, width]`.
    pub size: [u8; 2],
    /// Stride `[y, x]`.
    pub stride: [u8; 2],
}

/// Weights of a convolution or dense layer, output channel outermost, row-major.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct Weights<'a> {
    /// Input channels (per group) or features.
    pub inputs: u16,
    /// Output channels or features.
    pub outputs: u16,
    /// The coefficients.
    #[serde(borrow)]
    pub values: Values<'a>,
    /// Little-endian f32, one per output.
    #[serde(borrow)]
    pub bias: &'a [u8],
}

/// Coefficients, borrowed from the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub enum Values<'a> {
    /// Little-endian f32.
    F32(&'a [u8]),
    /// Two's-complement int8; real value = `q * scale[output]`.
    I8 {
        /// One byte per coefficient.
        values: &'a [u8],
        /// Little-endian f32 scale per output, finite and positive.
        scales: &'a [u8],
    },
}

/// Applied element-wise to a node's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum Activation {
    /// Identity.
    None,
    /// `max(x, 0)`.
    Relu,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `x * sigmoid(x)`.
    Silu,
}

/// Affine int8 quantization: real = `(q - zero_point) * scale`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct ActivationQuant {
    /// Positive and finite.
    pub scale: f32,
    /// The int8 that stands for 0.
    pub zero_point: i8,
}
