//! Checkpoints survive the way to another machine and whatever happens while they are written, or
//! say which file did not.

use std::fs;
use std::path::{Path, PathBuf};

use burn::backend::{Autodiff, Flex};
use burn::module::Module;
use burn::optim::GradientsParams;
use burn::record::{BinFileRecorder, FullPrecisionSettings};

use super::folder::{Older, replace};
use super::*;
use crate::train::plan::Plan;
use crate::train::recipe::Recipe;
use crate::train::run::fresh;

type B = Autodiff<Flex>;

const RECIPE: &str = r#"
name = "test"
description = "Small enough for a test."
epochs = 9
batch = 4
seed = 5
select = "validation_loss"
input = { kind = "raw" }
optimizer = { kind = "adamw", weight_decay = 0.1 }
schedule = { kind = "constant", learning_rate = 0.05 }
layers = [
  { kind = "conv", out = 4, stride = 4 },
  { kind = "residual", out = 12, stride = 2 },
  { kind = "global_avg_pool" },
]
"#;

/// A state with moments in its optimizer, and of another recipe where `changed` says so.
fn state(epochs: usize, changed: [&str; 2]) -> State<B> {
    let text = RECIPE.replace(changed[0], changed[1]);
    let recipe = Recipe::parse(&text, Path::new("test.toml")).unwrap();
    let plan = Plan::new(&recipe, 3).unwrap();
    let mut state = fresh::<B>(&recipe, &plan, &Default::default());
    let weights = state.net.convs[1].weight.val();
    let loss = weights.clone() * weights;
    let grads = GradientsParams::from_grads(loss.sum().backward(), &state.net);
    state.net = state
        .rule
        .step(0.01 * epochs as f64, state.net.clone(), grads);
    state.progress.epochs = epochs;
    state
}

fn plain(epochs: usize) -> State<B> {
    state(epochs, ["", ""])
}

fn load_last(folder: &Path) -> Result<Option<Loaded<B>>, CheckpointError> {
    load(&plain(0), folder, &Default::default())
}

/// Finished epochs of what is loaded, and the error of what was not.
fn loaded_epochs(folder: &Path) -> (usize, Option<String>) {
    let loaded = load_last(folder).unwrap().unwrap();
    let damaged = loaded.damaged.map(|e| e.to_string());
    (loaded.state.progress.epochs, damaged)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

#[track_caller]
fn same_weights(a: &State<B>, b: &State<B>) {
    let values = |net: &Net<Flex>| -> Vec<f32> {
        let convs = net.convs.iter();
        let values = convs.flat_map(|c| c.weight.val().into_data().to_vec::<f32>().unwrap());
        values.collect()
    };
    use burn::module::AutodiffModule;
    assert_eq!(values(&a.net.valid()), values(&b.net.valid()));
    assert_eq!(values(&a.average), values(&b.average));
    assert_eq!(a.progress, b.progress);
}

#[test]
fn files_are_short_enough_to_travel_and_join_again() {
    const { assert!(PART_BYTES <= 15 * 1024 * 1024) };
    let folder = tempfile::tempdir().unwrap();
    let last = folder.path().join("last");
    let state = plain(3);
    save_in_parts(&state, &last, 2000).unwrap();
    let parts = |of: &str| {
        let files = files(&last);
        let parts = files.iter().filter(|path| name(path).starts_with(of));
        parts.count()
    };
    assert!(
        parts("net.mpk.") >= 2 && parts("optimizer.mpk.") >= 2,
        "{:?}",
        files(&last)
    );
    for file in files(&last) {
        let bytes = fs::metadata(&file).unwrap().len();
        assert!(
            name(&file) == "manifest.json" || bytes <= 2000,
            "{file:?}: {bytes}"
        );
    }
    let loaded = load_last(&last).unwrap().unwrap();
    assert!(loaded.damaged.is_none());
    same_weights(&loaded.state, &state);
    // The optimizer goes on as if nothing had been.
    let next = |mut state: State<B>| {
        let loss = state.net.convs[1].weight.val().sum();
        let grads = GradientsParams::from_grads(loss.backward(), &state.net);
        state.net = state.rule.step(0.1, state.net.clone(), grads);
        state
    };
    same_weights(&next(loaded.state), &next(state));
}

#[test]
fn whatever_happens_to_a_file_is_said_with_its_name_and_the_older_checkpoint_used() {
    let folder = tempfile::tempdir().unwrap();
    let last = folder.path().join("last");
    save_in_parts(&plain(3), &last, 2000).unwrap();
    let alone = folder.path().join("alone");
    save_in_parts(&plain(4), &last, 2000).unwrap();
    for file in files(&last) {
        let whole = fs::read(&file).unwrap();
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 1;
        let harms: [(&str, Option<&[u8]>); 4] = [
            ("gone", None),
            ("empty", Some(&[])),
            ("cut", Some(&whole[..whole.len() - 1])),
            ("flipped", Some(&flipped)),
        ];
        for (harm, bytes) in harms {
            match bytes {
                Some(bytes) => fs::write(&file, bytes).unwrap(),
                None => fs::remove_file(&file).unwrap(),
            }
            let (epochs, damaged) = loaded_epochs(&last);
            let damaged = damaged.unwrap_or_default();
            assert_eq!(epochs, 3, "{harm} {file:?}");
            // A manifest with one bit changed may name another file, or a sum that is not its.
            let named = damaged.contains(name(&file)) || name(&file) == "manifest.json";
            assert!(
                named && damaged.contains("Bring the whole folder"),
                "{harm}: {damaged}"
            );
            // Without an older one it is an error.
            fs::rename(last.with_extension("old"), &alone).unwrap();
            assert_eq!(load_last(&last).err().unwrap().to_string(), damaged);
            fs::rename(&alone, last.with_extension("old")).unwrap();
        }
        fs::write(&file, &whole).unwrap();
    }
    assert_eq!(loaded_epochs(&last), (4, None));
}

#[test]
fn parts_in_the_wrong_order_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let last = folder.path().join("last");
    save_in_parts(&plain(3), &last, 1000).unwrap();
    let [a, b] = ["net.mpk.000", "net.mpk.001"].map(|part| last.join(part));
    let aside = last.join("aside");
    for [from, to] in [[&a, &aside], [&b, &a], [&aside, &b]] {
        fs::rename(from, to).unwrap();
    }
    let error = load_last(&last).err().unwrap().to_string();
    assert!(
        error.contains("net.mpk.000") && error.contains("SHA-256"),
        "{error}"
    );
}

/// Every state of the folders between the steps of writing a checkpoint.
#[test]
fn a_kill_at_any_moment_leaves_a_whole_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let last = folder.path().join("last");
    let [_, new, old] = copies(&last);
    assert!(load_last(&last).unwrap().is_none(), "a run's start");
    fs::create_dir(&new).unwrap();
    assert!(
        load_last(&last).unwrap().is_none(),
        "before its first checkpoint is whole"
    );
    save(&plain(1), &last).unwrap();
    save(&plain(2), &last).unwrap();
    // Files of the third come one by one, the manifest last.
    save(&plain(3), &folder.path().join("third")).unwrap();
    let mut coming = files(&folder.path().join("third"));
    coming.sort_by_key(|path| name(path) == "manifest.json");
    fs::create_dir(&new).unwrap();
    for path in coming {
        assert_eq!(loaded_epochs(&last), (2, None));
        let bytes = fs::read(&path).unwrap();
        fs::write(new.join(name(&path)), &bytes[..bytes.len() / 2]).unwrap();
        assert_eq!(loaded_epochs(&last), (2, None));
        fs::write(new.join(name(&path)), &bytes).unwrap();
    }
    assert_eq!(loaded_epochs(&last), (2, None));
    fs::remove_file(old.join("manifest.json")).unwrap(); // The older one leaves file by file.
    assert_eq!(loaded_epochs(&last), (2, None));
    fs::remove_dir_all(&old).unwrap();
    assert_eq!(loaded_epochs(&last), (2, None));
    fs::rename(&last, &old).unwrap();
    assert_eq!(loaded_epochs(&last), (3, None));
    fs::rename(&new, &last).unwrap();
    assert_eq!(loaded_epochs(&last), (3, None));
    // And the next one is written over what was left behind.
    fs::create_dir(&new).unwrap();
    save(&plain(4), &last).unwrap();
    assert_eq!(loaded_epochs(&last), (4, None));
    assert_eq!(loaded_epochs(&old), (3, None));
}

#[test]
fn the_next_checkpoint_takes_the_only_whole_one_out_of_its_way_first() {
    let folder = tempfile::tempdir().unwrap();
    let last = folder.path().join("last");
    let (new, old) = (last.with_extension("new"), last.with_extension("old"));
    for has_old in [false, true] {
        // A kill between the manifest and the rename, at the first checkpoint and at a later one.
        save(&plain(1), &last).unwrap();
        save(&plain(2), &last).unwrap();
        fs::rename(&last, &new).unwrap();
        if !has_old {
            fs::remove_dir_all(&old).unwrap();
        }
        replace(&last, PART_BYTES, Older::Kept, |_| {
            assert_eq!(loaded_epochs(&last), (2, None));
            Err(CheckpointError::Write {
                path: "as if killed".into(),
                source: std::io::ErrorKind::Interrupted.into(),
            })
        })
        .unwrap_err();
        assert_eq!(loaded_epochs(&last), (2, None));
    }
    // One that leaves file by file is not taken for a damaged one.
    fs::create_dir(&new).unwrap();
    fs::copy(last.join("manifest.json"), new.join("manifest.json")).unwrap();
    fs::write(new.join("net.mpk"), "half").unwrap();
    let done = replace(&last, PART_BYTES, Older::Kept, |_| {
        assert!(!new.join("manifest.json").exists());
        Ok(())
    });
    done.unwrap();
}

#[test]
fn a_write_that_fails_makes_room_again_and_leaves_what_was() {
    let folder = tempfile::tempdir().unwrap();
    let last = folder.path().join("last");
    save(&plain(1), &last).unwrap();
    save(&plain(2), &last).unwrap();
    let error = replace(&last, PART_BYTES, Older::Kept, |writer| {
        writer.put("net.mpk", &[1, 2, 3])?;
        Err(CheckpointError::Write {
            path: "last.new/optimizer.mpk".into(),
            source: std::io::ErrorKind::StorageFull.into(),
        })
    });
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("last.new/optimizer.mpk") && error.contains("make room"),
        "{error}"
    );
    assert_eq!(loaded_epochs(&last), (2, None));
    assert_eq!(loaded_epochs(&last.with_extension("old")), (1, None));
    assert!(!last.with_extension("new").exists());
}

#[test]
fn checkpoints_of_before_there_were_manifests_still_load() {
    let folder = tempfile::tempdir().unwrap();
    let last = folder.path().join("last");
    fs::create_dir(&last).unwrap();
    let state = plain(3);
    let recorder = BinFileRecorder::<FullPrecisionSettings>::new();
    let (net, average) = (state.net.clone(), state.average.clone());
    net.save_file(last.join("net"), &recorder).unwrap();
    average.save_file(last.join("average"), &recorder).unwrap();
    state.rule.save_first_form(last.join("optimizer"));
    let progress = r#"{"epochs":3,"steps":0,"best_epoch":0,"best_value":1.7976931348623157e308}"#;
    fs::write(last.join(PROGRESS), progress).unwrap();
    let loaded = load_last(&last).unwrap().unwrap();
    same_weights(&loaded.state, &state);

    let net = last.join("net.bin");
    let whole = fs::read(&net).unwrap();
    fs::write(&net, &whole[..whole.len() / 2]).unwrap();
    let error = load_last(&last).err().unwrap().to_string();
    assert!(
        error.contains("net.bin") && error.contains("damaged"),
        "{error}"
    );
}

#[test]
fn the_checkpoint_of_another_recipe_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let last = folder.path().join("last");
    for changed in [
        ["out = 12", "out = 10"],
        [
            "{ kind = \"global_avg_pool\" }",
            "{ kind = \"conv\", out = 12 }, { kind = \"global_avg_pool\" }",
        ],
        [
            "{ kind = \"global_avg_pool\" }",
            "{ kind = \"global_avg_pool\" }, { kind = \"dense\", out = 5 }",
        ],
        [
            "kind = \"adamw\", weight_decay = 0.1",
            "kind = \"sgd\", momentum = 0.9, nesterov = true, weight_decay = 0.0",
        ],
    ] {
        save(&state(3, changed), &last).unwrap();
        let error = load_last(&last).err().unwrap();
        assert!(
            matches!(error, CheckpointError::Other { .. }),
            "{changed:?}: {error}"
        );
    }
}

#[test]
fn best_weights_are_those_asked_for_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let best = folder.path().join("best");
    let device = Default::default();
    let net = plain(1).average;
    let missing = load_best(&net, &best, &device).unwrap_err().to_string();
    assert!(missing.contains("best"), "{missing}");
    save_best(&net, &best).unwrap();
    save_best(&net, &best).unwrap();
    assert_eq!(
        files(folder.path()),
        std::slice::from_ref(&best),
        "no older ones"
    );
    load_best(&net, &best, &device).unwrap();
    // As if killed between the renames.
    fs::rename(&best, best.with_extension("old")).unwrap();
    load_best(&net, &best, &device).unwrap();
    // Those of an older epoch do not stand for a damaged file.
    save_best(&net, &best).unwrap();
    fs::create_dir_all(best.with_extension("old")).unwrap();
    for file in files(&best) {
        fs::copy(&file, best.with_extension("old").join(name(&file))).unwrap();
    }
    fs::write(best.join("net.mpk"), b"cut").unwrap();
    let error = load_best(&net, &best, &device).unwrap_err().to_string();
    assert!(error.contains("best/net.mpk"), "{error}");
}
