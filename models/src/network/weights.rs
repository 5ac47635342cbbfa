//! Reading weights out of the file's bytes.

use alloc::vec::Vec;

use super::{Values, Weights, WeightsError};

impl Weights<'_> {
    /// All coefficients as real numbers, `[outputs, inputs, …]` row-major: int8 ones times their
    /// output's scale. Complete for validated weights; shorter, never longer, for others.
    pub fn to_f32(&self) -> Vec<f32> {
        match self.values {
            Values::F32(bytes) => f32s(bytes).collect(),
            Values::I8 { values, scales } => {
                let per_output = values.len() / usize::from(self.outputs).max(1);
                bytemuck::cast_slice::<u8, i8>(values)
                    .chunks_exact(per_output.max(1))
                    .zip(f32s(scales))
                    .flat_map(|(row, scale)| row.iter().map(move |&q| f32::from(q) * scale))
                    .collect()
            }
        }
    }

    /// The biases, one per output.
    pub fn bias_f32(&self) -> Vec<f32> {
        f32s(self.bias).collect()
    }

    /// Checks lengths and finiteness, for `kernel` coefficients per input and output.
    pub(crate) fn validate(&self, kernel: u64) -> Result<(), WeightsError> {
        let count = u64::from(self.inputs) * u64::from(self.outputs) * kernel;
        let outputs = usize::from(self.outputs);
        let (bytes, width) = match self.values {
            Values::F32(bytes) => (bytes, 4),
            Values::I8 { values, .. } => (values, 1),
        };
        if bytes.len() as u64 != count * width {
            return Err(WeightsError::ValuesLength {
                expected: count * width,
                actual: bytes.len(),
            });
        }
        match self.values {
            Values::F32(bytes) => {
                if let Some(index) = f32s(bytes).position(|v| !v.is_finite()) {
                    return Err(WeightsError::Value { index });
                }
            }
            Values::I8 { scales, .. } => {
                if scales.len() != 4 * outputs {
                    return Err(WeightsError::ScalesLength {
                        expected: 4 * outputs,
                        actual: scales.len(),
                    });
                }
                if let Some(output) = f32s(scales).position(|s| !(s.is_finite() && s > 0.0)) {
                    return Err(WeightsError::Scale { output });
                }
            }
        }
        if self.bias.len() != 4 * outputs {
            return Err(WeightsError::BiasLength {
                expected: 4 * outputs,
                actual: self.bias.len(),
            });
        }
        match f32s(self.bias).position(|b| !b.is_finite()) {
            Some(output) => Err(WeightsError::Bias { output }),
            None => Ok(()),
        }
    }
}

/// Little-endian f32 values; a file gives them no alignment, so they cannot be cast in place.
fn f32s(bytes: &[u8]) -> impl Iterator<Item = f32> {
    bytes
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}
