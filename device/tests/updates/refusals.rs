//! Everything that must not be installed, each with its reason, and that it changes nothing.

use std::collections::BTreeSet;

use mien_device::update::check::{Force, Refused};
use mien_device::update::install::{Installer, Part, UpdateError};
use mien_device::update::record::{FileKind, Role};
use mien_device::update::store::{MAX_FILE_BYTES, Stored};
use mien_device::update::trust::NotTrusted;
use mien_models::ExpressionModel;
use mien_models::container::{FormatError, Header, Kind};
use mien_models::embedded;
use mien_models::expression_model::ExpressionModelError;
use mien_models::label::{LabelError, LabelName, Labels};
use mien_models::procedural::test_model;
use mien_models::signature::{Signature, SignatureError};

use crate::disk::Disk;
use crate::made::{
    expression, expression_like, installer, packed, running, signed, stranger, yunet,
};

/// A device with version 5 confirmed.
fn device(disk: &Disk) -> Installer<&Disk> {
    let installer = installer(disk);
    let offers = [expression(5), yunet(5)];
    installer.install(&offers, Force(false), true).unwrap();
    for role in Role::ALL {
        installer.confirm(role).unwrap();
    }
    installer
}

/// Why `offer` is refused; nothing has changed then.
#[track_caller]
fn refusal(installer: &Installer<&Disk>, offer: Stored) -> Refused {
    refusal_of(installer, &[offer], Force(true))
}

#[track_caller]
fn refusal_of(installer: &Installer<&Disk>, offers: &[Stored], force: Force) -> Refused {
    let before = installer.store.load().unwrap();
    match installer.install(offers, force, true) {
        Err(UpdateError::Refused { refused, .. }) => {
            assert_eq!(installer.store.load().unwrap(), before);
            assert_eq!(running(installer, Role::Expression), Some(5));
            refused
        }
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was installed"),
    }
}

#[test]
fn nobody_s_and_strangers_models() {
    let disk = Disk::empty();
    let device = device(&disk);
    let Stored { file, signature } = expression(6);
    let unsigned = Stored {
        file: file.clone(),
        signature: None,
    };
    let refused = refusal(&device, unsigned);
    assert!(matches!(refused, Refused::NotTrusted(NotTrusted::Unsigned)));
    assert_eq!(refused.code(), "unsigned");

    let by_stranger = Signature::sign(&stranger(), &file).unwrap().to_bytes();
    let refused = refusal(
        &device,
        Stored {
            file: file.clone(),
            signature: Some(by_stranger.to_vec()),
        },
    );
    let Refused::NotTrusted(NotTrusted::Signature(SignatureError::UnknownKey { .. })) = refused
    else {
        panic!("{refused}");
    };

    for at in [0, 40, 120, file.len() - 1] {
        let mut altered = file.clone();
        altered[at] ^= 1;
        let refused = refusal(
            &device,
            Stored {
                file: altered,
                signature: signature.clone(),
            },
        );
        assert!(
            matches!(refused, Refused::NotTrusted(NotTrusted::Signature(_))),
            "{refused}"
        );
    }
    // A signature of another file by the right key.
    let refused = refusal(
        &device,
        Stored {
            file,
            signature: expression(7).signature,
        },
    );
    assert_eq!(refused.code(), "signature");
}

#[test]
fn old_versions_and_replays() {
    let disk = Disk::empty();
    let device = device(&disk);
    for version in [0, 4, 5] {
        let refused = refusal(&device, expression(version));
        assert!(
            matches!(refused, Refused::Version { floor: 5, .. }),
            "{refused}"
        );
    }
    // What was rolled back by hand may come again, what was confirmed before may not.
    device
        .install(&[expression(6)], Force(false), true)
        .unwrap();
    device.roll_back(None).unwrap();
    device
        .install(&[expression(6)], Force(false), true)
        .unwrap();
    let second = device.install(&[expression(7)], Force(true), true);
    assert!(
        second
            .err()
            .unwrap()
            .to_string()
            .contains("version 6 is still on trial")
    );
    device.confirm(Role::Expression).unwrap();
    device.roll_back(None).unwrap();
    let refused = refusal(&device, expression(6));
    assert!(
        matches!(refused, Refused::Version { floor: 6, .. }),
        "{refused}"
    );
}

#[test]
fn the_program_s_own_version_is_a_floor() {
    let disk = Disk::empty();
    let mut device = device(&disk);
    device.rules.factory = vec![(FileKind::Expression, 8), (FileKind::Cascade, 99)];
    let refused = refusal(&device, expression(8));
    assert!(
        matches!(refused, Refused::Version { floor: 8, .. }),
        "{refused}"
    );
    let refused = refusal(
        &device,
        Stored {
            file: embedded::CASCADE.to_vec(),
            signature: None,
        },
    );
    assert!(
        matches!(refused, Refused::Version { floor: 99, .. }),
        "{refused}"
    );
    // Versions of another kind do not count, whatever the role.
    device.install(&[yunet(6)], Force(false), true).unwrap();
}

#[test]
fn wrong_sizes_and_kinds() {
    let disk = Disk::empty();
    let mut device = device(&disk);
    let oversize = Stored {
        file: vec![0; MAX_FILE_BYTES as usize + 1],
        signature: None,
    };
    assert_eq!(refusal(&device, oversize).code(), "too_large");
    let mut truncated = expression(6).file;
    truncated.truncate(500);
    let refused = refusal(&device, signed(truncated));
    assert!(matches!(
        refused,
        Refused::Format(FormatError::TruncatedPayload { .. })
    ));
    let mut longer = expression(6).file;
    longer.push(0);
    let refused = refusal(&device, signed(longer));
    assert!(matches!(
        refused,
        Refused::Format(FormatError::TrailingBytes { .. })
    ));

    // A replay set, and an expression model that says it is a detector.
    let kind = |kind: Kind| {
        let mut file = expression(6).file;
        file[10] = kind as u8;
        let header = Header::parse(&file).unwrap();
        let checksum = header.checksum(&file[112..]);
        file[80..112].copy_from_slice(&checksum);
        signed(file)
    };
    assert_eq!(refusal(&device, kind(Kind::Replay)).code(), "kind");
    assert_eq!(refusal(&device, kind(Kind::Yunet)).code(), "format");
    let two = refusal_of(&device, &[expression(6), expression(7)], Force(true));
    assert_eq!(two.code(), "same_role");
    // All or none: the first one was fine.
    let both = refusal_of(&device, &[yunet(6), expression(5)], Force(true));
    assert_eq!(both.code(), "version");
    assert_eq!(running(&device, Role::Detector), Some(5));

    device.rules.named_elsewhere.insert(Role::Expression);
    assert_eq!(refusal(&device, expression(6)).code(), "named_elsewhere");
}

/// The test model with other labels; nothing checks them on the way.
fn labelled(names: &[&str], version: u64) -> Stored {
    let names = names.iter().map(|name| LabelName::try_from(*name).unwrap());
    let model = ExpressionModel {
        labels: Labels(names.collect()),
        ..test_model()
    };
    let payload = postcard::to_allocvec(&model).unwrap();
    let mut file = packed(&test_model(), test_model().model_id(), version);
    file.truncate(112);
    file.extend(&payload);
    file[40..48].copy_from_slice(&(payload.len() as u64).to_le_bytes());
    let checksum = Header::parse(&file).unwrap().checksum(&payload);
    file[80..112].copy_from_slice(&checksum);
    signed(file)
}

#[test]
fn wrong_labels() {
    let disk = Disk::empty();
    let mut device = device(&disk);
    let standard = [
        "angry", "disgust", "fear", "happy", "sad", "surprise", "neutral",
    ];
    let with = |index: usize, name: &'static str| {
        let mut names = standard;
        names[index] = name;
        names
    };
    let mut permuted = standard;
    permuted.swap(3, 4);
    let refused = refusal(&device, labelled(&permuted, 6));
    assert!(matches!(refused, Refused::Permuted(_)), "{refused}");

    let refused = |names: &[&str]| match refusal(&device, labelled(names, 6)) {
        Refused::Format(FormatError::Expression(ExpressionModelError::Labels(error))) => error,
        refused => panic!("{refused}"),
    };
    assert_eq!(
        refused(&with(6, "sad")),
        LabelError::Duplicate { first: 4, index: 6 }
    );
    assert_eq!(refused(&with(2, "")), LabelError::EmptyName { index: 2 });
    assert_eq!(
        refused(&with(2, "a\u{1b}[2J")),
        LabelError::ControlCharacter { index: 2 }
    );
    assert_eq!(refused(&[]), LabelError::Empty);
    // A name that is too long does not fit into its type, so it is put into the bytes.
    let mut file = expression(6).file;
    let at = file
        .windows(8)
        .position(|window| window == b"\x07neutral")
        .unwrap();
    file[at] = 30;
    file.splice(at + 8..at + 8, [b'x'; 23]);
    let length = (file.len() - 112) as u64;
    file[40..48].copy_from_slice(&length.to_le_bytes());
    let checksum = Header::parse(&file).unwrap().checksum(&file[112..]);
    file[80..112].copy_from_slice(&checksum);
    let long = refusal(&device, signed(file));
    assert!(
        matches!(long, Refused::Format(FormatError::Payload(_))),
        "{long}"
    );

    // Lights: a label without a pin needs --force.
    let lights = standard.map(str::to_owned);
    device.rules.lights = Some(BTreeSet::from(lights));
    let smiling = labelled(&with(3, "smiling"), 6);
    let dark = refusal_of(&device, std::slice::from_ref(&smiling), Force(false));
    assert!(matches!(dark, Refused::NoOutput(name) if name == "smiling"));
    device.install(&[smiling], Force(true), true).unwrap();
}

#[test]
fn models_that_do_not_compute_here_what_they_should() {
    let disk = Disk::empty();
    let device = device(&disk);
    let mut wrong = test_model();
    wrong.golden[3].logits[2] += 0.9;
    assert_eq!(
        refusal(&device, expression_like(&wrong, 6)).code(),
        "engine"
    );
    let silent = ExpressionModel {
        golden: Vec::new(),
        ..test_model()
    };
    let refused = refusal(&device, expression_like(&silent, 6));
    assert!(matches!(refused, Refused::NoGolden), "{refused}");
}

#[test]
fn a_record_from_elsewhere_is_not_believed() {
    let disk = Disk::empty();
    let device = device(&disk);
    let path = device.store.record_path();
    for text in ["", "{}", "{\"format\":2}", "[1", "\u{0}\u{0}"] {
        mien_device::update::fs::Fs::write(&&disk, &path, text.as_bytes()).unwrap();
        let error = device
            .install(&[expression(6)], Force(true), true)
            .err()
            .unwrap();
        assert!(
            error.to_string().contains("remove it to begin anew"),
            "{error}"
        );
        assert!(device.choose(Role::Expression, Part::Keeper).is_err());
    }
}
