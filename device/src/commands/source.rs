//! Opening the frame source that `--source` names.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use anyhow::anyhow;
use mien_device::capture::child::{ChildSource, Encoding, camera, ffmpeg, rpicam};
use mien_device::capture::demo::DemoCamera;
use mien_device::capture::options::CameraOptions;
use mien_device::capture::slideshow::Slideshow;
use mien_device::capture::supervisor::{Backoff, Open, Supervisor};
use mien_device::capture::video_pipe::{Clock, VideoPipe};
use mien_device::capture::{CaptureError, NO_CAMERA_FEATURE, Source, files, listing};
use mien_device::pipeline::PipelineError;

use super::Failure;

/// Seed of the demo's camera movements.
const DEMO_SEED: u32 = 1;

/// Which frames.
#[derive(clap::Args)]
pub struct SourceArgs {
    /// `camera` (the first USB camera; `camera:N` is /dev/videoN), `rpicam` (a camera on the
    /// ribbon cable), `demo` (a virtual camera over bundled portraits), a picture, a folder of
    /// pictures, a video file, an address (rtsp://…, http://…), or `-`: video from standard input,
    /// as `ffmpeg … -f yuv4mpegpipe -` writes it [default: the configuration's, else demo]
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
}

/// What `--source` may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The virtual camera.
    Demo,
    /// Standard input.
    Pipe,
    /// A V4L2 camera by number.
    Camera(u32),
    /// A camera on the ribbon cable.
    Rpicam,
    /// A stream from the network.
    Address(PathBuf),
    /// A picture, a folder of pictures or a video file.
    Path(PathBuf),
}

impl Origin {
    /// Whether it goes on for ever.
    pub fn is_endless(&self) -> bool {
        !matches!(self, Self::Pipe | Self::Path(_))
    }

    /// Whether its frames come when they come: they cannot wait for a slow stage.
    pub fn is_live(&self) -> bool {
        matches!(self, Self::Camera(_) | Self::Rpicam | Self::Address(_))
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(number) = text.strip_prefix("camera:") {
            let number = number.parse();
            return number
                .map(Self::Camera)
                .map_err(|_| format!("{text}: `camera:N` is /dev/videoN"));
        }
        if let Some(number) = text.strip_prefix("/dev/video").and_then(|n| n.parse().ok()) {
            return Ok(Self::Camera(number));
        }
        Ok(match text {
            "demo" => Self::Demo,
            "-" => Self::Pipe,
            "camera" => Self::Camera(first_camera()),
            "rpicam" => Self::Rpicam,
            path if ffmpeg::is_address(Path::new(path)) => Self::Address(path.into()),
            path => Self::Path(path.into()),
        })
    }
}

/// The first camera that there is; 0 where there is none, which then is the error.
fn first_camera() -> u32 {
    let cameras = listing::numbers(Path::new(listing::SYS));
    cameras.first().copied().unwrap_or(0)
}

impl SourceArgs {
    /// What was given, or else what is configured.
    pub fn text<'a>(&'a self, configured: Option<&'a str>) -> &'a str {
        self.source.as_deref().or(configured).unwrap_or("demo")
    }

    /// What that names.
    pub fn origin(&self, configured: Option<&str>) -> Result<Origin, Failure> {
        let text = self.text(configured);
        text.parse()
            .map_err(|error: String| Failure::Usage(anyhow!("--source {error}")))
    }
}

/// Opens `origin`; pictures come once or, with `repeat`, again and again. Cameras are opened with
/// their first frame and again when they are lost; `stop` ends waiting for them.
pub fn open(
    origin: &Origin,
    repeat: bool,
    options: CameraOptions,
    stop: &Arc<AtomicBool>,
) -> Result<Box<dyn Source>, Failure> {
    match origin {
        Origin::Demo => {
            let camera = DemoCamera::new(DEMO_SEED).map_err(|e| Failure::Nothing(e.into()))?;
            Ok(Box::new(camera))
        }
        Origin::Pipe => Ok(Box::new(VideoPipe::new(io::stdin(), Clock::Arrival))),
        Origin::Camera(_) if cfg!(not(feature = "camera")) => Err(Failure::Nothing(anyhow!(
            "--source camera: {NO_CAMERA_FEATURE}"
        ))),
        Origin::Camera(number) => {
            let number = *number;
            let camera = move || {
                let command = camera::command(number, options.size(), options.frames_per_s)?;
                Ok((command, Encoding::Yuv4Mpeg2(Clock::Arrival)))
            };
            Ok(Box::new(supervised(camera, options, stop)))
        }
        Origin::Rpicam => {
            let camera = move || {
                let program = rpicam::program(listing::path_folders().into_iter());
                let (command, size) =
                    rpicam::command(program, options.size(), options.frames_per_s);
                Ok((command, Encoding::Yuv420(size)))
            };
            Ok(Box::new(supervised(camera, options, stop)))
        }
        Origin::Address(address) => {
            let address = address.clone();
            let stream = move || {
                let command = ffmpeg::command(&address, options.width_px);
                Ok((command, Encoding::Yuv4Mpeg2(Clock::Arrival)))
            };
            Ok(Box::new(supervised(stream, options, stop)))
        }
        Origin::Path(path) => open_path(path, repeat, options, stop),
    }
}

/// A child that is started again when it is lost. `command` makes the command line anew each time:
/// a program may have been installed in between.
fn supervised(
    command: impl Fn() -> io::Result<(Command, Encoding)> + Send + 'static,
    options: CameraOptions,
    stop: &Arc<AtomicBool>,
) -> Supervisor {
    let stopped = Arc::clone(stop);
    let open: Box<Open> = Box::new(move || {
        let (command, encoding) = command().map_err(|error| CaptureError::Child {
            name: "mien-device".to_owned(),
            why: error.to_string(),
        })?;
        let child =
            ChildSource::start(command, encoding, options.patience(), Arc::clone(&stopped))?;
        Ok(Box::new(child))
    });
    let seed = u64::from(std::process::id());
    Supervisor::new(open, Backoff::default(), Arc::clone(stop), seed)
}

fn open_path(
    path: &Path,
    repeat: bool,
    options: CameraOptions,
    stop: &Arc<AtomicBool>,
) -> Result<Box<dyn Source>, Failure> {
    if !path.exists() {
        let hint =
            "hint: `camera`, `rpicam`, `demo`, a picture, a folder of pictures, a video or `-`";
        return Err(Failure::Nothing(anyhow!(
            "--source {}: no such file or folder ({hint})",
            path.display()
        )));
    }
    if path.is_dir() || files::is_picture(path) || is_unreadable(path) {
        let entries = files::expand(&[path.to_owned()]);
        let files: Result<Vec<_>, _> = entries.into_iter().collect();
        let files = files.map_err(|(path, error)| {
            Failure::Nothing(anyhow!(error).context(format!("--source {}", path.display())))
        })?;
        return Ok(Box::new(Slideshow::new(files, repeat)));
    }
    let command = ffmpeg::command(path, options.width_px);
    let encoding = Encoding::Yuv4Mpeg2(Clock::FrameRate);
    let child = ChildSource::start(command, encoding, options.patience(), Arc::clone(stop))
        .map_err(|error| Failure::Nothing(anyhow!(error)))?;
    Ok(Box::new(child))
}

/// An empty or unreadable file: the picture reader says what is wrong with it.
fn is_unreadable(path: &Path) -> bool {
    let mut byte = [0];
    !File::open(path).is_ok_and(|mut file| file.read(&mut byte).is_ok_and(|read| read == 1))
}

/// What a failed run amounts to.
pub fn failure(error: PipelineError) -> Failure {
    match error {
        PipelineError::Output(error) => error.into(),
        PipelineError::Capture(
            CaptureError::NothingReadable { .. }
            | CaptureError::Video { .. }
            | CaptureError::Child { .. },
        ) => Failure::Nothing(error.into()),
        error => Failure::Work(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        text.parse().unwrap()
    }

    #[test]
    fn sources_are_told_apart_by_their_names() {
        assert_eq!(origin("demo"), Origin::Demo);
        assert_eq!(origin("-"), Origin::Pipe);
        assert_eq!(origin("camera:3"), Origin::Camera(3));
        assert_eq!(origin("/dev/video12"), Origin::Camera(12));
        assert!(matches!(origin("camera"), Origin::Camera(_)));
        assert_eq!(origin("rpicam"), Origin::Rpicam);
        assert_eq!(origin("rtsp://a/b"), Origin::Address("rtsp://a/b".into()));
        assert_eq!(origin("./camera"), Origin::Path("./camera".into()));
        assert!("camera:x".parse::<Origin>().is_err());
    }

    #[test]
    fn live_sources_are_endless() {
        for text in ["camera:0", "rpicam", "http://a/b"] {
            assert!(origin(text).is_live() && origin(text).is_endless());
        }
        assert!(origin("demo").is_endless() && !origin("demo").is_live());
        assert!(!origin("a.mp4").is_endless());
    }
}
