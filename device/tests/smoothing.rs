//! How often the shown expression changes on faces that are cut as unsteadily as detectors cut
//! them, before and after smoothing.

mod shared;

use std::fs;

use mien_device::assets::PORTRAITS;
use mien_device::capture::picture::{self, Color};
use mien_device::classify::Classifier;
use mien_device::detect::Detection;
use mien_device::detect::crop::crop_for;
use mien_device::smooth::{Smoother, SmoothingOptions};
use mien_models::plane::GrayView;
use mien_models::procedural::Rng;
use mien_models::{ExpressionModel, container, embedded};

const FRAMES_PER_S: u64 = 15;
const SECONDS: u64 = 12;
/// Spread of a detector's boxes around a face, as a share of the side (standard deviation): a
/// cascade's.
const SCALE_STD: f32 = 0.12;
const SHIFT_STD: f32 = 0.05;
/// Photographs that are measured.
const PHOTOGRAPHS: usize = 15;

/// Changes of the expression over seconds of a face.
#[derive(Clone, Copy, Debug, Default)]
struct Flips {
    before: usize,
    after: usize,
    /// Frames, and those that are shown as uncertain.
    frames: usize,
    uncertain: usize,
}

impl Flips {
    fn add(&mut self, other: Self) {
        self.before += other.before;
        self.after += other.after;
        self.frames += other.frames;
        self.uncertain += other.uncertain;
    }

    fn report(&self) {
        let per_minute =
            |flips: usize| flips as f32 * 60.0 * FRAMES_PER_S as f32 / self.frames as f32;
        println!(
            "flips per minute: {:.1} before, {:.1} after; {:.1}% uncertain",
            per_minute(self.before),
            per_minute(self.after),
            100.0 * self.uncertain as f32 / self.frames as f32
        );
    }
}

/// Normal enough: the sum of twelve.
fn normal(rng: &mut Rng) -> f32 {
    let even = |rng: &mut Rng| rng.between(0, 1000) as f32 / 1000.0;
    (0..12).map(|_| even(rng)).sum::<f32>() - 6.0
}

/// Times that neighbours differ.
fn changes<T: PartialEq>(shown: &[T]) -> usize {
    shown.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

fn classifier() -> Classifier {
    let (_, model) = container::decode::<ExpressionModel<'_>>(embedded::EXPRESSION).unwrap();
    Classifier::new(&model).unwrap()
}

/// Judges a picture file's face, in a square `[x, y, side]`, again and again.
fn jitter(file: &[u8], [x, y, side]: [f32; 3], seconds: u64, classifier: &mut Classifier) -> Flips {
    let picture = picture::decode(file, Color::Drop).unwrap();
    let view = GrayView::packed(&picture.gray, picture.width, picture.height).unwrap();
    let mut rng = Rng::new(9);
    let mut smoother = Smoother::new(SmoothingOptions::default(), classifier.temperature());
    let (mut raw, mut shown) = (Vec::new(), Vec::new());
    for frame in 0..seconds * FRAMES_PER_S {
        let scaled = side * (1.0 + SCALE_STD * normal(&mut rng)).max(0.5);
        let mut moved = |at: f32| at + (side - scaled) / 2.0 + side * SHIFT_STD * normal(&mut rng);
        let detection = Detection {
            x: moved(x),
            y: moved(y),
            width: scaled,
            height: scaled,
            score: 5.0,
            landmarks: None,
        };
        let crop = crop_for(&detection, "haar");
        let verdict = classifier.classify(&view, &crop).unwrap();
        let now_ms = frame * 1000 / FRAMES_PER_S;
        raw.push(verdict.label_index);
        shown.push(smoother.update(1, now_ms, &verdict.logits).label_index);
    }
    Flips {
        before: changes(&raw),
        after: changes(&shown),
        frames: shown.len(),
        uncertain: shown.iter().filter(|label| label.is_none()).count(),
    }
}

#[test]
fn a_steady_face_s_expression_is_steady() {
    let mut classifier = classifier();
    let mut all = Flips::default();
    for portrait in PORTRAITS {
        let face = portrait.face.map(f32::from);
        let flips = jitter(portrait.jpeg, face, SECONDS, &mut classifier);
        println!("{}: {flips:?}", portrait.name);
        all.add(flips);
    }
    all.report();
    assert!(all.before > 0, "a sequence without flips shows nothing");
    assert!(all.after * 5 <= all.before, "{all:?}");
}

#[test]
fn photographed_faces_are_steady() {
    let Some(folder) = shared::pictures() else {
        return;
    };
    let mut classifier = classifier();
    let mut all = Flips::default();
    let annotated = shared::annotated(&folder);
    for (path, [x, y, width, height]) in annotated.iter().step_by(annotated.len() / PHOTOGRAPHS) {
        // A cascade's box around the same face: side 1/1.12 of the annotated height.
        let side = height / 1.12;
        let square = [x + (width - side) / 2.0, y + (height - side) / 2.0, side];
        let file = fs::read(path).unwrap();
        all.add(jitter(&file, square, 4, &mut classifier));
    }
    all.report();
    assert!(all.before > 0, "a sequence without flips shows nothing");
    assert!(all.after * 5 <= all.before, "{all:?}");
}
