//! The resize against what it must do by definition.

use mien_models::crop::CropRect;
use mien_models::preprocess::resize_crop;
use mien_models::procedural::{Scene, plane};

#[test]
fn the_identity_copies() {
    for scene in Scene::ALL {
        let picture = plane(scene, 3, 48, 48);
        let mut out = vec![0; 48 * 48];
        let view = picture.view().expect("fields fit");
        resize_crop(&view, &CropRect::whole(48, 48), 48, 48, &mut out).expect("sizes fit");
        assert_eq!(out, picture.pixels, "{scene:?}");
    }
}

#[test]
fn whole_factors_take_block_means() {
    let picture = plane(Scene::Noise, 1, 96, 144);
    let view = picture.view().expect("fields fit");
    let mut out = vec![0; 48 * 48];
    resize_crop(&view, &CropRect::whole(96, 144), 48, 48, &mut out).expect("sizes fit");
    for y in 0..48 {
        for x in 0..48 {
            let sum: u32 = (0..6)
                .map(|i| u32::from(picture.pixels[(3 * y + i / 2) * 96 + 2 * x + i % 2]))
                .sum();
            assert_eq!(u32::from(out[48 * y + x]), (sum + 3) / 6);
        }
    }
}

#[test]
fn a_half_turn_reverses_the_pixels() {
    let picture = plane(Scene::Face, 5, 48, 48);
    let view = picture.view().expect("fields fit");
    let mut out = vec![0; 48 * 48];
    let crop = CropRect::whole(48, 48).with_rotation(i16::MIN);
    resize_crop(&view, &crop, 48, 48, &mut out).expect("sizes fit");
    out.reverse();
    assert_eq!(out, picture.pixels);
}
