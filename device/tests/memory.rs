//! What a frame takes from the heap: nothing, but for the inference engine and the frame itself.

use std::time::Instant;

use allocation_counter::{AllocationInfo, measure};
use embedded_hal::{i2c, pwm, spi};
use mien_device::board::{Board, BoardError, Bus, PwmPin, Serial};
use mien_device::capture::demo::DemoCamera;
use mien_device::capture::{Frame, Source};
use mien_device::classify::Classifier;
use mien_device::detect::cascade::{CascadeDetector, CascadeOptions};
use mien_device::detect::crop::crop_for;
use mien_device::detect::yunet::{YunetDetector, YunetOptions};
use mien_device::detect::{Detection, Detector};
use mien_device::output::Output;
use mien_device::output::display::{Display, DisplayOptions};
use mien_device::output::led::{LedOptions, Leds};
use mien_device::output::rgb::{RgbLight, RgbOptions};
use mien_device::pipeline::channel::{Overflow, bounded};
use mien_device::pipeline::stages::{self, Judged};
use mien_device::smooth::{Smoother, SmoothingOptions};
use mien_device::track::{Tracker, TrackingOptions};
use mien_models::cascade::CascadeModel;
use mien_models::container::decode;
use mien_models::procedural::{test_model, test_yunet};
use mien_models::{ExpressionModel, embedded};

/// Frames until every buffer has its size, and frames that are watched.
const WARMUP: usize = 150;
const WATCHED: usize = 150;

fn demo_frames(count: usize) -> Vec<Frame> {
    let mut demo = DemoCamera::new(1).unwrap();
    (0..count)
        .map(|_| demo.next_frame().unwrap().unwrap())
        .collect()
}

fn cascade(options: CascadeOptions) -> CascadeDetector {
    let (_, model) = decode::<CascadeModel<'_>>(embedded::CASCADE).unwrap();
    CascadeDetector::new(&model, options).unwrap()
}

fn classifier() -> Classifier {
    let (_, model) = decode::<ExpressionModel<'_>>(embedded::EXPRESSION).unwrap();
    Classifier::new(&model).unwrap()
}

/// What `work` takes from the heap once it has seen `WARMUP` frames, for each frame after.
fn watched<T>(frames: impl IntoIterator<Item = T>, mut work: impl FnMut(T)) -> Vec<AllocationInfo> {
    let mut watched = Vec::with_capacity(WATCHED);
    for (index, frame) in frames.into_iter().enumerate() {
        let info = measure(|| work(frame));
        if index >= WARMUP {
            watched.push(info);
        }
    }
    assert_eq!(watched.len(), WATCHED);
    watched
}

#[track_caller]
fn assert_none(what: &str, watched: &[AllocationInfo]) {
    let guilty = watched.iter().filter(|info| info.count_total > 0).count();
    assert_eq!(guilty, 0, "{what}: frames that allocated");
}

#[test]
fn detecting_tracking_cropping_and_smoothing_allocate_nothing() {
    let frames = demo_frames(WARMUP + WATCHED);
    let mut faces_found = 0;
    for equalize in [false, true] {
        let mut detector = cascade(CascadeOptions {
            equalize,
            ..CascadeOptions::default()
        });
        let mut found = Vec::new();
        let mut tracker = Tracker::new(TrackingOptions::default());
        let mut smoother = Smoother::new(SmoothingOptions::default(), 1.0);
        let mut face = vec![0; 48 * 48];
        let preprocessing = *classifier().preprocessing();
        let logits = (0..7).map(|index| index as f32).collect();
        // What comes out leaves by a channel of the pipeline's own kind.
        let (to, from) = bounded(2, Overflow::DropOldest);
        let seen = watched(frames.iter().cloned(), |frame| {
            let tracked = stages::track(frame, &mut detector, &mut tracker, &mut found).unwrap();
            for track in &tracked.tracks {
                faces_found += 1;
                let view = tracked.frame.view().unwrap();
                let crop = crop_for(&track.detection, detector.name());
                mien_models::preprocess::preprocess(&view, &crop, &preprocessing, &mut face)
                    .unwrap();
                smoother.update(track.id, tracked.frame.timestamp_ms, &logits);
            }
            to.send(tracked).unwrap();
            drop(from.recv());
        });
        assert_none("stages", &seen);
    }
    assert!(faces_found > 2 * WATCHED, "{faces_found} faces");
}

/// The rest of a judged frame is the inference engine's.
#[test]
fn classifying_allocates_what_the_engine_does() {
    let frames = demo_frames(WARMUP + WATCHED);
    let mut classifier = classifier();
    let mut smoother = Smoother::new(SmoothingOptions::default(), 1.0);
    let mut detector = cascade(CascadeOptions::default());
    let mut tracker = Tracker::new(TrackingOptions::default());
    let tracked = frames
        .into_iter()
        .map(|frame| stages::track(frame, &mut detector, &mut tracker, &mut Vec::new()).unwrap())
        .collect::<Vec<_>>();
    let face_counts: Vec<_> = tracked.iter().map(|tracked| tracked.tracks.len()).collect();
    let face = vec![100; 48 * 48];
    let engine = (0..20).map(|_| measure(|| drop(classifier.logits(&face).unwrap())));
    let engine = engine.last().unwrap();
    let seen = watched(tracked, |tracked| {
        drop(stages::classify(tracked, "haar", &mut classifier, &mut smoother).unwrap());
    });
    for (info, faces) in seen.iter().zip(&face_counts[WARMUP..]) {
        assert_eq!(info.count_total, engine.count_total * *faces as u64);
        // The frame goes, nothing stays.
        assert!(info.bytes_current <= 0);
    }
    println!(
        "the inference engine takes {} blocks, {} bytes, for a face, {} bytes at a time",
        engine.count_total, engine.bytes_total, engine.bytes_max
    );
}

/// A YuNet's look takes what the engine does, the same for every frame; nothing stays.
#[test]
fn a_yunet_leaves_nothing_behind() {
    let model = test_yunet();
    let options = YunetOptions {
        min_score: 0.0,
        ..YunetOptions::default()
    };
    let mut detector = YunetDetector::new(&model, options).unwrap();
    let mut found: Vec<Detection> = Vec::new();
    let frames = demo_frames(WARMUP + WATCHED);
    let seen = watched(&frames, |frame| {
        detector
            .detect_into(&frame.view().unwrap(), &mut found)
            .unwrap();
    });
    for info in &seen {
        assert_eq!(info.count_total, seen[0].count_total);
        assert_eq!(info.count_current, 0);
    }
    println!(
        "a look takes {} blocks, {} bytes, {} bytes at a time",
        seen[0].count_total, seen[0].bytes_total, seen[0].bytes_max
    );
}

#[test]
fn lights_and_display_allocate_nothing() {
    let labels = classifier().labels().clone();
    let judged = judged_frames();
    let mut leds = Leds::new(&Silent, &LedOptions::default(), &labels).unwrap();
    let mut strip_options = RgbOptions {
        strip_leds: 8,
        ..RgbOptions::default()
    };
    let mut strip = RgbLight::new(&Silent, &strip_options, &labels).unwrap();
    strip_options.strip_leds = 0;
    let mut pins = RgbLight::new(&Silent, &strip_options, &labels).unwrap();
    let display_options = DisplayOptions {
        refresh_ms: 0,
        ..DisplayOptions::default()
    };
    let mut display = Display::new(&Silent, &display_options, &labels).unwrap();
    let outputs: [(&str, &mut dyn Output); 4] = [
        ("led", &mut leds),
        ("strip", &mut strip),
        ("pins", &mut pins),
        ("display", &mut display),
    ];
    for (name, output) in outputs {
        let seen = watched(&judged, |judged| output.show(judged).unwrap());
        assert_none(name, &seen);
    }
}

/// The demo's frames through all stages, judged by a small network.
fn judged_frames() -> Vec<Judged> {
    let model = test_model();
    let mut classifier = Classifier::new(&model).unwrap();
    let mut smoother = Smoother::new(SmoothingOptions::OFF, 1.0);
    let mut detector = cascade(CascadeOptions::default());
    let mut tracker = Tracker::new(TrackingOptions::default());
    let judged: Vec<_> = demo_frames(WARMUP + WATCHED)
        .into_iter()
        .map(|frame| {
            let tracked =
                stages::track(frame, &mut detector, &mut tracker, &mut Vec::new()).unwrap();
            stages::classify(tracked, "haar", &mut classifier, &mut smoother).unwrap()
        })
        .collect();
    assert!(judged.iter().any(|judged| !judged.faces.is_empty()));
    judged
}

/// Hours of a camera: a hundred thousand small frames, and no more memory in the end.
#[test]
fn the_heap_stays_flat_over_a_hundred_thousand_frames() {
    const FRAMES: u64 = 100_000;
    let model = test_model();
    let mut classifier = Classifier::new(&model).unwrap();
    let labels = classifier.labels().clone();
    let mut smoother = Smoother::new(SmoothingOptions::default(), 1.0);
    let mut tracker = Tracker::new(TrackingOptions::default());
    let mut leds = Leds::new(&Silent, &LedOptions::default(), &labels).unwrap();
    let mut blink = Blink::default();
    let mut found = Vec::new();
    let mut run = |from: u64, to: u64| {
        measure(|| {
            for sequence in from..to {
                let frame = Frame {
                    pixels: vec![(sequence % 251) as u8; 64 * 48],
                    width: 64,
                    height: 48,
                    sequence,
                    timestamp_ms: sequence * 33,
                };
                let tracked = stages::track(frame, &mut blink, &mut tracker, &mut found).unwrap();
                let judged =
                    stages::classify(tracked, "haar", &mut classifier, &mut smoother).unwrap();
                leds.show(&judged).unwrap();
            }
        })
    };
    let start = Instant::now();
    run(0, 1000);
    let rest = run(1000, FRAMES);
    assert!(blink.looks > FRAMES / 10, "{} looks", blink.looks);
    assert_eq!(rest.bytes_current, 0, "bytes that stayed");
    assert_eq!(rest.count_current, 0, "blocks that stayed");
    println!(
        "{FRAMES} frames in {:.1} s: {} bytes at most",
        start.elapsed().as_secs_f32(),
        rest.bytes_max
    );
}

/// Somebody comes and goes.
#[derive(Default)]
struct Blink {
    looks: u64,
}

impl Detector for Blink {
    fn name(&self) -> &str {
        "blink"
    }

    fn detect_into(
        &mut self,
        _: &mien_models::plane::GrayView<'_>,
        faces: &mut Vec<Detection>,
    ) -> Result<(), mien_device::detect::DetectError> {
        self.looks += 1;
        faces.clear();
        let somebody = (0..self.looks / 50 % 3).map(|person| Detection {
            x: 2.0 + 30.0 * person as f32,
            y: 10.0,
            width: 24.0,
            height: 24.0,
            score: 5.0,
            landmarks: None,
        });
        faces.extend(somebody);
        Ok(())
    }
}

/// A board on which nothing happens.
struct Silent;

impl Board for Silent {
    fn pin(&self, _: u8, _: bool) -> Result<PwmPin, BoardError> {
        Ok(Box::new(Self))
    }

    fn i2c(&self, _: u8) -> Result<Bus, BoardError> {
        Ok(Box::new(Self))
    }

    fn spi(&self, _: u8, _: u32) -> Result<Serial, BoardError> {
        Ok(Box::new(Self))
    }
}

impl pwm::ErrorType for Silent {
    type Error = BoardError;
}

impl pwm::SetDutyCycle for Silent {
    fn max_duty_cycle(&self) -> u16 {
        1000
    }

    fn set_duty_cycle(&mut self, _: u16) -> Result<(), BoardError> {
        Ok(())
    }
}

impl i2c::ErrorType for Silent {
    type Error = BoardError;
}

impl i2c::I2c for Silent {
    fn transaction(&mut self, _: u8, _: &mut [i2c::Operation<'_>]) -> Result<(), BoardError> {
        Ok(())
    }
}

impl spi::ErrorType for Silent {
    type Error = BoardError;
}

impl spi::SpiBus for Silent {
    fn read(&mut self, _: &mut [u8]) -> Result<(), BoardError> {
        Ok(())
    }

    fn write(&mut self, _: &[u8]) -> Result<(), BoardError> {
        Ok(())
    }

    fn transfer(&mut self, _: &mut [u8], _: &[u8]) -> Result<(), BoardError> {
        Ok(())
    }

    fn transfer_in_place(&mut self, _: &mut [u8]) -> Result<(), BoardError> {
        Ok(())
    }

    fn flush(&mut self) -> Result<(), BoardError> {
        Ok(())
    }
}
