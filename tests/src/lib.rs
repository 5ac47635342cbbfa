//! Helpers of the tests that cross crates.

pub mod peers;
pub mod programs;
pub mod shared;
