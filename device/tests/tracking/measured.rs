//! Sequences of photographed faces over photographed backgrounds, from the shared material:
//! detecting every few frames and following in between, against detecting every frame.

use std::f32::consts::TAU;
use std::path::{Path, PathBuf};
use std::{env, fs};

use mien_models::procedural::{Plane, Rng};

use crate::cascade;
use crate::scene::{self, Actor, Place, Scene, Screen, Sprite, Take};
use crate::score::{Score, every, follow, look};
use crate::shared::{annotated, pictures};

const WIDTH: u32 = 400;
const HEIGHT: u32 = 300;
const SECONDS: u64 = 4;
/// Sequences that are made when `MIEN_SEQUENCES` does not say how many.
const SEQUENCES: usize = 10;
/// What the default options say.
const PERIOD: u32 = 6;

fn negatives(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder.join("neg"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

/// One of `items`.
fn one<'a, T>(rng: &mut Rng, items: &'a [T]) -> &'a T {
    &items[rng.between(0, items.len() as i32 - 1) as usize]
}

/// A number between two others, in thousandths.
fn between(rng: &mut Rng, low: f32, high: f32) -> f32 {
    low + (high - low) * rng.between(0, 1000) as f32 / 1000.0
}

/// Wanders around `home`.
fn wander(rng: &mut Rng, home: [f32; 2]) -> impl Fn(f32) -> Option<Place> + use<> {
    let side = between(rng, 70.0, 95.0);
    let [sway_x, sway_y] = [between(rng, 10.0, 40.0), between(rng, 5.0, 20.0)];
    let [fast_x, fast_y, fast_z] = [0.8, 1.0, 0.5].map(|from| between(rng, from, 2.2 * from));
    let [start_x, start_y, start_z] = [0.0; 3].map(|from| between(rng, from, TAU));
    move |s| {
        let wave = |fast: f32, start: f32| (fast * s + start).sin();
        Some(Place {
            center: [
                home[0] + sway_x * wave(fast_x, start_x),
                home[1] + sway_y * wave(fast_y, start_y),
            ],
            side: side * (1.0 + 0.12 * wave(fast_z, start_z)),
        })
    }
}

/// Walks through the picture at a constant speed.
fn walk(rng: &mut Rng, y: f32, direction: f32) -> impl Fn(f32) -> Option<Place> + use<> {
    let (side, speed) = (between(rng, 72.0, 92.0), between(rng, 60.0, 110.0));
    move |s| {
        let x = 200.0 + direction * speed * (s - SECONDS as f32 / 2.0);
        let is_there = (-60.0..WIDTH as f32 + 60.0).contains(&x);
        is_there.then_some(Place {
            center: [x, y],
            side,
        })
    }
}

/// Alone; two beside each other; two that pass; one behind a screen for two seconds; one who
/// comes and goes: in turns.
fn scene<'a>(rng: &mut Rng, kind: usize, background: &'a Plane, faces: &'a [Sprite]) -> Scene<'a> {
    let mut actors: Vec<Actor<'a>> = Vec::new();
    let mut screens = Vec::new();
    let mut add = |path: Box<dyn Fn(f32) -> Option<Place>>| {
        let sprite = &faces[actors.len()];
        actors.push(Actor { sprite, path });
    };
    match kind % 5 {
        0 => add(Box::new(wander(rng, [200.0, 150.0]))),
        1 => {
            add(Box::new(wander(rng, [110.0, 150.0])));
            add(Box::new(wander(rng, [290.0, 150.0])));
        }
        2 => {
            let apart = between(rng, 50.0, 70.0);
            add(Box::new(walk(rng, 150.0 - apart / 2.0, 1.0)));
            add(Box::new(walk(rng, 150.0 + apart / 2.0, -1.0)));
        }
        3 => {
            add(Box::new(wander(rng, [200.0, 150.0])));
            screens.push(Screen {
                area: [100, 60, 300, 240],
                during_s: [1.0, 3.0],
            });
        }
        _ => add(Box::new(walk(rng, 150.0, -1.0))),
    }
    Scene {
        background,
        actors,
        screens,
        seed: rng.next_u64(),
    }
}

fn shoot(scene: &Scene<'_>) -> Vec<Take> {
    (0..SECONDS * scene::FRAMES_PER_S)
        .map(|index| scene.take(index))
        .collect()
}

#[test]
fn following_is_as_good_as_detecting_every_frame() {
    let Some(folder) = pictures() else { return };
    let sequences = env::var("MIEN_SEQUENCES").map_or(SEQUENCES, |n| n.parse().unwrap());
    let (annotated, negatives) = (annotated(&folder), negatives(&folder));
    let mut rng = Rng::new(20);
    let mut detector = cascade();
    let (mut sparse, mut dense) = (Score::default(), Score::default());
    for kind in 0..sequences {
        let negative = scene::decode(&fs::read(one(&mut rng, &negatives)).unwrap());
        let background = scene::background(&negative, WIDTH, HEIGHT);
        let faces = [(); 2].map(|()| {
            let (path, face) = one(&mut rng, &annotated);
            Sprite::new(&fs::read(path).unwrap(), *face)
        });
        let takes = shoot(&scene(&mut rng, kind, &background, &faces));
        let found = look(&takes, &mut detector);
        let [few, all] = [PERIOD, 1].map(|period| follow(&takes, &found, every(period)));
        println!(
            "sequence {kind}: misses {} against {}, switches {} against {}, runs {}, ids {:?}",
            few.misses, all.misses, few.switches, all.switches, few.detector_runs, few.ids
        );
        sparse.add(&few);
        dense.add(&all);
    }
    for (name, score) in [("every few frames", &sparse), ("every frame", &dense)] {
        println!(
            "{name}: {} frames, {} faces, {} missed, {} id switches, {} false, {} detector runs",
            score.frames,
            score.faces,
            score.misses,
            score.switches,
            score.false_tracks,
            score.detector_runs
        );
    }
    let (worse, better) = (sparse.worse_frames(&dense), dense.worse_frames(&sparse));
    println!("{worse} of {} frames worse, {better} better", sparse.frames);
    assert!(
        worse * 50 <= sparse.frames,
        "more than 2% of frames are worse"
    );
    assert!(sparse.detector_runs * 4 <= sparse.frames);
}
