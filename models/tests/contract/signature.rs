//! Signatures: what they accept, and one error per lie.

use std::sync::LazyLock;

use mien_models::SigningKey;
use mien_models::container::encode;
use mien_models::procedural::test_model;
use mien_models::signature::{
    PublicKey, PublicKeyError, SIGNATURE_BYTES, Signature, SignatureError, verify,
};
use proptest::prelude::*;

static FILE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let model = test_model();
    encode(&model, model.model_id(), 3).expect("the test model is sound")
});

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn signed(seed: u8, file: &[u8]) -> [u8; SIGNATURE_BYTES] {
    Signature::sign(&key(seed), file)
        .expect("a model file")
        .to_bytes()
}

#[test]
fn a_trusted_key_s_signature_counts() {
    let keys = [PublicKey::of(&key(1)), PublicKey::of(&key(2))];
    for seed in [1, 2] {
        let signer = verify(&FILE, &signed(seed, &FILE), &keys);
        assert_eq!(signer, Ok(PublicKey::of(&key(seed)).id()));
    }
    let key_id = PublicKey::of(&key(3)).id();
    assert_eq!(
        verify(&FILE, &signed(3, &FILE), &keys),
        Err(SignatureError::UnknownKey { key_id })
    );
    assert_eq!(
        verify(&FILE, &signed(3, &FILE), &[]),
        Err(SignatureError::UnknownKey { key_id })
    );
}

#[test]
fn the_layout_is_the_documented_one() {
    let key = PublicKey::of(&key(1));
    let file = signed(1, &FILE);
    assert_eq!(&file[..8], b"MIENSIGN");
    assert_eq!(file[8..16], [1, 0, 1, 0, 0, 0, 0, 0]);
    assert_eq!(file[16..32], key.id().0);
    let parsed = Signature::parse(&file).expect("sound");
    assert_eq!(parsed.to_bytes(), file);
    // RFC 8032 is deterministic: this file, this key, these bytes, on every machine.
    assert_eq!(Signature::sign(&self::key(1), &FILE), Ok(parsed));
}

#[test]
fn every_lie_has_its_error() {
    let keys = [PublicKey::of(&key(1))];
    let sound = signed(1, &FILE);
    let key_id = keys[0].id();
    let with = |at: usize, byte: u8| {
        let mut signature = sound;
        signature[at] = byte;
        verify(&FILE, &signature, &keys)
    };
    assert_eq!(with(0, b'm'), Err(SignatureError::Magic));
    assert_eq!(with(8, 2), Err(SignatureError::Version { found: 2 }));
    assert_eq!(with(10, 0), Err(SignatureError::Algorithm { found: 0 }));
    assert_eq!(with(15, 1), Err(SignatureError::Reserved));
    assert!(matches!(
        with(20, !sound[20]),
        Err(SignatureError::UnknownKey { .. })
    ));
    assert_eq!(
        with(40, !sound[40]),
        Err(SignatureError::Mismatch { key_id })
    );
    assert_eq!(
        with(90, !sound[90]),
        Err(SignatureError::Mismatch { key_id })
    );
    for actual in [0, 95] {
        assert_eq!(
            verify(&FILE, &sound[..actual], &keys),
            Err(SignatureError::Length { actual })
        );
    }
    let longer = [&sound[..], &[0]].concat();
    assert_eq!(
        verify(&FILE, &longer, &keys),
        Err(SignatureError::Length { actual: 97 })
    );
    // Another file of the same key, and a key id that is not the signer's.
    let mut other = FILE.clone();
    other[32] += 1;
    assert_eq!(
        verify(&other, &sound, &keys),
        Err(SignatureError::Mismatch { key_id })
    );
    let mut disguised = signed(2, &FILE);
    disguised[16..32].copy_from_slice(&key_id.0);
    assert_eq!(
        verify(&FILE, &disguised, &keys),
        Err(SignatureError::Mismatch { key_id })
    );
}

#[test]
fn only_model_files_are_signed() {
    let text = b"something else that somebody wants signed";
    assert_eq!(
        Signature::sign(&key(1), text),
        Err(SignatureError::NotAModel)
    );
    assert_eq!(
        verify(text, &signed(1, &FILE), &[PublicKey::of(&key(1))]),
        Err(SignatureError::NotAModel)
    );
}

#[test]
fn s_plus_the_group_order_is_no_second_signature() {
    // The order of the group, little-endian (RFC 8032, 5.1); S and S + L would both verify where
    // nobody checks that S is reduced.
    let order: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut signature = signed(1, &FILE);
    let mut carry = 0;
    for (byte, add) in signature[64..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    let keys = [PublicKey::of(&key(1))];
    assert_eq!(
        verify(&FILE, &signature, &keys),
        Err(SignatureError::Mismatch {
            key_id: keys[0].id()
        })
    );
}

#[test]
fn public_keys_are_read_as_line_and_as_pem() {
    let key = PublicKey::of(&key(1));
    let line = key.to_string();
    assert_eq!(line.len(), 60);
    assert!(line.starts_with("MCowBQYDK2VwAyEA"));
    assert_eq!(line.parse(), Ok(key));
    assert_eq!(format!("  {line}\n").parse(), Ok(key));
    assert_eq!(key.to_pem().parse(), Ok(key));
    for text in [
        "",
        "MCowBQYDK2VwAyEA",
        &line[1..],
        "-----BEGIN PUBLIC KEY-----",
    ] {
        assert_eq!(
            text.parse::<PublicKey>(),
            Err(PublicKeyError::Form),
            "{text}"
        );
    }
    let private = "-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----\n";
    assert_eq!(private.parse::<PublicKey>(), Err(PublicKeyError::Private));
    // The neutral element as key: with S = 0 and R neutral everything would be signed.
    let weak = "MCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    assert_eq!(weak.parse::<PublicKey>(), Err(PublicKeyError::Weak));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_changed_bit_is_noticed(at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let keys = [PublicKey::of(&key(1))];
        let mut both = FILE.clone();
        both.extend(signed(1, &FILE));
        let at = at.index(both.len());
        both[at] ^= 1 << bit;
        let (file, signature) = both.split_at(FILE.len());
        prop_assert!(verify(file, signature, &keys).is_err());
    }

    #[test]
    fn any_bytes_are_an_error(
        file in proptest::collection::vec(any::<u8>(), 0..200),
        signature in proptest::collection::vec(any::<u8>(), 0..200),
        is_headed in any::<bool>(),
    ) {
        let keys = [PublicKey::of(&key(1))];
        let mut signature = signature;
        if is_headed {
            signature.resize(SIGNATURE_BYTES, 7);
            signature[..32].copy_from_slice(&signed(1, &FILE)[..32]);
        }
        prop_assert!(verify(&file, &signature, &keys).is_err());
        prop_assert!(verify(&FILE, &signature, &keys).is_err());
    }

    #[test]
    fn any_text_is_a_key_or_an_error(text in ".{0,80}") {
        let _ = text.parse::<PublicKey>();
    }
}
