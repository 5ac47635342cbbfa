//! Mien on the host.

pub mod by_name;
pub mod dataset;
pub mod progress;
