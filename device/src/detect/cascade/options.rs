//! What a user can set.

use crate::detect::DetectError;

/// Least ratio between two levels: a picture of 65,535 pixels still has fewer than a thousand.
pub const MIN_SCALE_FACTOR: f64 = 1.01;

/// How a cascade searches a picture. The defaults are OpenCV's for `detectMultiScale`, with a
/// least face size that suits a camera in a room.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CascadeOptions {
    /// Ratio between two levels of the pyramid, finite and at least [`MIN_SCALE_FACTOR`].
    pub scale_factor: f64,
    /// A face needs a group of more than this many boxes; 0 returns every box that passes the
    /// cascade, ungrouped.
    pub min_neighbors: u32,
    /// Least side of a face in pixels. When no level of the pyramid lies between the least and
    /// the largest size, the level closest to the least size is searched, as OpenCV does.
    pub min_size_px: u32,
    /// Largest side of a face in pixels; `None` is the whole picture.
    pub max_size_px: Option<u32>,
    /// Equalize the histogram of the picture first.
    pub equalize: bool,
}

impl CascadeOptions {
    /// For photographs: small faces count, and time does not. OpenCV's steps, but more than its three
    /// hits; of three, ties and gravel are accused too often.
    pub fn of_photographs() -> Self {
        Self {
            min_neighbors: 5,
            ..Self::default()
        }
    }
}

impl Default for CascadeOptions {
    fn default() -> Self {
        Self {
            scale_factor: 1.1,
            min_neighbors: 3,
            min_size_px: 60,
            max_size_px: None,
            equalize: false,
        }
    }
}

impl CascadeOptions {
    pub(super) fn validate(&self) -> Result<(), DetectError> {
        if self.scale_factor.is_finite() && self.scale_factor >= MIN_SCALE_FACTOR {
            Ok(())
        } else {
            Err(DetectError::ScaleFactor {
                found: self.scale_factor,
                min: MIN_SCALE_FACTOR,
            })
        }
    }
}
