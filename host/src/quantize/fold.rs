//! From trained parameters to plain convolutions: BatchNorm folded into weights and bias.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::train::net::{Net, NormParams};
use crate::train::recipe::BatchNorm;

/// A convolution or dense layer with its BatchNorm folded in.
#[derive(Clone, Debug, PartialEq)]
pub struct Folded {
    /// `[outputs, coefficients per output]`.
    pub weights: Vec<f32>,
    /// `[outputs]`.
    pub bias: Vec<f32>,
}

fn values<B: Backend, const D: usize>(tensor: Tensor<B, D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

/// `gamma (w x + b - mean) / sqrt(var + eps) + beta = w' x + b'`.
fn fold<B: Backend>(
    mut weights: Vec<f32>,
    bias: Vec<f32>,
    norm: &NormParams<B>,
    constants: BatchNorm,
) -> Folded {
    let [gamma, beta, mean, var] =
        [&norm.gamma, &norm.beta, &norm.mean, &norm.var].map(|p| values(p.val()));
    let per_output = weights.len() / bias.len().max(1);
    let folded_bias = (0..bias.len()).map(|output| {
        let scale = f64::from(gamma[output]) / (f64::from(var[output]) + constants.epsilon).sqrt();
        for weight in &mut weights[output * per_output..][..per_output] {
            *weight = (f64::from(*weight) * scale) as f32;
        }
        (f64::from(beta[output]) + (f64::from(bias[output]) - f64::from(mean[output])) * scale)
            as f32
    });
    let bias = folded_bias.collect();
    Folded { weights, bias }
}

/// All convolutions and dense layers, in the plan's order.
pub fn fold_net<B: Backend>(net: &Net<B>, constants: BatchNorm) -> (Vec<Folded>, Vec<Folded>) {
    let convs = net.convs.iter().map(|conv| {
        let weights = values(conv.weight.val());
        let outputs = conv.weight.val().dims()[0];
        let bias = conv
            .bias
            .as_ref()
            .map_or_else(|| vec![0.0; outputs], |b| values(b.val()));
        fold(weights, bias, &conv.norm, constants)
    });
    let denses = net.denses.iter().map(|dense| {
        let (weights, bias) = (values(dense.weight.val()), values(dense.bias.val()));
        match &dense.norm {
            Some(norm) => fold(weights, bias, norm, constants),
            None => Folded { weights, bias },
        }
    });
    (convs.collect(), denses.collect())
}
