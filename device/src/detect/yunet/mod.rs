//! YuNet, decoded as OpenCV 4's `FaceDetectorYN` does: one look of a small network at the whole
//! picture, faces of all sizes with five landmarks each.
//!
//! Pictures are gray where the network was trained on colour: the gray stands for all three
//! channels, so the first convolution's weights are added up over them.

mod candidates;
mod convolve;
mod fit;
mod graph;
mod layers;
mod options;
mod overlap;

use mien_models::plane::GrayView;
use mien_models::yunet::YunetModel;

pub use options::{MAX_INPUT_SIDE_PX, MIN_INPUT_SIDE_PX, YunetOptions};

use super::{DetectError, Detection, Detector};
use fit::Fit;
use graph::Runner;
use layers::Layers;

/// Finds faces with a YuNet.
pub struct YunetDetector {
    options: YunetOptions,
    /// The input with less than the usual effort.
    input_px: [u32; 2],
    layers: Layers,
    /// The network for the latest frame's size: a camera's frames are all alike.
    runner: Option<Runner>,
    /// The frame, reduced.
    pixels: Vec<u8>,
    /// Boxes that stay, while others are compared with them.
    kept: Vec<[i64; 4]>,
}

impl YunetDetector {
    /// A detector for a YuNet.
    ///
    /// # Errors
    /// [`DetectError::InputSize`], [`DetectError::MinScore`] and [`DetectError::Yunet`].
    pub fn new(model: &YunetModel<'_>, options: YunetOptions) -> Result<Self, DetectError> {
        options.validate()?;
        model.validate()?;
        Ok(Self {
            input_px: options.input_px,
            options,
            layers: Layers::new(&model.network).map_err(graph::engine)?,
            runner: None,
            pixels: Vec::new(),
            kept: Vec::new(),
        })
    }
}

impl Detector for YunetDetector {
    fn name(&self) -> &str {
        "yunet"
    }

    /// The picture is reduced further by that factor.
    fn set_effort(&mut self, share: f32) {
        self.input_px = self.options.input_px.map(|side| {
            ((side as f32 * share.clamp(0.1, 1.0)).round() as u32).max(MIN_INPUT_SIDE_PX)
        });
    }

    /// The faces in order of their scores, highest first. Boxes and landmarks may lie beyond the
    /// picture's edges.
    fn detect_into(
        &mut self,
        view: &GrayView<'_>,
        faces: &mut Vec<Detection>,
    ) -> Result<(), DetectError> {
        faces.clear();
        let fit = Fit::new(view, self.input_px);
        fit.reduce(view, &mut self.pixels)?;
        let runner = match self.runner.take() {
            Some(runner) if runner.input_px() == fit.padded_px => runner,
            _ => Runner::new(&self.layers, fit.padded_px)?,
        };
        let runner = self.runner.insert(runner);
        for level in &runner.run(&fit, &self.pixels)? {
            candidates::collect(level, self.options.min_score, faces)?;
        }
        overlap::suppress(faces, &mut self.kept, self.options.max_overlap);
        let least = self.options.min_size_px as f32;
        faces.retain_mut(|face| {
            *face = fit.in_picture(*face);
            face.width.max(face.height) >= least
        });
        Ok(())
    }
}
