//! The stages on their threads: order, ends, losses, errors.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mien_device::capture::demo::DemoCamera;
use mien_device::capture::{CaptureError, Frame, Source};
use mien_device::classify::Classifier;
use mien_device::detect::{DetectError, Detection, Detector};
use mien_device::output::Output;
use mien_device::output::record::Record;
use mien_device::output::terminal::{Look, Terminal};
use mien_device::pipeline::channel::Overflow;
use mien_device::pipeline::exchange::Models;
use mien_device::pipeline::shedding::SheddingOptions;
use mien_device::pipeline::stages::Judged;
use mien_device::pipeline::totals::Totals;
use mien_device::pipeline::{self, Control, Options, PipelineError};
use mien_device::smooth::SmoothingOptions;
use mien_device::track::TrackingOptions;
use mien_models::ExpressionModel;
use mien_models::label::Labels;
use mien_models::plane::GrayView;
use mien_models::procedural::test_model;

const WAIT: Options = Options {
    frames: None,
    overflow: Overflow::Wait,
    real_time: false,
    tracking: EVERY_FRAME,
    smoothing: SmoothingOptions::OFF,
    shedding: SheddingOptions::OFF,
};

/// The detector looks at every frame.
const EVERY_FRAME: TrackingOptions = TrackingOptions {
    detect_every_frames: 1,
    detect_every_ms: 1000,
    min_correlation: 0.7,
    follow_ms: 1000,
    memory_ms: 3000,
};

/// Gray frames, one of each given brightness, again and again.
struct Grays {
    levels: Vec<u8>,
    next: u64,
    length: u64,
}

impl Grays {
    fn new(levels: &[u8], length: u64) -> Self {
        Self {
            levels: levels.to_vec(),
            next: 0,
            length,
        }
    }
}

impl Source for Grays {
    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        let sequence = self.next;
        self.next += 1;
        let level = self.levels[sequence as usize % self.levels.len()];
        Ok((sequence < self.length).then(|| Frame {
            pixels: vec![level; 60 * 50],
            width: 60,
            height: 50,
            sequence,
            timestamp_ms: sequence * 20,
        }))
    }

    fn is_continuous(&self) -> bool {
        false
    }
}

/// Calls the middle of every frame a face, after `delay`.
#[derive(Default)]
struct Middle {
    delay: Duration,
    fails_at: Option<u64>,
    panics_at: Option<u64>,
    seen: u64,
}

impl Detector for Middle {
    fn name(&self) -> &str {
        "middle"
    }

    fn detect_into(
        &mut self,
        view: &GrayView<'_>,
        faces: &mut Vec<Detection>,
    ) -> Result<(), DetectError> {
        faces.clear();
        std::thread::sleep(self.delay);
        self.seen += 1;
        assert_ne!(self.panics_at, Some(self.seen), "a fault in a stage");
        if self.fails_at == Some(self.seen) {
            return Err(DetectError::TooLarge {
                width: 1,
                height: 1,
                max_pixels: 0,
            });
        }
        let (width, height) = (view.width() as f32, view.height() as f32);
        let face = |side: f32| Detection {
            x: (width - side) / 2.0,
            y: (height - side) / 2.0,
            width: side,
            height: side,
            score: 1.0,
            landmarks: None,
        };
        // Black frames have no face, white ones a small and a large one.
        match view.row(0)[0] {
            0 => {}
            255 => faces.extend([face(10.0), face(40.0)]),
            _ => faces.push(face(30.0)),
        }
        Ok(())
    }
}

/// Remembers what it was shown.
#[derive(Default)]
struct Seen {
    sequences: Vec<u64>,
    labels: Vec<usize>,
    widths: Vec<Vec<f32>>,
    totals: Option<Totals>,
    /// After which frame the run is to stop, and what stops it.
    stop_at: Option<(u64, Arc<AtomicBool>)>,
    breaks_at: Option<u64>,
}

impl Output for Seen {
    fn show(&mut self, judged: &Judged) -> io::Result<()> {
        let sequence = judged.frame.sequence;
        self.sequences.push(sequence);
        self.labels.extend(
            judged
                .faces
                .iter()
                .map(|face| face.shown.label_index.unwrap()),
        );
        self.widths.push(
            judged
                .faces
                .iter()
                .map(|face| face.detection.width)
                .collect(),
        );
        if let Some((at, stop)) = &self.stop_at
            && *at == sequence
        {
            stop.store(true, Ordering::Relaxed);
        }
        if self.breaks_at == Some(sequence) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(())
    }

    fn finish(&mut self, totals: &Totals) -> io::Result<()> {
        self.totals = Some(totals.clone());
        Ok(())
    }
}

fn run(
    source: &mut dyn Source,
    detector: &mut Middle,
    output: &mut Seen,
    options: Options,
    control: &Control,
) -> Result<Totals, PipelineError> {
    let mut classifier = Classifier::new(&test_model()).unwrap();
    pipeline::run(
        source,
        detector,
        &mut classifier,
        &mut [output],
        &options,
        control,
    )
}

/// The brightness in the middle of each of the test model's seven ranges.
fn seven_grays() -> Vec<u8> {
    (0..7)
        .map(|label| ((2 * label + 1) * 255 / 14) as u8)
        .collect()
}

#[test]
fn all_seven_labels_come_through_every_stage_and_output() {
    let model = test_model();
    let mut classifier = Classifier::new(&model).unwrap();
    let mut text = Vec::new();
    let mut lines = Vec::new();
    let mut seen = Seen::default();
    let mut terminal = Terminal::new(&mut text, Look::Lines, "test", &model.labels, Some(7));
    let mut record = Record::new(&mut lines, "middle", &model.labels);
    let totals = pipeline::run(
        &mut Grays::new(&seven_grays(), 7),
        &mut Middle::default(),
        &mut classifier,
        &mut [&mut terminal, &mut record, &mut seen],
        &WAIT,
        &Control::default(),
    )
    .unwrap();

    assert_eq!(seen.labels, [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(
        (totals.frames, totals.frames_with_face, totals.faces),
        (7, 7, 7)
    );
    assert!(totals.expressions.iter().all(|(_, &count)| count == 1));
    assert_eq!(seen.totals.as_ref(), Some(&totals));

    let records: Vec<serde_json::Value> = serde_json::Deserializer::from_slice(&lines)
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap();
    for (index, name) in model.labels.iter().enumerate() {
        assert_eq!(records[index]["sequence"], index);
        assert_eq!(records[index]["faces"][0]["expression"], name);
        let probabilities = records[index]["faces"][0]["probabilities"]
            .as_object()
            .unwrap();
        let sum: f64 = probabilities
            .values()
            .filter_map(|value| value.as_f64())
            .sum();
        assert!((sum - 1.0).abs() < 1e-4, "{sum}");
    }
    let text = String::from_utf8(text).unwrap();
    assert!(text.starts_with("frame 1: #1 angry "), "{text}");
    let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["frames"], 7);
}

#[test]
fn a_waiting_run_shows_every_frame_in_order() {
    let mut seen = Seen::default();
    let mut slow = Middle {
        delay: Duration::from_millis(1),
        ..Middle::default()
    };
    let options = Options {
        frames: Some(40),
        ..WAIT
    };
    let mut source = Grays::new(&[0, 99, 255], u64::MAX);
    let totals = run(
        &mut source,
        &mut slow,
        &mut seen,
        options,
        &Control::default(),
    )
    .unwrap();
    assert_eq!(seen.sequences, (0..40).collect::<Vec<_>>());
    assert_eq!(
        (totals.frames, totals.frames_with_face, totals.faces),
        (40, 26, 39)
    );
    assert_eq!(seen.widths[2], [40.0, 10.0], "largest face first");
    assert_eq!(
        source.next, 40,
        "no frame was asked for that was not wanted"
    );
}

#[test]
fn a_live_run_drops_frames_and_counts_them() {
    let mut seen = Seen::default();
    let mut slow = Middle {
        delay: Duration::from_millis(20),
        ..Middle::default()
    };
    let options = Options {
        overflow: Overflow::DropOldest,
        ..WAIT
    };
    let mut source = Grays::new(&[99], 300);
    let totals = run(
        &mut source,
        &mut slow,
        &mut seen,
        options,
        &Control::default(),
    )
    .unwrap();
    let dropped = totals.dropped.detect + totals.dropped.classify + totals.dropped.output;
    assert!(totals.dropped.detect > 200, "{totals:?}");
    assert_eq!(totals.frames + dropped, 300);
    assert!(seen.sequences.is_sorted());
    assert_eq!(
        seen.sequences.last(),
        Some(&299),
        "the newest frame is never the one dropped"
    );
}

#[test]
fn real_time_keeps_the_source_s_pace() {
    let start = Instant::now();
    let options = Options {
        frames: Some(6),
        real_time: true,
        ..WAIT
    };
    let mut source = Grays::new(&[99], u64::MAX);
    let mut seen = Seen::default();
    run(
        &mut source,
        &mut Middle::default(),
        &mut seen,
        options,
        &Control::default(),
    )
    .unwrap();
    assert!(
        start.elapsed() >= Duration::from_millis(100),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn stopping_ends_an_endless_run() {
    let control = Control::default();
    let mut seen = Seen {
        stop_at: Some((5, Arc::clone(&control.stop))),
        ..Seen::default()
    };
    let mut source = Grays::new(&[99], u64::MAX);
    let totals = run(
        &mut source,
        &mut Middle::default(),
        &mut seen,
        WAIT,
        &control,
    )
    .unwrap();
    assert!(totals.frames >= 6);
    assert_eq!(
        totals.frames,
        seen.sequences.len() as u64,
        "what was begun is shown"
    );
}

#[test]
fn an_error_in_a_stage_ends_the_run_with_its_cause() {
    let mut failing = Middle {
        fails_at: Some(4),
        ..Middle::default()
    };
    let mut source = Grays::new(&[99], u64::MAX);
    let mut seen = Seen::default();
    let error = run(
        &mut source,
        &mut failing,
        &mut seen,
        WAIT,
        &Control::default(),
    )
    .unwrap_err();
    assert!(matches!(error, PipelineError::Detect(_)), "{error}");

    let mut seen = Seen {
        breaks_at: Some(3),
        ..Seen::default()
    };
    let mut source = Grays::new(&[99], u64::MAX);
    let error = run(
        &mut source,
        &mut Middle::default(),
        &mut seen,
        WAIT,
        &Control::default(),
    );
    assert!(matches!(error, Err(PipelineError::Output(_))), "{error:?}");
}

#[test]
#[should_panic(expected = "a fault in a stage")]
fn a_panic_in_a_stage_reaches_the_caller() {
    let mut faulty = Middle {
        panics_at: Some(3),
        ..Middle::default()
    };
    let mut source = Grays::new(&[99], u64::MAX);
    let _ = run(
        &mut source,
        &mut faulty,
        &mut Seen::default(),
        WAIT,
        &Control::default(),
    );
}

#[test]
fn the_demo_gives_the_same_verdicts_twice() {
    let verdicts = || {
        let mut seen = Seen::default();
        let mut camera = DemoCamera::new(7).unwrap();
        let options = Options {
            frames: Some(12),
            ..WAIT
        };
        run(
            &mut camera,
            &mut Middle::default(),
            &mut seen,
            options,
            &Control::default(),
        )
        .unwrap();
        seen.labels
    };
    assert_eq!(verdicts(), verdicts());
}

/// A detector that takes 60 ms a look, and less with less effort.
struct Slow {
    share: f32,
}

impl Detector for Slow {
    fn name(&self) -> &str {
        "slow"
    }

    fn set_effort(&mut self, share: f32) {
        self.share = share;
    }

    fn detect_into(
        &mut self,
        _: &GrayView<'_>,
        faces: &mut Vec<Detection>,
    ) -> Result<(), DetectError> {
        faces.clear();
        std::thread::sleep(Duration::from_millis((60.0 * self.share) as u64));
        Ok(())
    }
}

/// Frames that belong together.
struct Camera(Grays);

impl Source for Camera {
    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        self.0.next_frame()
    }
}

/// Highest level that was shown.
#[derive(Default)]
struct Levels(usize);

impl Output for Levels {
    fn show(&mut self, judged: &Judged) -> io::Result<()> {
        self.0 = self.0.max(judged.shed_level);
        Ok(())
    }

    fn finish(&mut self, _: &Totals) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_run_that_cannot_keep_up_does_less_and_counts_it() {
    // Looking at every frame allows 16 of the 50 a second.
    let run = |target_fps| {
        let options = Options {
            overflow: Overflow::DropOldest,
            real_time: true,
            shedding: SheddingOptions {
                target_fps,
                max_temperature_c: 0.0,
            },
            ..WAIT
        };
        let mut levels = Levels::default();
        let control = Control::default();
        let totals = pipeline::run(
            &mut Camera(Grays::new(&[0], 250)),
            &mut Slow { share: 1.0 },
            &mut Classifier::new(&test_model()).unwrap(),
            &mut [&mut levels],
            &options,
            &control,
        );
        (totals.unwrap(), levels.0)
    };
    let (free, level) = run(0.0);
    assert_eq!((free.shed.reduced, level), (0, 0));
    let (kept_up, level) = run(24.0);
    assert!(level > 0, "{kept_up:?}");
    assert!(kept_up.shed.reduced > 0 && kept_up.shed.skipped == 0);
    assert!(
        kept_up.frames > free.frames,
        "{} and {} frames",
        kept_up.frames,
        free.frames
    );
}

/// Finds what `Middle` finds under another name.
struct Other(Middle);

impl Detector for Other {
    fn name(&self) -> &str {
        "other"
    }

    fn detect_into(
        &mut self,
        view: &GrayView<'_>,
        faces: &mut Vec<Detection>,
    ) -> Result<(), DetectError> {
        self.0.detect_into(view, faces)
    }
}

/// Puts other models in place after some frames, and notes what it is told.
struct Switching<'a> {
    control: &'a Control,
    told: Vec<(u64, Models)>,
    next: u64,
}

impl Output for Switching<'_> {
    fn show(&mut self, judged: &Judged) -> io::Result<()> {
        assert_eq!(judged.frame.sequence, self.next, "no frame is lost");
        self.next += 1;
        match self.next {
            50 => {
                let labels = Labels::new(["a", "b", "c", "d", "e", "f", "g"]).unwrap();
                let model = ExpressionModel {
                    labels,
                    ..test_model()
                };
                let classifier = Classifier::new(&model).unwrap();
                self.control.exchange.classifier.put(classifier);
            }
            100 => {
                let detector = Box::new(Other(Middle::default()));
                self.control.exchange.detector.put(detector);
            }
            _ => {}
        }
        Ok(())
    }

    fn switch(&mut self, models: &Models) -> io::Result<()> {
        self.told.push((self.next, models.clone()));
        Ok(())
    }

    fn finish(&mut self, _: &Totals) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn models_are_switched_between_frames_and_none_is_lost() {
    let model = test_model();
    let control = Control::default();
    let mut classifier = Classifier::new(&model).unwrap();
    let mut lines = Vec::new();
    let mut record = Record::new(&mut lines, "middle", &model.labels);
    let mut switching = Switching {
        control: &control,
        told: Vec::new(),
        next: 0,
    };
    let totals = pipeline::run(
        &mut Grays::new(&seven_grays()[2..3], 200),
        &mut Middle::default(),
        &mut classifier,
        &mut [&mut switching, &mut record],
        &WAIT,
        &control,
    )
    .unwrap();
    let [(first, labels), (second, detector)] = &switching.told[..] else {
        panic!("{:?}", switching.told);
    };
    // At most what was already on its way was still judged by the models before.
    assert!((50..60).contains(first) && (100..110).contains(second));
    assert_eq!(labels.labels.name(2), Some("c"));
    assert_eq!(
        (&labels.detector[..], &detector.detector[..]),
        ("middle", "other")
    );
    assert_eq!((totals.frames, totals.faces), (200, 200));
    let counts: Vec<_> = totals
        .expressions
        .iter()
        .filter(|(_, count)| **count > 0)
        .collect();
    assert_eq!(counts, [("fear", first), ("c", &(200 - first))]);
    for (index, line) in lines.split(|byte| *byte == b'\n').take(200).enumerate() {
        let line: serde_json::Value = serde_json::from_slice(line).unwrap();
        let face = &line["faces"][0];
        let index = index as u64;
        let expression = if index < *first { "fear" } else { "c" };
        assert_eq!(face["expression"], expression);
        let detector = if index < *second { "middle" } else { "other" };
        assert_eq!(face["detector"], detector);
    }
}
