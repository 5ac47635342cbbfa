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

#[test]
fn the_repository_s_models_are_known_by_their_sums() {
    let folder = env!("CARGO_MANIFEST_DIR");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("it is in the repository") {
        let path = entry.expect("readable").path();
        if path
            .extension()
            .is_some_and(|extension| extension == "postcard")
        {
            let mut file = std::fs::read(&path).expect("readable");
            assert!(
                embedded::is_bundled(&file),
                "{} is not as in models/SHA256SUMS; if it was meant to change: \
                 cd models && sha256sum *.postcard > SHA256SUMS",
                path.display()
            );
            file[100] ^= 1;
            assert!(!embedded::is_bundled(&file));
            count += 1;
        }
    }
    assert!(count >= 3);
    assert!(embedded::is_bundled(embedded::EXPRESSION) && embedded::is_bundled(embedded::CASCADE));
}
