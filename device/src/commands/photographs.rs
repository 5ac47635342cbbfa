//! What `detect` and `analyze` share: files in, reports out.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use mien_device::capture::files;
use mien_device::capture::picture::{self, Color, Picture, PictureError, PictureErrorKind};
use mien_device::detect::{DetectError, Detection, Detector};
use mien_device::report::{ErrorReport, FileReport};
use mien_models::plane::GrayView;

use super::Outcome;
use super::table::Table;

/// Reads every file that `paths` name and hands its picture to `report`, whose answer is
/// printed: as a JSON array or for people. One bad file does not stop the others.
pub fn for_each(
    paths: &[PathBuf],
    color: Color,
    json: bool,
    mut report: impl FnMut(&Path, Picture, f64) -> Result<Result<FileReport, PictureError>, io::Error>,
) -> Outcome {
    let mut printer = Printer::new(json);
    for entry in files::expand(paths) {
        let (path, outcome) = match entry {
            Ok(path) => {
                let start = Instant::now();
                let outcome = match picture::load(&path, color) {
                    Ok(picture) => report(&path, picture, milliseconds_since(start))?,
                    Err(error) => Err(error),
                };
                (path, outcome)
            }
            Err((path, error)) => (path, Err(error)),
        };
        let file_report = outcome.unwrap_or_else(|error| FileReport::Failed {
            path: path.display().to_string(),
            error: ErrorReport::from(&error),
        });
        printer.print(&file_report)?;
    }
    printer.finish()
}

/// Milliseconds since `start`, to the microsecond.
pub fn milliseconds_since(start: Instant) -> f64 {
    start.elapsed().as_micros() as f64 / 1000.0
}

/// The faces of a picture, largest first.
pub fn find_faces(
    picture: &Picture,
    detector: &mut dyn Detector,
) -> Result<Vec<Detection>, PictureError> {
    let mut faces = detector.detect(&view(picture)?).map_err(|error| {
        let kind = match error {
            DetectError::TooLarge { .. } => PictureErrorKind::TooLarge,
            _ => PictureErrorKind::Unsupported,
        };
        PictureError::new(kind, error.to_string())
    })?;
    faces.sort_by(|a, b| (b.width * b.height).total_cmp(&(a.width * a.height)));
    Ok(faces)
}

/// A picture's gray pixels as the stages read them.
pub fn view(picture: &Picture) -> Result<GrayView<'_>, PictureError> {
    GrayView::packed(&picture.gray, picture.width, picture.height)
        .map_err(|error| PictureError::new(PictureErrorKind::Unsupported, error.to_string()))
}

/// Prints reports as they come.
struct Printer {
    stdout: anstream::Stdout,
    table: Option<Table>,
    files: usize,
    failed: usize,
}

impl Printer {
    fn new(json: bool) -> Self {
        let stdout = anstream::stdout();
        Self {
            stdout,
            table: (!json).then(Table::default),
            files: 0,
            failed: 0,
        }
    }

    fn print(&mut self, report: &FileReport) -> io::Result<()> {
        let is_first = self.files == 0;
        self.files += 1;
        self.failed += usize::from(matches!(report, FileReport::Failed { .. }));
        match &mut self.table {
            Some(table) => table.print(&mut self.stdout, report),
            None => {
                self.stdout
                    .write_all(if is_first { b"[\n" } else { b",\n" })?;
                serde_json::to_writer(&mut self.stdout, report)?;
                Ok(())
            }
        }
    }

    fn finish(mut self) -> Outcome {
        match &self.table {
            Some(table) => table.finish(&mut self.stdout)?,
            None => self
                .stdout
                .write_all(if self.files == 0 { b"[]\n" } else { b"\n]\n" })?,
        }
        self.stdout.flush()?;
        Ok(ExitCode::from(u8::from(self.failed > 0)))
    }
}
