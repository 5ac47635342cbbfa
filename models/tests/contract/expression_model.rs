//! Each expression model that must be refused.

use mien_models::ExpressionModel;
use mien_models::container::{MAX_TEXT_BYTES, TextError};
use mien_models::expression_model::{ExpressionModelError, Figure, MAX_FIGURES, MAX_GOLDEN};
use mien_models::label::LabelError;
use mien_models::network::{NetworkError, Shape};
use mien_models::preprocess::PreprocessingError;
use mien_models::procedural::test_model;

/// A change to the test model, and what validating it must say.
type Fault = (
    &'static str,
    fn(&mut ExpressionModel<'static>),
    ExpressionModelError,
);

#[test]
fn each_broken_rule_has_its_error() {
    static LONG: [u8; MAX_TEXT_BYTES + 1] = [b'x'; MAX_TEXT_BYTES + 1];
    let faults: [Fault; 17] = [
        (
            "preprocessing",
            |m| m.preprocessing.scale = 0.0,
            PreprocessingError::Scale(0.0).into(),
        ),
        ("labels", |m| m.labels.0.clear(), LabelError::Empty.into()),
        (
            "graph",
            |m| m.network.nodes.clear(),
            NetworkError::NoNode.into(),
        ),
        (
            "another input size",
            |m| m.preprocessing.width = 47,
            ExpressionModelError::InputShape {
                network: [1, 48, 48],
                preprocessing: [1, 48, 47],
            },
        ),
        (
            "three planes",
            |m| m.network.input[0] = 3,
            ExpressionModelError::InputShape {
                network: [3, 48, 48],
                preprocessing: [1, 48, 48],
            },
        ),
        (
            "a label without a logit",
            |m| drop(m.labels.0.pop()),
            ExpressionModelError::OutputShape {
                output: Shape::Vector(7),
                labels: 6,
            },
        ),
        (
            "no dense layer at the end",
            |m| m.network.nodes.truncate(1),
            ExpressionModelError::OutputShape {
                output: Shape::Map {
                    channels: 1,
                    height: 48,
                    width: 48,
                },
                labels: 7,
            },
        ),
        (
            "temperature 0",
            |m| m.temperature = 0.0,
            ExpressionModelError::Temperature(0.0),
        ),
        (
            "endless temperature",
            |m| m.temperature = f32::INFINITY,
            ExpressionModelError::Temperature(f32::INFINITY),
        ),
        (
            "golden inputs",
            |m| m.golden = vec![m.golden[0].clone(); MAX_GOLDEN + 1],
            ExpressionModelError::TooManyGolden,
        ),
        (
            "golden pixels",
            |m| m.golden[2].pixels = &m.golden[2].pixels[1..],
            ExpressionModelError::GoldenPixels {
                index: 2,
                expected: 2304,
                actual: 2303,
            },
        ),
        (
            "golden logits missing",
            |m| m.golden[3].logits.truncate(6),
            ExpressionModelError::GoldenLogits { index: 3 },
        ),
        (
            "golden logits NaN",
            |m| m.golden[4].logits[6] = f32::NAN,
            ExpressionModelError::GoldenLogits { index: 4 },
        ),
        (
            "long card",
            |m| m.card.recipe = str::from_utf8(&LONG).expect("ASCII"),
            ExpressionModelError::CardText {
                field: "recipe",
                source: TextError::TooLong,
            },
        ),
        (
            "terminal escape",
            |m| m.card.notes = "\u{1b}[2J",
            ExpressionModelError::CardText {
                field: "notes",
                source: TextError::ControlCharacter,
            },
        ),
        (
            "figures",
            |m| {
                m.card.figures = vec![
                    Figure {
                        name: "x",
                        value: 0.0
                    };
                    MAX_FIGURES + 1
                ];
            },
            ExpressionModelError::TooManyFigures,
        ),
        (
            "figure NaN",
            |m| m.card.figures[0].value = f64::NAN,
            ExpressionModelError::Figure { index: 0 },
        ),
    ];
    assert_eq!(test_model().validate(), Ok(()));
    for (name, change, error) in faults {
        let mut model = test_model();
        change(&mut model);
        assert_eq!(model.validate(), Err(error), "{name}");
    }
}

#[test]
fn texts_of_several_lines_are_fine() {
    let mut model = test_model();
    model.card.recipe = "[train]\n\tepochs = 3\n";
    assert_eq!(model.validate(), Ok(()));
}

#[test]
fn the_model_id_follows_the_network_alone() {
    let model = test_model();
    let mut renamed = test_model();
    renamed.card.name = "other";
    renamed.temperature = 2.0;
    assert_eq!(renamed.model_id(), model.model_id());
    let mut changed = test_model();
    changed.network.nodes.swap(0, 1);
    assert_ne!(changed.model_id(), model.model_id());
}
