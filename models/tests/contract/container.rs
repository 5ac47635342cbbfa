//! Packing and reading back, and each way in which a file can lie.

use mien_models::ExpressionModel;
use mien_models::cascade::CascadeModel;
use mien_models::container::{
    FormatError, HEADER_BYTES, Header, Kind, Payload, decode, encode, schema_hash,
};
use mien_models::expression_model::ExpressionModelError;
use mien_models::network::{Activation, Node, Op, Values, Weights};
use mien_models::procedural::test_model;
use mien_models::replay::ReplaySet;
use mien_models::yunet::YunetModel;

use crate::crop_hashes::hex;
use crate::file::seal;

fn packed() -> Vec<u8> {
    let model = test_model();
    encode(&model, model.model_id(), 7).expect("the test model is valid")
}

fn payload_of(model: &ExpressionModel<'_>) -> Vec<u8> {
    postcard::to_allocvec(model).expect("memory suffices")
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
fn the_header_stands_where_the_format_says() {
    let file = packed();
    assert_eq!(&file[0..8], b"MIENPACK");
    assert_eq!(file[8..16], [1, 0, 1, 0, 0, 0, 0, 0]);
    assert_eq!(file[16..32], test_model().model_id());
    assert_eq!(file[32..40], [7, 0, 0, 0, 0, 0, 0, 0]);
    let payload_len = (file.len() - 112) as u64;
    assert_eq!(file[40..48], payload_len.to_le_bytes());
    assert_eq!(file[48..80], schema_hash::<ExpressionModel>());
}

#[test]
fn kinds_have_fixed_numbers() {
    let numbers: Vec<_> = (0..=u16::MAX)
        .filter_map(|n| Kind::from_u16(n).map(|kind| (n, kind)))
        .collect();
    assert_eq!(
        numbers,
        [
            (1, Kind::Expression),
            (2, Kind::Cascade),
            (3, Kind::Yunet),
            (4, Kind::Replay)
        ]
    );
    assert!(numbers.iter().all(|&(n, kind)| kind as u16 == n));
}

/// A change to a valid file, and what decoding it must say.
type Lie = (&'static str, fn(&mut Vec<u8>), FormatError);

#[test]
fn each_lie_of_the_header_has_its_error() {
    let len = packed().len() as u64 - 112;
    let lies: [Lie; 16] = [
        (
            "no bytes",
            |f| f.clear(),
            FormatError::TruncatedHeader { actual: 0 },
        ),
        (
            "one byte short",
            |f| f.truncate(111),
            FormatError::TruncatedHeader { actual: 111 },
        ),
        ("magic", |f| f[7] = b'k', FormatError::Magic),
        ("version 0", |f| f[8] = 0, FormatError::Version { found: 0 }),
        (
            "version 258",
            |f| f[8..10].copy_from_slice(&[2, 1]),
            FormatError::Version { found: 258 },
        ),
        ("kind 0", |f| f[10] = 0, FormatError::Kind { found: 0 }),
        ("kind 5", |f| f[10] = 5, FormatError::Kind { found: 5 }),
        (
            "reserved",
            |f| f[15] = 1,
            FormatError::Reserved { found: 1 << 24 },
        ),
        (
            "another kind",
            |f| f[10] = 3,
            FormatError::WrongKind {
                expected: Kind::Expression,
                found: Kind::Yunet,
            },
        ),
        (
            "endless payload",
            |f| f[40..48].fill(0xFF),
            FormatError::PayloadTooLarge {
                declared: u64::MAX,
                limit: ExpressionModel::MAX_PAYLOAD_BYTES,
            },
        ),
        (
            "payload one over the limit",
            |f| {
                let over = ExpressionModel::MAX_PAYLOAD_BYTES as u64 + 1;
                f[40..48].copy_from_slice(&over.to_le_bytes());
            },
            FormatError::PayloadTooLarge {
                declared: ExpressionModel::MAX_PAYLOAD_BYTES as u64 + 1,
                limit: ExpressionModel::MAX_PAYLOAD_BYTES,
            },
        ),
        (
            "no payload",
            |f| f.truncate(112),
            FormatError::TruncatedPayload {
                declared: len,
                actual: 0,
            },
        ),
        (
            "payload one short",
            |f| f.truncate(f.len() - 1),
            FormatError::TruncatedPayload {
                declared: len,
                actual: len as usize - 1,
            },
        ),
        (
            "two bytes after the payload",
            |f| f.extend([0, 0]),
            FormatError::TrailingBytes { extra: 2 },
        ),
        ("schema", |f| f[48] ^= 1, FormatError::Schema),
        ("checksum", |f| f[80] ^= 1, FormatError::Checksum),
    ];
    for (name, change, error) in lies {
        let mut file = packed();
        change(&mut file);
        assert_eq!(
            decode::<ExpressionModel>(&file).err(),
            Some(error),
            "{name}"
        );
    }
}

#[test]
fn each_lie_of_the_payload_has_its_error() {
    let model = test_model();
    let id = model.model_id();
    let payload = payload_of(&model);
    let read = |payload: &[u8], id| {
        let file = seal::<ExpressionModel>(payload, id);
        decode::<ExpressionModel>(&file).err()
    };
    assert_eq!(read(&payload, id), None);
    assert_eq!(
        read(&payload[..payload.len() - 1], id),
        Some(FormatError::Payload(
            postcard::Error::DeserializeUnexpectedEnd
        ))
    );
    let mut longer = payload.clone();
    longer.extend([0; 3]);
    assert_eq!(
        read(&longer, id),
        Some(FormatError::UnusedPayload { extra: 3 })
    );
    let mut other_id = id;
    other_id[15] ^= 1;
    assert_eq!(read(&payload, other_id), Some(FormatError::ModelId));

    let change_at = |needle: &[u8], change: &[u8]| {
        let at = payload
            .windows(needle.len())
            .position(|w| w == needle)
            .expect("the payload holds it");
        let mut changed = payload.clone();
        changed[at..at + change.len()].copy_from_slice(change);
        changed
    };
    // The label's length byte, beyond what a name may have.
    assert_eq!(
        read(&change_at(b"\x05angry", &[25]), id),
        Some(FormatError::Payload(postcard::Error::SerdeDeCustom))
    );
    assert_eq!(
        read(&change_at(b"angry", &[0xFF]), id),
        Some(FormatError::Payload(postcard::Error::DeserializeBadUtf8))
    );
    let before_labels = postcard::to_allocvec(&model.preprocessing).expect("memory suffices");
    let labels = postcard::to_allocvec(&model.labels).expect("memory suffices");
    let seventeen = postcard::to_allocvec(&["x"; 17][..]).expect("memory suffices");
    let rest = &payload[before_labels.len() + labels.len()..];
    assert_eq!(
        read(&[&before_labels, &seventeen[..], rest].concat(), id),
        Some(FormatError::Payload(postcard::Error::SerdeDeCustom))
    );
    // The contrast's variant number follows height and width.
    assert_eq!(
        read(&change_at(&[48, 48, 0], &[48, 48, 9]), id),
        Some(FormatError::Payload(postcard::Error::SerdeDeCustom))
    );
}

#[test]
fn a_broken_rule_of_the_model_is_reported_as_such() {
    let mut model = test_model();
    model.temperature = -1.0;
    let file = seal::<ExpressionModel>(&payload_of(&model), model.model_id());
    assert_eq!(
        decode::<ExpressionModel>(&file).err(),
        Some(ExpressionModelError::Temperature(-1.0).into())
    );
}

#[test]
fn no_changed_byte_goes_unnoticed() {
    let mut file = packed();
    for at in 0..file.len() {
        let bits = if at < HEADER_BYTES {
            0..8
        } else {
            at % 8..at % 8 + 1
        };
        for bit in bits {
            file[at] ^= 1 << bit;
            assert!(decode::<ExpressionModel>(&file).is_err(), "byte {at}");
            file[at] ^= 1 << bit;
        }
    }
    assert!(decode::<ExpressionModel>(&file).is_ok());
}

#[test]
fn encode_refuses_what_decode_would_refuse() {
    let model = test_model();
    assert_eq!(encode(&model, [0; 16], 1), Err(FormatError::ModelId));
    let mut invalid = test_model();
    invalid.temperature = f32::NAN;
    assert!(matches!(
        encode(&invalid, invalid.model_id(), 1),
        Err(FormatError::Expression(_))
    ));
}

#[test]
fn encode_refuses_a_payload_over_the_limit() {
    let values = vec![0; 48 * 48 * 1000 * 4];
    let mut model = test_model();
    let Some(Op::Dense(decide)) = model.network.nodes.last().map(|n| n.op.clone()) else {
        panic!("the last node is dense");
    };
    let wide = Op::Dense(Weights {
        inputs: 48 * 48,
        outputs: 1000,
        values: Values::F32(&values),
        bias: &values[..4000],
    });
    model.network.nodes[1].op = Op::Flatten;
    model.network.nodes[2].op = wide;
    model.network.nodes.push(Node {
        op: Op::Dense(Weights {
            inputs: 1000,
            values: Values::F32(&values[..4 * 7 * 1000]),
            ..decide
        }),
        inputs: [3].into_iter().collect(),
        activation: Activation::None,
        output_quant: None,
    });
    assert_eq!(model.validate(), Ok(()));
    assert!(matches!(
        encode(&model, model.model_id(), 1),
        Err(FormatError::PayloadTooLarge { declared, limit })
            if declared > values.len() as u64 && limit == ExpressionModel::MAX_PAYLOAD_BYTES
    ));
}

#[test]
fn the_schema_hash_tells_types_apart() {
    use mien_models::network::{Activation, Network, Window};
    let hashes = [
        schema_hash::<ExpressionModel>(),
        schema_hash::<Network>(),
        schema_hash::<Window>(),
        schema_hash::<Activation>(),
    ];
    for (i, a) in hashes.iter().enumerate() {
        assert_ne!(*a, [0; 32]);
        assert!(hashes[i + 1..].iter().all(|b| a != b));
    }
    // What it is made of, by postcard itself.
    let schema = postcard::to_allocvec(<Window as postcard_schema::Schema>::SCHEMA);
    let schema = schema.expect("memory suffices");
    use sha2::Digest;
    assert_eq!(hashes[2], <[u8; 32]>::from(sha2::Sha256::digest(schema)));
}

/// A changed hash makes every packed file unreadable: whoever changes a payload's types has to
/// say so in the format's page, and pack the shipped models again.
#[test]
fn the_format_s_page_lists_today_s_schema_hashes() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/model-format.md");
    let page = std::fs::read_to_string(page).expect("the page is in the repository");
    let kinds = [
        (Kind::Expression, schema_hash::<ExpressionModel>()),
        (Kind::Cascade, schema_hash::<CascadeModel>()),
        (Kind::Yunet, schema_hash::<YunetModel>()),
        (Kind::Replay, schema_hash::<ReplaySet>()),
    ];
    for (kind, hash) in kinds {
        let line = format!("| {kind} | `{}` |", hex(&hash));
        assert!(page.contains(&line), "{line}");
    }
}
