//! Frames from a child process: a camera's driver can block for ever, a child can be killed.
//!
//! The child writes frames to its standard output. Its standard input is a pipe that nothing is
//! written to; it closes when this process is gone, however it ended, and our own child
//! (`mien-device grab`) ends with it. Programs of others end when they write to the closed output.

pub mod camera;
pub mod ffmpeg;
mod pipe;
pub mod rpicam;

use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::raw_pipe::RawPipe;
use super::video_pipe::{Clock, VideoPipe};
use super::{CaptureError, Frame, Source};
use pipe::{Pipe, Watch};

/// How a child writes its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// YUV4MPEG2: the header says the size, and may say another one after a restart.
    Yuv4Mpeg2(Clock),
    /// Planar YUV 4:2:0 of this `[width, height]`, no header.
    Yuv420([u32; 2]),
}

/// How long to wait for a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For the first one: cameras take seconds to start, streams to be found.
    pub start: Duration,
    /// For each of the others.
    pub stall: Duration,
}

/// A running child and its frames. Dropping it kills the child and waits for its end, so that
/// neither process nor file descriptor outlives it.
pub struct ChildSource {
    name: String,
    child: Child,
    watch: Watch,
    frames: Box<dyn Source>,
    patience: Patience,
    has_begun: bool,
}

impl ChildSource {
    /// Starts `command`. `stop` ends a waiting read early.
    pub fn start(
        mut command: Command,
        encoding: Encoding,
        patience: Patience,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, CaptureError> {
        let name = command_name(&command);
        let failed = |why: String| CaptureError::Child {
            name: name.clone(),
            why,
        };
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| failed(not_started(&name, &error)))?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(failed("it has no output".to_owned()));
        };
        let (pipe, watch) =
            Pipe::new(stdout, stderr, stop).map_err(|error| failed(error.to_string()))?;
        let frames: Box<dyn Source> = match encoding {
            Encoding::Yuv4Mpeg2(clock) => Box::new(VideoPipe::new(pipe, clock)),
            Encoding::Yuv420(size) => Box::new(RawPipe::new(pipe, size)),
        };
        Ok(Self {
            name,
            child,
            watch,
            frames,
            patience,
            has_begun: false,
        })
    }

    /// What went wrong, in the child's own words where it had any.
    fn error(&mut self, why: String) -> CaptureError {
        let name = self.name.clone();
        match self.watch.last_words() {
            Some(words) => CaptureError::Child {
                name,
                why: format!("{why}; it said: {words}"),
            },
            None => CaptureError::Child { name, why },
        }
    }

    /// `None` for a child that ended well, else what its end looked like. Called once the output
    /// is closed, so the child is about to end or has ended.
    fn verdict(&mut self) -> Option<String> {
        let deadline = Instant::now() + Duration::from_secs(1);
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) if status.success() => return None,
                Ok(Some(status)) => return Some(format!("it ended with {status}")),
                Ok(None) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Ok(None) => return Some("it closed its output and did not end".to_owned()),
                Err(error) => return Some(error.to_string()),
            }
        }
    }
}

impl Source for ChildSource {
    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        let wait = if self.has_begun {
            self.patience.stall
        } else {
            self.patience.start
        };
        self.watch.expect_within(wait);
        let outcome = self.frames.next_frame();
        if self.watch.was_stopped() {
            return Ok(None);
        }
        if self.watch.has_stalled() {
            let why = format!("no frame for {} ms", wait.as_millis());
            return Err(self.error(why));
        }
        match outcome {
            Ok(Some(frame)) => {
                self.has_begun = true;
                Ok(Some(frame))
            }
            Ok(None) => match self.verdict() {
                None => Ok(None),
                Some(why) => Err(self.error(why)),
            },
            Err(error) => {
                let ended = self.verdict();
                let why = ended.unwrap_or_else(|| error.to_string());
                Err(self.error(why))
            }
        }
    }
}

impl Drop for ChildSource {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program's name without its folder.
fn command_name(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    name.to_string_lossy().into_owned()
}

fn not_started(name: &str, error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::NotFound {
        let package = match name {
            "ffmpeg" => "sudo apt install ffmpeg",
            "rpicam-vid" | "libcamera-vid" => "sudo apt install rpicam-apps",
            _ => return format!("{name} is not installed"),
        };
        return format!("{name} is not installed (hint: {package})");
    }
    format!("it cannot be started: {error}")
}

#[cfg(test)]
mod tests;
