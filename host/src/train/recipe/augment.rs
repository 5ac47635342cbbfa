//! Random changes of training pictures.

use serde::{Deserialize, Serialize};

use super::RecipeError;

/// Random changes of training pictures; each zero, false or missing key is off. All but `flip`
/// and `erase` change every picture, by an amount drawn from the range given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augment {
    /// Mirror half of the pictures.
    pub flip: bool,
    /// Rotation up to this many degrees either way.
    pub rotation_deg: f32,
    /// Scale factor up to `1 ± scale`.
    pub scale: f32,
    /// Shift up to this share of the side, in x and y.
    pub shift: f32,
    /// Shear up to this many degrees either way, in x and y.
    pub shear_deg: f32,
    /// Strength of the jitter of a detector's boxes: 1 is what was measured
    /// ([`detector`](crate::train::augment::detector)).
    pub detector_jitter: f32,
    /// Random resized crop (Szegedy et al. 2015): a part of the picture with an area in this
    /// range, as shares of the whole, fills the input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crop_area: Option<[f32; 2]>,
    /// Width to height of that part, from `1 / (1 + crop_aspect)` to `1 + crop_aspect`; with 0 it
    /// is a square.
    pub crop_aspect: f32,
    /// What lies around the picture, where a change shows it.
    pub border: Border,
    /// Gamma exponent from `1 / (1 + gamma)` to `1 + gamma`.
    pub gamma: f32,
    /// Standard deviation of a Gaussian blur, up to this many pixels of the 48 x 48 picture.
    pub blur_sigma_px: f32,
    /// Standard deviation of Gaussian noise, up to this many of the 255 gray levels.
    pub noise_std: f32,
    /// Quality range of a JPEG encoding, 1..=100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jpeg_quality: Option<[u8; 2]>,
    /// Contrast factor up to `1 ± contrast`, after the contrast normalization.
    pub contrast: f32,
    /// Change of brightness up to this share of the gray scale either way, after the contrast
    /// normalization.
    pub brightness: f32,
    /// Probability of erasing a random rectangle.
    pub erase: f32,
    /// Area range of that rectangle as shares of the picture; 0.02 to 0.2 when missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erase_area: Option<[f32; 2]>,
}

/// What lies around a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Border {
    /// Its edge pixels again and again: streaks.
    #[default]
    Repeat,
    /// Its mirror image: no streaks, but a mouth at the edge is there twice.
    Mirror,
}

impl Augment {
    /// Checks every value against its range.
    ///
    /// # Errors
    /// Names the first key outside its range.
    pub fn check(&self) -> Result<(), RecipeError> {
        for (key, value, most, expected) in [
            ("augment.rotation_deg", self.rotation_deg, 180.0, "0..=180"),
            ("augment.scale", self.scale, 0.9, "0..=0.9"),
            ("augment.shift", self.shift, 1.0, "0..=1"),
            ("augment.shear_deg", self.shear_deg, 40.0, "0..=40"),
            (
                "augment.detector_jitter",
                self.detector_jitter,
                3.0,
                "0..=3",
            ),
            ("augment.crop_aspect", self.crop_aspect, 1.0, "0..=1"),
            ("augment.gamma", self.gamma, 4.0, "0..=4"),
            ("augment.blur_sigma_px", self.blur_sigma_px, 5.0, "0..=5"),
            ("augment.noise_std", self.noise_std, 64.0, "0..=64"),
            ("augment.contrast", self.contrast, 1.0, "0..=1"),
            ("augment.brightness", self.brightness, 1.0, "0..=1"),
            ("augment.erase", self.erase, 1.0, "0..=1"),
        ] {
            // NaN is in no range.
            if !(0.0..=most).contains(&value) {
                return Err(out_of_range(key, value, expected));
            }
        }
        let share = "[least, most] with 0 < least <= most <= 1";
        interval("augment.crop_area", self.crop_area, 1.0, share)?;
        interval("augment.erase_area", self.erase_area, 1.0, share)?;
        let quality = self.jpeg_quality.map(|q| q.map(f32::from));
        let expected = "[least, most] with 1 <= least <= most <= 100";
        interval("augment.jpeg_quality", quality, 100.0, expected)
    }
}

fn interval(
    key: &'static str,
    range: Option<[f32; 2]>,
    most: f32,
    expected: &'static str,
) -> Result<(), RecipeError> {
    match range {
        Some([low, _]) if !(low > 0.0 && low <= most) => Err(out_of_range(key, low, expected)),
        Some([low, high]) if !(low..=most).contains(&high) => {
            Err(out_of_range(key, high, expected))
        }
        _ => Ok(()),
    }
}

fn out_of_range(key: &'static str, value: f32, expected: &'static str) -> RecipeError {
    RecipeError::Range {
        key,
        value: value.into(),
        expected,
    }
}
