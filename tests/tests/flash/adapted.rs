//! From the owner's pictures to other verdicts on what the camera sees, and back.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;

use image::imageops::crop_imm;
use mien_device::assets::{PORTRAITS, Portrait};
use mien_device::capture::demo::{DemoCamera, SHOT_FRAMES};
use serde_json::Value;

use crate::device::{Site, wait_for};

/// Pictures the owner has of each portrait.
const EACH: u32 = 10;

/// The portrait's picture, cut and lit a little differently each time.
fn pictures_of(portrait: &Portrait, folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let picture = image::load_from_memory(portrait.jpeg).unwrap();
    for i in 0..EACH {
        let (left, top) = (4 * (i % 5), 6 * (i / 5));
        let (width, height) = (picture.width() - 24, picture.height() - 24);
        let cut = crop_imm(&picture, left, top, width, height).to_image();
        let lit = image::imageops::brighten(&cut, 3 * i as i32 - 12);
        let lit = image::DynamicImage::ImageRgba8(lit).into_rgb8();
        let name = format!("{}-{i}.png", portrait.name.replace([' ', '/'], "-"));
        lit.save(folder.join(name)).unwrap();
    }
}

/// What the device said last of each portrait, late in the camera's shot of it.
fn verdicts(record: &Path) -> BTreeMap<&'static str, String> {
    let lines = BufReader::new(File::open(record).unwrap()).lines();
    let mut verdicts = BTreeMap::new();
    for line in lines.map_while(Result::ok) {
        // The last line may be half written.
        let Ok(line) = serde_json::from_str::<Value>(&line) else {
            continue;
        };
        let Some(sequence) = line["sequence"].as_u64() else {
            continue;
        };
        if sequence % SHOT_FRAMES < SHOT_FRAMES / 2 {
            continue;
        }
        if let [face] = line["faces"].as_array().map_or(&[][..], Vec::as_slice)
            && let Some(expression) = face["expression"].as_str()
        {
            let name = DemoCamera::portrait(sequence).name;
            verdicts.insert(name, expression.to_owned());
        }
    }
    verdicts
}

/// Waits until the portraits have these verdicts.
fn wait_for_verdicts(site: &Site, expected: [&str; 3]) {
    let is = |found: BTreeMap<&str, String>| {
        let mut pairs = PORTRAITS.iter().zip(expected);
        pairs.all(|(portrait, verdict)| found.get(portrait.name).is_some_and(|v| v == verdict))
    };
    let record = site.path("record.ndjson");
    wait_for(&format!("{expected:?}"), || {
        is(verdicts(&record)).then_some(())
    });
}

#[test]
fn adapted_signed_flashed_switched_and_back() {
    let mut site = match Site::new(3600) {
        Some(site) => site,
        None => return,
    };
    let [first, second, third] = &PORTRAITS;
    pictures_of(first, &site.path("visitors/smiling"));
    for portrait in [second, third] {
        pictures_of(portrait, &site.path("visitors/earnest"));
    }
    let bundled = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/expression.postcard");
    site.mien(
        &[
            "adapt",
            "--model",
            bundled,
            "--data",
            "visitors",
            "--out",
            "visitors.postcard",
        ],
        0,
    );
    site.mien(&["keygen", "--out", "my.key"], 0);
    site.device
        .trust(&fs::read_to_string(site.path("my.key.pub")).unwrap());
    site.mien(&["sign", "--key", "my.key", "visitors.postcard"], 0);

    site.device.start();
    let before = ["happy", "neutral", "neutral"];
    wait_for_verdicts(&site, before);
    site.flash(&["pi", "visitors.postcard"], 0);
    wait_for_verdicts(&site, ["smiling", "earnest", "earnest"]);
    site.flash(&["pi", "--rollback"], 0);
    wait_for_verdicts(&site, before);
}
