//! The generated pictures and the test model.

use mien_models::network::Op;
use mien_models::procedural::{Rng, Scene, plane, test_model};

use crate::reference::moments;

#[test]
fn pictures_depend_on_every_argument_and_nothing_else() {
    for scene in Scene::ALL {
        let picture = plane(scene, 9, 64, 48);
        assert_eq!((picture.width, picture.height), (64, 48));
        assert_eq!(picture.pixels.len(), 64 * 48);
        assert_eq!(picture, plane(scene, 9, 64, 48));
        assert_ne!(picture.pixels, plane(scene, 10, 64, 48).pixels);
        let (_, std) = moments(&picture.pixels);
        assert!(std > 4.0, "{scene:?} is flat");
        assert_eq!(plane(scene, 9, 0, 0).pixels.len(), 1);
    }
}

#[test]
fn the_generator_is_splitmix64() {
    // First outputs for seed 1234567, as its authors' C code prints them.
    let mut rng = Rng::new(1_234_567);
    let expected = [
        6_457_827_717_110_365_317,
        3_203_168_211_198_807_973,
        9_817_491_932_198_370_423,
    ];
    assert_eq!(expected.map(|_| rng.next_u64()), expected);
    let mut seen = [false; 5];
    for _ in 0..200 {
        seen[(rng.between(-2, 2) + 2) as usize] = true;
    }
    assert_eq!(seen, [true; 5]);
    assert_eq!(rng.between(3, 3), 3);
    let whole = rng.between(i32::MIN, i32::MAX);
    assert_ne!(whole, rng.between(i32::MIN, i32::MAX));
}

#[test]
fn the_test_model_decides_by_the_mean_brightness() {
    let model = test_model();
    let Some(Op::Dense(dense)) = model.network.nodes.last().map(|n| &n.op) else {
        panic!("the last node is dense");
    };
    let (slopes, offsets) = (dense.to_f32(), dense.bias_f32());
    let verdict = |mean: f32| {
        let logits = slopes.iter().zip(&offsets).map(|(w, b)| w * mean + b);
        let best = logits.enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
        best.map(|(label, _)| label)
    };
    for level in 0..=255_u8 {
        let mean = model.preprocessing.network_input(level);
        let seventh = (usize::from(level) * 7 / 255).min(6);
        assert_eq!(verdict(mean), Some(seventh), "level {level}");
    }
    for (label, golden) in model.golden.iter().enumerate() {
        let mean = model.preprocessing.network_input(golden.pixels[0]);
        assert!(golden.pixels.iter().all(|&p| p == golden.pixels[0]));
        assert_eq!(verdict(mean), Some(label));
        for ((logit, w), b) in golden.logits.iter().zip(&slopes).zip(&offsets) {
            assert!((logit - (w * mean + b)).abs() < 1e-3);
        }
    }
    assert_eq!(model.golden.len(), 7);
}
