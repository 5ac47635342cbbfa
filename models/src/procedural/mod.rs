//! Seeded pictures and a test model made of integers alone: golden inputs and the table of
//! hashed crops come from here, so that no data set's picture is ever needed or shipped.

mod rng;
mod scene;
mod test_model;
mod test_yunet;

use alloc::vec::Vec;

pub use rng::Rng;
pub use scene::{Scene, plane};
pub use test_model::test_model;
pub use test_yunet::test_yunet;

use crate::plane::{GrayView, PlaneError};

/// A gray picture that owns its pixels, rows without padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plane {
    /// `[height, width]`, row-major.
    pub pixels: Vec<u8>,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl Plane {
    /// A view of the whole picture.
    ///
    /// # Errors
    /// [`PlaneError`] when the fields do not fit together; those of [`plane`] do.
    pub fn view(&self) -> Result<GrayView<'_>, PlaneError> {
        GrayView::packed(&self.pixels, self.width, self.height)
    }
}
