//! The slow, obvious evaluation of a network.

use mien_models::network::{Activation, Conv2d, Network, Op, Window};

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

/// The logits of `network` for `input`, row-major `[C, H, W]`.
pub fn reference(network: &Network<'_>, input: Vec<f32>) -> Vec<f32> {
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
