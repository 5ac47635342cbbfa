//! The model files that every build carries.

use mien_models::ExpressionModel;
use mien_models::cascade::CascadeModel;
use mien_models::container::decode;
use mien_models::embedded;

#[test]
fn the_cascade_is_valid_and_its_licence_is_passed_on() {
    let file = embedded::CASCADE;
    let (_, cascade) = decode::<CascadeModel>(file).expect("valid");
    assert_eq!((cascade.window_width, cascade.window_height), (24, 24));
    assert!(cascade.licence.contains("Copyright"));
    let notice = concat!(env!("CARGO_MANIFEST_DIR"), "/NOTICE.md");
    let notice = std::fs::read_to_string(notice).expect("it is in the repository");
    for line in cascade.licence.lines() {
        assert!(notice.contains(line.trim()), "{line}");
    }
}

#[test]
fn the_expression_model_is_valid() {
    let (header, model) = decode::<ExpressionModel>(embedded::EXPRESSION).expect("valid");
    assert!(header.model_version > 0);
    assert!(!model.golden.is_empty());
}
