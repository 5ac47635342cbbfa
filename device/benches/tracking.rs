//! Detecting at every frame against following in between, on two seconds of the demo; and what
//! following costs alone.

use std::hint::black_box;

use criterion::Criterion;
use mien_device::capture::demo::DemoCamera;
use mien_device::capture::{Frame, Source};
use mien_device::detect::cascade::{CascadeDetector, CascadeOptions};
use mien_device::detect::{Detection, Detector};
use mien_device::track::{Tracker, TrackingOptions};
use mien_models::cascade::CascadeModel;
use mien_models::container::decode;
use mien_models::embedded;

/// A cut of the demo lasts 50 frames, so that one is among them.
const FRAMES: usize = 60;

fn detect(detector: &mut CascadeDetector, frame: &Frame) -> Vec<Detection> {
    let view = frame.view().expect("a whole frame");
    detector.detect(&view).expect("a sound picture")
}

/// Follows all frames; `found` replaces the detector where given.
fn follow(
    frames: &[Frame],
    options: TrackingOptions,
    detector: &mut CascadeDetector,
    found: Option<&[Vec<Detection>]>,
) -> u64 {
    let mut tracker = Tracker::new(options);
    let mut runs = 0;
    for (index, frame) in frames.iter().enumerate() {
        let view = frame.view().expect("a whole frame");
        let mut tracks = tracker.update(&view, frame.timestamp_ms, None);
        if tracker.wants_detection() {
            runs += 1;
            tracks = match found {
                Some(found) => tracker.update(&view, frame.timestamp_ms, Some(&found[index])),
                None => {
                    let found = detect(detector, frame);
                    tracker.update(&view, frame.timestamp_ms, Some(&found))
                }
            };
        }
        black_box(tracks);
    }
    runs
}

fn tracking(criterion: &mut Criterion) {
    let mut camera = DemoCamera::new(1).expect("bundled");
    let frames: Vec<Frame> = (0..FRAMES)
        .filter_map(|_| camera.next_frame().expect("bundled"))
        .collect();
    let (_, cascade) = decode::<CascadeModel<'_>>(embedded::CASCADE).expect("bundled");
    let options = CascadeOptions {
        scale_factor: 1.2,
        min_neighbors: 4,
        min_size_px: 80,
        ..CascadeOptions::default()
    };
    let mut detector = CascadeDetector::new(&cascade, options).expect("sound options");
    let found: Vec<_> = frames.iter().map(|f| detect(&mut detector, f)).collect();
    let sparse = TrackingOptions::default();
    let runs = follow(&frames, sparse, &mut detector, Some(&found));
    println!("{runs} of {FRAMES} frames are looked at");

    let mut group = criterion.benchmark_group("60 frames of 640x480");
    group.sample_size(10);
    group.bench_function("detect every frame", |b| {
        b.iter(|| {
            for frame in &frames {
                black_box(detect(&mut detector, frame));
            }
        });
    });
    group.bench_function("detect every 6 frames and follow", |b| {
        b.iter(|| follow(&frames, sparse, &mut detector, None));
    });
    group.bench_function("follow alone", |b| {
        b.iter(|| follow(&frames, sparse, &mut detector, Some(&found)));
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    tracking(&mut criterion);
    criterion.final_summary();
}
