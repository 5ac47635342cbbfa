//! How often the shown expression changes on faces that are cut as unsteadily as detectors cut
//! them, before and after smoothing.

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

/// Normal enough: the sum of twelve.
fn normal(rng: &mut Rng) -> f32 {
    (0..12)
        .map(|_| rng.between(0, 1000) as f32 / 1000.0)
        .sum::<f32>()
        - 6.0
}

/// Times that neighbours differ.
fn flips<T: PartialEq>(shown: &[T]) -> usize {
    shown.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

#[test]
fn a_steady_face_s_expression_is_steady() {
    let (_, model) = container::decode::<ExpressionModel<'_>>(embedded::EXPRESSION).unwrap();
    let mut classifier = Classifier::new(&model).unwrap();
    let (mut before, mut after) = (0, 0);
    for portrait in PORTRAITS {
        let picture = picture::decode(portrait.jpeg, Color::Drop).unwrap();
        let view = GrayView::packed(&picture.gray, picture.width, picture.height).unwrap();
        let [x, y, side] = portrait.face.map(f32::from);
        let mut rng = Rng::new(9);
        let mut smoother = Smoother::new(SmoothingOptions::default(), classifier.temperature());
        let (mut raw, mut shown) = (Vec::new(), Vec::new());
        for frame in 0..SECONDS * FRAMES_PER_S {
            let scaled = side * (1.0 + SCALE_STD * normal(&mut rng)).max(0.5);
            let mut moved =
                |at: f32| at + (side - scaled) / 2.0 + side * SHIFT_STD * normal(&mut rng);
            let detection = Detection {
                x: moved(x),
                y: moved(y),
                width: scaled,
                height: scaled,
                score: 5.0,
                landmarks: None,
            };
            let verdict = classifier
                .classify(&view, &crop_for(&detection, "haar"))
                .unwrap();
            let now_ms = frame * 1000 / FRAMES_PER_S;
            raw.push(verdict.label_index);
            shown.push(smoother.update(1, now_ms, &verdict.logits).label_index);
        }
        println!(
            "{}: {} flips before, {} after",
            portrait.name,
            flips(&raw),
            flips(&shown)
        );
        before += flips(&raw);
        after += flips(&shown);
    }
    let minutes = (PORTRAITS.len() as u64 * SECONDS) as f32 / 60.0;
    println!(
        "flips per minute: {:.0} before, {:.1} after",
        before as f32 / minutes,
        after as f32 / minutes
    );
    assert!(before > 0, "a sequence without flips shows nothing");
    assert!(after * 5 <= before, "{before} before, {after} after");
}
