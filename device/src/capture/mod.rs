//! Where frames come from: cameras and videos (in child processes), pictures, folders of pictures,
//! a video pipe and the demo's virtual camera.

pub mod child;
pub mod darkness;
pub mod demo;
mod file_end;
pub mod files;
pub mod grab;
pub mod listing;
pub mod options;
pub mod picture;
pub mod raw_pipe;
pub mod slideshow;
pub mod supervisor;
pub mod video_pipe;

use std::fmt;

use serde::Serialize;

use mien_models::plane::{GrayView, PlaneError};

/// What this program lacks where cameras were left out of it.
pub const NO_CAMERA_FEATURE: &str = "this program was built without USB cameras (hint: `cargo build \
     --features camera`, or pipe: ffmpeg -f v4l2 -i /dev/video0 -f yuv4mpegpipe - | mien-device run \
     --source -)";

/// One gray frame on its way through the pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Gray pixels `[height, width]`, row-major, no gaps.
    pub pixels: Vec<u8>,
    /// Columns, at least 1.
    pub width: u32,
    /// Rows, at least 1.
    pub height: u32,
    /// 0, 1, 2, … in the order of capture.
    pub sequence: u64,
    /// Milliseconds since the source's first frame.
    pub timestamp_ms: u64,
}

/// Darker than this on average is no picture of anything, 0..=255.
pub const BLACK: u8 = 6;

impl Frame {
    /// The mean of some hundred pixels all over the frame, 0..=255.
    pub fn brightness(&self) -> u8 {
        // No multiple of usual widths, or all samples would lie in a few columns.
        let step = (self.pixels.len() / 997).max(1);
        let samples = self.pixels.iter().step_by(step);
        let count = samples.len().max(1) as u64;
        let sum: u64 = samples.map(|&pixel| u64::from(pixel)).sum();
        (sum / count) as u8
    }

    /// The pixels as the stages read them.
    pub fn view(&self) -> Result<GrayView<'_>, PlaneError> {
        GrayView::packed(&self.pixels, self.width, self.height)
    }
}

/// Why a source gave no frame.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// None of the files could be read.
    #[error("no picture could be read ({files} tried); the last: {last}")]
    NothingReadable {
        /// Files tried.
        files: usize,
        /// What was wrong with the last one.
        last: picture::PictureError,
    },
    /// The video pipe cannot be read.
    #[error("the video on standard input cannot be read: {why}")]
    Video {
        /// What is wrong with it.
        why: String,
    },
    /// A child process that gives frames failed.
    #[error("{name}: {why}")]
    Child {
        /// The program.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// A camera is gone for now; the next call tries to get it back.
    #[error("{0}")]
    Lost(Loss),
    /// A picture inside the program could not be decoded.
    #[error("bundled picture {name}: {error}")]
    Bundled {
        /// The picture's name.
        name: &'static str,
        /// What was wrong with it.
        error: picture::PictureError,
    },
}

/// A camera that is gone, and what is done about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// What happened.
    pub why: String,
    /// Which attempt in a row to get it back comes next, 1 and up.
    pub attempt: u32,
    /// When that is, in milliseconds.
    pub retry_in_ms: u64,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.retry_in_ms as f64 / 1000.0;
        write!(
            f,
            "the camera is gone: {}; next attempt in {seconds:.1} s",
            self.why
        )
    }
}

/// Gives frames until it has no more.
pub trait Source: Send {
    /// The next frame; `None` at the end. [`CaptureError::Lost`] is not the end: ask again.
    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError>;

    /// Whether a frame goes on where the one before it ended. Faces are not followed over
    /// pictures that have nothing to do with each other.
    fn is_continuous(&self) -> bool {
        true
    }
}

impl<S: Source + ?Sized> Source for Box<S> {
    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        (**self).next_frame()
    }

    fn is_continuous(&self) -> bool {
        (**self).is_continuous()
    }
}
