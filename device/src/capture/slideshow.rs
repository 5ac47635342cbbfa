//! Picture files as a frame source: one frame a picture.

use std::path::PathBuf;
use std::time::Duration;

use super::picture::{self, Color, PictureError};
use super::{CaptureError, Frame, Source};

/// Nominal time a picture is shown.
pub const FRAME_PERIOD: Duration = Duration::from_secs(1);

/// Shows picture files in order. Unreadable ones are left out with a warning.
pub struct Slideshow {
    files: Vec<PathBuf>,
    next: usize,
    repeat: bool,
    sequence: u64,
}

impl Slideshow {
    /// `files` in order; once, or again and again.
    pub fn new(files: Vec<PathBuf>, repeat: bool) -> Self {
        Self {
            files,
            next: 0,
            repeat,
            sequence: 0,
        }
    }
}

impl Source for Slideshow {
    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        let files = self.files.len();
        let mut last_error: Option<PictureError> = None;
        if self.repeat && self.next == files {
            self.next = 0;
        }
        while let Some(path) = self.files.get(self.next) {
            match picture::load(path, Color::Drop) {
                Ok(picture) => {
                    let sequence = self.sequence;
                    self.sequence += 1;
                    self.next += 1;
                    return Ok(Some(Frame {
                        pixels: picture.gray,
                        width: picture.width,
                        height: picture.height,
                        sequence,
                        timestamp_ms: sequence * FRAME_PERIOD.as_millis() as u64,
                    }));
                }
                Err(error) => {
                    tracing::warn!("{}: {error}; skipped", path.display());
                    last_error = Some(error);
                    self.files.remove(self.next);
                    if self.repeat && self.next == self.files.len() {
                        self.next = 0;
                    }
                }
            }
        }
        match last_error {
            Some(last) if self.files.is_empty() => {
                Err(CaptureError::NothingReadable { files, last })
            }
            _ => Ok(None),
        }
    }

    fn is_continuous(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assets;

    #[test]
    fn bad_files_are_skipped() {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<_> = ["a.jpg", "b.jpg", "c.jpg"]
            .map(|name| folder.path().join(name))
            .into();
        std::fs::write(&paths[0], assets::NO_FACE).unwrap();
        std::fs::write(&paths[1], b"").unwrap();
        std::fs::write(&paths[2], assets::PORTRAITS[0].jpeg).unwrap();

        let mut once = Slideshow::new(paths.clone(), false);
        let first = once.next_frame().unwrap().unwrap();
        let second = once.next_frame().unwrap().unwrap();
        assert_eq!((first.sequence, first.width, first.height), (0, 600, 400));
        assert_eq!(
            (second.sequence, second.width, second.height),
            (1, 512, 512)
        );
        assert!(once.next_frame().unwrap().is_none());

        let mut again = Slideshow::new(paths, true);
        for expected_width in [600, 512, 600, 512, 600] {
            assert_eq!(again.next_frame().unwrap().unwrap().width, expected_width);
        }
    }

    #[test]
    fn nothing_readable_is_an_error() {
        let mut source = Slideshow::new(vec!["does/not/exist.jpg".into()], true);
        let error = source.next_frame().unwrap_err();
        assert!(
            matches!(error, CaptureError::NothingReadable { files: 1, .. }),
            "{error}"
        );
    }
}
