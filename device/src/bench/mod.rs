//! How long each stage takes, one after the other on one thread and all at once as in a run.
//! Times are wall-clock, so a busy machine makes them longer; compare runs made on the same one.

pub mod machine;
mod samples;

use std::io;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::capture::{CaptureError, Frame, Source};
use crate::classify::Classifier;
use crate::detect::Detector;
use crate::output::Output;
use crate::pipeline::channel::Overflow;
use crate::pipeline::shedding::SheddingOptions;
use crate::pipeline::stages::{self, Judged};
use crate::pipeline::totals::Totals;
use crate::pipeline::{self, Control, PipelineError};
use crate::progress::{Task, Unit};
use crate::smooth::{Smoother, SmoothingOptions};
use crate::track::{Tracker, TrackingOptions};

use samples::Samples;

/// What a frame counts as in a [`Task`].
pub const FRAMES: Unit = Unit::Items("frames");

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Frames that are timed, at least 1.
    pub frames: u64,
    /// Frames before those, which fill caches and are not timed.
    pub warmup_frames: u64,
    /// How faces are followed.
    pub tracking: TrackingOptions,
    /// How verdicts are smoothed.
    pub smoothing: SmoothingOptions,
}

/// Time of something that was done `runs` times, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Timing {
    /// How often it was done.
    pub runs: u64,
    /// Half of the runs took no longer.
    pub median_ms: f64,
    /// 99 of 100 runs took no longer (nearest rank).
    pub p99_ms: f64,
}

/// The stages' times; `None` where a stage had nothing to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Stages {
    /// Getting a frame from the source.
    pub capture: Option<Timing>,
    /// Looking for faces; not every frame is looked at.
    pub detect: Option<Timing>,
    /// Following faces.
    pub track: Option<Timing>,
    /// Cropping and judging all faces of a frame.
    pub classify: Option<Timing>,
    /// Smoothing their verdicts.
    pub smooth: Option<Timing>,
}

/// What one pass over the source came to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Pass {
    /// Threads that worked at the same time.
    pub threads: usize,
    /// Frames timed.
    pub frames: u64,
    /// Faces judged in them.
    pub faces: u64,
    /// Frames judged in a second.
    pub frames_per_s: f64,
    /// From one frame's verdicts to the next one's.
    pub frame: Timing,
    /// Each stage by itself.
    pub stages: Stages,
}

/// Why there are no times.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The source or a stage failed.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// The source ended before anything could be timed.
    #[error("the source ended after {frames} frames, of which {warmup_frames} are not timed")]
    TooShort {
        /// Frames it gave.
        frames: u64,
        /// Frames that are not timed.
        warmup_frames: u64,
    },
}

/// Every stage in turn on the caller's thread. `task` counts frames.
pub fn one_thread(
    source: &mut dyn Source,
    detector: &mut dyn Detector,
    classifier: &mut Classifier,
    options: &Options,
    task: &Task,
) -> Result<Pass, BenchError> {
    let mut source = Stopwatch::new(source);
    let mut tracker = Tracker::new(options.tracking);
    let mut smoother = Smoother::new(options.smoothing, classifier.temperature());
    let detector_name = detector.name().to_owned();
    let mut collector = Collector::new(options.warmup_frames, task);
    let mut found = Vec::new();
    for _ in 0..options.warmup_frames + options.frames {
        let Some(frame) = source.next_frame().map_err(PipelineError::from)? else {
            break;
        };
        if !source.is_continuous() {
            tracker.forget();
        }
        let tracked = stages::track(frame, detector, &mut tracker, &mut found)?;
        let judged = stages::classify(tracked, &detector_name, classifier, &mut smoother)?;
        collector.add(&judged);
    }
    collector.finish(1, &source.times)
}

/// The stages on their threads, as in a run, as fast as the slowest of them goes; nothing is
/// dropped. `task` counts frames.
pub fn all_threads(
    source: &mut dyn Source,
    detector: &mut (dyn Detector + Send),
    classifier: &mut Classifier,
    options: &Options,
    task: &Task,
) -> Result<Pass, BenchError> {
    let mut source = Stopwatch::new(source);
    let mut collector = Collector::new(options.warmup_frames, task);
    let pipeline_options = pipeline::Options {
        frames: Some(options.warmup_frames + options.frames),
        overflow: Overflow::Wait,
        real_time: false,
        tracking: options.tracking,
        smoothing: options.smoothing,
        shedding: SheddingOptions::OFF,
    };
    pipeline::run(
        &mut source,
        detector,
        classifier,
        &mut [&mut collector],
        &pipeline_options,
        &Control::default(),
    )?;
    collector.finish(pipeline::THREADS, &source.times)
}

/// A source whose frames are timed.
struct Stopwatch<'a> {
    source: &'a mut dyn Source,
    times: Vec<Duration>,
}

impl<'a> Stopwatch<'a> {
    fn new(source: &'a mut dyn Source) -> Self {
        let times = Vec::new();
        Self { source, times }
    }
}

impl Source for Stopwatch<'_> {
    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        let start = Instant::now();
        let frame = self.source.next_frame()?;
        if frame.is_some() {
            self.times.push(start.elapsed());
        }
        Ok(frame)
    }

    fn is_continuous(&self) -> bool {
        self.source.is_continuous()
    }
}

/// Takes the times from judged frames.
struct Collector<'a> {
    task: &'a Task,
    warmup_frames: u64,
    frames: u64,
    faces: u64,
    last: Instant,
    whole: Samples,
    detect: Samples,
    track: Samples,
    classify: Samples,
    smooth: Samples,
}

impl<'a> Collector<'a> {
    fn new(warmup_frames: u64, task: &'a Task) -> Self {
        Self {
            task,
            warmup_frames,
            frames: 0,
            faces: 0,
            last: Instant::now(),
            whole: Samples::default(),
            detect: Samples::default(),
            track: Samples::default(),
            classify: Samples::default(),
            smooth: Samples::default(),
        }
    }

    fn add(&mut self, judged: &Judged) {
        let now = Instant::now();
        let whole = now.duration_since(self.last);
        self.last = now;
        self.frames += 1;
        self.task.advance(1);
        if self.frames <= self.warmup_frames {
            return;
        }
        self.whole.add(whole);
        self.track.add(judged.track_time);
        if let Some(time) = judged.detect_time {
            self.detect.add(time);
        }
        if !judged.faces.is_empty() {
            self.faces += judged.faces.len() as u64;
            self.classify.add(judged.classify_time);
            self.smooth.add(judged.smooth_time);
        }
    }

    fn finish(self, threads: usize, captures: &[Duration]) -> Result<Pass, BenchError> {
        let Some(frame) = self.whole.timing() else {
            return Err(BenchError::TooShort {
                frames: self.frames,
                warmup_frames: self.warmup_frames,
            });
        };
        let warmup = usize::try_from(self.warmup_frames).unwrap_or(usize::MAX);
        let mut capture = Samples::default();
        for &time in captures.iter().skip(warmup) {
            capture.add(time);
        }
        Ok(Pass {
            threads,
            frames: frame.runs,
            faces: self.faces,
            frames_per_s: self.whole.per_second(),
            frame,
            stages: Stages {
                capture: capture.timing(),
                detect: self.detect.timing(),
                track: self.track.timing(),
                classify: self.classify.timing(),
                smooth: self.smooth.timing(),
            },
        })
    }
}

impl Output for Collector<'_> {
    fn show(&mut self, judged: &Judged) -> io::Result<()> {
        self.add(judged);
        Ok(())
    }

    fn finish(&mut self, _: &Totals) -> io::Result<()> {
        Ok(())
    }
}
