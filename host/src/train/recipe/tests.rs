//! Built-in recipes are what they claim; bad ones are refused by name.

use std::path::Path;

use mien_models::label::Labels;

use super::{BUILTIN, Recipe, RecipeError, Schedule};
use crate::train::plan::Plan;

fn open(name: &str) -> Recipe {
    Recipe::open(name).unwrap()
}

fn changed(from: &str, to: &str) -> Result<Recipe, RecipeError> {
    let text = BUILTIN[0].1;
    assert!(text.contains(from), "{from}");
    Recipe::parse(&text.replacen(from, to, 1), Path::new("changed.toml"))
}

#[test]
fn parameter_counts_are_the_published_ones() {
    let parameters = |name, labels| Plan::new(&open(name), labels).unwrap().parameters();
    // The seed's own five-way output gives the 359,173 its notebook prints.
    assert_eq!(parameters("seed", 5), 359_173);
    assert_eq!(parameters("seed", 7), 359_431);
    assert!(parameters("compact", 7) <= 560_000);
}

#[test]
fn merged_groups_map_every_class_once() {
    let (labels, map) = open("seed-merged").labels(&Labels::fer2013()).unwrap();
    let names: Vec<&str> = labels.iter().collect();
    assert_eq!(
        names,
        ["angry", "disgust|fear|surprise", "happy", "sad|neutral"]
    );
    assert_eq!(map, [0, 1, 1, 2, 3, 1, 3]);
}

#[test]
fn groups_that_miss_or_repeat_a_class_are_refused() {
    let data = Labels::fer2013();
    let mut recipe = open("seed-merged");
    recipe.groups[3].classes.pop();
    assert!(
        recipe
            .labels(&data)
            .unwrap_err()
            .to_string()
            .contains("\"neutral\" is in no group")
    );
    recipe.groups[3].classes.push("happy".to_owned());
    assert!(
        recipe
            .labels(&data)
            .unwrap_err()
            .to_string()
            .contains("in two groups")
    );
    recipe.groups[3].classes.pop();
    recipe.groups[3].classes.push("smug".to_owned());
    assert!(
        recipe
            .labels(&data)
            .unwrap_err()
            .to_string()
            .contains("not in the data")
    );
}

#[test]
fn unknown_keys_and_values_out_of_range_are_named() {
    let error = changed("batch = 128", "batch = 128\nbatch_sise = 3").unwrap_err();
    let mut chain = error.to_string();
    if let Some(source) = std::error::Error::source(&error) {
        chain += &source.to_string();
    }
    assert!(chain.contains("batch_sise"), "{chain}");
    for (from, to, key) in [
        ("epochs = 30", "epochs = 0", "epochs"),
        ("batch = 128", "batch = 1", "batch"),
        (
            "learning_rate = 0.1",
            "learning_rate = -1.0",
            "learning_rate",
        ),
        ("rate = 0.2", "rate = 1.0", "layers.rate"),
        ("target_std = 48", "target_std = 0", "target_std"),
        (
            "rotation_deg = 12.0",
            "rotation_deg = nan",
            "augment.rotation_deg",
        ),
        ("erase = 0.25", "erase = 1.25", "augment.erase"),
        (
            "flip = true",
            "crop_area = [0.9, 0.5]",
            "augment.crop_area is 0.5",
        ),
        (
            "flip = true",
            "erase_area = [0.0, 0.5]",
            "augment.erase_area",
        ),
        (
            "flip = true",
            "jpeg_quality = [40, 101]",
            "augment.jpeg_quality is 101",
        ),
    ] {
        let error = changed(from, to).unwrap_err().to_string();
        assert!(error.contains(key), "{to}: {error}");
    }
}

#[test]
fn impossible_layers_are_named_with_their_number() {
    for (from, to, layer, part) in [
        ("out = 32", "out = 0", 1, "0 outputs"),
        (
            "out = 32",
            "out = 32\nkernel = 99\npadding = \"valid\"",
            1,
            "kernel 99",
        ),
        (
            "kind = \"global_avg_pool\"",
            "kind = \"max_pool\"",
            7,
            "needs a vector",
        ),
    ] {
        let error = Plan::new(&changed(from, to).unwrap(), 7).unwrap_err();
        assert_eq!(error.layer, layer, "{error}");
        assert!(error.why.contains(part), "{error}");
    }
}

#[test]
fn names_that_are_neither_file_nor_builtin_list_the_builtin_ones() {
    let error = Recipe::open("no-such-recipe").unwrap_err().to_string();
    assert!(
        error.contains("compact") && error.contains("seed-merged"),
        "{error}"
    );
}

#[test]
fn cosine_rises_then_falls_to_zero() {
    let schedule = Schedule::Cosine {
        learning_rate: 0.2,
        warmup_epochs: 2.0,
    };
    assert_eq!(schedule.learning_rate(1.0, 10.0), 0.1);
    assert!((schedule.learning_rate(2.0, 10.0) - 0.2).abs() < 1e-12);
    assert!((schedule.learning_rate(6.0, 10.0) - 0.1).abs() < 1e-12);
    assert!(schedule.learning_rate(10.0, 10.0).abs() < 1e-12);
}

#[test]
fn every_augmentation_is_a_key_that_survives_the_run_folder() {
    let keys = "flip = true
shear_deg = 8
crop_area = [0.7, 1]
crop_aspect = 0.3
detector_jitter = 1
gamma = 0.4
blur_sigma_px = 1.0
noise_std = 6.0
jpeg_quality = [40, 95]
brightness = 0.1
erase_area = [0.02, 0.3]";
    let recipe = changed("flip = true", keys).unwrap();
    assert_eq!(recipe.augment.crop_area, Some([0.7, 1.0]));
    let text = toml::to_string(&recipe).unwrap();
    assert_eq!(Recipe::parse(&text, Path::new("again")).unwrap(), recipe);
    let error = changed("flip = true", "flop = true").unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("flop"), "{source}");
}
