//! Quantization: a run's weights to one packed model file.

pub mod fold;
pub mod int8;
