//! YuNet files, and each detector that must be refused.

use mien_models::container::{
    FormatError, Kind, MAX_TEXT_BYTES, Payload, TextError, decode, encode,
};
use mien_models::network::{Values, WeightsError};
use mien_models::procedural::test_yunet;
use mien_models::yunet::{YunetError, YunetModel};
use proptest::prelude::*;

use crate::file::seal;

#[test]
fn a_packed_detector_reads_back_equal() {
    let model = test_yunet();
    let file = encode(&model, model.model_id(), 3).expect("the test model is valid");
    let (header, read) = decode::<YunetModel>(&file).expect("just packed");
    assert_eq!(read, model);
    assert_eq!((header.kind, header.model_version), (Kind::Yunet, 3));
    // The stem, fourteen units and three shared ones of one channel, and three times the units of
    // 1, 1, 4 and 10 outputs, each output with a coefficient, nine more and two biases.
    assert_eq!(model.parameters(), 28 + (14 + 3 + 3 * 16) * 12);
}

#[test]
fn the_id_is_that_of_the_weights() {
    let model = test_yunet();
    let renamed = YunetModel {
        source: "another",
        ..test_yunet()
    };
    assert_eq!(model.model_id(), renamed.model_id());
    let mut other = test_yunet();
    other.network.stem.bias = &[0, 0, 0, 1];
    assert_ne!(model.model_id(), other.model_id());
    assert_eq!(
        encode(&model, [7; 16], 1),
        Err(FormatError::ModelId),
        "an id that is not derived"
    );
}

fn refusal(change: impl FnOnce(&mut YunetModel<'static>)) -> YunetError {
    let mut model = test_yunet();
    change(&mut model);
    let payload = postcard::to_allocvec(&model).expect("memory suffices");
    let error = model.validate().expect_err("it is broken");
    let file = seal::<YunetModel>(&payload, model.model_id());
    assert_eq!(
        decode::<YunetModel>(&file).err(),
        Some(FormatError::Yunet(error.clone())),
        "decoding says the same"
    );
    error
}

#[test]
fn channels_that_do_not_fit_are_refused() {
    let error = refusal(|model| model.network.backbone[3].pointwise.inputs = 2);
    assert_eq!(
        error.to_string(),
        "the 1x1 convolution of backbone unit 3 takes 2 channels and gives 1; expected 1 and 1"
    );
    let error = refusal(|model| model.network.stem.inputs = 1);
    assert!(error.to_string().contains("the stem takes 1"), "{error}");
    let error =
        refusal(|model| model.network.heads[1].face_box = test_yunet().network.laterals[0].clone());
    assert!(
        error.to_string().contains("head 1 for 4 outputs"),
        "{error}"
    );
    let error = refusal(|model| model.network.stem.outputs = 0);
    assert!(matches!(error, YunetError::Outputs { .. }), "{error}");
    let error = refusal(|model| model.network.stem.outputs = 257);
    assert!(matches!(error, YunetError::Outputs { .. }), "{error}");
}

#[test]
fn bad_weights_and_texts_are_refused() {
    let error = refusal(|model| model.network.laterals[2].depthwise.values = Values::F32(&[0; 8]));
    assert!(
        matches!(
            error,
            YunetError::Weights {
                source: WeightsError::ValuesLength {
                    expected: 36,
                    actual: 8
                },
                ..
            }
        ),
        "{error}"
    );
    let error = refusal(|model| model.network.stem.bias = &[0, 0, 0xC0, 0x7F]);
    assert!(
        matches!(
            error,
            YunetError::Weights {
                source: WeightsError::Bias { output: 0 },
                ..
            }
        ),
        "{error}"
    );
    let error = refusal(|model| model.source = "\u{1b}[31m");
    assert!(
        matches!(
            error,
            YunetError::Text {
                field: "source",
                source: TextError::ControlCharacter
            }
        ),
        "{error}"
    );
    let long = "x".repeat(MAX_TEXT_BYTES + 1).leak();
    let error = refusal(|model| model.licence = long);
    assert!(
        matches!(
            error,
            YunetError::Text {
                field: "licence",
                ..
            }
        ),
        "{error}"
    );
}

proptest! {
    /// No payload, however it came about, does more than being refused.
    #[test]
    fn damaged_payloads_are_refused_or_sound(
        place in 0..10_000_usize,
        byte in any::<u8>(),
        keep in 0..10_000_usize,
    ) {
        let mut payload = postcard::to_allocvec(&test_yunet()).expect("memory suffices");
        let len = payload.len();
        payload[place % len] = byte;
        payload.truncate(if keep % 2 == 0 { len } else { keep % len });
        let id = postcard::from_bytes::<YunetModel>(&payload).map_or([0; 16], |m| m.model_id());
        if let Ok((_, model)) = decode::<YunetModel>(&seal::<YunetModel>(&payload, id)) {
            prop_assert!(model.validate().is_ok());
            prop_assert!(Payload::validate(&model).is_ok());
        }
    }
}
