//! The expression model that every build carries is small and judges PublicTest as its card says.

use mien_host::dataset::{self, Split};
use mien_host::evaluate::{Flip, evaluate};
use mien_host::progress::Progress;
use mien_models::container::decode;
use mien_models::{ExpressionModel, embedded};
use mien_tests::shared;

/// Bytes that a model file may have.
const MAX_BYTES: usize = 600_000;
/// What rounding to int8 may cost on PublicTest, as a fraction.
const INT8_COST: f64 = 0.005;
/// What calibration's class offsets may gain on it.
const OFFSETS_GAIN: f64 = 0.01;

fn float_accuracy() -> f64 {
    let (_, model) = decode::<ExpressionModel<'_>>(embedded::EXPRESSION).expect("valid");
    let mut figures = model.card.figures.iter();
    let found = figures.find(|figure| figure.name == "validation_accuracy_float");
    found.expect("its run was measured").value
}

#[test]
fn it_is_small_and_says_how_good_it_is() {
    assert!(embedded::EXPRESSION.len() <= MAX_BYTES);
    assert!(float_accuracy() > 0.6, "{}", float_accuracy());
}

#[test]
fn it_judges_public_test_as_its_card_says() {
    let Some(path) = shared::path("data/fer2013/fer2013.csv.zst") else {
        return;
    };
    let data = dataset::open(&path, Progress::Silent).expect("the shared data can be read");
    let indices = data.indices_of(Split::PublicTest);
    let judged = evaluate(
        embedded::EXPRESSION,
        &data,
        &indices,
        Flip::Off,
        Progress::Silent,
    )
    .expect("the bundled model runs");
    let accuracy = judged.report.figures.accuracy;
    println!("PublicTest: {:.2}%", 100.0 * accuracy);
    let lost = float_accuracy() - accuracy;
    assert!(lost <= INT8_COST, "{lost} lost to int8");
    assert!(lost >= -OFFSETS_GAIN, "{} better than trained", -lost);
}

/// The model for slow boards, which no build carries.
fn tiny() -> Vec<u8> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../models/expression-tiny.postcard"
    );
    std::fs::read(path).expect("committed")
}

#[test]
fn the_tiny_model_is_tiny() {
    let file = tiny();
    assert!(file.len() <= 150_000, "{} bytes", file.len());
    let (_, model) = decode::<ExpressionModel<'_>>(&file).expect("valid");
    let macs = model.network.macs().expect("sound shapes");
    assert!(macs <= 8_000_000, "{macs} MACs");
    assert!(model.temperature != 1.0, "calibrated");
}
