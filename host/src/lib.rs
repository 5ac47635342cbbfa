//! Mien on the host: data set to trained, quantized and packed model.

pub mod adapt;
pub mod baseline;
pub mod by_name;
pub mod compare;
pub mod dashboard;
pub mod dataset;
pub mod evaluate;
pub mod flash;
pub mod import;
pub mod inspect;
pub mod model_file;
pub mod plot;
pub mod quantize;
pub mod replay;
pub mod report;
pub mod signing;
pub mod train;

pub use mien_device::progress;
