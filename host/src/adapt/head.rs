//! The last layer of a network as real numbers.

use mien_models::network::{Values, Weights};

use crate::quantize::int8::{Quantized, quantize};

/// A dense layer: `logits = weights x features + bias`.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// Length of a row.
    pub features: usize,
    /// `[labels, features]`, row-major.
    pub weights: Vec<f32>,
    /// `[labels]`.
    pub bias: Vec<f32>,
}

impl Head {
    /// That of a model file.
    pub fn of(weights: &Weights<'_>) -> Self {
        Self {
            features: usize::from(weights.inputs),
            weights: weights.to_f32(),
            bias: weights.bias_f32(),
        }
    }

    /// Number of logits.
    pub fn labels(&self) -> usize {
        self.bias.len()
    }

    /// Weights of one label.
    pub fn row(&self, label: usize) -> &[f32] {
        &self.weights[label * self.features..][..self.features]
    }

    /// One per label.
    pub fn logits(&self, features: &[f32]) -> Vec<f32> {
        let of_label = |label: usize| {
            let products = self.row(label).iter().zip(features).map(|(w, f)| w * f);
            products.sum::<f32>() + self.bias[label]
        };
        (0..self.labels()).map(of_label).collect()
    }

    /// The bytes of a model file: int8 with a scale per label.
    pub fn stored(&self) -> StoredHead {
        let Quantized { values, scales } = quantize(&self.weights, self.labels());
        let bytes = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect();
        StoredHead {
            features: self.features,
            values: bytemuck::cast_slice(&values).to_vec(),
            scales: bytes(&scales),
            bias: bytes(&self.bias),
        }
    }
}

/// A head's bytes; a network borrows them.
#[derive(Clone, Debug)]
pub struct StoredHead {
    features: usize,
    values: Vec<u8>,
    scales: Vec<u8>,
    bias: Vec<u8>,
}

impl StoredHead {
    /// The layer as a model file has it.
    pub fn weights(&self) -> Weights<'_> {
        Weights {
            // Of a head that was read from a file, where both are u16.
            inputs: self.features as u16,
            outputs: (self.bias.len() / 4) as u16,
            values: Values::I8 {
                values: &self.values,
                scales: &self.scales,
            },
            bias: &self.bias,
        }
    }
}
