//! Mien on the host.

pub mod by_name;
pub mod dataset;
pub mod import;
pub mod model_file;
pub mod progress;
