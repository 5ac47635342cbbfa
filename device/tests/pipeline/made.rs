//! Sources, detectors and outputs of known behaviour.

use mien_device::capture::{CaptureError, Frame, Source};
use mien_device::classify::Classifier;
use mien_device::detect::{DetectError, Detection, Detector};
use mien_device::output::Output;
use mien_device::pipeline::channel::Overflow;
use mien_device::pipeline::shedding::SheddingOptions;
use mien_device::pipeline::stages::Judged;
use mien_device::pipeline::totals::Totals;
use mien_device::pipeline::{self, Control, Options, PipelineError};
use mien_device::smooth::SmoothingOptions;
use mien_device::track::TrackingOptions;
use mien_models::plane::GrayView;
use mien_models::procedural::test_model;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub const WAIT: Options = Options {
    frames: None,
    overflow: Overflow::Wait,
    real_time: false,
    tracking: EVERY_FRAME,
    smoothing: SmoothingOptions::OFF,
    shedding: SheddingOptions::OFF,
};

/// The detector looks at every frame.
pub const EVERY_FRAME: TrackingOptions = TrackingOptions {
    detect_every_frames: 1,
    detect_every_ms: 1000,
    min_correlation: 0.7,
    follow_ms: 1000,
    memory_ms: 3000,
};

/// Gray frames, one of each given brightness, again and again.
pub struct Grays {
    pub levels: Vec<u8>,
    pub next: u64,
    pub length: u64,
}

impl Grays {
    pub fn new(levels: &[u8], length: u64) -> Self {
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
pub struct Middle {
    pub delay: Duration,
    pub fails_at: Option<u64>,
    pub panics_at: Option<u64>,
    pub seen: u64,
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
pub struct Seen {
    pub sequences: Vec<u64>,
    pub labels: Vec<usize>,
    pub widths: Vec<Vec<f32>>,
    pub totals: Option<Totals>,
    /// After which frame the run is to stop, and what stops it.
    pub stop_at: Option<(u64, Arc<AtomicBool>)>,
    pub breaks_at: Option<u64>,
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

pub fn run(
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
pub fn seven_grays() -> Vec<u8> {
    (0..7)
        .map(|label| ((2 * label + 1) * 255 / 14) as u8)
        .collect()
}
