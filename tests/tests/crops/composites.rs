//! FER2013's pictures in the place of real faces, with the head and the scene around them: a
//! picture that is pasted without a head is not a face to any detector.

use std::fs;
use std::path::Path;

use mien_device::detect::Detector;
use mien_models::procedural::Rng;

use crate::pictures::Picture;
use crate::{Square, square};

/// Size of a composite in pixels.
const WIDTH: u32 = 640;
const HEIGHT: u32 = 480;
/// Sides of pasted faces in pixels.
const SIDES_PX: (i32, i32) = (90, 180);
/// Share of the side over which a face passes into its surroundings.
const SEAM: f32 = 0.08;
/// FER2013's side in pixels.
const FER_SIDE: usize = 48;

/// A portrait and the square of its face.
pub struct Head {
    picture: Picture,
    face: Square,
}

/// The portraits of the shared samples.
pub fn heads(folder: &Path, detector: &mut dyn Detector) -> Vec<Head> {
    let names = ["astronaut.png", "biden.jpg", "obama.jpg"];
    let heads = names.iter().map(|name| {
        let file = fs::read(folder.join(name)).expect("the portrait can be read");
        let picture = Picture::decode((*name).to_owned(), &file);
        let faces = detector.detect(&picture.view()).expect("a picture");
        let face = square(faces.first().expect("the portrait has a face"), detector);
        Head { picture, face }
    });
    heads.collect()
}

/// A scene with a FER2013 picture in it, and where that is.
pub fn compose(head: &Head, pixels: &[u8], rng: &mut Rng) -> (Picture, Square) {
    let side = rng.between(SIDES_PX.0, SIDES_PX.1) as f32;
    let scale = side / head.face.side;
    let scaled = |length: u32| (length as f32 * scale).round().max(1.0) as u32;
    let scene = head
        .picture
        .resized(scaled(head.picture.width), scaled(head.picture.height));
    let anywhere = |rng: &mut Rng, size: u32| {
        let room = size as f32 / 2.0 - side;
        size as f32 / 2.0 + room * rng.between(-100, 100) as f32 / 100.0
    };
    let center = [anywhere(rng, WIDTH), anywhere(rng, HEIGHT)];
    let truth = Square {
        center,
        side,
        roll: 0.0,
    };
    let origin = [0, 1].map(|axis| head.face.center[axis] * scale - center[axis]);
    let behind = |x: f32, y: f32| sample(&scene.pixels, scene.width, scene.height, x, y);
    // The head as bright as the face that it gets.
    let middle = |value: &dyn Fn(f32, f32) -> f32| {
        let places = (0..400).map(|i| [0.3 + (i % 20) as f32 * 0.02, 0.3 + (i / 20) as f32 * 0.02]);
        places.map(|[u, v]| value(u, v)).sum::<f32>()
    };
    let fer = |u: f32, v: f32| {
        let side = FER_SIDE as f32;
        sample(pixels, FER_SIDE as u32, FER_SIDE as u32, u * side, v * side)
    };
    let corner = [0, 1].map(|axis| center[axis] - side / 2.0);
    let old = |u: f32, v: f32| {
        let place = [u, v].map(|v| v * side);
        behind(
            corner[0] + place[0] + origin[0],
            corner[1] + place[1] + origin[1],
        )
    };
    let gain = (middle(&fer) / middle(&old).max(1.0)).clamp(0.3, 3.0);
    let mut composite = Vec::with_capacity((WIDTH * HEIGHT) as usize);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let (x, y) = (x as f32 + 0.5, y as f32 + 0.5);
            let mut value = (behind(x + origin[0], y + origin[1]) * gain).min(255.0);
            let [u, v] = truth.fraction([x, y]);
            let inside = u.min(v).min(1.0 - u).min(1.0 - v);
            if inside > 0.0 {
                let share = (inside / SEAM).min(1.0);
                value += (fer(u, v) - value) * share;
            }
            composite.push(value.round() as u8);
        }
    }
    let picture = Picture {
        name: head.picture.name.clone(),
        width: WIDTH,
        height: HEIGHT,
        pixels: composite,
    };
    (picture, truth)
}

/// The picture at a point, interpolated; its edges go on for ever.
fn sample(pixels: &[u8], width: u32, height: u32, x: f32, y: f32) -> f32 {
    let near = |place: f32, size: u32| {
        let from_first = (place - 0.5).clamp(0.0, (size - 1) as f32);
        let first = from_first.floor();
        let next = (first as u32 + 1).min(size - 1);
        (first as usize, next as usize, from_first - first)
    };
    let (left, right, dx) = near(x, width);
    let (top, bottom, dy) = near(y, height);
    let at = |x: usize, y: usize| f32::from(pixels[y * width as usize + x]);
    let along = |y| at(left, y) * (1.0 - dx) + at(right, y) * dx;
    along(top) * (1.0 - dy) + along(bottom) * dy
}
