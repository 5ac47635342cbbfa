//! The bundled model, adapted to a few of FER2013's own pictures, is no worse on the others.

use std::fs;
use std::path::Path;

use image::GrayImage;
use mien_host::adapt::faces::{Search, gather};
use mien_host::adapt::{Check, Options, Provenance, adapt, folders, pack};
use mien_host::dataset::{self, Dataset, Split};
use mien_host::progress::Progress;
use mien_models::container::decode;
use mien_models::replay::{MAX_REPLAY_FILE_BYTES, ReplaySet};
use mien_models::{ExpressionModel, embedded};
use mien_tests::shared;

/// Pictures of each class that play the owner's.
const EACH: usize = 24;

fn replay_file() -> Vec<u8> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../models/expression.replay.postcard"
    );
    fs::read(path).expect("committed")
}

#[test]
fn the_replay_set_is_small_balanced_and_of_the_bundled_model() {
    let file = replay_file();
    assert!(file.len() <= MAX_REPLAY_FILE_BYTES, "{} bytes", file.len());
    let (header, set) = decode::<ReplaySet<'_>>(&file).expect("valid");
    let (model_header, model) = decode::<ExpressionModel<'_>>(embedded::EXPRESSION).expect("valid");
    assert_eq!(header.model_id, model_header.model_id);
    assert_eq!(set.labels, model.labels);
    let rows = |label: usize| {
        set.classes
            .iter()
            .filter(move |c| usize::from(**c) == label)
    };
    for label in 0..set.labels.len() {
        assert!(rows(label).count() >= 250, "{}", rows(label).count());
    }
}

/// The first pictures of each class of PublicTest as files.
fn owner_s(data: &Dataset, folder: &Path) {
    let mut left = vec![EACH; data.labels().len()];
    for index in data.indices_of(Split::PublicTest) {
        let class = usize::from(data.label(index as usize));
        if left[class] == 0 {
            continue;
        }
        left[class] -= 1;
        let folder = folder.join(data.labels().name(class).expect("a class"));
        fs::create_dir_all(&folder).expect("a temporary folder");
        let pixels = data.pixels(index as usize).to_vec();
        let picture = GrayImage::from_raw(48, 48, pixels).expect("48 x 48");
        picture
            .save(folder.join(format!("{index}.png")))
            .expect("a temporary file");
    }
}

#[test]
fn pictures_of_the_same_kind_cost_no_skill() {
    let Some(path) = shared::path("data/fer2013/fer2013.csv.zst") else {
        return;
    };
    let data = dataset::open(&path, Progress::Silent).expect("the shared data can be read");
    let folder = tempfile::tempdir().expect("a temporary folder");
    owner_s(&data, folder.path());
    let (header, model) = decode::<ExpressionModel<'_>>(embedded::EXPRESSION).expect("valid");
    let folders = folders::read(folder.path(), &model.labels).expect("a folder per class");
    let gathered = gather(&model, &folders, Search::Cropped, 1, Progress::Silent).expect("faces");
    let file = replay_file();
    let (_, replay) = decode::<ReplaySet<'_>>(&file).expect("valid");
    let options = Options {
        keep_labels: false,
        seed: 1,
    };
    let adapted = adapt(&model, &folders, &gathered, Some(&replay), options).expect("a head");
    let from = Provenance {
        header: &header,
        used: &[EACH; 7],
        date: "2026-01-01",
        version: 2,
    };
    let packed = pack::pack(&model, &adapted, &folders, from).expect("a model");
    let check = Check::new(&model.labels, &adapted.labels, &data).expect("PublicTest");
    let public = check.measure(embedded::EXPRESSION, &packed, Progress::Silent);
    let public = public.expect("judged");
    println!("{:#?}\n{public:#?}", adapted.summary);
    assert!(!public.is_worse(), "{public:?}");
    for measure in &adapted.summary.measures {
        assert!(
            measure.name != "replay hold-out" || !measure.is_worse(),
            "{measure:?}"
        );
    }
}
