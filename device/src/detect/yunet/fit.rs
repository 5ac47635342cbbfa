//! A picture into the network's input and what was found back into the picture.

use mien_models::crop::CropRect;
use mien_models::plane::GrayView;
use mien_models::preprocess::{PreprocessError, resize_crop};
use mien_models::yunet::SIDE_MULTIPLE_PX;

use crate::detect::Detection;

/// Sizes of a picture on its way into the network, `[width, height]` in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fit {
    picture_px: [u32; 2],
    /// The picture, reduced where it is larger than the input.
    reduced_px: [u32; 2],
    /// With black to the right and below, as OpenCV pads.
    pub(super) padded_px: [usize; 2],
}

impl Fit {
    /// `input_px` is within [`MAX_INPUT_SIDE_PX`](super::MAX_INPUT_SIDE_PX).
    pub(super) fn new(view: &GrayView<'_>, input_px: [u32; 2]) -> Self {
        let picture_px = [view.width(), view.height()];
        let share = |axis: usize| f64::from(input_px[axis]) / f64::from(picture_px[axis]);
        let scale = share(0).min(share(1)).min(1.0);
        let reduced_px = [0, 1].map(|axis| {
            let side = (f64::from(picture_px[axis]) * scale).round() as u32;
            side.clamp(1, input_px[axis])
        });
        let multiple = usize::from(SIDE_MULTIPLE_PX);
        Self {
            picture_px,
            reduced_px,
            padded_px: reduced_px.map(|side| (side as usize).next_multiple_of(multiple)),
        }
    }

    /// The picture in its reduced size, without padding.
    pub(super) fn reduce(
        &self,
        view: &GrayView<'_>,
        pixels: &mut Vec<u8>,
    ) -> Result<(), PreprocessError> {
        pixels.clear();
        if self.reduced_px == self.picture_px {
            (0..view.height()).for_each(|y| pixels.extend_from_slice(view.row(y)));
            return Ok(());
        }
        let [width, height] = self.reduced_px;
        pixels.resize(width as usize * height as usize, 0);
        let whole = CropRect::whole(view.width(), view.height());
        // Both are at most `MAX_INPUT_SIDE_PX`.
        resize_crop(view, &whole, width as u16, height as u16, pixels)
    }

    /// Writes the reduced picture's rows into `input`, `[height, width]` of the padded size.
    pub(super) fn place(&self, pixels: &[u8], input: &mut [f32]) {
        let rows = pixels.chunks_exact(self.reduced_px[0] as usize);
        for (row, into) in rows.zip(input.chunks_exact_mut(self.padded_px[0])) {
            for (&pixel, value) in row.iter().zip(into) {
                *value = f32::from(pixel);
            }
        }
    }

    /// A face of the reduced picture in the picture itself.
    pub(super) fn in_picture(&self, face: Detection) -> Detection {
        let scale = |axis: usize| self.picture_px[axis] as f32 / self.reduced_px[axis] as f32;
        let (x, y) = (scale(0), scale(1));
        Detection {
            x: face.x * x,
            y: face.y * y,
            width: face.width * x,
            height: face.height * y,
            score: face.score,
            landmarks: face
                .landmarks
                .map(|points| points.map(|[u, v]| [u * x, v * y])),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(width: u32, height: u32, input_px: [u32; 2]) -> Fit {
        let pixels = vec![0; (width * height) as usize];
        let view = GrayView::packed(&pixels, width, height).unwrap();
        Fit::new(&view, input_px)
    }

    #[test]
    fn pictures_are_reduced_to_fit_and_padded_to_multiples() {
        let camera = fit(640, 480, [320, 240]);
        assert_eq!(camera.reduced_px, [320, 240]);
        assert_eq!(camera.padded_px, [320, 256]);
        assert_eq!(fit(480, 640, [320, 240]).reduced_px, [180, 240]);
        assert_eq!(fit(100, 33, [320, 240]).padded_px, [128, 64]);
        assert_eq!(fit(1, 1, [320, 240]).padded_px, [32, 32]);
        assert_eq!(fit(5000, 1, [320, 240]).reduced_px, [320, 1]);
    }

    #[test]
    fn places_are_those_of_the_picture() {
        let face = Detection {
            x: 10.0,
            y: 20.0,
            width: 30.0,
            height: 40.0,
            score: 0.9,
            landmarks: Some([[1.0, 2.0]; 5]),
        };
        let found = fit(640, 480, [320, 240]).in_picture(face);
        assert_eq!(
            (found.x, found.y, found.width, found.height),
            (20.0, 40.0, 60.0, 80.0)
        );
        assert_eq!(found.landmarks, Some([[2.0, 4.0]; 5]));
        assert_eq!(found.score, 0.9);
    }

    #[test]
    fn rows_stand_beside_their_padding() {
        let fit = fit(3, 2, [320, 240]);
        let mut input = vec![0.0; 32 * 32];
        fit.place(&[1, 2, 3, 4, 5, 6], &mut input);
        assert_eq!(input[..4], [1.0, 2.0, 3.0, 0.0]);
        assert_eq!(input[32..36], [4.0, 5.0, 6.0, 0.0]);
        assert!(input[64..].iter().all(|&value| value == 0.0));
    }
}
