//! Shape inference, cost and the checks that make a network safe to build and run.

use alloc::vec::Vec;

use super::{
    Conv2d, MAX_MACS, MAX_NODES, MAX_PARAMETERS, MAX_VALUE_LEN, Network, NetworkError, Node, Op,
    Weights, Window,
};

/// The shape of one value for one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `[channels, height, width]`, row-major.
    Map {
        /// Channels.
        channels: u32,
        /// Rows.
        height: u32,
        /// Columns.
        width: u32,
    },
    /// `[features]`.
    Vector(u32),
}

impl Shape {
    /// How many numbers a value of this shape has; saturates.
    pub fn len(&self) -> u64 {
        match *self {
            Self::Map {
                channels,
                height,
                width,
            } => u64::from(channels)
                .saturating_mul(u64::from(height))
                .saturating_mul(u64::from(width)),
            Self::Vector(features) => u64::from(features),
        }
    }

    /// Whether it has no number at all, which no value of a valid network does.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Network<'_> {
    /// The shape of every value: of the input, then of each node's output. Checks geometry and
    /// limits on the way, but not the weights' content ([`validate`](Self::validate)).
    ///
    /// # Errors
    /// [`NetworkError`] for the first node that cannot be run.
    pub fn shapes(&self) -> Result<Vec<Shape>, NetworkError> {
        let [channels, height, width] = self.input.map(u32::from);
        if self.nodes.is_empty() {
            return Err(NetworkError::NoNode);
        }
        if self.nodes.len() > MAX_NODES {
            return Err(NetworkError::TooManyNodes);
        }
        let input = Shape::Map {
            channels,
            height,
            width,
        };
        if input.is_empty() {
            return Err(NetworkError::EmptyInput(self.input));
        }
        let mut shapes = Vec::with_capacity(self.nodes.len() + 1);
        shapes.push(within_limit(0, input)?);
        for (index, node) in self.nodes.iter().enumerate() {
            let shape = output_shape(index, node, &shapes)?;
            shapes.push(within_limit(index + 1, shape)?);
        }
        Ok(shapes)
    }

    /// Coefficients and biases; saturates. As declared, whatever bytes there are.
    pub fn parameters(&self) -> u64 {
        self.weights()
            .map(|(_, weights, kernel)| {
                let per_output = u64::from(weights.inputs).saturating_mul(kernel) + 1;
                per_output.saturating_mul(u64::from(weights.outputs))
            })
            .fold(0, u64::saturating_add)
    }

    /// Multiply-accumulates of all convolutions and dense layers for one picture; saturates.
    ///
    /// # Errors
    /// As [`shapes`](Self::shapes).
    pub fn macs(&self) -> Result<u64, NetworkError> {
        let shapes = self.shapes()?;
        Ok(self
            .weights()
            .map(|(index, weights, kernel)| {
                u64::from(weights.inputs)
                    .saturating_mul(kernel)
                    .saturating_mul(shapes[index + 1].len())
            })
            .fold(0, u64::saturating_add))
    }

    /// Everything that must hold before a network may be built and run: shapes, limits, lengths
    /// and finiteness of the weights.
    ///
    /// # Errors
    /// [`NetworkError`] for the first fault.
    pub fn validate(&self) -> Result<(), NetworkError> {
        let macs = self.macs()?;
        let parameters = self.parameters();
        if parameters > MAX_PARAMETERS {
            return Err(NetworkError::TooManyParameters(parameters));
        }
        if macs > MAX_MACS {
            return Err(NetworkError::TooManyMacs(macs));
        }
        for (node, weights, kernel) in self.weights() {
            weights
                .validate(kernel)
                .map_err(|source| NetworkError::Weights { node, source })?;
        }
        for (node, quant) in self.nodes.iter().map(|n| &n.output_quant).enumerate() {
            if quant.is_some_and(|q| !(q.scale.is_finite() && q.scale > 0.0)) {
                return Err(NetworkError::ActivationScale { node });
            }
        }
        Ok(())
    }

    /// Nodes that have weights: their number, weights and kernel size (1 for dense layers).
    fn weights(&self) -> impl Iterator<Item = (usize, &Weights<'_>, u64)> {
        self.nodes
            .iter()
            .enumerate()
            .filter_map(|(index, node)| match &node.op {
                Op::Conv2d(conv) => {
                    let kernel = conv.kernel.map(u64::from);
                    Some((index, &conv.weights, kernel[0] * kernel[1]))
                }
                Op::Dense(weights) => Some((index, weights, 1)),
                _ => None,
            })
    }
}

fn within_limit(value: usize, shape: Shape) -> Result<Shape, NetworkError> {
    match shape.len() {
        len if len > MAX_VALUE_LEN => Err(NetworkError::ValueTooLarge { value, len }),
        _ => Ok(shape),
    }
}

/// What node `index` makes of the values before it.
fn output_shape(index: usize, node: &Node<'_>, shapes: &[Shape]) -> Result<Shape, NetworkError> {
    let mismatch = NetworkError::ShapeMismatch { node: index };
    let expected = match node.op {
        Op::Add | Op::ScaleChannels => 2,
        _ => 1,
    };
    if node.inputs.len() != expected {
        return Err(NetworkError::InputCount {
            node: index,
            expected,
            actual: node.inputs.len(),
        });
    }
    let mut inputs = [Shape::Vector(0); 2];
    for (shape, &value) in inputs.iter_mut().zip(&node.inputs) {
        *shape = *shapes
            .get(usize::from(value))
            .ok_or(NetworkError::InputOrder { node: index, value })?;
    }
    let [first, second] = inputs;
    match (&node.op, first) {
        (
            Op::Conv2d(conv),
            Shape::Map {
                channels,
                height,
                width,
            },
        ) => conv_shape(index, conv, [channels, height, width]),
        (Op::Dense(weights), Shape::Vector(features)) => {
            if u32::from(weights.inputs) != features || weights.outputs == 0 {
                return Err(mismatch);
            }
            Ok(Shape::Vector(u32::from(weights.outputs)))
        }
        (
            Op::MaxPool2d(window) | Op::AvgPool2d(window),
            Shape::Map {
                channels,
                height,
                width,
            },
        ) => {
            let [height, width] = slide(index, *window, [height, width])?;
            Ok(Shape::Map {
                channels,
                height,
                width,
            })
        }
        (Op::GlobalAvgPool, Shape::Map { channels, .. }) => Ok(Shape::Vector(channels)),
        // Values are at most 2^20 long, so the cast is exact.
        (Op::Flatten, Shape::Map { .. }) => Ok(Shape::Vector(first.len() as u32)),
        (Op::Add, _) if first == second => Ok(first),
        (Op::ScaleChannels, Shape::Map { channels, .. }) if second == Shape::Vector(channels) => {
            Ok(first)
        }
        _ => Err(mismatch),
    }
}

fn conv_shape(
    index: usize,
    conv: &Conv2d<'_>,
    [channels, height, width]: [u32; 3],
) -> Result<Shape, NetworkError> {
    let groups = u32::from(conv.groups);
    let outputs = u32::from(conv.weights.outputs);
    if groups == 0 || outputs == 0 {
        return Err(NetworkError::ZeroGeometry { node: index });
    }
    if channels % groups != 0 || outputs % groups != 0 {
        return Err(NetworkError::Groups { node: index });
    }
    if channels / groups != u32::from(conv.weights.inputs) {
        return Err(NetworkError::ShapeMismatch { node: index });
    }
    let [top, left, bottom, right] = conv.padding;
    let [kernel_height, kernel_width] = conv.kernel;
    let window = Window {
        size: conv.kernel,
        stride: conv.stride,
    };
    let padded = [
        height + u32::from(top) + u32::from(bottom),
        width + u32::from(left) + u32::from(right),
    ];
    let [height, width] = slide(index, window, padded)?;
    if top.max(bottom) >= kernel_height || left.max(right) >= kernel_width {
        return Err(NetworkError::Padding { node: index });
    }
    Ok(Shape::Map {
        channels: outputs,
        height,
        width,
    })
}

/// How many steps a window makes over `[height, width]`; incomplete ones are dropped.
fn slide(index: usize, window: Window, size: [u32; 2]) -> Result<[u32; 2], NetworkError> {
    let mut steps = [0; 2];
    for axis in 0..2 {
        let length = u32::from(window.size[axis]);
        let stride = u32::from(window.stride[axis]);
        if length == 0 || stride == 0 {
            return Err(NetworkError::ZeroGeometry { node: index });
        }
        if length > size[axis] {
            return Err(NetworkError::WindowTooLarge { node: index });
        }
        steps[axis] = (size[axis] - length) / stride + 1;
    }
    Ok(steps)
}
