//! The pinned bytes of the preprocessing: a table of SHA-256 sums over crops of generated
//! pictures. A change of one pixel anywhere would give the deployed models other inputs than
//! they were trained for.
//!
//! `MIEN_UPDATE_HASHES=1 cargo test -p mien-models` writes the table anew.

use std::fmt::Write;
use std::path::Path;

use mien_models::crop::CropRect;
use mien_models::plane::GrayView;
use mien_models::preprocess::{Contrast, Preprocessing, preprocess};
use mien_models::procedural::{Rng, Scene, plane};
use sha2::{Digest, Sha256};

const CROPS: u64 = 240;

#[test]
fn crops_have_their_pinned_hashes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/crop_hashes.txt");
    let mut table = String::from(
        "# scene seed width height stride / crop centre x y, width height in 1/256 pixel, \
         rotation in 1/65536 turn / output width height, contrast / SHA-256 of the output\n",
    );
    for index in 0..CROPS {
        writeln!(table, "{}", hashed_crop(index)).expect("a string takes all");
    }
    if std::env::var_os("MIEN_UPDATE_HASHES").is_some_and(|v| v == "1") {
        std::fs::write(&path, &table).expect("the table can be written");
    }
    let pinned = std::fs::read_to_string(&path).expect("the table is in the repository");
    // Line by line, so that a difference is readable.
    for (now, then) in table.lines().zip(pinned.lines()) {
        assert_eq!(now, then);
    }
    assert_eq!(table.lines().count(), pinned.lines().count());
    assert_eq!(pinned.lines().count() as u64, CROPS + 1);
}

/// One line of the table: everything that decides the output, then its hash.
fn hashed_crop(index: u64) -> String {
    let mut rng = Rng::new(index);
    let scene = Scene::ALL[index as usize % Scene::ALL.len()];
    let (width, height) = (rng.between(1, 200) as u32, rng.between(1, 160) as u32);
    let stride = width + rng.between(0, 9) as u32;
    let picture = plane(scene, index, stride, height);
    let view = GrayView::new(&picture.pixels, width, height, stride).expect("a narrower view");
    let crop = crop(index, &mut rng, width, height);
    let side = |rng: &mut Rng| match rng.between(0, 3) {
        0 => rng.between(1, 96) as u16,
        _ => 48,
    };
    let preprocessing = Preprocessing {
        height: side(&mut rng),
        width: side(&mut rng),
        contrast: match index / 5 % 2 {
            0 => Contrast::Off,
            _ => Contrast::Standardize {
                target_mean: 128,
                target_std: rng.between(30, 70) as u8,
                min_std: rng.between(1, 20) as u8,
            },
        },
        zero_point: 0,
        scale: 1.0,
    };
    let mut out = vec![0; preprocessing.pixels()];
    preprocess(&view, &crop, &preprocessing, &mut out).expect("sizes fit");

    let CropRect {
        center_x_q8,
        center_y_q8,
        width_q8,
        height_q8,
        rotation_turn_q16,
    } = crop;
    let contrast = match preprocessing.contrast {
        Contrast::Off => "off".to_owned(),
        Contrast::Standardize {
            target_mean,
            target_std,
            min_std,
        } => format!("{target_mean},{target_std},{min_std}"),
    };
    format!(
        "{scene:?} {index} {width} {height} {stride} / {center_x_q8} {center_y_q8} {width_q8} \
         {height_q8} {rotation_turn_q16} / {} {} {contrast} / {}",
        preprocessing.width,
        preprocessing.height,
        hex(&Sha256::digest(&out)),
    )
}

/// Whole pictures, faces within, crops over the edge and crops far outside, half of them turned.
fn crop(index: u64, rng: &mut Rng, width: u32, height: u32) -> CropRect {
    let (w, h) = (width as i32 * 256, height as i32 * 256);
    let crop = match index / 10 % 4 {
        0 => CropRect::whole(width, height),
        1 => {
            let side = rng.between(1, w.min(h));
            CropRect::from_box_q8(
                rng.between(0, w - side),
                rng.between(0, h - side),
                side,
                side,
            )
        }
        2 => CropRect::from_box_q8(
            rng.between(-w, w),
            rng.between(-h, h),
            rng.between(1, 2 * w),
            rng.between(1, 2 * h),
        ),
        _ => CropRect::from_box_q8(
            rng.between(-40_000, 40_000),
            rng.between(-40_000, 40_000),
            rng.between(1, 100_000),
            rng.between(1, 100_000),
        ),
    };
    match index % 2 {
        0 => crop,
        _ => crop.with_rotation(rng.between(i16::MIN.into(), i16::MAX.into()) as i16),
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all");
        text
    })
}
