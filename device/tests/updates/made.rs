//! Models, signatures and devices made for these tests. The keys are nobody's.

use mien_device::update::UpdateOptions;
use mien_device::update::check::Rules;
use mien_device::update::fs::Fs;
use mien_device::update::install::Installer;
use mien_device::update::record::Role;
use mien_device::update::store::{Store, Stored};
use mien_device::update::trust::Trust;
use mien_models::container::{Payload, encode};
use mien_models::procedural::{test_model, test_yunet};
use mien_models::signature::{PublicKey, Signature};
use mien_models::{ExpressionModel, SigningKey};

/// The owner's key.
pub fn owner() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

/// Somebody else's.
pub fn stranger() -> SigningKey {
    SigningKey::from_bytes(&[2; 32])
}

/// What a device asks whose configuration names the owner's key and nothing else.
pub fn rules() -> Rules {
    let options = UpdateOptions {
        trusted_keys: vec![PublicKey::of(&owner()).to_string()],
        ..UpdateOptions::default()
    };
    Rules {
        trust: Trust::load(&options).unwrap(),
        ..Rules::default()
    }
}

pub fn installer<F: Fs>(fs: F) -> Installer<F> {
    Installer {
        store: Store::new(fs, "/state".as_ref()),
        rules: rules(),
    }
}

/// A file with the owner's signature.
pub fn signed(file: Vec<u8>) -> Stored {
    let signature = Signature::sign(&owner(), &file).unwrap();
    Stored {
        file,
        signature: Some(signature.to_bytes().to_vec()),
    }
}

pub fn packed<'a>(model: &impl Payload<'a>, id: [u8; 16], version: u64) -> Vec<u8> {
    encode(model, id, version).unwrap()
}

/// The test model, signed.
pub fn expression(version: u64) -> Stored {
    expression_like(&test_model(), version)
}

pub fn expression_like(model: &ExpressionModel<'_>, version: u64) -> Stored {
    signed(packed(model, model.model_id(), version))
}

/// The test YuNet, signed.
pub fn yunet(version: u64) -> Stored {
    let model = test_yunet();
    signed(packed(&model, model.model_id(), version))
}

/// The version that would run: of the first slot in line that is whole; `None` is the factory's.
/// Whole means by its SHA-256: that these very files load was seen when they were installed.
pub fn running<F: Fs>(installer: &Installer<F>, role: Role) -> Option<u64> {
    let record = installer.store.load().unwrap();
    let pointer = record.pointer(role);
    let slots = pointer.active.into_iter().chain(pointer.previous);
    let mut entries = slots.map(|slot| (slot, pointer.entry(slot).unwrap()));
    let (_, entry) = entries.find(|(slot, entry)| {
        let stored = installer.store.read_slot(role, *slot, entry);
        stored.is_ok_and(|stored| stored.signature.is_some_and(|sig| sig.len() == 96))
    })?;
    Some(entry.version)
}
