//! What Mien's host and device share, here once: labels, integer preprocessing, the network's
//! description and the model container. `no_std` with `alloc`.
#![no_std]

extern crate alloc;

mod bounded;
pub mod cascade;
pub mod container;
pub mod crop;
pub mod embedded;
pub mod expression_model;
pub mod fixed;
pub mod label;
pub mod network;
pub mod plane;
pub mod preprocess;
pub mod procedural;
pub mod replay;
pub mod signature;
pub mod yunet;

pub use ed25519_dalek::SigningKey;
pub use expression_model::ExpressionModel;
