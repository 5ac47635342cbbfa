//! A pack says what its teachers said, or is refused.

use burn::backend::Flex;
use burn::tensor::activation::softmax;
use mien_models::procedural::{Scene, plane};

use super::*;

const RECIPE: &str = r#"
name = "test"
description = "Small enough for a test."
epochs = 4
batch = 4
seed = 5
select = "validation_loss"
input = { kind = "raw" }
augment = { flip = true, rotation_deg = 10.0, erase = 0.5 }
distillation = { temperature = 2.0, weight = 0.5, views = 2 }
optimizer = { kind = "sgd", momentum = 0.0, nesterov = false, weight_decay = 0.0 }
schedule = { kind = "constant", learning_rate = 0.1 }
layers = [
  { kind = "conv", out = 3, stride = 4 },
  { kind = "global_avg_pool" },
]
"#;

fn recipe(from: &str, to: &str) -> Recipe {
    let text = RECIPE.replace(from, to);
    assert!(from == to || text != RECIPE, "{from}");
    Recipe::parse(&text, Path::new("test.toml")).unwrap()
}

fn student() -> Recipe {
    recipe("", "")
}

fn pictures(first: u64) -> Pictures {
    let drawn = (first..first + 5).map(|seed| plane(Scene::Face, seed, 48, 48).pixels);
    Pictures::labelled(drawn.flatten().collect(), vec![0, 1, 2, 0, 1], 3)
}

fn teacher(recipe: Recipe) -> Teacher<Flex> {
    let plan = Plan::new(&recipe, 3).unwrap();
    let net = Net::new(&plan, recipe.seed, &Default::default());
    Teacher { recipe, plan, net }
}

/// Another input than the student's, and a teacher with an auxiliary head.
fn teachers() -> [Teacher<Flex>; 2] {
    [
        recipe(
            "seed = 5\n",
            "seed = 8\nferplus = { blend = 0.0, auxiliary = 0.5 }\n",
        ),
        recipe("\"raw\"", "\"standardized\", target_std = 48, min_std = 12"),
    ]
    .map(teacher)
}

#[test]
fn a_pack_holds_the_softmax_of_the_mean_logits_of_what_the_student_sees() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("teach.pack");
    let (student, pictures, teachers) = (student(), pictures(0), teachers());
    let device = Default::default();
    let mut done = 0;
    teach(&teachers, &student, &pictures, &path, &device, |n| {
        done += n;
    })
    .unwrap();
    assert_eq!(done, 2 * 5, "two views of five pictures");
    let taught = read(&path, &student, &pictures).unwrap();
    let mut views = vec![];
    for view in 0..2 {
        for index in 0..5 {
            let mut mean = Tensor::<Flex, 2>::zeros([1, 3], &device);
            for teacher in &teachers {
                let mut input = vec![0f32; augment::PIXELS];
                augment::random(
                    pictures.picture(index),
                    &teacher.recipe.input.preprocessing(),
                    &student.augment,
                    SIDE,
                    &mut view_generator(student.seed, view, index),
                    &mut input,
                );
                let x = Tensor::from_data(TensorData::new(input, [1, 1, SIDE, SIDE]), &device);
                let constants = teacher.recipe.batch_norm;
                let y = teacher
                    .net
                    .forward(&teacher.plan, constants, x, Mode::Evaluate);
                mean = mean + y.narrow(1, 0, 3).div_scalar(2.0);
            }
            for temperature in [1.0, 2.0] {
                let expected = floats(softmax(mean.clone().div_scalar(temperature), 1).into_data());
                let p = taught.probabilities(index, view, temperature);
                let error = p.iter().zip(&expected).map(|(a, b)| (a - b).abs());
                // Logits are stored in steps of 1/256.
                assert!(error.fold(0.0, f32::max) < 2e-3, "{p:?} {expected:?}");
            }
            views.push(taught.probabilities(index, view, 1.0));
        }
    }
    assert_ne!(views[..5], views[5..], "views differ");
}

#[test]
fn other_pictures_seeds_augmentations_and_views_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("teach.pack");
    let device = Default::default();
    teach(
        &teachers(),
        &student(),
        &pictures(0),
        &path,
        &device,
        |_| {},
    )
    .unwrap();
    let refused = |recipe: &Recipe, pictures: &Pictures| {
        let error = read(&path, recipe, pictures).unwrap_err();
        assert!(matches!(error, TeacherError::Other { .. }), "{error}");
        let said = error.to_string();
        assert!(
            said.contains("teach.pack") && said.contains("mien teach"),
            "{said}"
        );
    };
    refused(&student(), &pictures(1));
    for [from, to] in [
        ["seed = 5", "seed = 6"],
        ["rotation_deg = 10.0", "rotation_deg = 11.0"],
        ["views = 2", "views = 3"],
    ] {
        refused(&recipe(from, to), &pictures(0));
    }
    // What does not change the pictures may change.
    read(
        &path,
        &recipe("temperature = 2.0", "temperature = 4.0"),
        &pictures(0),
    )
    .unwrap();
}

#[test]
fn a_damaged_pack_is_refused_wherever_it_is_cut_or_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("teach.pack");
    let device = Default::default();
    let (student, pictures) = (student(), pictures(0));
    teach(&teachers(), &student, &pictures, &path, &device, |_| {}).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let refused = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let error = read(&path, &student, &pictures).unwrap_err();
        assert!(matches!(error, TeacherError::Damaged { .. }), "{error}");
        let said = error.to_string();
        assert!(
            said.contains("teach.pack") && said.contains("mien teach"),
            "{said}"
        );
    };
    for len in 0..whole.len() {
        refused(&whole[..len]);
    }
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x10;
        refused(&changed);
    }
    refused(&[&whole[..], b"more"].concat());
    let missing = read(&folder.path().join("none.pack"), &student, &pictures).unwrap_err();
    assert!(
        matches!(missing, TeacherError::Io { .. }) && missing.to_string().contains("none.pack")
    );
}
