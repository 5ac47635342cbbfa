//! The small dense layers of squeeze-and-excitation, in `f32`.

use mien_models::network::Activation;

/// A dense layer's parameters.
#[derive(Clone, Copy)]
pub struct Dense<'a> {
    /// `[out, in]`.
    pub weight: &'a [f32],
    /// `[out]`.
    pub bias: &'a [f32],
    /// What follows: none, ReLU or sigmoid.
    pub activation: Activation,
}

/// Whether [`Dense`] knows an activation.
pub fn knows(activation: Activation) -> bool {
    matches!(
        activation,
        Activation::None | Activation::Relu | Activation::Sigmoid
    )
}

impl Dense<'_> {
    /// `[N, out]` of `[N, in]`.
    pub fn forward(&self, x: &[f32]) -> Vec<f32> {
        let inputs = self.weight.len() / self.bias.len();
        let rows = x.chunks_exact(inputs).flat_map(|x| {
            let weights = self.weight.chunks_exact(inputs);
            weights.zip(self.bias).map(move |(w, bias)| {
                let sum: f32 = x.iter().zip(w).map(|(x, w)| x * w).sum();
                let sum = sum + bias;
                match self.activation {
                    Activation::Relu => sum.max(0.0),
                    Activation::Sigmoid => 1.0 / (1.0 + (-sum).exp()),
                    _ => sum,
                }
            })
        });
        rows.collect()
    }

    /// Gradients for the input, the weights and the bias, from input, output and its gradient.
    pub fn backward(&self, x: &[f32], y: &[f32], dy: &[f32]) -> [Vec<f32>; 3] {
        let outputs = self.bias.len();
        let inputs = self.weight.len() / outputs;
        let mut dx = vec![0f32; x.len()];
        let (mut dw, mut db) = (vec![0f32; self.weight.len()], vec![0f32; outputs]);
        let rows = x.chunks_exact(inputs).zip(dx.chunks_exact_mut(inputs));
        for (n, (x, dx)) in rows.enumerate() {
            for out in 0..outputs {
                let (y, d) = (y[n * outputs + out], dy[n * outputs + out]);
                let d = match self.activation {
                    Activation::Relu if y <= 0.0 => 0.0,
                    Activation::Sigmoid => d * y * (1.0 - y),
                    _ => d,
                };
                db[out] += d;
                let row = out * inputs..(out + 1) * inputs;
                let (w, dw) = (&self.weight[row.clone()], &mut dw[row]);
                for i in 0..inputs {
                    dx[i] += d * w[i];
                    dw[i] += d * x[i];
                }
            }
        }
        [dx, dw, db]
    }
}
