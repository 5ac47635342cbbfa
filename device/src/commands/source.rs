//! Opening the frame source that `--source` names.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use mien_device::capture::demo::DemoCamera;
use mien_device::capture::slideshow::Slideshow;
use mien_device::capture::video_pipe::VideoPipe;
use mien_device::capture::{CaptureError, Source, files};
use mien_device::pipeline::PipelineError;

use super::Failure;

/// Seed of the demo's camera movements.
const DEMO_SEED: u32 = 1;

/// Which frames.
#[derive(clap::Args)]
pub struct SourceArgs {
    /// `demo` (a virtual camera over bundled portraits), a picture, a folder of pictures, or `-`:
    /// video from standard input, as `ffmpeg … -f yuv4mpegpipe -` writes it
    #[arg(long, value_name = "demo|PATH|-", default_value = "demo")]
    source: PathBuf,
}

impl SourceArgs {
    /// What was given.
    pub fn path(&self) -> &Path {
        &self.source
    }

    /// Whether it is the demo's virtual camera.
    pub fn is_demo(&self) -> bool {
        self.source.as_os_str() == "demo"
    }

    /// Whether it is standard input.
    pub fn is_pipe(&self) -> bool {
        self.source.as_os_str() == "-"
    }

    /// Opens it; pictures come once or, with `repeat`, again and again.
    pub fn open(&self, repeat: bool) -> Result<Box<dyn Source>, Failure> {
        if self.is_demo() {
            let camera = DemoCamera::new(DEMO_SEED);
            return Ok(Box::new(camera.map_err(|e| Failure::Nothing(e.into()))?));
        }
        if self.is_pipe() {
            return Ok(Box::new(VideoPipe::new(io::stdin())));
        }
        if !self.source.exists() {
            let hint = "hint: a picture, a folder of pictures, `-` or `demo`";
            return Err(Failure::Nothing(anyhow!(
                "--source {}: no such file or folder ({hint})",
                self.source.display()
            )));
        }
        let entries = files::expand(std::slice::from_ref(&self.source));
        let files: Result<Vec<_>, _> = entries.into_iter().collect();
        let files = files.map_err(|(path, error)| {
            Failure::Nothing(anyhow!(error).context(format!("--source {}", path.display())))
        })?;
        Ok(Box::new(Slideshow::new(files, repeat)))
    }
}

/// What a failed run amounts to.
pub fn failure(error: PipelineError) -> Failure {
    match error {
        PipelineError::Output(error) => error.into(),
        PipelineError::Capture(
            CaptureError::NothingReadable { .. } | CaptureError::Video { .. },
        ) => Failure::Nothing(error.into()),
        error => Failure::Work(error.into()),
    }
}
