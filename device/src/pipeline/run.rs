//! One run, which may pause between two frames and go on with other parts.

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use super::channel::{Overflow, bounded};
use super::exchange::Models;
use super::shedding::Shedder;
use super::totals::{Dropped, Totals};
use super::{
    CAPACITY, Classifying, Control, Detecting, Options, PipelineError, capture_stage,
    classify_stage, detect_stage, join, output_stage,
};
use crate::capture::Source;
use crate::classify::Classifier;
use crate::detect::Detector;
use crate::output::Output;
use crate::smooth::Smoother;
use crate::track::Tracker;

/// What a run keeps over a pause: faces, their verdicts and the totals.
pub struct Run {
    options: Options,
    tracker: Tracker,
    smoother: Smoother,
    shedder: Shedder,
    totals: Totals,
    dropped: Dropped,
    /// Frames still to be taken.
    left: u64,
    start: Instant,
    /// When the source's time was zero.
    source_start: Option<Instant>,
    /// A detector that took the given one's place.
    replacement: Option<Box<dyn Detector + Send>>,
    /// What outputs know of the models.
    shown: Arc<Models>,
}

impl Run {
    /// Nothing seen yet. `classifier` and `detector` are those that outputs were opened for.
    pub fn new(options: Options, classifier: &Classifier, detector: &dyn Detector) -> Self {
        Self {
            replacement: None,
            shown: Arc::new(Models::of(classifier, detector.name())),
            tracker: Tracker::new(options.tracking),
            smoother: Smoother::new(options.smoothing, classifier.temperature()),
            shedder: Shedder::new(options.shedding),
            totals: Totals::new(classifier.labels()),
            dropped: Dropped::default(),
            left: options.frames.unwrap_or(u64::MAX),
            start: Instant::now(),
            source_start: None,
            options,
        }
    }

    /// Other options from now on; how many frames are left does not change.
    pub fn set_options(&mut self, options: Options) {
        self.tracker.set_options(options.tracking);
        self.smoother.set_options(options.smoothing);
        self.shedder.set_options(options.shedding);
        self.options = options;
    }

    /// The next source is another one: its time begins anew and nobody is known in it.
    pub fn forget_source(&mut self) {
        self.tracker.forget();
        self.source_start = None;
    }

    /// The next detector is the one to use, whatever took another's place.
    pub fn forget_detector(&mut self) {
        self.replacement = None;
    }

    /// The next classifier has another temperature.
    pub fn set_temperature(&mut self, classifier: &Classifier) {
        self.smoother.set_temperature(classifier.temperature());
    }

    /// Runs until the source ends, all frames are through, or `control` says to stop or to pause;
    /// every frame taken until then is judged and shown.
    ///
    /// # Errors
    /// The first stage's that fails.
    pub fn go(
        &mut self,
        source: &mut dyn Source,
        detector: &mut (dyn Detector + Send),
        classifier: &mut Classifier,
        outputs: &mut [&mut dyn Output],
        control: &Control,
    ) -> Result<(), PipelineError> {
        let Self {
            options,
            tracker,
            smoother,
            shedder,
            totals,
            left,
            replacement,
            shown,
            ..
        } = self;
        let overflow = options.overflow;
        let may_shed = overflow == Overflow::DropOldest;
        if !may_shed {
            // What an earlier source left behind.
            *shedder = Shedder::new(options.shedding);
        }
        let source_start = *self.source_start.get_or_insert_with(Instant::now);
        let real_time_from = options.real_time.then_some(source_start);
        let classifying = Classifying {
            models: Arc::new(Models::of(classifier, &shown.detector)),
            classifier,
            smoother,
        };
        let detecting = Detecting {
            is_continuous: source.is_continuous(),
            detector,
            replacement,
            tracker,
            shedder,
            may_shed,
        };
        let (to_detect, frames) = bounded(CAPACITY, overflow);
        let (to_classify, tracked) = bounded(CAPACITY, overflow);
        let (to_output, judged) = bounded(CAPACITY, overflow);

        let (output_result, stage_results) = thread::scope(|scope| {
            let spawn = |name: &str| thread::Builder::new().name(name.to_owned());
            let capture = spawn("capture").spawn_scoped(scope, || {
                capture_stage(source, to_detect, real_time_from, left, control)
            })?;
            let detect = spawn("detect").spawn_scoped(scope, || {
                detect_stage(frames, detecting, to_classify, control)
            })?;
            let classify = spawn("classify").spawn_scoped(scope, || {
                classify_stage(tracked, classifying, to_output, control)
            })?;
            // Ends when the stages above have ended; ending early ends them.
            let output_result =
                output_stage(judged, outputs, shown, totals, control.health.pulse(3));
            Ok::<_, PipelineError>((output_result, [join(capture), join(detect), join(classify)]))
        })?;

        let [capture, detect, classify] = stage_results;
        // A stage that fails closes its channels; the others then end without an error, so the
        // first error is the cause.
        self.dropped.detect += capture?;
        self.dropped.classify += detect?;
        self.dropped.output += classify?;
        output_result
    }

    /// Closes the account and tells it to the outputs.
    ///
    /// # Errors
    /// An output's.
    pub fn finish(
        &mut self,
        outputs: &mut [&mut dyn Output],
        control: &Control,
    ) -> Result<Totals, PipelineError> {
        self.totals
            .finish(self.dropped, &control.work, self.start.elapsed());
        for output in outputs {
            output.finish(&self.totals)?;
        }
        Ok(self.totals.clone())
    }
}
