//! Mien on the device: camera frame to faces to expression to outputs.
//!
//! Data flows one way, and the modules follow it: [`capture`], [`detect`], [`track`],
//! [`classify`], [`smooth`], [`output`]; [`pipeline`] puts the stages on threads and [`mod@bench`] times
//! them. The host evaluates models with these very functions.

pub mod annotate;
pub mod assets;
pub mod bench;
pub mod board;
pub mod bounded_file;
pub mod capture;
pub mod card;
pub mod classify;
pub mod config;
pub mod counter;
pub mod detect;
pub mod kiosk;
pub mod model_file;
pub mod mqtt;
pub mod output;
pub mod pipeline;
pub mod progress;
pub mod publish;
pub mod report;
pub mod secret;
pub mod selftest;
pub mod simulate;
pub mod smooth;
pub mod state;
pub mod thermal;
pub mod track;
pub mod update;
