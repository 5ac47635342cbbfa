//! Replay files, and each set that must be refused.

use mien_models::container::{FormatError, HEADER_BYTES, Kind, Payload, TextError, decode, encode};
use mien_models::label::{LabelError, Labels};
use mien_models::replay::{MAX_FEATURES, MAX_REPLAY_FILE_BYTES, ReplayError, ReplaySet};
use proptest::prelude::*;

use crate::file::seal;

const MODEL_ID: [u8; 16] = [9; 16];
/// 0.5 and 2 in little-endian f32.
const SCALES: [u8; 8] = [0, 0, 0, 0x3F, 0, 0, 0, 0x40];

/// Three rows of two features.
fn made() -> ReplaySet<'static> {
    ReplaySet {
        labels: Labels::new(["happy", "sad"]).expect("sound names"),
        pictures: [40, 30].into_iter().collect(),
        features: 2,
        scales: &SCALES,
        fitted: 2,
        classes: &[1, 0, 1],
        values: &[1, 2, 0xFF, 127, 0x81, 0],
        source: "drawings",
    }
}

#[test]
fn a_packed_set_reads_back_equal() {
    let set = made();
    let file = encode(&set, MODEL_ID, 5).expect("the set is valid");
    let (header, read) = decode::<ReplaySet>(&file).expect("just packed");
    assert_eq!(read, set);
    assert_eq!((header.kind, header.model_id), (Kind::Replay, MODEL_ID));
    let rows: Vec<_> = read.rows().collect();
    assert_eq!(
        rows,
        [
            (1, vec![0.5, 4.0]),
            (0, vec![-0.5, 254.0]),
            (1, vec![-63.5, 0.0])
        ]
    );
}

#[test]
fn a_file_has_at_most_300_000_bytes() {
    assert_eq!(
        HEADER_BYTES + ReplaySet::MAX_PAYLOAD_BYTES,
        MAX_REPLAY_FILE_BYTES
    );
    assert_eq!(MAX_REPLAY_FILE_BYTES, 300_000);
}

#[test]
fn each_lie_has_its_error() {
    type Lie = (fn(&mut ReplaySet<'static>), ReplayError);
    let lies: [Lie; 12] = [
        (
            |s| s.labels.0.clear(),
            ReplayError::Labels(LabelError::Empty),
        ),
        (
            |s| s.pictures.truncate(1),
            ReplayError::Pictures {
                labels: 2,
                actual: 1,
            },
        ),
        (|s| s.features = 0, ReplayError::Features(0)),
        (
            |s| s.features = MAX_FEATURES + 1,
            ReplayError::Features(MAX_FEATURES + 1),
        ),
        (
            |s| s.scales = &SCALES[..7],
            ReplayError::ScalesLength {
                expected: 8,
                actual: 7,
            },
        ),
        (
            |s| s.scales = &[0, 0, 0, 0x3F, 0, 0, 0, 0],
            ReplayError::Scale { feature: 1 },
        ),
        (
            |s| s.scales = &[0, 0, 0xC0, 0x7F, 0, 0, 0, 0x40],
            ReplayError::Scale { feature: 0 },
        ),
        (|s| s.fitted = 0, ReplayError::Split { fitted: 0, rows: 3 }),
        (|s| s.fitted = 3, ReplayError::Split { fitted: 3, rows: 3 }),
        (
            |s| s.values = &[0; 5],
            ReplayError::ValuesLength {
                expected: 6,
                actual: 5,
            },
        ),
        (
            |s| s.classes = &[1, 2, 0],
            ReplayError::Class {
                row: 1,
                class: 2,
                labels: 2,
            },
        ),
        (
            |s| s.source = "\u{7}",
            ReplayError::Source(TextError::ControlCharacter),
        ),
    ];
    for (change, error) in lies {
        let mut set = made();
        change(&mut set);
        assert_eq!(set.validate(), Err(error.clone()));
        let payload = postcard::to_allocvec(&set).expect("memory suffices");
        assert_eq!(
            decode::<ReplaySet>(&seal::<ReplaySet>(&payload, MODEL_ID)).err(),
            Some(FormatError::Replay(error)),
            "decoding says the same"
        );
        assert!(encode(&set, MODEL_ID, 1).is_err());
    }
}

proptest! {
    /// No payload, however it came about, does more than being refused.
    #[test]
    fn damaged_payloads_are_refused_or_sound(
        place in 0..10_000_usize,
        byte in any::<u8>(),
        keep in 0..10_000_usize,
    ) {
        let mut payload = postcard::to_allocvec(&made()).expect("memory suffices");
        let len = payload.len();
        payload[place % len] = byte;
        payload.truncate(if keep % 2 == 0 { len } else { keep % len });
        if let Ok((_, set)) = decode::<ReplaySet>(&seal::<ReplaySet>(&payload, MODEL_ID)) {
            prop_assert!(set.validate().is_ok());
            prop_assert_eq!(set.rows().count(), set.len());
        }
    }
}
