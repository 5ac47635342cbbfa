//! Packing and reading back, and each way in which a file can lie.

use mien_models::ExpressionModel;
use mien_models::container::{
    FormatError, HEADER_BYTES, Header, Kind, decode, encode, schema_hash,
};
use mien_models::network::{Op, Values};
use mien_models::procedural::test_model;

fn packed() -> Vec<u8> {
    let model = test_model();
    encode(&model, model.model_id(), 7).expect("the test model is valid")
}

#[test]
fn a_packed_model_reads_back_equal() {
    let file = packed();
    let (header, model) = decode::<ExpressionModel>(&file).expect("just packed");
    assert_eq!(model, test_model());
    assert_eq!(header.kind, Kind::Expression);
    assert_eq!(header.model_id, model.model_id());
    assert_eq!(header.model_version, 7);
    assert_eq!(header.payload_len as usize, file.len() - HEADER_BYTES);
    assert_eq!(header.schema_hash, schema_hash::<ExpressionModel>());
    assert_eq!(Header::parse(&file[..HEADER_BYTES]), Ok(header));
    assert_eq!(header.to_bytes(), file[..HEADER_BYTES]);
}

#[test]
fn weights_golden_pixels_and_texts_are_read_without_a_copy() {
    let file = packed();
    let (_, model) = decode::<ExpressionModel>(&file).expect("just packed");
    let within = |bytes: &[u8]| {
        let (file, bytes) = (file.as_ptr_range(), bytes.as_ptr_range());
        file.start <= bytes.start && bytes.end <= file.end
    };
    let mut seen = 0;
    for node in &model.network.nodes {
        let weights = match &node.op {
            Op::Conv2d(conv) => &conv.weights,
            Op::Dense(weights) => weights,
            _ => continue,
        };
        seen += 1;
        assert!(within(weights.bias));
        match weights.values {
            Values::F32(values) => assert!(within(values)),
            Values::I8 { values, scales } => assert!(within(values) && within(scales)),
        }
    }
    assert_eq!(seen, 2);
    assert!(model.golden.iter().all(|g| within(g.pixels)));
    assert!(within(model.card.notes.as_bytes()));
}

#[test]
fn encode_refuses_what_decode_would_refuse() {
    let model = test_model();
    assert_eq!(encode(&model, [0; 16], 1), Err(FormatError::ModelId));
    let mut invalid = test_model();
    invalid.temperature = 0.0;
    assert!(matches!(
        encode(&invalid, invalid.model_id(), 1),
        Err(FormatError::Expression(_))
    ));
}
