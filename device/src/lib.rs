//! Mien on the device: camera frame to faces to expression to outputs.

pub mod detect;
