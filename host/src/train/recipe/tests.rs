//! Built-in recipes are what they claim; bad ones are refused by name.

use std::path::Path;

use mien_models::label::Labels;

use super::{Recipe, RecipeError, Schedule};
use crate::train::plan::{Plan, StepOp};

/// What the tests change: the built-in recipes follow what trains best.
const BASE: &str = include_str!("tests/base.toml");

fn open(name: &str) -> Recipe {
    Recipe::open(name).unwrap()
}

fn changed(from: &str, to: &str) -> Result<Recipe, RecipeError> {
    let text = BASE;
    assert!(text.contains(from), "{from}");
    Recipe::parse(&text.replacen(from, to, 1), Path::new("changed.toml"))
}

#[test]
fn parameter_counts_are_the_published_ones() {
    let parameters = |name, labels| Plan::new(&open(name), labels).unwrap().parameters();
    // The seed's own five-way output gives the 359,173 its notebook prints.
    assert_eq!(parameters("seed", 5), 359_173);
    assert_eq!(parameters("seed", 7), 359_431);
    // What an int8 file of 600,000 and of 150,000 bytes has room for.
    assert!(parameters("deep", 7) <= 570_000);
    assert!(parameters("compact", 7) <= 570_000);
    assert!(parameters("tiny", 7) <= 134_000);
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

#[track_caller]
fn message(from: &str, to: &str) -> String {
    let error = changed(from, to).unwrap_err();
    let source = std::error::Error::source(&error).map(ToString::to_string);
    format!("{error} {}", source.unwrap_or_default())
}

#[test]
fn unknown_keys_and_kinds_are_named() {
    for (from, to, part) in [
        ("batch = 128", "batch = 128\nbatch_sise = 3", "batch_sise"),
        ("out = 48", "out = 48\nsqueeze = 4", "squeeze"),
        ("out = 48", "out = 48\nshortcut = \"none\"", "avg_pool"),
        ("kind = \"residual\"", "kind = \"resnet\"", "residual"),
        ("kind = \"sgd\"", "kind = \"adamw\"", "momentum"),
        ("kind = \"cosine\"", "kind = \"plateu\"", "plateau"),
        ("warmup_epochs = 1.0", "warmup = 1.0", "warmup"),
        ("[schedule]", "[sam]\nradius = 0.05\n[schedule]", "radius"),
    ] {
        let message = message(from, to);
        assert!(message.contains(part), "{to}: {message}");
    }
}

#[test]
fn values_out_of_range_are_named() {
    let plateau = |values: &str| {
        let start = "kind = \"plateau\"\nlearning_rate = 0.1\n";
        (
            "kind = \"cosine\"\nlearning_rate = 0.1\nwarmup_epochs = 1.0",
            format!("{start}{values}"),
        )
    };
    let sgd = "kind = \"sgd\"\nmomentum = 0.9\nnesterov = true\nweight_decay = 5e-4";
    let adamw = |values: &str| (sgd, format!("kind = \"adamw\"\n{values}"));
    let plain = |from, to: &str| (from, to.to_owned());
    for ((from, to), key) in [
        (plain("epochs = 30", "epochs = 0"), "epochs"),
        (plain("batch = 128", "batch = 1"), "batch"),
        (
            plain("learning_rate = 0.1", "learning_rate = -1.0"),
            "schedule.learning_rate",
        ),
        (
            plain("learning_rate = 0.1", "learning_rate = nan"),
            "schedule.learning_rate",
        ),
        (
            plain("warmup_epochs = 1.0", "warmup_epochs = 30.0"),
            "schedule.warmup_epochs",
        ),
        (plain("rate = 0.2", "rate = 1.0"), "layers.rate"),
        (plain("target_std = 48", "target_std = 0"), "target_std"),
        (
            plain("rotation_deg = 12.0", "rotation_deg = nan"),
            "augment.rotation_deg",
        ),
        (plain("erase = 0.25", "erase = 1.25"), "augment.erase"),
        (
            plain("flip = true", "crop_area = [0.9, 0.5]"),
            "augment.crop_area",
        ),
        (
            plain("flip = true", "erase_area = [0.0, 0.5]"),
            "augment.erase_area",
        ),
        (
            plain("flip = true", "jpeg_quality = [40, 101]"),
            "augment.jpeg_quality",
        ),
        (plain("seed = 1", "seed = 1\ndrop_path = 1.0"), "drop_path"),
        (plain("seed = 1", "seed = 1\nclip_norm = -1.0"), "clip_norm"),
        (plain("out = 48", "out = 48\nrepeat = 0"), "layers.repeat"),
        (plain("out = 48", "out = 48\nrepeat = 65"), "layers.repeat"),
        (
            plain("momentum = 0.9", "momentum = 1.0"),
            "optimizer.momentum",
        ),
        (
            plain("[schedule]", "[sam]\nrho = 0.0\n[schedule]"),
            "sam.rho",
        ),
        (
            plateau("factor = 1.0\npatience_epochs = 3"),
            "schedule.factor",
        ),
        (
            plateau("factor = 0.5\npatience_epochs = 0"),
            "schedule.patience_epochs",
        ),
        (
            plateau("factor = 0.5\npatience_epochs = 3\nmin_learning_rate = 0.2"),
            "schedule.min_learning_rate",
        ),
        (adamw("weight_decay = 1.5"), "optimizer.weight_decay"),
        (
            adamw("weight_decay = 0.1\nbeta_2 = 1.0"),
            "optimizer.beta_2",
        ),
        (
            adamw("weight_decay = 0.1\nepsilon = 0.0"),
            "optimizer.epsilon",
        ),
    ] {
        let message = message(from, &to);
        assert!(message.contains(&format!("{key} is ")), "{to}: {message}");
    }
    for (to, part) in [
        ("crop_area = [0.9, 0.5]", "crop_area is 0.5"),
        ("jpeg_quality = [40, 101]", "jpeg_quality is 101"),
    ] {
        let message = message("flip = true", to);
        assert!(message.contains(part), "{to}: {message}");
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
            "out = 32",
            "out = 32\nse = 33",
            1,
            "none of its 32 channels",
        ),
        ("out = 32", "out = 500", 1, "values, at most"),
        (
            "out = 32",
            "out = 32\nstride = 3\nrepeat = 2\nkernel = 3\npadding = \"valid\"\n[[layers]]\nkind = \"residual\"\nout = 8\nstride = 4\nshortcut = \"avg_pool\"",
            2,
            "halves even sides, not 14x14 by 4",
        ),
        (
            "out = 160\nstride = 2",
            "out = 160\nrepeat = 64\nse = 4",
            4,
            "operations so far",
        ),
        (
            "out = 160\nstride = 2",
            "out = 2000",
            4,
            "parameters so far",
        ),
        (
            "kind = \"global_avg_pool\"",
            "kind = \"max_pool\"",
            7,
            "needs a vector",
        ),
    ] {
        let error = Plan::new(&changed(from, to).unwrap(), 7).unwrap_err();
        assert!(error.why.contains(part), "{error}");
        assert_eq!(error.layer, layer, "{error}");
    }
}

#[test]
fn a_recipe_survives_being_written_and_read() {
    let text = BASE.replace(
        "seed = 1\n",
        "seed = 1\ndrop_path = 0.1\nearly_stop_epochs = 9\n",
    ) + "[sam]\nrho = 0.05\n";
    let recipe = Recipe::parse(&text, Path::new("full.toml")).unwrap();
    let written = toml::to_string(&recipe).unwrap();
    assert_eq!(
        Recipe::parse(&written, Path::new("again.toml")).unwrap(),
        recipe
    );
}

#[test]
fn stochastic_depth_rises_to_the_last_block() {
    let text = BASE.replace("seed = 1\n", "seed = 1\ndrop_path = 0.3\n");
    let recipe = Recipe::parse(&text, Path::new("deep.toml")).unwrap();
    let plan = Plan::new(&recipe, 7).unwrap();
    let rates: Vec<f64> = plan
        .steps
        .iter()
        .filter_map(|step| match step.op {
            StepOp::DropPath { rate } => Some((rate * 1e6).round() / 1e6),
            _ => None,
        })
        .collect();
    assert_eq!(rates, [0.1, 0.2, 0.3]);
    let without = Recipe::parse(BASE, Path::new("base.toml")).unwrap();
    let without = Plan::new(&without, 7).unwrap();
    assert_eq!(
        plan.nodes(),
        without.nodes(),
        "the model file has no trace of it"
    );
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
    assert_eq!(schedule.learning_rate(1.0, 10.0, 0), 0.1);
    assert!((schedule.learning_rate(2.0, 10.0, 0) - 0.2).abs() < 1e-12);
    assert!((schedule.learning_rate(6.0, 10.0, 0) - 0.1).abs() < 1e-12);
    assert!(schedule.learning_rate(10.0, 10.0, 0).abs() < 1e-12);
}

#[test]
fn every_augmentation_is_a_key_that_survives_the_run_folder() {
    let keys = "flip = true
shear_deg = 8
crop_area = [0.7, 1]
crop_aspect = 0.3
border = \"mirror\"
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
