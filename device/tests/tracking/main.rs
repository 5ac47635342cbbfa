//! Following faces: made sequences with known truth, and arbitrary input.

mod made;
mod measured;
mod properties;
mod scene;
mod score;
#[path = "../shared/mod.rs"]
mod shared;

use mien_device::detect::cascade::{CascadeDetector, CascadeOptions};
use mien_models::cascade::CascadeModel;
use mien_models::{container, embedded};

/// The bundled cascade, as `mien-device run` uses it but for smaller pictures.
fn cascade() -> CascadeDetector {
    let (_, model) = container::decode::<CascadeModel<'_>>(embedded::CASCADE).unwrap();
    let options = CascadeOptions {
        scale_factor: 1.2,
        min_neighbors: 4,
        min_size_px: 50,
        ..CascadeOptions::default()
    };
    CascadeDetector::new(&model, options).unwrap()
}
