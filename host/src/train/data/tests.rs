//! Targets computed by hand, and what cannot be prepared.

use std::path::Path;

use mien_models::procedural::{Scene, plane};

use super::*;
use crate::dataset::ferplus::Votes;
use crate::dataset::{PIXELS, SIDE};

const RECIPE: &str = r#"
name = "test"
description = "For its data."
epochs = 1
batch = 2
seed = 5
select = "validation_loss"
input = { kind = "raw" }
optimizer = { kind = "sgd", momentum = 0.0, nesterov = false, weight_decay = 0.0 }
schedule = { kind = "constant", learning_rate = 0.1 }
layers = [{ kind = "global_avg_pool" }]
"#;

fn recipe(more: &str) -> Recipe {
    let text = RECIPE.replace("seed = 5", &format!("seed = 5\n{more}"));
    Recipe::parse(&text, Path::new("test.toml")).unwrap()
}

fn picture(seed: u64) -> [u8; PIXELS] {
    let drawn = plane(Scene::Noise, seed, SIDE as u32, SIDE as u32);
    drawn.pixels.try_into().unwrap()
}

const ANGRY: u8 = 0;
const DISGUST: u8 = 1;
const FEAR: u8 = 2;
const HAPPY: u8 = 3;
const SAD: u8 = 4;
const SURPRISE: u8 = 5;
const NEUTRAL: u8 = 6;

/// Nine pictures that stay, three that hygiene takes, two to choose by; with votes.
fn dataset() -> Dataset {
    let mut data = Dataset::new(Labels::fer2013());
    let mut votes = Votes::default();
    let mut push = |pixels: &[u8; PIXELS], class, split, counts| {
        data.push(pixels, class, split);
        votes.push(counts, split);
    };
    let train = Split::Training;
    // neutral, happiness, surprise, sadness, anger, disgust, fear, contempt, unknown, NF
    push(&picture(0), ANGRY, train, [0, 0, 0, 0, 6, 0, 0, 2, 2, 0]);
    push(&picture(1), ANGRY, train, [0, 10, 0, 0, 0, 0, 0, 0, 0, 0]);
    push(&picture(1), HAPPY, train, [0, 10, 0, 0, 0, 0, 0, 0, 0, 0]);
    push(&picture(2), DISGUST, train, [0, 0, 0, 0, 0, 0, 0, 0, 10, 0]);
    push(&picture(3), FEAR, train, [0, 0, 0, 0, 0, 0, 10, 0, 0, 0]);
    push(&picture(4), HAPPY, train, [0, 10, 0, 0, 0, 0, 0, 0, 0, 0]);
    push(&picture(5), SAD, train, [0, 0, 0, 10, 0, 0, 0, 0, 0, 0]);
    push(
        &picture(6),
        SURPRISE,
        train,
        [0, 0, 10, 0, 0, 0, 0, 0, 0, 0],
    );
    push(&picture(7), NEUTRAL, train, [10, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    push(&[9; PIXELS], SAD, train, [0, 0, 0, 10, 0, 0, 0, 0, 0, 0]);
    push(&picture(8), HAPPY, train, [0, 10, 0, 0, 0, 0, 0, 0, 0, 0]);
    push(&picture(9), FEAR, train, [0, 0, 0, 0, 0, 0, 5, 0, 0, 5]);
    let public = Split::PublicTest;
    push(&picture(8), HAPPY, public, [0, 10, 0, 0, 0, 0, 0, 0, 0, 0]);
    push(&picture(10), SAD, public, [0, 0, 0, 10, 0, 0, 0, 0, 0, 0]);
    data.attach_votes(votes).unwrap();
    data
}

fn ready(data: &Dataset, recipe: &Recipe) -> Result<Prepared, DataError> {
    prepare(data, recipe, &[])
}

const HYGIENE: &str = "hygiene = { calibration_share = 0.0 }\n";

#[track_caller]
fn close(row: &[f32], expected: &[f32]) {
    let near = row.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5);
    assert!(
        near && row.len() == expected.len(),
        "{row:?} is not {expected:?}"
    );
}

#[test]
fn hygiene_and_averaged_labels_reach_the_targets() {
    let prepared = ready(&dataset(), &recipe(HYGIENE)).unwrap();
    let training = &prepared.data.training;
    assert_eq!((training.len(), prepared.data.validation.len()), (9, 2));
    assert_eq!(training.picture(0), picture(0));
    assert_eq!(training.picture(8), picture(7));
    let row = |i: usize| &training.targets[7 * i..][..7];
    close(row(0), &[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    for conflicting in [1, 2] {
        close(row(conflicting), &[0.5, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0]);
    }
    let report = prepared.hygiene.unwrap();
    let left = [report.evaluation_duplicates, report.blank];
    assert_eq!((left, report.not_a_face), ([1, 1], Some(1)));
    let all = ready(&dataset(), &recipe("")).unwrap();
    assert_eq!(all.data.training.len(), 12, "without hygiene all stay");
}

#[test]
fn pictures_of_another_set_that_judges_leave_too() {
    let mut other = Dataset::new(Labels::fer2013());
    other.push(&picture(5), SAD, Split::PrivateTest);
    other.push(&picture(20), SAD, Split::PrivateTest);
    let error = prepare(&dataset(), &recipe(HYGIENE), &[&other]).err();
    // It was the only sad one.
    assert!(
        matches!(&error, Some(DataError::NoneLeft(label)) if label == "sad"),
        "{error:?}"
    );
}

#[test]
fn votes_are_blended_with_the_labels_and_fill_the_auxiliary_head() {
    let votes = "ferplus = { blend = 0.25, auxiliary = 0.5, contempt = \"neutral\" }\n";
    let prepared = ready(&dataset(), &recipe(&format!("{HYGIENE}{votes}"))).unwrap();
    let row = |i: usize| &prepared.data.training.targets[14 * i..][..14];
    // Six of anger and two of contempt among eight: 3/4 and 1/4 of a quarter.
    close(
        row(0),
        &[
            0.9375, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0625, 0.75, 0.0, 0.0, 0.0, 0.0, 0.0, 0.25,
        ],
    );
    close(
        row(1),
        &[
            0.375, 0.0, 0.0, 0.625, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0,
        ],
    );
    // No vote that counts: the label alone, and nothing for the auxiliary head.
    let mut alone = [0.0; 14];
    alone[usize::from(DISGUST)] = 1.0;
    close(row(3), &alone);
}

#[test]
fn rare_classes_weigh_more_and_votes_of_the_auxiliary_head_stay() {
    let keys = "ferplus = { blend = 0.25, auxiliary = 0.5, contempt = \"neutral\" }\n\
                class_balance_beta = 0.5\n";
    let prepared = ready(&dataset(), &recipe(&format!("{HYGIENE}{keys}"))).unwrap();
    let row = |i: usize| &prepared.data.training.targets[14 * i..][..14];
    // Of nine pictures 1.6875 are angry, 2.25 happy, 1.0625 neutral, 1 of each other class:
    // (1 - b) / (1 - b^n), over their mean of 0.851931.
    let mut expected = [0.0; 14];
    (expected[0], expected[6]) = (0.814_065, 0.054_271);
    (expected[7], expected[13]) = (0.75, 0.25);
    close(row(0), &expected);
    let mut expected = [0.0; 14];
    expected[usize::from(DISGUST)] = 1.173_803;
    close(row(3), &expected);
    let rows = prepared.data.training.targets.chunks_exact(14);
    let weight: f32 = rows.flat_map(|row| &row[..7]).sum();
    assert!((weight - 9.0).abs() < 1e-4, "1 a picture: {weight}");
}

#[test]
fn groups_join_the_targets_of_their_classes() {
    let groups = r#"groups = [
  { name = "tense", classes = ["angry", "disgust", "fear", "sad"] },
  { name = "other", classes = ["happy", "surprise", "neutral"] },
]
ferplus = { blend = 0.25, contempt = "neutral" }
"#;
    let prepared = ready(&dataset(), &recipe(&format!("{HYGIENE}{groups}"))).unwrap();
    let row = |i: usize| &prepared.data.training.targets[2 * i..][..2];
    close(row(0), &[0.9375, 0.0625]);
    close(row(1), &[0.375, 0.625]);
    close(row(6), &[1.0, 0.0]);
}

/// Seventy pictures, ten of each class, and a few to choose by.
fn many() -> Dataset {
    let mut data = Dataset::new(Labels::fer2013());
    for i in 0..70u8 {
        data.push(&picture(u64::from(i)), i % 7, Split::Training);
    }
    for i in 70..77u8 {
        data.push(&picture(u64::from(i)), i % 7, Split::PublicTest);
    }
    data
}

#[test]
fn pictures_set_aside_come_back_without_label_where_teachers_speak_of_them() {
    let keys = "hygiene = { calibration_share = 0.4 }\n";
    let distilled = |unlabelled: bool| {
        format!(
            "{keys}distillation = {{ temperature = 2.0, weight = 0.5, views = 2, unlabelled = \
             {unlabelled} }}\n"
        )
    };
    let without = ready(&many(), &recipe(&distilled(false))).unwrap();
    let aside = without.calibration.len();
    assert!((15..=40).contains(&aside), "{aside}");
    let fitted = without.data.training.len();
    assert_eq!(fitted, 70 - aside);

    let with = ready(&many(), &recipe(&distilled(true))).unwrap();
    assert_eq!(with.calibration, without.calibration);
    let training = &with.data.training;
    assert_eq!(training.len(), 70);
    assert_eq!(training.targets.len(), 7 * 70);
    assert_eq!(
        training.targets[..7 * fitted],
        without.data.training.targets
    );
    assert!(training.targets[7 * fitted..].iter().all(|t| *t == 0.0));
    let data = many();
    for (i, index) in with.calibration.iter().enumerate() {
        assert_eq!(training.picture(fitted + i), data.pixels(*index as usize));
    }
}

#[test]
fn a_class_without_a_picture_is_named_and_hygiene_too_where_it_took_them() {
    let mut data = Dataset::new(Labels::fer2013());
    for i in 0..30u8 {
        // The only pictures of disgust are also PublicTest's.
        let class = i % 7;
        data.push(&picture(u64::from(i)), class, Split::Training);
        if class == DISGUST {
            data.push(&picture(u64::from(i)), class, Split::PublicTest);
        }
    }
    assert!(ready(&data, &recipe("")).is_ok());
    let message = |data: &Dataset, keys: &str| {
        let error = ready(data, &recipe(keys)).err();
        error.map(|e| e.to_string()).unwrap_or_default()
    };
    let said = message(&data, HYGIENE);
    assert!(
        said.contains("\"disgust\"") && said.contains("mien data hygiene"),
        "{said}"
    );
    let mut without = Dataset::new(Labels::fer2013());
    for i in 0..30u8 {
        without.push(&picture(u64::from(i)), i % 6, Split::Training);
    }
    for keys in ["", HYGIENE] {
        let said = message(&without, keys);
        assert!(
            said.contains("\"neutral\"") && !said.contains("hygiene"),
            "{said}"
        );
    }
}

#[test]
fn without_votes_the_labels_alone_are_the_target_and_that_is_known() {
    let votes = "ferplus = { blend = 0.5 }\n";
    let with = ready(&many(), &recipe(votes)).unwrap();
    let plain = ready(&many(), &recipe("")).unwrap();
    assert!(with.without_votes && !plain.without_votes);
    assert_eq!(with.data.training.targets, plain.data.training.targets);
}
