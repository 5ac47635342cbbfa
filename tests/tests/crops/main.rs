//! Do the crops of both detectors look like FER2013's pictures, and does the network read them as
//! well as it reads FER2013's own?

mod composites;
#[path = "../yunet_parity/faces.rs"]
#[allow(
    dead_code,
    reason = "shared with YuNet's parity tests, which use more of it"
)]
mod faces;
mod geometry;
mod pasted;
#[path = "../cascade_parity/pictures.rs"]
#[allow(
    dead_code,
    reason = "shared with the cascade's parity tests, which use more of it"
)]
mod pictures;

use mien_device::detect::cascade::{CascadeDetector, CascadeOptions};
use mien_device::detect::crop::crop_for;
use mien_device::detect::yunet::YunetOptions;
use mien_device::detect::{Detection, Detector};
use mien_models::crop::CropRect;
use mien_models::{container, embedded};

/// A square face, upright or turned, in pixels and radians.
#[derive(Clone, Copy, Debug)]
struct Square {
    center: [f32; 2],
    side: f32,
    roll: f32,
}

impl Square {
    fn of(crop: &CropRect) -> Self {
        let pixels = |q8: i32| q8 as f32 / 256.0;
        Self {
            center: [pixels(crop.center_x_q8), pixels(crop.center_y_q8)],
            side: pixels(crop.width_q8),
            roll: f32::from(crop.rotation_turn_q16) / 65_536.0 * std::f32::consts::TAU,
        }
    }

    /// A point in fractions of the side from the square's upper left corner.
    fn fraction(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let (sin, cos) = self.roll.sin_cos();
        let (dx, dy) = (x - self.center[0], y - self.center[1]);
        [
            (dx * cos + dy * sin) / self.side + 0.5,
            (dy * cos - dx * sin) / self.side + 0.5,
        ]
    }

    /// Whether another square is about the same face: the centre in its middle half, and of a
    /// size that comes at most to double or half.
    fn is_about(&self, other: &Self) -> bool {
        let place = other.fraction(self.center);
        place.iter().all(|v| (0.25..=0.75).contains(v))
            && (0.5..=2.0).contains(&(self.side / other.side))
    }
}

/// The crop of a detection as a square.
fn square(detection: &Detection, detector: &dyn Detector) -> Square {
    Square::of(&crop_for(detection, detector.name()))
}

/// OpenCV's usual search with the shipped cascade, for faces from so many pixels.
fn cascade(min_size_px: u32) -> CascadeDetector {
    let (_, model) = container::decode(embedded::CASCADE).expect("shipped");
    let options = CascadeOptions {
        min_size_px,
        ..CascadeOptions::default()
    };
    CascadeDetector::new(&model, options).expect("sound options")
}

/// A YuNet, where the shared material has one.
fn yunet(options: YunetOptions) -> Option<impl Detector> {
    let onnx = mien_tests::shared::path(faces::ONNX)?;
    Some(faces::detector(&onnx, options))
}

fn median(mut values: Vec<f32>) -> f32 {
    values.sort_by(f32::total_cmp);
    values[values.len() / 2]
}
