//! Networks made at random.

use mien_models::expression_model::{ExpressionModel, Golden};
use mien_models::network::{Activation, Conv2d, Network, Node, Op, Values, Weights, Window};
use mien_models::preprocess::{Contrast, Preprocessing};
use mien_models::procedural::{Rng, test_model};

/// Random networks of every operation. What they borrow lives as long as the test.
pub struct Maker {
    rng: Rng,
    nodes: Vec<Node<'static>>,
    shape: [u16; 3],
}

impl Maker {
    pub fn new(seed: u64, shape: [u16; 3]) -> Self {
        Self {
            rng: Rng::new(seed),
            nodes: Vec::new(),
            shape,
        }
    }

    fn below(&mut self, limit: i32) -> u16 {
        self.rng.between(0, limit - 1) as u16
    }

    fn weights(&mut self, inputs: u16, outputs: u16, per_input: usize) -> Weights<'static> {
        let count = usize::from(inputs) * usize::from(outputs) * per_input;
        let gain = 1.0 / (usize::from(inputs) * per_input) as f32;
        let small = |rng: &mut Rng| rng.between(-1000, 1000) as f32 / 1000.0;
        let values = if self.rng.between(0, 1) == 0 {
            let floats: Vec<f32> = (0..count)
                .map(|_| small(&mut self.rng) * 2.0 * gain)
                .collect();
            Values::F32(leak(floats))
        } else {
            let bytes: Vec<u8> = (0..count).map(|_| self.rng.between(0, 255) as u8).collect();
            let scales = (0..outputs)
                .map(|_| self.rng.between(1, 20) as f32 / 1000.0 * gain)
                .collect();
            Values::I8 {
                values: Vec::leak(bytes),
                scales: leak(scales),
            }
        };
        let bias = leak((0..outputs).map(|_| small(&mut self.rng)).collect());
        Weights {
            inputs,
            outputs,
            values,
            bias,
        }
    }

    fn push(&mut self, op: Op<'static>, inputs: &[u16]) -> u16 {
        let activation = [
            Activation::None,
            Activation::Relu,
            Activation::Sigmoid,
            Activation::Silu,
        ][usize::from(self.below(4))];
        let inputs = inputs.iter().copied().collect();
        self.nodes.push(Node {
            op,
            inputs,
            activation,
            output_quant: None,
        });
        self.nodes.len() as u16
    }

    fn last(&self) -> u16 {
        self.nodes.len() as u16
    }

    fn conv(&mut self) {
        let [channels, height, width] = self.shape;
        let depthwise = self.below(3) == 0;
        let groups = if depthwise {
            channels
        } else if channels % 2 == 0 {
            1 + self.below(2)
        } else {
            1
        };
        let outputs = groups * (1 + self.below(4));
        let kernel = [1 + self.below(3), 1 + self.below(3)].map(|k| k as u8);
        let stride = [1 + self.below(2), 1 + self.below(2)].map(|s| s as u8);
        let [kh, kw] = kernel;
        let padding = [kh, kw, kh, kw].map(|size| self.below(i32::from(size)) as u8);
        let per_input = usize::from(kernel[0]) * usize::from(kernel[1]);
        let weights = self.weights(channels / groups, outputs, per_input);
        let out = |size: u16, axis: usize| {
            let padded = size + u16::from(padding[axis]) + u16::from(padding[axis + 2]);
            (padded - u16::from(kernel[axis])) / u16::from(stride[axis]) + 1
        };
        self.shape = [outputs, out(height, 0), out(width, 1)];
        let x = self.last();
        self.push(
            Op::Conv2d(Conv2d {
                kernel,
                stride,
                padding,
                groups,
                weights,
            }),
            &[x],
        );
    }

    fn pool(&mut self, is_max: bool) {
        let window = Window {
            size: [1 + self.below(3), 1 + self.below(3)].map(|s| s as u8),
            stride: [1 + self.below(2), 1 + self.below(2)].map(|s| s as u8),
        };
        let out = |size: u16, axis: usize| {
            (size - u16::from(window.size[axis])) / u16::from(window.stride[axis]) + 1
        };
        self.shape = [self.shape[0], out(self.shape[1], 0), out(self.shape[2], 1)];
        let x = self.last();
        let op = if is_max {
            Op::MaxPool2d(window)
        } else {
            Op::AvgPool2d(window)
        };
        self.push(op, &[x]);
    }

    /// `x + x'` with x' a 1x1 convolution of x.
    fn residual(&mut self) {
        let x = self.last();
        let weights = self.weights(self.shape[0], self.shape[0], 1);
        let conv = Conv2d {
            kernel: [1, 1],
            stride: [1, 1],
            padding: [0; 4],
            groups: 1,
            weights,
        };
        let branch = self.push(Op::Conv2d(conv), &[x]);
        self.push(Op::Add, &[x, branch]);
    }

    /// Squeeze and excitation.
    fn excitation(&mut self) {
        let x = self.last();
        let squeezed = self.push(Op::GlobalAvgPool, &[x]);
        let weights = self.weights(self.shape[0], self.shape[0], 1);
        let excited = self.push(Op::Dense(weights), &[squeezed]);
        self.push(Op::ScaleChannels, &[x, excited]);
    }

    pub fn network(mut self, input: [u16; 3], steps: u16, outputs: u16) -> Network<'static> {
        for _ in 0..steps {
            let is_large = self.shape[1] >= 4 && self.shape[2] >= 4;
            match self.below(5) {
                0 | 1 if is_large => self.conv(),
                2 if is_large => {
                    let is_max = self.below(2) == 0;
                    self.pool(is_max);
                }
                3 => self.residual(),
                _ => self.excitation(),
            }
        }
        let is_flat = self.below(2) == 0;
        self.end(input, is_flat, outputs)
    }

    /// A small network with every operation.
    pub fn every_operation(mut self, outputs: u16) -> Network<'static> {
        let input = self.shape;
        self.conv();
        self.pool(true);
        self.residual();
        self.excitation();
        self.pool(false);
        self.end(input, true, outputs)
    }

    fn end(mut self, input: [u16; 3], is_flat: bool, outputs: u16) -> Network<'static> {
        let x = self.last();
        let (features, flat) = if is_flat {
            let [channels, height, width] = self.shape;
            (channels * height * width, self.push(Op::Flatten, &[x]))
        } else {
            (self.shape[0], self.push(Op::GlobalAvgPool, &[x]))
        };
        let weights = self.weights(features, outputs, 1);
        self.push(Op::Dense(weights), &[flat]);
        Network {
            input,
            nodes: self.nodes,
        }
    }
}

pub fn leak(floats: Vec<f32>) -> &'static [u8] {
    Vec::leak(floats.iter().flat_map(|v| v.to_le_bytes()).collect())
}

pub fn model(network: Network<'static>, golden: Vec<Golden<'static>>) -> ExpressionModel<'static> {
    let [_, height, width] = network.input;
    let preprocessing = Preprocessing {
        height,
        width,
        contrast: Contrast::Off,
        zero_point: 128,
        scale: 1.0 / 64.0,
    };
    ExpressionModel {
        preprocessing,
        network,
        golden,
        ..test_model()
    }
}

pub fn face(seed: u64, pixels: usize) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    (0..pixels).map(|_| rng.between(0, 255) as u8).collect()
}
