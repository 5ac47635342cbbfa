//! What everybody may rely on: labels, preprocessing, networks and files.

mod cascade;
mod container;
mod crop_hashes;
mod embedded;
mod expression_model;
mod file;
mod labels;
mod network;
mod preprocess;
mod procedural;
mod properties;
mod reference;
mod replay;
mod signature;
mod yunet;
