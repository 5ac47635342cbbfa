//! Why a network is refused.

use super::{MAX_MACS, MAX_NODES, MAX_PARAMETERS, MAX_VALUE_LEN};

/// Why a network cannot be run. Node numbers count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// No node, so no output.
    #[error("the network has no node")]
    NoNode,
    /// More than [`MAX_NODES`].
    #[error("the network has more than {MAX_NODES} nodes")]
    TooManyNodes,
    /// An input with a side of zero.
    #[error("the network's input {0:?} has no pixel")]
    EmptyInput([u16; 3]),
    /// More or fewer inputs than the operation takes.
    #[error("node {node} has {actual} inputs, its operation takes {expected}")]
    InputCount {
        /// Which node.
        node: usize,
        /// What the operation takes.
        expected: usize,
        /// What it has.
        actual: usize,
    },
    /// An input that is not computed before the node.
    #[error("node {node} uses value {value}, which does not exist before it")]
    InputOrder {
        /// Which node.
        node: usize,
        /// The value it names.
        value: u16,
    },
    /// A kernel, window, stride or group count of zero.
    #[error("node {node} has a kernel, window, stride or group count of zero")]
    ZeroGeometry {
        /// Which node.
        node: usize,
    },
    /// Padding that a whole kernel fits into, so that outputs see no input.
    #[error("node {node} pads by as much as its kernel")]
    Padding {
        /// Which node.
        node: usize,
    },
    /// An operation on a value of the wrong rank or channel count, or unequal summands.
    #[error("node {node} does not fit the shape of its inputs")]
    ShapeMismatch {
        /// Which node.
        node: usize,
    },
    /// A kernel or window larger than what it slides over.
    #[error("node {node} has a window larger than its input")]
    WindowTooLarge {
        /// Which node.
        node: usize,
    },
    /// Groups that do not divide the channels.
    #[error("node {node} has channels that are no multiple of its groups")]
    Groups {
        /// Which node.
        node: usize,
    },
    /// A value over [`MAX_VALUE_LEN`].
    #[error("value {value} has {len} numbers, over the limit of {MAX_VALUE_LEN}")]
    ValueTooLarge {
        /// Which value; 0 is the input, `i + 1` the output of node `i`.
        value: usize,
        /// Its length.
        len: u64,
    },
    /// More than [`MAX_PARAMETERS`].
    #[error("{0} parameters are over the limit of {MAX_PARAMETERS}")]
    TooManyParameters(u64),
    /// More than [`MAX_MACS`].
    #[error("{0} multiply-accumulates per picture are over the limit of {MAX_MACS}")]
    TooManyMacs(u64),
    /// Weights that are not what the shapes call for.
    #[error("node {node}: {source}")]
    Weights {
        /// Which node.
        node: usize,
        /// What is wrong with them.
        source: WeightsError,
    },
    /// Room for activation quantization filled with nonsense.
    #[error("node {node} has an activation scale that is not finite and positive")]
    ActivationScale {
        /// Which node.
        node: usize,
    },
}

/// What is wrong with a node's weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeightsError {
    /// Another number of coefficient bytes than the shape calls for.
    #[error("{actual} bytes of coefficients instead of {expected}")]
    ValuesLength {
        /// From the shape.
        expected: u64,
        /// In the file.
        actual: usize,
    },
    /// Not one scale per output.
    #[error("{actual} bytes of scales instead of {expected}")]
    ScalesLength {
        /// Four per output.
        expected: usize,
        /// In the file.
        actual: usize,
    },
    /// Not one bias per output.
    #[error("{actual} bytes of biases instead of {expected}")]
    BiasLength {
        /// Four per output.
        expected: usize,
        /// In the file.
        actual: usize,
    },
    /// A coefficient that is NaN or infinite.
    #[error("coefficient {index} is not finite")]
    Value {
        /// Which, in the order of the file.
        index: usize,
    },
    /// A scale that is not finite and positive.
    #[error("the scale of output {output} is not finite and positive")]
    Scale {
        /// Of which output.
        output: usize,
    },
    /// A bias that is NaN or infinite.
    #[error("the bias of output {output} is not finite")]
    Bias {
        /// Of which output.
        output: usize,
    },
}
