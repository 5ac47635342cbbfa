//! A trunk's kernels one by one, and whole.

mod kernels;
mod whole;
