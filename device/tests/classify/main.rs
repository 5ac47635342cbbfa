//! The graph built for the inference engine computes what the network's description says.

#[allow(dead_code, reason = "another test needs the rest of it")]
mod networks;
mod reference;

use mien_device::classify::{Classifier, ClassifyError, GOLDEN_TOLERANCE};
use mien_models::crop::CropRect;
use mien_models::expression_model::{ExpressionModel, Golden, ModelCard};
use mien_models::label::Labels;
use mien_models::plane::GrayView;
use mien_models::procedural::{Rng, test_model};
use networks::{Maker, face, model};
use reference::reference;

#[test]
fn random_networks_match_the_reference() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..120 {
        let mut sizes = Rng::new(seed + 1000);
        let input = [1, sizes.between(6, 17) as u16, sizes.between(6, 17) as u16];
        let network = Maker::new(seed, input).network(input, sizes.between(1, 7) as u16, 7);
        network.validate().unwrap();
        seen.extend(
            network
                .nodes
                .iter()
                .map(|node| format!("{:?}", node.op).chars().take(6).collect::<String>()),
        );
        let model = model(network, Vec::new());
        let face = face(seed, usize::from(input[1]) * usize::from(input[2]));
        let expected = reference(
            &model.network,
            face.iter()
                .map(|&pixel| model.preprocessing.network_input(pixel))
                .collect(),
        );
        let actual = Classifier::new(&model).unwrap().logits(&face).unwrap();
        assert_eq!(actual.len(), expected.len());
        for (actual, expected) in actual.iter().zip(&expected) {
            let tolerance = 1e-4 * expected.abs().max(1.0);
            assert!(
                (actual - expected).abs() <= tolerance,
                "seed {seed}: {actual} {expected}"
            );
        }
    }
    assert_eq!(seen.len(), 8, "every operation was there: {seen:?}");
}

#[test]
fn brightness_drives_every_label_of_the_test_model() {
    let model = test_model();
    let mut classifier = Classifier::new(&model).unwrap();
    for label in 0..7usize {
        let gray = ((label * 2 + 1) * 255 / 14) as u8;
        let pixels = vec![gray; 90 * 70];
        let view = GrayView::packed(&pixels, 90, 70).unwrap();
        let verdict = classifier
            .classify(&view, &CropRect::whole(90, 70))
            .unwrap();
        assert_eq!(verdict.label_index, label, "gray {gray}");
        assert!((verdict.probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        let best = verdict.probabilities[label];
        assert!(
            verdict
                .probabilities
                .iter()
                .all(|&p| (0.0..=best).contains(&p))
        );
    }
}

#[test]
fn temperature_flattens_probabilities_and_keeps_the_verdict() {
    let pixels = vec![200; 48 * 48];
    let view = GrayView::packed(&pixels, 48, 48).unwrap();
    let judge = |temperature| {
        let model = ExpressionModel {
            temperature,
            ..test_model()
        };
        let mut classifier = Classifier::new(&model).unwrap();
        classifier
            .classify(&view, &CropRect::whole(48, 48))
            .unwrap()
    };
    let (sharp, plain, flat) = (judge(0.25), judge(1.0), judge(10.0));
    let best =
        |verdict: &mien_device::classify::Verdict| verdict.probabilities[verdict.label_index];
    assert!(best(&sharp) > best(&plain) && best(&plain) > best(&flat));
    assert_eq!(sharp.label_index, flat.label_index);
    assert_eq!(sharp.logits, flat.logits);
    for verdict in [sharp, plain, flat] {
        let logit = |index: usize| f64::from(verdict.logits[index]);
        assert!((verdict.probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        assert!(logit(verdict.label_index) >= logit(0));
    }
}

#[test]
fn golden_inputs_are_held_against_the_network() {
    let plain = test_model();
    let pixels: &'static [u8] = Vec::leak(face(5, 48 * 48));
    let logits = Classifier::new(&plain).unwrap().logits(pixels).unwrap();
    let with = |change: f32| {
        let mut logits = logits.clone();
        logits[3] += change * logits[3].abs().max(1.0);
        ExpressionModel {
            golden: vec![Golden { pixels, logits }],
            ..test_model()
        }
    };
    Classifier::new(&with(0.0)).unwrap();
    Classifier::new(&with(GOLDEN_TOLERANCE / 2.0)).unwrap();
    for change in [GOLDEN_TOLERANCE * 3.0, -1.0, f32::NAN] {
        let error = Classifier::new(&with(change)).err().unwrap();
        assert!(
            matches!(
                error,
                ClassifyError::Golden {
                    index: 0,
                    label: 3,
                    ..
                }
            ),
            "{error}"
        );
    }
}

#[test]
fn misfits_are_errors() {
    let labels = Labels::new(["yes", "no"]).unwrap();
    let error = Classifier::new(&ExpressionModel {
        labels,
        ..test_model()
    })
    .err()
    .unwrap();
    assert!(
        matches!(
            error,
            ClassifyError::Shape {
                outputs: 7,
                labels: 2,
                ..
            }
        ),
        "{error}"
    );

    let error = Classifier::new(&test_model())
        .unwrap()
        .logits(&[0; 47])
        .unwrap_err();
    assert!(
        matches!(
            error,
            ClassifyError::FaceSize {
                actual: 47,
                expected: 2304
            }
        ),
        "{error}"
    );

    let mut network = test_model().network;
    network.nodes[1].inputs[0] = 9;
    let error = Classifier::new(&ExpressionModel {
        network,
        ..test_model()
    })
    .err()
    .unwrap();
    assert!(
        matches!(error, ClassifyError::Node { node: 1, .. }),
        "{error}"
    );

    let mut network = test_model().network;
    network.nodes.remove(1);
    let error = Classifier::new(&ExpressionModel {
        network,
        ..test_model()
    })
    .err()
    .unwrap();
    assert!(matches!(error, ClassifyError::Node { .. }), "{error}");
}

#[test]
fn other_labels_and_sizes_work() {
    let labels = Labels::new(["calm", "tense", "asleep"]).unwrap();
    let input = [1, 20, 30];
    let network = Maker::new(3, input).network(input, 3, 3);
    let model = ExpressionModel {
        labels,
        card: ModelCard {
            name: "three",
            ..test_model().card
        },
        ..model(network, Vec::new())
    };
    let mut classifier = Classifier::new(&model).unwrap();
    let pixels = face(9, 100 * 100);
    let view = GrayView::packed(&pixels, 100, 100).unwrap();
    let verdict = classifier
        .classify(&view, &CropRect::whole(100, 100))
        .unwrap();
    assert_eq!(verdict.probabilities.len(), 3);
    assert!(classifier.labels().name(verdict.label_index).is_some());
}
