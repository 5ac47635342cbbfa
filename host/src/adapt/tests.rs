//! The bundled model learns to tell drawn moustaches from none on the bundled portraits, and keeps what
//! it knew. Nothing outside of the repository is needed.

use std::fs;
use std::path::Path;

use image::{GrayImage, Luma};
use mien_device::assets::PORTRAITS;
use mien_device::capture::picture::{self, Color};
use mien_device::classify::Classifier;
use mien_models::container::{self, Header, encode};
use mien_models::embedded;
use mien_models::procedural::test_model;
use mien_models::replay::ReplaySet;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::faces::{Search, gather};
use super::*;
use crate::progress::Progress;

/// The replay set of the bundled model.
fn replay_file() -> Vec<u8> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../models/expression.replay.postcard"
    );
    fs::read(path).expect("it is in the repository")
}

fn bundled() -> (Header, ExpressionModel<'static>) {
    container::decode(embedded::EXPRESSION).unwrap()
}

/// Portraits in another light and place each, in `folder/<label>/`; with a moustache where `is_drawn`.
fn portraits(folder: &Path, label: &str, is_drawn: bool, n: u64) {
    fs::create_dir_all(folder.join(label)).unwrap();
    for i in 0..n {
        let mut rng = ChaCha8Rng::seed_from_u64(2 * i + u64::from(is_drawn));
        let portrait = &PORTRAITS[(i % 3) as usize];
        let picture = picture::decode(portrait.jpeg, Color::Drop).unwrap();
        let mut image = GrayImage::from_raw(picture.width, picture.height, picture.gray).unwrap();
        if is_drawn {
            moustache(&mut image, portrait.face.map(u32::from), &mut rng);
        }
        let (gain, offset) = (rng.random_range(0.7..1.15), rng.random_range(-15.0..25.0));
        for Luma([p]) in image.pixels_mut() {
            *p = (f32::from(*p) * gain + offset).clamp(0.0, 255.0) as u8;
        }
        let [left, top] = [0, 1].map(|_| rng.random_range(0..30));
        let (width, height) = (image.width() - left, image.height() - top);
        let cut = image::imageops::crop_imm(&image, left, top, width, height).to_image();
        cut.save(folder.join(label).join(format!("{i:02}.png")))
            .unwrap();
    }
}

/// A dark bar between nose and mouth of the face at `[x, y, side]`.
fn moustache(image: &mut GrayImage, [x, y, side]: [u32; 3], rng: &mut ChaCha8Rng) {
    let dark: u8 = rng.random_range(15..45);
    let half = side * rng.random_range(20..27) / 100;
    let (middle, upper) = (x + side / 2, y + side * 68 / 100);
    for row in upper..upper + side * rng.random_range(9..13) / 100 {
        for column in middle - half..middle + half {
            if column < image.width() && row < image.height() {
                image.put_pixel(column, row, Luma([dark]));
            }
        }
    }
}

fn measure<'m>(adapted: &'m Adapted, name: &str) -> &'m Measure {
    let mut measures = adapted.summary.measures.iter();
    let found = measures.find(|m| m.name.starts_with(name));
    found.unwrap_or_else(|| panic!("{name} in {:?}", adapted.summary.measures))
}

#[test]
fn moustaches_are_learned_and_nothing_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    portraits(folder.path(), "moustache", true, 24);
    let (header, model) = bundled();
    let folders = folders::read(folder.path(), &model.labels).unwrap();
    let search = Search::Detector(embedded::CASCADE);
    let gathered = gather(&model, &folders, search, 1, Progress::Silent).unwrap();
    assert!(gathered.used.len() >= 20, "{:?}", gathered.rejected);
    let file = replay_file();
    let (replay_header, replay) = container::decode::<ReplaySet<'_>>(&file).unwrap();
    assert_eq!(replay_header.model_id, header.model_id);
    let options = Options {
        keep_labels: true,
        seed: 1,
    };
    let adapted = adapt(&model, &folders, &gathered, Some(&replay), options).unwrap();
    println!("{:#?}", adapted.summary);
    assert_eq!(adapted.labels.len(), 8);
    assert_eq!(adapted.labels.name(7), Some("moustache"));
    let new = measure(&adapted, "your");
    assert_eq!(new.before, None);
    assert!(new.after.accuracy >= 0.8, "{new:?}");
    let kept = measure(&adapted, "replay hold-out");
    assert!(!kept.is_worse(), "{kept:?}");

    // The file is a model that the device takes, with another id and golden values of its own.
    let used = [gathered.used.len()];
    let from = Provenance {
        header: &header,
        used: &used,
        date: "2026-01-01",
        version: 99,
    };
    let packed = pack::pack(&model, &adapted, &folders, from).unwrap();
    let (new_header, packed) = container::decode::<ExpressionModel<'_>>(&packed).unwrap();
    assert_ne!(new_header.model_id, header.model_id);
    assert_eq!(new_header.model_version, 99);
    assert_eq!(packed.golden.len(), model.golden.len());
    assert!(
        packed.card.data.contains("moustache 2"),
        "{}",
        packed.card.data
    );
    let id = crate::inspect::hex(&header.model_id);
    assert!(packed.card.notes.contains(&id), "{}", packed.card.notes);
    assert_eq!(packed.card.name, "deep, adapted");
    let mut classifier = Classifier::new(&packed).expect("golden values hold");
    let face = [128; 48 * 48];
    assert_eq!(classifier.logits(&face).unwrap().len(), 8);
}

#[test]
fn two_labels_of_ones_own_need_no_replay() {
    let folder = tempfile::tempdir().unwrap();
    portraits(folder.path(), "plain", false, 12);
    portraits(folder.path(), "moustache", true, 12);
    let (_, model) = bundled();
    let folders = folders::read(folder.path(), &model.labels).unwrap();
    let search = Search::Detector(embedded::CASCADE);
    let gathered = gather(&model, &folders, search, 1, Progress::Silent).unwrap();
    let options = Options {
        keep_labels: false,
        seed: 1,
    };
    let adapted = adapt(&model, &folders, &gathered, None, options).unwrap();
    println!("{:#?}", adapted.summary);
    let names: Vec<&str> = adapted.labels.iter().collect();
    assert_eq!(names, ["moustache", "plain"]);
    // Too few to hold some out: each is judged by a head that was not fitted to it.
    let [new] = &adapted.summary.measures[..] else {
        panic!("{:?}", adapted.summary.measures);
    };
    assert_eq!(
        (new.name.as_str(), new.n),
        ("your pictures (5-fold)", gathered.used.len() as u64)
    );
    assert!(new.after.accuracy >= 0.8, "{new:?}");
    // The same seed gives the same head.
    let again = adapt(&model, &folders, &gathered, None, options).unwrap();
    assert_eq!(again.summary, adapted.summary);
}

/// A model and its pictures: flat ones, whose brightness the test model sees.
struct Flat {
    model: ExpressionModel<'static>,
    folders: Vec<Folder>,
    gathered: Gathered,
}

fn flat(labels: &[(&str, u8, usize)]) -> Flat {
    let folder = tempfile::tempdir().unwrap();
    for (label, level, n) in labels {
        fs::create_dir_all(folder.path().join(label)).unwrap();
        for i in 0..*n {
            let level = level + (i % 5) as u8;
            let mut image = GrayImage::from_pixel(48, 48, Luma([level]));
            // No two are the same.
            image.put_pixel(0, 0, Luma([i as u8]));
            image
                .save(folder.path().join(label).join(format!("{i}.png")))
                .unwrap();
        }
    }
    let first = folder.path().join(labels[0].0);
    fs::copy(first.join("0.png"), first.join("copy.png")).unwrap();
    fs::write(
        folder.path().join(labels[0].0).join("broken.png"),
        b"\x89PNG\r\n\x1a\n",
    )
    .unwrap();
    let model = test_model();
    let folders = folders::read(folder.path(), &model.labels).unwrap();
    let gathered = gather(&model, &folders, Search::Cropped, 1, Progress::Silent).unwrap();
    Flat {
        model,
        folders,
        gathered,
    }
}

fn adapted(flat: &Flat, keep_labels: bool) -> Result<Adapted, AdaptError> {
    let options = Options {
        keep_labels,
        seed: 1,
    };
    adapt(&flat.model, &flat.folders, &flat.gathered, None, options)
}

#[test]
fn fewer_labels_are_judged_among_those_both_have() {
    // The test model calls 18 angry and 236 neutral.
    let flat = flat(&[("angry", 16, 24), ("neutral", 230, 24)]);
    let [broken, copy] = &flat.gathered.rejected[..] else {
        panic!("{:?}", flat.gathered.rejected);
    };
    assert!(matches!(broken.why, Why::Unreadable { .. }));
    let Why::Duplicate { of } = &copy.why else {
        panic!("{copy:?}");
    };
    assert!(of.ends_with("angry/0.png") && copy.path.ends_with("angry/copy.png"));
    let adapted = adapted(&flat, false).unwrap();
    let [measure] = &adapted.summary.measures[..] else {
        panic!("{:?}", adapted.summary.measures);
    };
    // A quarter of each is held out.
    assert_eq!((measure.name.as_str(), measure.n), ("your hold-out", 12));
    assert_eq!(measure.before.map(|b| b.right), Some(12));
    assert_eq!(measure.after.right, 12);
    let sheet = contact::png(&flat.gathered).unwrap();
    assert!(image::load_from_memory(&sheet).unwrap().width() > 1000);
}

#[test]
fn what_cannot_be_adapted_is_said() {
    for (labels, keep, part) in [
        (
            &[("angry", 16, 9), ("sad", 150, 4)][..],
            false,
            "sad 4 of 4",
        ),
        (&[("angry", 16, 4)], true, "1 unreadable"),
        (&[("angry", 16, 9)], false, "only the label \"angry\""),
        (
            &[("angry", 16, 9), ("sad", 150, 9)],
            true,
            "no pictures of disgust, fear",
        ),
    ] {
        let error = adapted(&flat(labels), keep).unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
    }
    let flat = flat(&[("angry", 16, 9), ("sad", 150, 9)]);
    let model = encode(&flat.model, flat.model.model_id(), 1).unwrap();
    let search = Search::Detector(&model);
    let error = gather(&flat.model, &flat.folders, search, 1, Progress::Silent).unwrap_err();
    assert!(error.to_string().contains("expression model"), "{error}");
}

#[test]
fn the_strongest_penalty_within_a_standard_error_is_chosen() {
    let losses = [[0.9, 0.1], [0.5, 0.1], [0.58, 0.01], [0.61, 0.3]];
    assert_eq!(choose(&losses, &[0.0; 4]), 2);
    assert_eq!(choose(&[[0.5, 0.0], [0.4, 0.0]], &[0.0; 2]), 1);
    // What forgets is not chosen, and if all do, then what forgets least.
    assert_eq!(choose(&losses, &[0.0, 0.0, 0.02, 0.0]), 1);
    assert_eq!(choose(&losses, &[-0.01, 0.01, 0.02, 0.01]), 0);
    assert_eq!(choose(&losses, &[0.03, 0.04, 0.03, 0.02]), 3);
}
