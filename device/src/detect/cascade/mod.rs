//! Viola-Jones, bit for bit as OpenCV 4 evaluates it.

mod options;

pub use options::CascadeOptions;
