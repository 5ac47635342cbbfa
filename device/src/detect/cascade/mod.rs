//! Viola-Jones, bit for bit as OpenCV 4's `CascadeClassifier` evaluates it on one thread.
//!
//! The picture is reduced step by step until the trained window no longer fits; on every level
//! the window moves over the picture and the cascade judges it. What passes is grouped.

mod feature;
mod group;
mod integral;
mod lanes;
mod options;
mod program;
mod pyramid;
mod resize;
mod search;

use mien_models::cascade::{CascadeModel, Ensemble};
use mien_models::plane::GrayView;

pub use options::{CascadeOptions, MIN_SCALE_FACTOR};

use super::equalize::equalize_hist;
use super::{DetectError, Detection, Detector};
use feature::Layout;
use group::{Group, Grouper, PixelBox};
use integral::Integrals;
use lanes::Kernel;
use pyramid::Level;
use resize::Resizer;
use search::Searcher;

/// Most pixels of the largest pyramid level: its tables take 4 to 12 bytes for each.
pub const MAX_LEVEL_PIXELS: usize = 1 << 25;

/// Boxes that there is room for from the start: a picture of people rarely has more.
const USUAL_BOXES: usize = 2048;

/// Finds faces with a cascade.
#[derive(Debug)]
pub struct CascadeDetector {
    name: &'static str,
    /// Width and height of the trained window in pixels.
    window: (u8, u8),
    options: CascadeOptions,
    /// Least side of a face with less than the usual effort.
    least_px: u32,
    searcher: Searcher,
    resizer: Resizer,
    integrals: Integrals,
    /// For the size of the latest picture: a camera's are all alike.
    levels: Vec<Level>,
    levels_of: Option<(u32, u32)>,
    /// What passed the cascade.
    boxes: Vec<PixelBox>,
    grouper: Grouper,
    /// Buffers for one level and for the equalized picture.
    level_pixels: Vec<u8>,
    equalized: Vec<u8>,
}

impl CascadeDetector {
    /// A detector for a cascade.
    ///
    /// # Errors
    /// [`DetectError::ScaleFactor`] and [`DetectError::Cascade`].
    pub fn new(model: &CascadeModel<'_>, options: CascadeOptions) -> Result<Self, DetectError> {
        Self::with_kernel(model, options, Kernel::best())
    }

    /// [`CascadeDetector::new`] without vectors: the same results, to compare with and to time.
    ///
    /// # Errors
    /// As [`CascadeDetector::new`].
    pub fn scalar(model: &CascadeModel<'_>, options: CascadeOptions) -> Result<Self, DetectError> {
        Self::with_kernel(model, options, Kernel::Scalar)
    }

    fn with_kernel(
        model: &CascadeModel<'_>,
        options: CascadeOptions,
        kernel: Kernel,
    ) -> Result<Self, DetectError> {
        options.validate()?;
        model.validate()?;
        Ok(Self {
            name: match model.ensemble {
                Ensemble::Haar(_) => "haar",
                Ensemble::Lbp(_) => "lbp",
            },
            window: (model.window_width, model.window_height),
            least_px: options.min_size_px,
            options,
            searcher: Searcher::new(model, kernel),
            resizer: Resizer::default(),
            integrals: Integrals::default(),
            levels: Vec::new(),
            levels_of: None,
            boxes: Vec::with_capacity(USUAL_BOXES),
            grouper: Grouper::new(),
            level_pixels: Vec::new(),
            equalized: Vec::new(),
        })
    }

    /// Puts all boxes that pass the cascade into `boxes`, in OpenCV's order: by level, then by row.
    fn find_candidates(&mut self, view: &GrayView<'_>) -> Result<(), DetectError> {
        self.boxes.clear();
        let picture = (view.width(), view.height());
        if self.levels_of != Some(picture) {
            self.levels = pyramid::levels(
                picture,
                self.window,
                &CascadeOptions {
                    min_size_px: self.least_px,
                    ..self.options
                },
            );
            self.levels_of = Some(picture);
        }
        let Some(&Level { width, height, .. }) = self.levels.first() else {
            return Ok(());
        };
        if (width + 1) * (height + 1) > MAX_LEVEL_PIXELS {
            return Err(DetectError::TooLarge {
                width,
                height,
                max_pixels: MAX_LEVEL_PIXELS,
            });
        }
        let needs = self.searcher.needs();
        self.integrals.reserve(width, height, needs);
        self.searcher.prepare(Layout {
            stride: self.integrals.stride,
            tilted_at: self.integrals.tilted_at,
        });
        let boxes = &mut self.boxes;
        for level in &self.levels {
            let pixels = &mut self.level_pixels;
            self.resizer.resize(view, level.width, level.height, pixels);
            self.integrals.fill(pixels, level.width, needs);
            self.searcher.search(&self.integrals, level, |x, y| {
                boxes.push(enlarge(x, y, self.window, level.scale));
            });
        }
        Ok(())
    }
}

impl Detector for CascadeDetector {
    fn name(&self) -> &str {
        self.name
    }

    /// Faces must be larger by that factor.
    fn set_effort(&mut self, share: f32) {
        let least_px = (self.options.min_size_px as f32 / share.clamp(0.1, 1.0)).round() as u32;
        if self.least_px != least_px {
            self.least_px = least_px;
            self.levels_of = None;
        }
    }

    fn detect_into(
        &mut self,
        view: &GrayView<'_>,
        faces: &mut Vec<Detection>,
    ) -> Result<(), DetectError> {
        faces.clear();
        if self.options.equalize {
            let mut pixels = std::mem::take(&mut self.equalized);
            equalize_hist(view, &mut pixels);
            let found = GrayView::packed(&pixels, view.width(), view.height())
                .map_err(DetectError::from)
                .and_then(|equalized| self.find_candidates(&equalized));
            self.equalized = pixels;
            found?;
        } else {
            self.find_candidates(view)?;
        }
        let groups = self.grouper.group(&self.boxes, self.options.min_neighbors);
        faces.extend(groups.iter().filter_map(|Group { mean, neighbors }| {
            let inside = mean.clip(view.width(), view.height())?;
            Some(Detection {
                x: inside.x as f32,
                y: inside.y as f32,
                width: inside.width as f32,
                height: inside.height as f32,
                score: *neighbors as f32,
                landmarks: None,
            })
        }));
        Ok(())
    }
}

/// The window at `(x, y)` of a level as a box of the picture, rounded as OpenCV rounds.
fn enlarge(x: usize, y: usize, window: (u8, u8), scale: f32) -> PixelBox {
    let scaled = |length: f32| (length * scale).round_ties_even() as i32;
    PixelBox {
        x: scaled(x as f32),
        y: scaled(y as f32),
        width: scaled(f32::from(window.0)),
        height: scaled(f32::from(window.1)),
    }
}
