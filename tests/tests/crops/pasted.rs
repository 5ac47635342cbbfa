//! What it costs that a face is found by a detector and not given.

use mien_device::classify::Classifier;
use mien_device::detect::Detector;
use mien_device::detect::crop::crop_for;
use mien_device::detect::yunet::YunetOptions;
use mien_host::dataset::{self, Split};
use mien_host::progress::Progress;
use mien_models::crop::CropRect;
use mien_models::procedural::Rng;
use mien_models::{ExpressionModel, container, embedded};
use mien_tests::shared;

use crate::composites::{compose, heads};
use crate::{Square, cascade, yunet};

/// Pictures of PublicTest that are pasted, unless `MIEN_PASTED` says how many.
const PICTURES: usize = 500;

/// Counts over all pasted faces.
#[derive(Default)]
struct Counts {
    faces: usize,
    found: usize,
    /// Right verdicts over the faces found, with perfect crops and with the detector's.
    perfect_of_found: usize,
    right: usize,
    /// Right verdicts with perfect crops over all faces.
    perfect: usize,
}

impl Counts {
    fn of(detector: &mut dyn Detector, options: YunetOptions) -> Option<Self> {
        let samples = shared::path("data/samples/faces")?;
        let data = shared::path("data/fer2013/fer2013.csv.zst")?;
        let whole = YunetOptions {
            input_px: [1024, 1024],
            ..options
        };
        let heads = heads(&samples, &mut yunet(whole)?);
        let data = dataset::open(&data, Progress::Silent).expect("the data can be read");
        let (_, model) = container::decode::<ExpressionModel<'_>>(embedded::EXPRESSION)
            .expect("the shipped model is sound");
        let mut classifier = Classifier::new(&model).expect("the shipped model runs");
        let count = std::env::var("MIEN_PASTED").map_or(PICTURES, |n| n.parse().expect("a number"));
        let indices = data.indices_of(Split::PublicTest);
        let step = (indices.len() / count).max(1);
        let mut rng = Rng::new(4);
        let mut counts = Self::default();
        for (turn, &index) in indices.iter().step_by(step).enumerate() {
            let index = index as usize;
            let head = &heads[turn % heads.len()];
            let (picture, truth) = compose(head, data.pixels(index), &mut rng);
            let view = picture.view();
            let mut is_right = |crop: &CropRect| {
                let verdict = classifier.classify(&view, crop).expect("a crop");
                usize::from(verdict.label_index == usize::from(data.label(index)))
            };
            let perfect = is_right(&truth.crop());
            counts.faces += 1;
            counts.perfect += perfect;
            let faces = detector.detect(&view).expect("a picture");
            let crops = faces.iter().map(|face| crop_for(face, detector.name()));
            if let Some(crop) = crops.into_iter().find(|c| Square::of(c).is_about(&truth)) {
                counts.found += 1;
                counts.perfect_of_found += perfect;
                counts.right += is_right(&crop);
            }
        }
        Some(counts)
    }

    fn found_share(&self) -> f64 {
        self.found as f64 / self.faces as f64
    }

    /// Accuracy lost over the faces found.
    fn lost(&self) -> f64 {
        (self.perfect_of_found as f64 - self.right as f64) / self.found as f64
    }

    fn print(&self, name: &str) {
        let percent = |part: usize, of: usize| 100.0 * part as f64 / of as f64;
        println!(
            "{name}: {:.1}% of {} pasted faces found; of these {:.1}% are judged right with perfect \
             crops and {:.1}% with the detector's; of all {:.1}% and {:.1}%",
            percent(self.found, self.faces),
            self.faces,
            percent(self.perfect_of_found, self.found),
            percent(self.right, self.found),
            percent(self.perfect, self.faces),
            percent(self.right, self.faces),
        );
    }
}

impl Square {
    fn crop(&self) -> CropRect {
        let q8 = |pixels: f32| (pixels * 256.0).round() as i32;
        CropRect {
            center_x_q8: q8(self.center[0]),
            center_y_q8: q8(self.center[1]),
            width_q8: q8(self.side),
            height_q8: q8(self.side),
            rotation_turn_q16: 0,
        }
    }
}

/// Asks for a share of the faces found, and for at most so many points of accuracy, as a
/// fraction, that found crops cost over them.
fn assert_judged(counts: &Counts, detector: &str, least_found: f64, most_lost: f64) {
    counts.print(detector);
    assert!(counts.found_share() >= least_found);
    assert!(counts.lost() <= most_lost);
}

#[test]
fn faces_that_yunet_finds_are_judged_as_well() {
    let options = YunetOptions::default();
    let Some(counts) = yunet(options).and_then(|mut found| Counts::of(&mut found, options)) else {
        return;
    };
    assert_judged(&counts, "YuNet", 0.9, 0.02);
}

/// A cascade's boxes are of the right size less often.
#[test]
fn faces_that_the_cascade_finds_are_judged_nearly_as_well() {
    let Some(counts) = Counts::of(&mut cascade(60), YunetOptions::default()) else {
        return;
    };
    assert_judged(&counts, "cascade", 0.7, 0.03);
}
