//! Importing what an exporter would write for a known detector, and everything that is not it.

mod export;

use mien_models::procedural::{Rng, test_yunet};
use mien_models::yunet::YunetModel;

use super::onnx::{Attribute, Model, Node, Tensor};
use super::{YunetImportError, parse};
use export::{encode, export};

fn refusal(change: impl FnOnce(&mut Model)) -> String {
    let mut model = export(&test_yunet());
    change(&mut model);
    match parse(&encode(&model)) {
        Ok(_) => panic!("it was imported"),
        Err(error) => error.to_string(),
    }
}

fn nodes<'m>(model: &'m mut Model, operator: &str) -> Vec<&'m mut Node> {
    let graph = model.graph.as_mut().expect("it has a graph");
    let nodes = graph.nodes.iter_mut();
    nodes.filter(|node| node.operator == operator).collect()
}

fn tensor<'m>(model: &'m mut Model, name: &str) -> &'m mut Tensor {
    let graph = model.graph.as_mut().expect("it has a graph");
    let mut tensors = graph.initializers.iter_mut();
    tensors.find(|t| t.name == name).expect("it has the tensor")
}

#[test]
fn an_exported_detector_comes_back_the_same() {
    let detector = parse(&encode(&export(&test_yunet()))).expect("it is a YuNet");
    let model = test_yunet();
    assert_eq!(detector.model(model.source, model.licence), model);
}

#[test]
fn the_order_of_the_nodes_and_lists_of_floats_do_not_matter() {
    let mut onnx = export(&test_yunet());
    let graph = onnx.graph.as_mut().unwrap();
    graph.nodes.reverse();
    for tensor in &mut graph.initializers {
        tensor.floats = tensor.f32s().unwrap();
        tensor.raw.clear();
    }
    let detector = parse(&encode(&onnx)).expect("it is a YuNet");
    assert_eq!(detector.model("test", "").network, test_yunet().network);
}

#[test]
fn batch_normalization_is_folded() {
    let mut onnx = export(&test_yunet());
    let graph = onnx.graph.as_mut().unwrap();
    // y = (x - 0.5) * 6 / sqrt(3 + 1) + 0.25 behind the stem, whose ReLU reads "stem".
    let values = [("s", 6.0), ("b", 0.25), ("m", 0.5), ("v", 3.0)];
    let tensors = values.map(|(name, value)| export::tensor(name, &[1], &[value]));
    graph.initializers.extend(tensors);
    let stem = graph
        .nodes
        .iter_mut()
        .find(|n| n.outputs == ["stem"])
        .unwrap();
    stem.outputs = vec!["raw".into()];
    let mut node = export::node("BatchNormalization", &["raw", "s", "b", "m", "v"], "stem");
    node.attributes.push(Attribute {
        name: "epsilon".into(),
        float: 1.0,
        ..Attribute::default()
    });
    graph.nodes.push(node);
    let detector = parse(&encode(&onnx)).expect("it is a YuNet");
    let model = detector.model("", "");
    assert_eq!(model.network.stem.bias_f32(), [-0.5 * 3.0 + 0.25]);
    let (folded, before) = (
        model.network.stem.to_f32(),
        test_yunet().network.stem.to_f32(),
    );
    assert_eq!(folded[4], (f64::from(before[4]) * 3.0) as f32);
}

#[test]
fn another_network_is_told_what_was_expected() {
    let message = refusal(|model| {
        let graph = model.graph.as_mut().unwrap();
        graph.outputs.truncate(1);
        graph.outputs[0].name = "logits\u{1b}[31m".into();
    });
    assert!(
        message.contains("no output cls_8; expected cls, obj, bbox and kps with _8, _16 and _32")
            && message.contains("found logits[31m"),
        "{message}"
    );
    let message = refusal(|model| nodes(model, "Relu")[0].operator = "Sigmoid".into());
    assert!(
        message.contains("comes from Sigmoid; expected Relu"),
        "{message}"
    );
    let message = refusal(|model| nodes(model, "MaxPool")[1].operator = "AveragePool".into());
    assert!(message.contains("after backbone unit 4"), "{message}");
    let message = refusal(|model| nodes(model, "Resize")[0].inputs[0] = "stem".into());
    assert!(message.contains("the sum of stride"), "{message}");
    let message = refusal(|model| nodes(model, "Sigmoid")[0].operator = "Reshape".into());
    assert!(message.contains("expected 1 Sigmoid"), "{message}");
}

#[test]
fn another_geometry_is_refused() {
    let message = refusal(|model| {
        let conv = nodes(model, "Conv").swap_remove(0);
        let strides = conv.attributes.iter_mut().find(|a| a.name == "strides");
        strides.unwrap().ints = vec![4, 4];
    });
    assert!(
        message.contains("the stem has strides [4, 4]; expected [2, 2]"),
        "{message}"
    );
    let message = refusal(|model| nodes(model, "Conv")[2].attributes.clear());
    assert!(message.contains("pads"), "{message}");
    let message = refusal(|model| tensor(model, "scales").raw[8..16].fill(0));
    assert!(message.contains("pixels repeated twice"), "{message}");
}

#[test]
fn bad_weights_are_named() {
    for (dims, problem) in [
        (vec![1, 3, 3], "has 3 axes instead of 4"),
        (vec![1, 3, 5, 5], "is 5x5 instead of 3x3"),
        (vec![70_000, 3, 3, 3], "has 70000x3 channels"),
        (vec![1, -3, 3, 3], "has 1x-3 channels"),
        (vec![1, 4, 3, 3], "not as long as its shape says"),
        (vec![65_535, 65_535, 3, 3], "not as long as its shape says"),
        (vec![i64::MAX; 4], "instead of 3x3"),
    ] {
        let message = refusal(|model| tensor(model, "stem.kernel").dims = dims);
        assert!(
            message.contains("the stem") && message.contains(problem),
            "{message}"
        );
    }
    let message = refusal(|model| tensor(model, "stem.kernel").data_type = 10);
    assert!(message.contains("single-precision"), "{message}");
    let message = refusal(|model| tensor(model, "stem.kernel").name = "gone".into());
    assert!(message.contains("is not in the file"), "{message}");
    let message = refusal(|model| {
        let raw = &mut tensor(model, "stem.bias").raw;
        *raw = f32::NAN.to_le_bytes().into();
    });
    assert!(message.contains("not a sound YuNet"), "{message}");
}

#[test]
fn a_graph_that_goes_in_circles_ends() {
    let message = refusal(|model| {
        for node in nodes(model, "Transpose") {
            node.inputs = node.outputs.clone();
        }
    });
    assert!(message.contains("Transpose"), "{message}");
}

#[test]
fn a_file_that_ends_anywhere_is_refused() {
    let file = encode(&export(&test_yunet()));
    for length in 0..file.len() {
        let error = parse(&file[..length]).err().expect("it is cut off");
        assert!(
            matches!(
                error,
                YunetImportError::NotOnnx(_) | YunetImportError::Incomplete { .. }
            ),
            "{length} bytes: {error}"
        );
    }
}

/// Whatever is imported is sound, and nothing panics.
#[test]
fn damaged_files_are_refused_or_sound() {
    let file = encode(&export(&test_yunet()));
    let mut rng = Rng::new(7);
    let mut refused = 0;
    for _ in 0..3000 {
        let mut damaged = file.clone();
        for _ in 0..rng.between(1, 4) {
            let place = rng.between(0, damaged.len() as i32 - 1) as usize;
            damaged[place] = rng.next_u64() as u8;
        }
        match parse(&damaged) {
            Ok(detector) => assert!(YunetModel::validate(&detector.model("", "")).is_ok()),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 300, "{refused}");
    for length in [0, 1, 100, 10_000] {
        let noise: Vec<u8> = (0..length).map(|_| rng.next_u64() as u8).collect();
        assert!(parse(&noise).is_err());
    }
}
