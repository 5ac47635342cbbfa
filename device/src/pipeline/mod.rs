//! Capture, detect and track, classify and smooth, and output as threads joined by bounded
//! channels. The tracker decides whether the detector looks, and smoothing takes microseconds: a
//! thread of its own would only add delay to either. A lost camera goes the way of the frames, so
//! that outputs learn of it in its place.

pub mod channel;
pub mod health;
pub mod run;
pub mod shedding;
pub mod stages;
pub mod totals;

use std::panic;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crate::capture::darkness::{Darkness, Finding};
use crate::capture::{CaptureError, Frame, Loss, Source};
use crate::classify::{Classifier, ClassifyError};
use crate::detect::{DetectError, Detector};
use crate::output::Output;
use crate::smooth::SmoothingOptions;
use crate::thermal;
use crate::track::{Tracker, TrackingOptions};

use channel::{Overflow, Receiver, Sender};
use health::{Health, Pulse};
use run::Run;
use shedding::{LEVELS, Meter, Shedder, SheddingOptions, Work};
use stages::{Judged, Tracked};
use totals::Totals;

/// Frames that may wait in front of a stage. More would only add delay.
const CAPACITY: usize = 2;

/// Threads of a run: capture, detect and track, classify and smooth, and the caller's.
pub const THREADS: usize = 4;

/// How a run treats time and faces.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Stop after this many source frames.
    pub frames: Option<u64>,
    /// What happens when a stage is slower than the source.
    pub overflow: Overflow,
    /// Hold every frame back until its timestamp, as a camera would.
    pub real_time: bool,
    /// How faces are followed.
    pub tracking: TrackingOptions,
    /// How verdicts are smoothed.
    pub smoothing: SmoothingOptions,
    /// When to do less; without effect where no frame may be missed.
    pub shedding: SheddingOptions,
}

/// What a run shares with whoever watches it.
#[derive(Debug, Default)]
pub struct Control {
    /// Set to end the run.
    pub stop: Arc<AtomicBool>,
    /// Set to end [`Run::go`] between two frames, so that it can go on with other parts.
    pub pause: Arc<AtomicBool>,
    /// How the stages are.
    pub health: Health,
    /// What they do.
    pub work: Work,
}

impl Control {
    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.pause.load(Ordering::Relaxed)
    }
}

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The source failed.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// A frame is not a picture.
    #[error("frame: {0}")]
    Frame(#[from] mien_models::plane::PlaneError),
    /// The detector failed.
    #[error("detection: {0}")]
    Detect(#[from] DetectError),
    /// The classifier failed.
    #[error("classification: {0}")]
    Classify(#[from] ClassifyError),
    /// An output failed.
    #[error("output: {0}")]
    Output(#[from] std::io::Error),
}

/// Runs frames from `source` through every stage until the source ends, `options.frames` are
/// through or `control.stop` is set, and returns the totals. `outputs` see every judged frame in order
/// and then the totals; they run on the caller's thread.
pub fn run(
    source: &mut dyn Source,
    detector: &mut (dyn Detector + Send),
    classifier: &mut Classifier,
    outputs: &mut [&mut dyn Output],
    options: &Options,
    control: &Control,
) -> Result<Totals, PipelineError> {
    let mut run = Run::new(*options, classifier);
    run.go(source, detector, classifier, outputs, control)?;
    run.finish(outputs, control)
}

/// What a stage returns: how many items the channel behind it dropped.
type StageResult = Result<u64, PipelineError>;

/// A panic in a stage goes on in the caller.
fn join(handle: ScopedJoinHandle<'_, StageResult>) -> StageResult {
    handle
        .join()
        .unwrap_or_else(|payload| panic::resume_unwind(payload))
}

/// What goes from stage to stage.
type Passed<T> = Result<T, Loss>;

fn capture_stage(
    source: &mut dyn Source,
    next: Sender<Passed<Frame>>,
    real_time_from: Option<Instant>,
    left: &mut u64,
    control: &Control,
) -> StageResult {
    let pulse = control.health.pulse(0);
    let mut darkness = Darkness::default();
    while *left > 0 && !control.is_over() {
        // A lost camera counts, too: each attempt to get it back ends in time.
        pulse.beat();
        let passed = match source.next_frame() {
            Ok(Some(frame)) => {
                if let Some(start) = real_time_from {
                    let due = start + Duration::from_millis(frame.timestamp_ms);
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                }
                *left -= 1;
                control.work.offer();
                match darkness.look(&frame, Instant::now()) {
                    Some(Finding::Black) => {
                        tracing::warn!(
                            "the picture is black: is the lens covered, or the room dark?"
                        );
                    }
                    Some(Finding::Bright) => tracing::warn!("the picture is no longer black"),
                    None => {}
                }
                Ok(frame)
            }
            Ok(None) => break,
            Err(CaptureError::Lost(loss)) => Err(loss),
            Err(error) => return Err(error.into()),
        };
        if next.send(passed).is_err() {
            break;
        }
    }
    Ok(next.dropped())
}

/// What the detecting stage works with.
struct Detecting<'a> {
    detector: &'a mut (dyn Detector + Send),
    tracker: &'a mut Tracker,
    /// `None` where no frame may be missed.
    shedder: Option<&'a mut Shedder>,
    is_continuous: bool,
}

fn detect_stage(
    frames: Receiver<Passed<Frame>>,
    stage: Detecting<'_>,
    next: Sender<Passed<Tracked>>,
    control: &Control,
) -> StageResult {
    let Detecting {
        detector,
        tracker,
        mut shedder,
        is_continuous,
    } = stage;
    let pulse = control.health.pulse(1);
    let mut meter = Meter::new(&control.work, Instant::now());
    if let Some(shedder) = &shedder {
        set_measures(shedder, detector, tracker, control);
    }
    let mut found = Vec::new();
    while let Some(frame) = pulse.idle(|| frames.recv()) {
        if !is_continuous || frame.is_err() {
            tracker.forget();
        }
        if let Some(shedder) = &mut shedder {
            adapt(shedder, &mut meter, detector, tracker, control);
            let stride = LEVELS[shedder.level()].frame_stride;
            if frame.as_ref().is_ok_and(|f| f.sequence % stride != 0) {
                control.work.skip();
                continue;
            }
        }
        let start = Instant::now();
        let tracked = frame.map(|frame| {
            let mut tracked = stages::track(frame, detector, tracker, &mut found)?;
            tracked.shed_level = control.work.level();
            Ok(tracked)
        });
        control.work.detected(start.elapsed());
        if next.send(swap(tracked)?).is_err() {
            break;
        }
    }
    Ok(next.dropped())
}

/// Does more or less, by what was measured.
fn adapt(
    shedder: &mut Shedder,
    meter: &mut Meter,
    detector: &mut dyn Detector,
    tracker: &mut Tracker,
    control: &Control,
) {
    let temperature_c = || thermal::hottest_c(Path::new(thermal::SYS));
    let before = shedder.level();
    if let Some(load) = meter.load(&control.work, Instant::now(), temperature_c) {
        shedder.look(&load);
        if shedder.level() != before {
            tracing::info!(
                "shedding level {} of {} after {before}: {load}",
                shedder.level(),
                LEVELS.len() - 1
            );
        }
    }
    if shedder.level() != before {
        set_measures(shedder, detector, tracker, control);
    }
}

fn set_measures(
    shedder: &Shedder,
    detector: &mut dyn Detector,
    tracker: &mut Tracker,
    control: &Control,
) {
    let measures = LEVELS[shedder.level()];
    detector.set_effort(measures.effort);
    tracker.set_interval_factor(measures.interval_factor);
    control.work.set_level(shedder.level());
}

fn classify_stage(
    tracked: Receiver<Passed<Tracked>>,
    mut judge: impl FnMut(Tracked) -> Result<Judged, PipelineError>,
    next: Sender<Passed<Judged>>,
    control: &Control,
) -> StageResult {
    let pulse = control.health.pulse(2);
    while let Some(tracked) = pulse.idle(|| tracked.recv()) {
        let start = Instant::now();
        let judged = swap(tracked.map(&mut judge))?;
        control.work.classified(start.elapsed());
        if next.send(judged).is_err() {
            break;
        }
    }
    Ok(next.dropped())
}

fn output_stage(
    judged: Receiver<Passed<Judged>>,
    outputs: &mut [&mut dyn Output],
    totals: &mut Totals,
    pulse: &Pulse,
) -> Result<(), PipelineError> {
    while let Some(passed) = pulse.idle(|| judged.recv()) {
        match passed {
            Ok(judged) => {
                totals.count(&judged);
                for output in outputs.iter_mut() {
                    output.show(&judged)?;
                }
            }
            Err(loss) => {
                totals.camera_losses += 1;
                for output in outputs.iter_mut() {
                    output.lost(&loss)?;
                }
            }
        }
    }
    Ok(())
}

/// A stage's failure ends the run, a loss does not.
fn swap<T>(passed: Passed<Result<T, PipelineError>>) -> Result<Passed<T>, PipelineError> {
    match passed {
        Ok(Ok(item)) => Ok(Ok(item)),
        Ok(Err(error)) => Err(error),
        Err(loss) => Ok(Err(loss)),
    }
}
