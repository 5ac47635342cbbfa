//! A virtual camera: it pans, zooms, rolls and relights the bundled portraits and cuts between
//! them. Integers only and seeded, so that every CPU sees the same frames.

use mien_models::fixed::sin_cos_turn_q16;

use super::picture::{self, Color, Picture};
use super::{CaptureError, Frame, Source};
use crate::assets::{PORTRAITS, Portrait};

/// Columns of a frame.
pub const WIDTH: u32 = 640;
/// Rows of a frame.
pub const HEIGHT: u32 = 480;
/// Nominal frames per second.
pub const FRAMES_PER_S: u64 = 30;
/// Frames between two cuts.
pub const SHOT_FRAMES: u64 = 50;

/// Strongest roll: 7 degrees in 1/65536 turn; the cascade was trained on upright faces.
const MAX_ROLL_TURN_Q16: i32 = 7 * 65536 / 360;
/// What the frame reaches of the portrait at the strongest roll and zoom 1, in portrait pixels.
const ROLLED_WIDTH: i64 = 696;
const ROLLED_HEIGHT: i64 = 556;
/// Largest side of the face's square in a frame, in pixels.
const MAX_FACE_SIDE: i64 = 300;

/// The demo source. Endless.
pub struct DemoCamera {
    scenes: Vec<Scene>,
    seed: u32,
    sequence: u64,
}

struct Scene {
    portrait: Portrait,
    picture: Picture,
}

/// Where the camera looks and how the light falls, for one frame.
#[derive(Clone, Copy, Debug)]
struct Shot {
    /// Centre in the portrait, 1/65536 pixel.
    center_q16: [i64; 2],
    /// Portrait pixels a frame pixel moves right, `[x, y]`, 1/65536 pixel; down is `[-y, x]`.
    step_q16: [i64; 2],
    /// Brightness of the left and right edge, 1/256.
    light_q8: [i32; 2],
    /// Seed of the sensor noise.
    noise: u32,
}

impl DemoCamera {
    /// Decodes the portraits; `seed` chooses the camera's movements.
    pub fn new(seed: u32) -> Result<Self, CaptureError> {
        let scenes = PORTRAITS
            .iter()
            .map(|&portrait| {
                let picture = picture::decode(portrait.jpeg, Color::Drop).map_err(|error| {
                    CaptureError::Bundled {
                        name: portrait.name,
                        error,
                    }
                })?;
                Ok(Scene { portrait, picture })
            })
            .collect::<Result<_, CaptureError>>()?;
        Ok(Self {
            scenes,
            seed,
            sequence: 0,
        })
    }

    /// The portrait that frame `sequence` shows.
    pub fn portrait(sequence: u64) -> &'static Portrait {
        &PORTRAITS[(sequence / SHOT_FRAMES) as usize % PORTRAITS.len()]
    }
}

impl Source for DemoCamera {
    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        let sequence = self.sequence;
        self.sequence += 1;
        let cut = sequence / SHOT_FRAMES;
        let scene = &self.scenes[cut as usize % self.scenes.len()];
        let shot = aim(scene, self.seed, cut, sequence % SHOT_FRAMES);
        Ok(Some(Frame {
            pixels: render(&scene.picture, &shot),
            width: WIDTH,
            height: HEIGHT,
            sequence,
            timestamp_ms: sequence * 1000 / FRAMES_PER_S,
        }))
    }
}

/// The camera `tick` frames after cut number `cut`.
fn aim(scene: &Scene, seed: u32, cut: u64, tick: u64) -> Shot {
    // Each movement is a slow wave with a period and a starting point of its own.
    let wave = |movement: u32, period_frames: u64| -> i64 {
        let start = scramble(seed ^ scramble(cut as u32 * 8 + movement)) & 0xFFFF;
        let turn_q16 = tick * 65536 / period_frames + u64::from(start);
        i64::from(sine_q15(turn_q16 as i32))
    };

    let (width, height) = (
        i64::from(scene.picture.width),
        i64::from(scene.picture.height),
    );
    let [face_x, face_y, face_side] = scene.portrait.face.map(i64::from);
    // Portrait pixels per frame pixel: at most what keeps the portrait's edge out of sight, at
    // least what keeps the face in sight.
    let widest_q16 = ((width << 16) / ROLLED_WIDTH).min((height << 16) / ROLLED_HEIGHT);
    let closest_q16 = ((face_side << 16) / MAX_FACE_SIDE)
        .max(widest_q16 * 3 / 4)
        .min(widest_q16);
    let scale_q16 = widest_q16 - (((widest_q16 - closest_q16) * (32768 + wave(0, 80))) >> 16);

    let roll_turn_q16 = (wave(1, 90) * i64::from(MAX_ROLL_TURN_Q16) / 32768) as i32;
    let cos_q15 = i64::from(sine_q15(roll_turn_q16 + 16384));
    let sin_q15 = i64::from(sine_q15(roll_turn_q16));
    let step_q16 = [(scale_q16 * cos_q15) >> 15, (scale_q16 * sin_q15) >> 15];

    let sway_q16 = face_side << 13;
    let wanted_q16 = [
        ((2 * face_x + face_side) << 15) + ((wave(2, 70) * sway_q16) >> 15),
        ((2 * face_y + face_side) << 15) + ((wave(3, 110) * sway_q16) >> 15),
    ];
    let reach_q16 = [
        step_q16[0] * i64::from(WIDTH / 2) + step_q16[1].abs() * i64::from(HEIGHT / 2),
        step_q16[0] * i64::from(HEIGHT / 2) + step_q16[1].abs() * i64::from(WIDTH / 2),
    ];
    let center_q16 = [
        inside(wanted_q16[0], reach_q16[0], width << 16),
        inside(wanted_q16[1], reach_q16[1], height << 16),
    ];

    let gain_q8 = 232 + ((wave(4, 60) * 56) >> 15) as i32;
    let slope_q8 = ((wave(5, 100) * 40) >> 15) as i32;
    Shot {
        center_q16,
        step_q16,
        light_q8: [gain_q8 - slope_q8, gain_q8 + slope_q8],
        noise: scramble(seed ^ scramble((cut * SHOT_FRAMES + tick) as u32)),
    }
}

/// `center` moved so that `center ± reach` stays within `0..size`, if it can.
fn inside(center: i64, reach: i64, size: i64) -> i64 {
    if 2 * reach >= size {
        size / 2
    } else {
        center.clamp(reach, size - reach)
    }
}

fn render(picture: &Picture, shot: &Shot) -> Vec<u8> {
    let (width, height) = (i64::from(picture.width), i64::from(picture.height));
    let [step_x, step_y] = shot.step_q16;
    let mut noise = shot.noise | 1;
    let mut pixels = Vec::with_capacity((WIDTH * HEIGHT) as usize);
    for row in 0..i64::from(HEIGHT) {
        // Pixel centres, as distances from the frame's centre in half pixels.
        let down = 2 * row + 1 - i64::from(HEIGHT);
        let right = 1 - i64::from(WIDTH);
        // `- 32768`: sample positions count from the first pixel's centre.
        let mut x_q16 = shot.center_q16[0] + (step_x * right - step_y * down) / 2 - 32768;
        let mut y_q16 = shot.center_q16[1] + (step_y * right + step_x * down) / 2 - 32768;
        for column in 0..WIDTH as i32 {
            let value = bilinear(&picture.gray, width, height, x_q16, y_q16);
            let light_q8 =
                shot.light_q8[0] + (shot.light_q8[1] - shot.light_q8[0]) * column / WIDTH as i32;
            noise ^= noise << 13;
            noise ^= noise >> 17;
            noise ^= noise << 5;
            let grain = (noise & 3) as i32 - ((noise >> 2) & 3) as i32;
            pixels.push((((value * light_q8) >> 8) + grain).clamp(0, 255) as u8);
            x_q16 += step_x;
            y_q16 += step_y;
        }
    }
    pixels
}

/// Value 0..=255 at a position in 1/65536 pixel from the first pixel's centre, edges repeated.
fn bilinear(gray: &[u8], width: i64, height: i64, x_q16: i64, y_q16: i64) -> i32 {
    let x_q16 = x_q16.clamp(0, (width - 1) << 16);
    let y_q16 = y_q16.clamp(0, (height - 1) << 16);
    let (x, y) = ((x_q16 >> 16) as usize, (y_q16 >> 16) as usize);
    let right = (x + 1).min(width as usize - 1);
    let below = (y + 1).min(height as usize - 1) * width as usize;
    let row = y * width as usize;
    let (fx, fy) = ((x_q16 >> 8 & 255) as i32, (y_q16 >> 8 & 255) as i32);
    let at = |index: usize| i32::from(gray[index]);
    let top = at(row + x) * (256 - fx) + at(row + right) * fx;
    let bottom = at(below + x) * (256 - fx) + at(below + right) * fx;
    (top * (256 - fy) + bottom * fy + 32768) >> 16
}

/// Sine of `turn_q16 / 65536` turns, 1/32768.
fn sine_q15(turn_q16: i32) -> i32 {
    sin_cos_turn_q16(turn_q16 as i16).0 >> 15
}

/// A well-mixed number (the finisher of MurmurHash3).
fn scramble(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x85EB_CA6B);
    x ^= x >> 13;
    x = x.wrapping_mul(0xC2B2_AE35);
    x ^ (x >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_frames_and_other_seed_other_frames() {
        let frame = |seed| {
            DemoCamera::new(seed)
                .unwrap()
                .next_frame()
                .unwrap()
                .unwrap()
        };
        assert_eq!(frame(1), frame(1));
        assert_ne!(frame(1).pixels, frame(2).pixels);
    }

    #[test]
    fn frames_move_and_are_well_lit() {
        let mut camera = DemoCamera::new(1).unwrap();
        let mut previous = Vec::new();
        for sequence in 0..160 {
            let frame = camera.next_frame().unwrap().unwrap();
            assert_eq!(frame.sequence, sequence);
            assert_eq!(frame.timestamp_ms, sequence * 1000 / 30);
            assert_eq!(frame.pixels.len(), 640 * 480);
            assert_ne!(frame.pixels, previous);
            let mean = frame.pixels.iter().map(|v| u64::from(*v)).sum::<u64>() / (640 * 480);
            assert!((30..=220).contains(&mean), "frame {sequence}: mean {mean}");
            previous = frame.pixels;
        }
    }

    #[test]
    fn the_face_stays_in_sight_and_the_edge_out_of_sight() {
        let camera = DemoCamera::new(1).unwrap();
        for cut in 0..60 {
            let scene = &camera.scenes[cut as usize % camera.scenes.len()];
            for tick in 0..SHOT_FRAMES {
                let shot = aim(scene, 1, cut, tick);
                let [step_x, step_y] = shot.step_q16.map(|step| step as f64 / 65536.0);
                let [center_x, center_y] = shot.center_q16.map(|c| c as f64 / 65536.0);
                let to_frame = |x: f64, y: f64| {
                    let (dx, dy) = (x - center_x, y - center_y);
                    let scale = step_x * step_x + step_y * step_y;
                    [
                        (dx * step_x + dy * step_y) / scale + 320.0,
                        (dy * step_x - dx * step_y) / scale + 240.0,
                    ]
                };
                let [x, y, side] = scene.portrait.face.map(f64::from);
                for (dx, dy) in [(0.0, 0.0), (side, 0.0), (0.0, side), (side, side)] {
                    let [u, v] = to_frame(x + dx, y + dy);
                    let visible = (0.0..640.0).contains(&u) && (0.0..480.0).contains(&v);
                    assert!(
                        visible,
                        "cut {cut} tick {tick}: face corner at {u:.0}, {v:.0}"
                    );
                }
                for (right, down) in [
                    (-320.0, -240.0),
                    (320.0, -240.0),
                    (-320.0, 240.0),
                    (320.0, 240.0),
                ] {
                    let u = center_x + step_x * right - step_y * down;
                    let v = center_y + step_y * right + step_x * down;
                    let (width, height) = (scene.picture.width, scene.picture.height);
                    let seen = (-1.0..=f64::from(width) + 1.0).contains(&u)
                        && (-1.0..=f64::from(height) + 1.0).contains(&v);
                    assert!(
                        seen,
                        "cut {cut} tick {tick}: frame corner at {u:.0}, {v:.0}"
                    );
                }
            }
        }
    }
}
