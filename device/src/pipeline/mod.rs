//! Capture, detect and track, classify and smooth, and output as threads joined by bounded
//! channels. The tracker decides whether the detector looks, and smoothing takes microseconds: a
//! thread of its own would only add delay to either. A lost camera goes the way of the frames, so
//! that outputs learn of it in its place.

pub mod channel;
pub mod exchange;
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
use crate::smooth::{Smoother, SmoothingOptions};
use crate::thermal;
use crate::track::{Tracker, TrackingOptions};

use channel::{Overflow, Receiver, Sender};
use exchange::{Exchange, Models};
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
    /// Models that are to take the place of those at work.
    pub exchange: Exchange,
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
/// and then the totals; they run on the caller's thread. Models put into `control.exchange` take the
/// place of `detector` and `classifier` between two frames.
pub fn run(
    source: &mut dyn Source,
    detector: &mut (dyn Detector + Send),
    classifier: &mut Classifier,
    outputs: &mut [&mut dyn Output],
    options: &Options,
    control: &Control,
) -> Result<Totals, PipelineError> {
    let mut run = Run::new(*options, classifier, detector);
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
    /// What took the detector's place.
    replacement: &'a mut Option<Box<dyn Detector + Send>>,
    tracker: &'a mut Tracker,
    shedder: &'a mut Shedder,
    /// Whether frames may be missed.
    may_shed: bool,
    is_continuous: bool,
}

/// Passes on each frame with its faces and the name of the detector that found them.
fn detect_stage(
    frames: Receiver<Passed<Frame>>,
    stage: Detecting<'_>,
    next: Sender<Passed<(Arc<str>, Tracked)>>,
    control: &Control,
) -> StageResult {
    let Detecting {
        detector: given,
        replacement,
        tracker,
        shedder,
        may_shed,
        is_continuous,
    } = stage;
    let pulse = control.health.pulse(1);
    let mut meter = Meter::new(&control.work, Instant::now());
    let mut found = Vec::new();
    let mut name: Option<Arc<str>> = None;
    while let Some(frame) = pulse.idle(|| frames.recv()) {
        if let Some(new) = control.exchange.detector.take() {
            *replacement = Some(new);
            name = None;
        }
        let detector: &mut dyn Detector = match replacement {
            Some(detector) => &mut **detector,
            None => &mut *given,
        };
        let is_new = name.is_none();
        let name = name.get_or_insert_with(|| detector.name().into());
        if !is_continuous || frame.is_err() {
            tracker.forget();
        }
        if (may_shed && adapt(shedder, &mut meter, control)) || is_new {
            set_measures(shedder, detector, tracker, control);
        }
        let stride = LEVELS[shedder.level()].frame_stride;
        if frame.as_ref().is_ok_and(|f| f.sequence % stride != 0) {
            control.work.skip();
            continue;
        }
        let start = Instant::now();
        let tracked = frame.map(|frame| {
            let mut tracked = stages::track(frame, detector, tracker, &mut found)?;
            tracked.shed_level = control.work.level();
            Ok((Arc::clone(name), tracked))
        });
        control.work.detected(start.elapsed());
        if next.send(swap(tracked)?).is_err() {
            break;
        }
    }
    Ok(next.dropped())
}

/// Looks at what was measured; whether more or less is to be done from now on.
fn adapt(shedder: &mut Shedder, meter: &mut Meter, control: &Control) -> bool {
    let temperature_c = || thermal::hottest_c(Path::new(thermal::SYS));
    let before = shedder.level();
    let Some(load) = meter.load(&control.work, Instant::now(), temperature_c) else {
        return false;
    };
    shedder.look(&load);
    let level = shedder.level();
    if level != before {
        let last = LEVELS.len() - 1;
        tracing::info!("shedding level {level} of {last} after {before}: {load}");
    }
    level != before
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

/// What the classifying stage works with.
struct Classifying<'a> {
    classifier: &'a mut Classifier,
    smoother: &'a mut Smoother,
    models: Arc<Models>,
}

/// Passes on each frame with its faces judged and what the numbers in it mean.
fn classify_stage(
    tracked: Receiver<Passed<(Arc<str>, Tracked)>>,
    stage: Classifying<'_>,
    next: Sender<Passed<(Arc<Models>, Judged)>>,
    control: &Control,
) -> StageResult {
    let Classifying {
        classifier,
        smoother,
        mut models,
    } = stage;
    let pulse = control.health.pulse(2);
    while let Some(tracked) = pulse.idle(|| tracked.recv()) {
        if let Some(new) = control.exchange.classifier.take() {
            *classifier = new;
            smoother.set_temperature(classifier.temperature());
            models = Arc::new(Models::of(classifier, &models.detector));
        }
        let start = Instant::now();
        let judged = tracked.map(|(detector, tracked)| {
            if *models.detector != *detector {
                Arc::make_mut(&mut models).detector = detector.to_string();
            }
            let judged = stages::classify(tracked, &detector, classifier, smoother);
            judged.map(|judged| (Arc::clone(&models), judged))
        });
        let judged = swap(judged)?;
        control.work.classified(start.elapsed());
        if let Ok((_, judged)) = &judged {
            control.work.judged(judged.faces.len());
        }
        if next.send(judged).is_err() {
            break;
        }
    }
    Ok(next.dropped())
}

/// `shown` is what outputs know of the models.
fn output_stage(
    judged: Receiver<Passed<(Arc<Models>, Judged)>>,
    outputs: &mut [&mut dyn Output],
    shown: &mut Arc<Models>,
    totals: &mut Totals,
    pulse: &Pulse,
) -> Result<(), PipelineError> {
    while let Some(passed) = pulse.idle(|| judged.recv()) {
        match passed {
            Ok((models, judged)) => {
                if !Arc::ptr_eq(&models, shown) && models != *shown {
                    totals.switch(&models.labels);
                    for output in outputs.iter_mut() {
                        output.switch(&models)?;
                    }
                    *shown = models;
                }
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
