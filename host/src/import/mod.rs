//! Readers for other people's model files.

pub mod cascade;
pub mod yunet;
