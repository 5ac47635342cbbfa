//! Sequences of the bundled portraits; nothing outside the repository is needed.

use mien_device::assets::{self, PORTRAITS};
use mien_models::procedural::Plane;

use crate::cascade;
use crate::scene::{self, Actor, Place, Scene, Screen, Sprite, Take};
use crate::score::{Score, every, follow, look};

const WIDTH: u32 = 400;
const HEIGHT: u32 = 300;
/// Side of the faces, pixels.
const SIDE: f32 = 84.0;

fn sprite(index: usize) -> Sprite {
    let [x, y, side] = PORTRAITS[index].face.map(f32::from);
    Sprite::new(PORTRAITS[index].jpeg, [x, y, side, side])
}

fn coffee() -> Plane {
    scene::background(&scene::decode(assets::NO_FACE), WIDTH, HEIGHT)
}

fn shoot(scene: &Scene<'_>, seconds: u64) -> Vec<Take> {
    (0..seconds * scene::FRAMES_PER_S)
        .map(|index| scene.take(index))
        .collect()
}

fn run(scene: &Scene<'_>, seconds: u64) -> Score {
    let takes = shoot(scene, seconds);
    let found = look(&takes, &mut cascade());
    let score = follow(&takes, &found, every(6));
    println!("{score:?}");
    score
}

fn at(x: f32, y: f32) -> Option<Place> {
    Some(Place {
        center: [x, y],
        side: SIDE,
    })
}

#[test]
fn a_moving_face_keeps_its_id_at_a_quarter_of_the_detections() {
    let (background, face) = (coffee(), sprite(0));
    let path = |s: f32| {
        Some(Place {
            center: [
                200.0 + 110.0 * (1.6 * s).sin(),
                150.0 + 30.0 * (2.3 * s).sin(),
            ],
            side: SIDE * (1.0 + 0.15 * (1.1 * s).sin()),
        })
    };
    let actors = vec![Actor {
        sprite: &face,
        path: Box::new(path),
    }];
    let scene = Scene {
        background: &background,
        actors,
        screens: vec![],
        seed: 1,
    };
    let score = run(&scene, 4);
    assert_eq!(score.ids[0].len(), 1);
    assert!(score.misses * 50 <= score.frames, "{} misses", score.misses);
    assert!(
        score.detector_runs * 4 <= score.frames,
        "{}",
        score.detector_runs
    );
}

#[test]
fn two_faces_that_pass_half_a_face_apart_keep_their_ids() {
    let (background, left, right) = (coffee(), sprite(0), sprite(1));
    for (seed, apart) in [(2, 0.5 * SIDE), (3, 0.8 * SIDE)] {
        let actor = |sprite, direction: f32| Actor {
            sprite,
            path: Box::new(move |s: f32| {
                let x = 200.0 + direction * 60.0 * (s - 2.0);
                at(x, 150.0 + direction * apart / 2.0)
            }),
        };
        let scene = Scene {
            background: &background,
            actors: vec![actor(&left, 1.0), actor(&right, -1.0)],
            screens: vec![],
            seed,
        };
        let score = run(&scene, 4);
        assert_eq!(
            score.ids.iter().map(Vec::len).max(),
            Some(1),
            "{:?}",
            score.ids
        );
        assert_ne!(score.ids[0], score.ids[1]);
    }
}

#[test]
fn a_face_behind_a_screen_for_two_seconds_keeps_its_id() {
    let (background, face) = (coffee(), sprite(1));
    // Once it waits there, once it walks on behind it.
    for (seed, speed, area) in [
        (4, 0.0, [130, 60, 270, 240]),
        (5, 70.0, [115, 40, 275, 260]),
    ] {
        let path = move |s: f32| at(200.0 + speed * (s - 2.5), 150.0);
        let scene = Scene {
            background: &background,
            actors: vec![Actor {
                sprite: &face,
                path: Box::new(path),
            }],
            screens: vec![Screen {
                area,
                during_s: [1.5, 3.5],
            }],
            seed,
        };
        let score = run(&scene, 5);
        let hidden = score.frames - score.faces;
        assert!(hidden >= 50, "{hidden} frames hidden");
        assert_eq!(score.ids[0].len(), 1, "{:?}", score.ids);
        assert!(score.misses <= 12, "{} misses", score.misses);
    }
}

#[test]
fn another_face_at_the_same_place_is_another_track() {
    let (background, first, second) = (coffee(), sprite(0), sprite(1));
    let from = |from_s: f32, to_s: f32| {
        move |s: f32| {
            (from_s..to_s)
                .contains(&s)
                .then(|| at(200.0, 150.0))
                .flatten()
        }
    };
    for (seed, pause_s) in [(6, 0.0), (7, 1.0)] {
        let actor = |sprite, path| Actor { sprite, path };
        let scene = Scene {
            background: &background,
            actors: vec![
                actor(&first, Box::new(from(0.0, 1.5)) as Box<_>),
                actor(&second, Box::new(from(1.5 + pause_s, 9.0)) as Box<_>),
            ],
            screens: vec![],
            seed,
        };
        let score = run(&scene, 4);
        assert_eq!(
            score.ids.iter().map(Vec::len).max(),
            Some(1),
            "{:?}",
            score.ids
        );
        assert_ne!(score.ids[0], score.ids[1]);
    }
}
