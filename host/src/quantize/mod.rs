//! Quantization: a run's weights to one packed model file.

pub mod calibrate;
pub mod floor;
pub mod fold;
pub mod int8;
pub mod pack;
#[cfg(test)]
mod tests;
