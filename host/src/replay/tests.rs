//! Replay sets of drawn pictures.

use std::collections::HashSet;

use mien_models::container::{decode, encode};
use mien_models::label::Labels;
use mien_models::procedural::{Scene, plane, test_model};

use super::*;
use crate::dataset::{PIXELS, Split};

/// Drawings of seven brightnesses, `each` of Training per class, and as many of PublicTest.
fn drawn(each: usize) -> Dataset {
    let mut data = Dataset::new(Labels::fer2013());
    for i in 0..14 * each {
        let class = i % 7;
        let pixels = plane(Scene::Noise, i as u64, 48, 48).pixels;
        let level = (255 * (2 * class + 1) / 14) as i32;
        let picture: [u8; PIXELS] =
            std::array::from_fn(|p| (level + i32::from(pixels[p]) / 16 - 8).clamp(0, 255) as u8);
        let split = if i < 7 * each {
            Split::Training
        } else {
            Split::PublicTest
        };
        data.push(&picture, class as u8, split);
    }
    data
}

fn model_file() -> Vec<u8> {
    let model = test_model();
    encode(&model, model.model_id(), 4).unwrap()
}

#[test]
fn rows_are_the_features_of_training_pictures_as_many_of_each_label() {
    let data = drawn(40);
    let made = make(&model_file(), &data, "drawings", 1, Progress::Silent).unwrap();
    assert!(made.file.len() <= MAX_REPLAY_FILE_BYTES);
    let (header, set) = decode::<ReplaySet<'_>>(&made.file).unwrap();
    assert_eq!(header.model_id, test_model().model_id());
    assert_eq!(set.labels, Labels::fer2013());
    assert_eq!(
        (made.fitted, made.held_out),
        (usize::from(set.fitted), set.len() - made.fitted)
    );
    // A tenth of Training is set aside, by its pixels.
    let rows = |label: u8| set.classes.iter().filter(|c| **c == label).count();
    for label in 0..7 {
        assert!((25..=40).contains(&rows(label)), "{}", rows(label));
        assert_eq!(rows(label) as u32, set.pictures[usize::from(label)]);
    }
    // The test model's only feature is the mean brightness.
    for (class, features) in set.rows() {
        let label = (7.0 * features[0]).floor() as usize;
        assert_eq!((features.len(), label), (1, class));
    }
    assert_eq!(made.verdicts_kept, 1.0);
}

#[test]
fn a_choice_is_balanced_fits_the_room_and_repeats() {
    let data = drawn(30);
    let kept = data.indices_of(Split::Training);
    let labels = Labels::fer2013();
    let choice = choose(&data, &kept, &labels, 7 * 12 + 6, 3).unwrap();
    assert_eq!((choice.indices.len(), choice.fitted), (7 * 12, 7 * 8));
    assert_eq!(choice.pictures, [30; 7]);
    let distinct: HashSet<u32> = choice.indices.iter().copied().collect();
    assert_eq!(distinct.len(), 7 * 12);
    for (index, class) in choice.indices.iter().zip(&choice.classes) {
        assert_eq!(data.label(*index as usize), *class);
    }
    assert_eq!(choose(&data, &kept, &labels, 90, 3).unwrap(), choice);
    assert_ne!(choose(&data, &kept, &labels, 90, 4).unwrap(), choice);
}

#[test]
fn too_little_data_or_room_is_an_error() {
    let data = drawn(2);
    let kept = data.indices_of(Split::Training);
    let labels = Labels::fer2013();
    let error = choose(&data, &kept, &labels, 90, 3).unwrap_err();
    assert!(error.to_string().contains("\"angry\""), "{error}");
    let error = choose(&data, &kept, &labels, 20, 3).unwrap_err();
    assert!(matches!(error, ReplayError::TooWide(20)), "{error}");
}
