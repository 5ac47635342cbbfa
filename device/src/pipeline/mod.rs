//! Capture, detect and track, classify and smooth, and output as threads joined by bounded
//! channels. The tracker decides whether the detector looks, and smoothing takes microseconds: a
//! thread of its own would only add delay to either. A lost camera goes the way of the frames, so
//! that outputs learn of it in its place.

pub mod channel;
pub mod exchange;
pub mod health;
pub mod stages;
pub mod totals;

use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use crate::capture::{CaptureError, Frame, Loss, Source};
use crate::classify::{Classifier, ClassifyError};
use crate::detect::{DetectError, Detector};
use crate::output::Output;
use crate::smooth::{Smoother, SmoothingOptions};
use crate::track::{Tracker, TrackingOptions};

use channel::{Overflow, Receiver, Sender, bounded};
use exchange::{Exchange, Models};
use health::{Health, Pulse};
use stages::{Judged, Tracked};
use totals::{Dropped, Totals};

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
}

/// What a run shares with whoever watches it.
#[derive(Debug, Default)]
pub struct Control {
    /// Set to end the run.
    pub stop: Arc<AtomicBool>,
    /// How the stages are.
    pub health: Health,
    /// Models for the stages to go on with from their next frame.
    pub exchange: Exchange,
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
    let start = Instant::now();
    let mut totals = Totals::new(classifier.labels());
    let models = Arc::new(Models {
        labels: classifier.labels().clone(),
        detector: detector.name().to_owned(),
    });
    let is_continuous = source.is_continuous();
    let mut tracker = Tracker::new(options.tracking);
    let (to_detect, frames) = bounded(CAPACITY, options.overflow);
    let (to_classify, tracked) = bounded(CAPACITY, options.overflow);
    let (to_output, judged) = bounded(CAPACITY, options.overflow);

    let (output_result, stage_results) = thread::scope(|scope| {
        let spawn = |name: &str| thread::Builder::new().name(name.to_owned());
        let capture = spawn("capture")
            .spawn_scoped(scope, || capture_stage(source, to_detect, options, control))?;
        let detect = spawn("detect").spawn_scoped(scope, || {
            detect_stage(
                frames,
                detector,
                &mut tracker,
                is_continuous,
                to_classify,
                control,
            )
        })?;
        let classify = spawn("classify").spawn_scoped(scope, || {
            let models = Arc::clone(&models);
            classify_stage(tracked, classifier, options, models, to_output, control)
        })?;
        // Ends when the stages above have ended; ending early ends them.
        let pulse = control.health.pulse(3);
        let models = Arc::clone(&models);
        let output_result = output_stage(judged, outputs, models, &mut totals, pulse);
        Ok::<_, PipelineError>((output_result, [join(capture), join(detect), join(classify)]))
    })?;

    let [capture, detect, classify] = stage_results;
    // A stage that fails closes its channels; the others then end without an error, so the
    // first error is the cause.
    let dropped = Dropped {
        detect: capture?,
        classify: detect?,
        output: classify?,
    };
    output_result?;
    totals.finish(dropped, start.elapsed());
    for output in outputs {
        output.finish(&totals)?;
    }
    Ok(totals)
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
    options: &Options,
    control: &Control,
) -> StageResult {
    let pulse = control.health.pulse(0);
    let start = Instant::now();
    let mut left = options.frames.unwrap_or(u64::MAX);
    while left > 0 && !control.stop.load(Ordering::Relaxed) {
        // A lost camera counts, too: each attempt to get it back ends in time.
        pulse.beat();
        let passed = match source.next_frame() {
            Ok(Some(frame)) => {
                if options.real_time {
                    let due = start + Duration::from_millis(frame.timestamp_ms);
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                }
                left -= 1;
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

/// Passes on each frame with its faces and the name of the detector that found them.
fn detect_stage(
    frames: Receiver<Passed<Frame>>,
    detector: &mut (dyn Detector + Send),
    tracker: &mut Tracker,
    is_continuous: bool,
    next: Sender<Passed<(Arc<str>, Tracked)>>,
    control: &Control,
) -> StageResult {
    let pulse = control.health.pulse(1);
    let mut name: Arc<str> = detector.name().into();
    let mut replacement: Option<Box<dyn Detector + Send>> = None;
    while let Some(frame) = pulse.idle(|| frames.recv()) {
        if let Some(new) = control.exchange.detector.take() {
            name = new.name().into();
            replacement = Some(new);
        }
        if !is_continuous || frame.is_err() {
            tracker.forget();
        }
        let tracked = frame.map(|frame| {
            let tracked = match &mut replacement {
                Some(detector) => stages::track(frame, &mut **detector, tracker),
                None => stages::track(frame, detector, tracker),
            };
            tracked.map(|tracked| (Arc::clone(&name), tracked))
        });
        if next.send(swap(tracked)?).is_err() {
            break;
        }
    }
    Ok(next.dropped())
}

/// Passes on each frame with its faces judged and what the numbers in it mean.
fn classify_stage(
    tracked: Receiver<Passed<(Arc<str>, Tracked)>>,
    classifier: &mut Classifier,
    options: &Options,
    mut models: Arc<Models>,
    next: Sender<Passed<(Arc<Models>, Judged)>>,
    control: &Control,
) -> StageResult {
    let pulse = control.health.pulse(2);
    let mut smoother = Smoother::new(options.smoothing, classifier.temperature());
    while let Some(tracked) = pulse.idle(|| tracked.recv()) {
        if let Some(new) = control.exchange.classifier.take() {
            *classifier = new;
            // An average over two networks' outputs means nothing.
            smoother = Smoother::new(options.smoothing, classifier.temperature());
            Arc::make_mut(&mut models).labels = classifier.labels().clone();
        }
        let judged = tracked.map(|(detector, tracked)| {
            if *models.detector != *detector {
                Arc::make_mut(&mut models).detector = detector.to_string();
            }
            let judged = stages::classify(tracked, &detector, classifier, &mut smoother);
            judged.map(|judged| (Arc::clone(&models), judged))
        });
        if next.send(swap(judged)?).is_err() {
            break;
        }
    }
    Ok(next.dropped())
}

fn output_stage(
    judged: Receiver<Passed<(Arc<Models>, Judged)>>,
    outputs: &mut [&mut dyn Output],
    mut shown: Arc<Models>,
    totals: &mut Totals,
    pulse: &Pulse,
) -> Result<(), PipelineError> {
    while let Some(passed) = pulse.idle(|| judged.recv()) {
        match passed {
            Ok((models, judged)) => {
                if models != shown {
                    totals.switch(&models.labels);
                    for output in outputs.iter_mut() {
                        output.switch(&models)?;
                    }
                    shown = models;
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
