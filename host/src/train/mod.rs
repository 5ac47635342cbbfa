//! Training: recipe and data to a run folder with weights.

pub mod augment;
pub mod average;
pub mod balance;
pub mod checkpoint;
pub mod config;
pub mod data;
mod epoch;
mod exact;
pub mod gradients;
pub mod init;
pub mod loader;
mod mix;
pub mod net;
pub mod objective;
pub mod ops;
pub mod optimizer;
pub mod peers;
pub mod plan;
pub mod plateau;
pub mod preview;
pub mod recipe;
pub mod results;
pub mod run;
pub mod teacher;
pub mod trunk;
pub mod validate;

#[cfg(test)]
mod run_tests;
