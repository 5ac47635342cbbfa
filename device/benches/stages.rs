//! The stages of `mien-device analyze` on a portrait of 640x480: decode, detect, crop and classify.

use std::hint::black_box;
use std::path::Path;

use criterion::Criterion;
use image::imageops::FilterType;
use mien_device::assets;
use mien_device::capture::picture::{self, Color};
use mien_device::classify::Classifier;
use mien_device::detect::Detector;
use mien_device::detect::cascade::{CascadeDetector, CascadeOptions};
use mien_device::detect::crop::crop_for;
use mien_models::ExpressionModel;
use mien_models::cascade::CascadeModel;
use mien_models::container::decode;
use mien_models::embedded;
use mien_models::plane::GrayView;

/// The astronaut's portrait, cut and scaled to 640x480.
fn write_portrait(path: &Path) {
    let portrait = image::load_from_memory(assets::PORTRAITS[0].jpeg).expect("bundled");
    let frame = portrait.crop_imm(0, 0, 512, 384);
    let frame = frame.resize_exact(640, 480, FilterType::Triangle).to_rgb8();
    frame.save(path).expect("the temporary folder takes a file");
}

fn stages(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("there is a temporary folder");
    let path = folder.path().join("astronaut.jpg");
    write_portrait(&path);
    criterion.bench_function("decode 640x480", |b| {
        b.iter(|| picture::load(black_box(&path), Color::Drop));
    });

    let picture = picture::load(&path, Color::Drop).expect("just written");
    let view = GrayView::packed(&picture.gray, picture.width, picture.height).expect("whole");
    let (_, cascade) = decode::<CascadeModel<'_>>(embedded::CASCADE).expect("bundled");
    for scale_factor in [1.1, 1.2] {
        let options = CascadeOptions {
            scale_factor,
            min_size_px: 60,
            ..CascadeOptions::default()
        };
        let mut detector = CascadeDetector::new(&cascade, options).expect("sound options");
        criterion.bench_function(
            &format!("detect 640x480, scale {scale_factor}, from 60 px"),
            |b| {
                b.iter(|| detector.detect(black_box(&view)));
            },
        );
    }

    let mut detector =
        CascadeDetector::new(&cascade, CascadeOptions::default()).expect("sound options");
    let faces = detector.detect(&view).expect("a sound picture");
    let crop = crop_for(&faces[0], detector.name());
    let (_, model) = decode::<ExpressionModel<'_>>(embedded::EXPRESSION).expect("bundled");
    let mut classifier = Classifier::new(&model).expect("sound");
    criterion.bench_function("crop and classify a face", |b| {
        b.iter(|| classifier.classify(black_box(&view), &crop));
    });
    criterion.bench_function("load the expression model", |b| {
        b.iter(|| Classifier::new(black_box(&model)));
    });
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    stages(&mut criterion);
    criterion.final_summary();
}
