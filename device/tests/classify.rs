//! The graph built for the inference engine computes what the network's description says.

use mien_device::classify::{Classifier, ClassifyError, GOLDEN_TOLERANCE};
use mien_models::crop::CropRect;
use mien_models::expression_model::{ExpressionModel, Golden, ModelCard};
use mien_models::label::Labels;
use mien_models::network::{Activation, Conv2d, Network, Node, Op, Values, Weights, Window};
use mien_models::plane::GrayView;
use mien_models::preprocess::{Contrast, Preprocessing};
use mien_models::procedural::{Rng, test_model};

/// A value of the reference: `[C, H, W]`, or `[F, 1, 1]` once flat.
#[derive(Clone, Debug)]
struct Value {
    shape: [usize; 3],
    data: Vec<f32>,
}

impl Value {
    fn at(&self, c: usize, y: usize, x: usize) -> f32 {
        self.data[(c * self.shape[1] + y) * self.shape[2] + x]
    }

    fn from_fn(shape: [usize; 3], f: impl Fn(usize, usize, usize) -> f32) -> Self {
        let [channels, height, width] = shape;
        let f = &f;
        let data = (0..channels)
            .flat_map(|c| (0..height).flat_map(move |y| (0..width).map(move |x| f(c, y, x))))
            .collect();
        Self { shape, data }
    }
}

/// The slow, obvious evaluation of a network.
fn reference(network: &Network<'_>, input: Vec<f32>) -> Vec<f32> {
    let mut values = vec![Value {
        shape: network.input.map(usize::from),
        data: input,
    }];
    for node in &network.nodes {
        let x = &values[usize::from(node.inputs[0])];
        let second = node
            .inputs
            .get(1)
            .map(|&number| &values[usize::from(number)]);
        let result = match &node.op {
            Op::Conv2d(conv) => convolve(conv, x),
            Op::Dense(weights) => {
                let (w, b) = (weights.to_f32(), weights.bias_f32());
                let inputs = x.data.len();
                Value::from_fn([b.len(), 1, 1], |o, _, _| {
                    b[o] + (0..inputs)
                        .map(|i| w[o * inputs + i] * x.data[i])
                        .sum::<f32>()
                })
            }
            Op::MaxPool2d(window) => pool(window, x, |values| values.fold(f32::MIN, f32::max)),
            Op::AvgPool2d(window) => pool(window, x, |values| {
                let values: Vec<f32> = values.collect();
                values.iter().sum::<f32>() / values.len() as f32
            }),
            Op::GlobalAvgPool => {
                let [c, h, w] = x.shape;
                Value::from_fn([c, 1, 1], |c, _, _| {
                    x.data[c * h * w..(c + 1) * h * w].iter().sum::<f32>() / (h * w) as f32
                })
            }
            Op::Flatten => Value {
                shape: [x.data.len(), 1, 1],
                data: x.data.clone(),
            },
            Op::Add => Value::from_fn(x.shape, |c, y, col| {
                x.at(c, y, col) + second.unwrap().at(c, y, col)
            }),
            Op::ScaleChannels => Value::from_fn(x.shape, |c, y, col| {
                x.at(c, y, col) * second.unwrap().data[c]
            }),
        };
        let sigmoid = |v: f32| 1.0 / (1.0 + (-v).exp());
        let data = result.data.iter().map(|&v| match node.activation {
            Activation::None => v,
            Activation::Relu => v.max(0.0),
            Activation::Sigmoid => sigmoid(v),
            Activation::Silu => v * sigmoid(v),
        });
        values.push(Value {
            shape: result.shape,
            data: data.collect(),
        });
    }
    values.pop().unwrap().data
}

fn convolve(conv: &Conv2d<'_>, x: &Value) -> Value {
    let (w, b) = (conv.weights.to_f32(), conv.weights.bias_f32());
    let inputs = usize::from(conv.weights.inputs);
    let [kh, kw] = conv.kernel.map(usize::from);
    let [sy, sx] = conv.stride.map(usize::from);
    let [top, left, bottom, right] = conv.padding.map(usize::from);
    let [_, height, width] = x.shape;
    let per_group = b.len() / usize::from(conv.groups);
    let out = [
        b.len(),
        (height + top + bottom - kh) / sy + 1,
        (width + left + right - kw) / sx + 1,
    ];
    Value::from_fn(out, |o, oy, ox| {
        let mut sum = b[o];
        for i in 0..inputs {
            for ky in 0..kh {
                for kx in 0..kw {
                    let (y, column) = (
                        (oy * sy + ky).wrapping_sub(top),
                        (ox * sx + kx).wrapping_sub(left),
                    );
                    if y < height && column < width {
                        let channel = o / per_group * inputs + i;
                        sum += w[((o * inputs + i) * kh + ky) * kw + kx] * x.at(channel, y, column);
                    }
                }
            }
        }
        sum
    })
}

fn pool(
    window: &Window,
    x: &Value,
    reduce: impl Fn(&mut dyn Iterator<Item = f32>) -> f32,
) -> Value {
    let [kh, kw] = window.size.map(usize::from);
    let [sy, sx] = window.stride.map(usize::from);
    let [channels, height, width] = x.shape;
    Value::from_fn(
        [channels, (height - kh) / sy + 1, (width - kw) / sx + 1],
        |c, oy, ox| {
            let cells = (0..kh).flat_map(|ky| (0..kw).map(move |kx| (ky, kx)));
            reduce(&mut cells.map(|(ky, kx)| x.at(c, oy * sy + ky, ox * sx + kx)))
        },
    )
}

/// Random networks of every operation. What they borrow lives as long as the test.
struct Maker {
    rng: Rng,
    nodes: Vec<Node<'static>>,
    shape: [u16; 3],
}

impl Maker {
    fn new(seed: u64, shape: [u16; 3]) -> Self {
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

    fn pool(&mut self) {
        let window = Window {
            size: [1 + self.below(3), 1 + self.below(3)].map(|s| s as u8),
            stride: [1 + self.below(2), 1 + self.below(2)].map(|s| s as u8),
        };
        let out = |size: u16, axis: usize| {
            (size - u16::from(window.size[axis])) / u16::from(window.stride[axis]) + 1
        };
        self.shape = [self.shape[0], out(self.shape[1], 0), out(self.shape[2], 1)];
        let x = self.last();
        let op = if self.below(2) == 0 {
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

    fn network(mut self, input: [u16; 3], steps: u16, outputs: u16) -> Network<'static> {
        for _ in 0..steps {
            let is_large = self.shape[1] >= 4 && self.shape[2] >= 4;
            match self.below(5) {
                0 | 1 if is_large => self.conv(),
                2 if is_large => self.pool(),
                3 => self.residual(),
                _ => self.excitation(),
            }
        }
        let x = self.last();
        let (features, flat) = if self.below(2) == 0 {
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

fn leak(floats: Vec<f32>) -> &'static [u8] {
    Vec::leak(floats.iter().flat_map(|v| v.to_le_bytes()).collect())
}

fn model(network: Network<'static>, golden: Vec<Golden<'static>>) -> ExpressionModel<'static> {
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

fn face(seed: u64, pixels: usize) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    (0..pixels).map(|_| rng.between(0, 255) as u8).collect()
}

#[test]
fn random_networks_match_the_reference() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..120 {
        let mut sizes = Rng::new(seed + 1000);
        let input = [1, sizes.between(6, 17) as u16, sizes.between(6, 17) as u16];
        let network = Maker::new(seed, input).network(input, sizes.between(1, 7) as u16, 7);
        network.validate().unwrap();
        seen.extend(
            network
                .nodes
                .iter()
                .map(|node| format!("{:?}", node.op).chars().take(6).collect::<String>()),
        );
        let model = model(network, Vec::new());
        let face = face(seed, usize::from(input[1]) * usize::from(input[2]));
        let expected = reference(
            &model.network,
            face.iter()
                .map(|&pixel| model.preprocessing.network_input(pixel))
                .collect(),
        );
        let actual = Classifier::new(&model).unwrap().logits(&face).unwrap();
        assert_eq!(actual.len(), expected.len());
        for (actual, expected) in actual.iter().zip(&expected) {
            let tolerance = 1e-4 * expected.abs().max(1.0);
            assert!(
                (actual - expected).abs() <= tolerance,
                "seed {seed}: {actual} {expected}"
            );
        }
    }
    assert_eq!(seen.len(), 8, "every operation was there: {seen:?}");
}

#[test]
fn brightness_drives_every_label_of_the_test_model() {
    let model = test_model();
    let mut classifier = Classifier::new(&model).unwrap();
    for label in 0..7usize {
        let gray = ((label * 2 + 1) * 255 / 14) as u8;
        let pixels = vec![gray; 90 * 70];
        let view = GrayView::packed(&pixels, 90, 70).unwrap();
        let verdict = classifier
            .classify(&view, &CropRect::whole(90, 70))
            .unwrap();
        assert_eq!(verdict.label_index, label, "gray {gray}");
        assert!((verdict.probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        let best = verdict.probabilities[label];
        assert!(
            verdict
                .probabilities
                .iter()
                .all(|&p| (0.0..=best).contains(&p))
        );
    }
}

#[test]
fn temperature_flattens_probabilities_and_keeps_the_verdict() {
    let pixels = vec![200; 48 * 48];
    let view = GrayView::packed(&pixels, 48, 48).unwrap();
    let judge = |temperature| {
        let model = ExpressionModel {
            temperature,
            ..test_model()
        };
        let mut classifier = Classifier::new(&model).unwrap();
        classifier
            .classify(&view, &CropRect::whole(48, 48))
            .unwrap()
    };
    let (sharp, plain, flat) = (judge(0.25), judge(1.0), judge(10.0));
    let best =
        |verdict: &mien_device::classify::Verdict| verdict.probabilities[verdict.label_index];
    assert!(best(&sharp) > best(&plain) && best(&plain) > best(&flat));
    assert_eq!(sharp.label_index, flat.label_index);
    assert_eq!(sharp.logits, flat.logits);
    for verdict in [sharp, plain, flat] {
        let logit = |index: usize| f64::from(verdict.logits[index]);
        assert!((verdict.probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        assert!(logit(verdict.label_index) >= logit(0));
    }
}

#[test]
fn golden_inputs_are_held_against_the_network() {
    let plain = test_model();
    let pixels: &'static [u8] = Vec::leak(face(5, 48 * 48));
    let logits = Classifier::new(&plain).unwrap().logits(pixels).unwrap();
    let with = |change: f32| {
        let mut logits = logits.clone();
        logits[3] += change * logits[3].abs().max(1.0);
        ExpressionModel {
            golden: vec![Golden { pixels, logits }],
            ..test_model()
        }
    };
    Classifier::new(&with(0.0)).unwrap();
    Classifier::new(&with(GOLDEN_TOLERANCE / 2.0)).unwrap();
    for change in [GOLDEN_TOLERANCE * 3.0, -1.0, f32::NAN] {
        let error = Classifier::new(&with(change)).err().unwrap();
        assert!(
            matches!(
                error,
                ClassifyError::Golden {
                    index: 0,
                    label: 3,
                    ..
                }
            ),
            "{error}"
        );
    }
}

#[test]
fn misfits_are_errors() {
    let labels = Labels::new(["yes", "no"]).unwrap();
    let error = Classifier::new(&ExpressionModel {
        labels,
        ..test_model()
    })
    .err()
    .unwrap();
    assert!(
        matches!(
            error,
            ClassifyError::Shape {
                outputs: 7,
                labels: 2,
                ..
            }
        ),
        "{error}"
    );

    let error = Classifier::new(&test_model())
        .unwrap()
        .logits(&[0; 47])
        .unwrap_err();
    assert!(
        matches!(
            error,
            ClassifyError::FaceSize {
                actual: 47,
                expected: 2304
            }
        ),
        "{error}"
    );

    let mut network = test_model().network;
    network.nodes[1].inputs[0] = 9;
    let error = Classifier::new(&ExpressionModel {
        network,
        ..test_model()
    })
    .err()
    .unwrap();
    assert!(
        matches!(error, ClassifyError::Node { node: 1, .. }),
        "{error}"
    );

    let mut network = test_model().network;
    network.nodes.remove(1);
    let error = Classifier::new(&ExpressionModel {
        network,
        ..test_model()
    })
    .err()
    .unwrap();
    assert!(matches!(error, ClassifyError::Node { .. }), "{error}");
}

#[test]
fn other_labels_and_sizes_work() {
    let labels = Labels::new(["calm", "tense", "asleep"]).unwrap();
    let input = [1, 20, 30];
    let network = Maker::new(3, input).network(input, 3, 3);
    let model = ExpressionModel {
        labels,
        card: ModelCard {
            name: "three",
            ..test_model().card
        },
        ..model(network, Vec::new())
    };
    let mut classifier = Classifier::new(&model).unwrap();
    let pixels = face(9, 100 * 100);
    let view = GrayView::packed(&pixels, 100, 100).unwrap();
    let verdict = classifier
        .classify(&view, &CropRect::whole(100, 100))
        .unwrap();
    assert_eq!(verdict.probabilities.len(), 3);
    assert!(classifier.labels().name(verdict.label_index).is_some());
}
