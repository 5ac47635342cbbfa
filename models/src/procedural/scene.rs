//! Pictures drawn from a seed.

use alloc::vec;
use alloc::vec::Vec;

use super::{Plane, Rng};

/// What to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scene {
    /// A linear ramp in a random direction.
    Gradient,
    /// Soft round spots on a flat ground.
    Blobs,
    /// Every pixel on its own.
    Noise,
    /// Hard-edged squares.
    Checker,
    /// A face-like arrangement of ellipses, unevenly lit, with a little noise.
    Face,
}

impl Scene {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Gradient,
        Self::Blobs,
        Self::Noise,
        Self::Checker,
        Self::Face,
    ];
}

/// Draws a scene. The same arguments give the same pixels everywhere; a side of zero counts as
/// one.
pub fn plane(scene: Scene, seed: u64, width: u32, height: u32) -> Plane {
    let (width, height) = (width.max(1), height.max(1));
    let mut rng = Rng::new(seed);
    let pixels = match scene {
        Scene::Gradient => gradient(&mut rng, width, height),
        Scene::Blobs => blobs(&mut rng, width, height),
        Scene::Noise => draw(width, height, |_, _| rng.next_u64() as u8),
        Scene::Checker => checker(&mut rng, width, height),
        Scene::Face => face(&mut rng, width, height),
    };
    Plane {
        pixels,
        width,
        height,
    }
}

/// Calls `value` for every pixel in row-major order; coordinates in 1/1000 of the sides.
fn draw(width: u32, height: u32, mut value: impl FnMut(i64, i64) -> u8) -> Vec<u8> {
    let (width, height) = (i64::from(width), i64::from(height));
    let mut pixels = Vec::with_capacity((width * height) as usize);
    for y in 0..height {
        for x in 0..width {
            let center = |index: i64, size: i64| (2 * index + 1) * 500 / size;
            pixels.push(value(center(x, width), center(y, height)));
        }
    }
    pixels
}

fn gradient(rng: &mut Rng, width: u32, height: u32) -> Vec<u8> {
    let ramp = Ramp::random(rng, 128);
    let middle = i64::from(rng.between(90, 165));
    draw(width, height, |x, y| {
        (middle + ramp.at(x, y)).clamp(0, 255) as u8
    })
}

fn blobs(rng: &mut Rng, width: u32, height: u32) -> Vec<u8> {
    let ground = i64::from(rng.between(60, 190));
    let spots: Vec<(Ellipse, i64)> = (0..rng.between(3, 9))
        .map(|_| {
            let radius = i64::from(rng.between(60, 350));
            let spot = Ellipse {
                x: i64::from(rng.between(0, 1000)),
                y: i64::from(rng.between(0, 1000)),
                radius_x: radius,
                radius_y: radius,
            };
            (spot, i64::from(rng.between(-120, 120)))
        })
        .collect();
    draw(width, height, |x, y| {
        let sum: i64 = spots
            .iter()
            .map(|(spot, strength)| strength * spot.depth(x, y) / 1000)
            .sum();
        (ground + sum).clamp(0, 255) as u8
    })
}

fn checker(rng: &mut Rng, width: u32, height: u32) -> Vec<u8> {
    let side = i64::from(rng.between(30, 250));
    let shades = [rng.between(0, 110) as u8, rng.between(140, 255) as u8];
    draw(width, height, |x, y| {
        shades[((x / side + y / side) % 2) as usize]
    })
}

fn face(rng: &mut Rng, width: u32, height: u32) -> Vec<u8> {
    let ground = i64::from(rng.between(20, 220));
    let skin = i64::from(rng.between(100, 210));
    let light = Ramp::random(rng, 45);
    let mouth_open = i64::from(rng.between(10, 70));
    let brow_raise = i64::from(rng.between(-25, 35));
    let eye_open = i64::from(rng.between(15, 50));
    let noise = rng.between(0, 12);
    let mut noise_rng = Rng::new(rng.next_u64());

    let part = |x, y, radius_x, radius_y| Ellipse {
        x,
        y,
        radius_x,
        radius_y,
    };
    // In painting order, each with its own shade. Eyes lie at 0.39 and the mouth at 0.75 of the
    // height, 0.35 of the width apart, as in FER2013's crops.
    let dark = skin / 3;
    let parts = vec![
        (part(500, 380, 470, 420), dark / 2),
        (part(500, 540, 390, 470), skin),
        (part(500, 570, 55, 90), skin - 18),
        (part(325, 310 - brow_raise, 105, 24), dark),
        (part(675, 310 - brow_raise, 105, 24), dark),
        (part(325, 392, 85, eye_open), (skin + 60).min(250)),
        (part(675, 392, 85, eye_open), (skin + 60).min(250)),
        (part(325, 392, 32, eye_open.min(32)), 25),
        (part(675, 392, 32, eye_open.min(32)), 25),
        (part(500, 750, 170, mouth_open + 14), skin - 45),
        (part(500, 750, 140, mouth_open), 45),
    ];
    draw(width, height, |x, y| {
        let shade = parts
            .iter()
            .rev()
            .find(|(part, _)| part.depth(x, y) > 0)
            .map_or(ground, |&(_, shade)| shade);
        let grain = i64::from(noise_rng.between(-noise, noise));
        (shade + light.at(x, y) + grain).clamp(0, 255) as u8
    })
}

/// A linear change of brightness over the picture.
struct Ramp {
    /// Change from edge to edge along x.
    across: i64,
    /// Change from edge to edge along y.
    down: i64,
}

impl Ramp {
    fn random(rng: &mut Rng, most: i32) -> Self {
        Self {
            across: i64::from(rng.between(-most, most)),
            down: i64::from(rng.between(-most, most)),
        }
    }

    fn at(&self, x: i64, y: i64) -> i64 {
        ((x - 500) * self.across + (y - 500) * self.down).div_euclid(1000)
    }
}

/// An upright ellipse in 1/1000 of the picture's sides.
struct Ellipse {
    x: i64,
    y: i64,
    radius_x: i64,
    radius_y: i64,
}

impl Ellipse {
    /// 1000 at the centre, falling with the square of the distance to 0 at the edge and beyond.
    fn depth(&self, x: i64, y: i64) -> i64 {
        let dx = (x - self.x) * 1000 / self.radius_x.max(1);
        let dy = (y - self.y) * 1000 / self.radius_y.max(1);
        (1000 - (dx * dx + dy * dy) / 1000).max(0)
    }
}
