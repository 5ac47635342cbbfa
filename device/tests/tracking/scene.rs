//! Made sequences: cut-out heads that move over a background, so that the truth is known.

use mien_device::capture::picture::{self, Color};
use mien_device::track::bounds::Bounds;
use mien_models::plane::GrayView;
use mien_models::procedural::{Plane, Rng};

/// Frames per second of every sequence.
pub const FRAMES_PER_S: u64 = 30;

/// A picture with one face, and where that is.
pub struct Sprite {
    pub picture: Plane,
    pub face: Bounds,
}

impl Sprite {
    /// From a picture file and the face's `[x, y, width, height]` in it.
    pub fn new(file: &[u8], [x, y, width, height]: [f32; 4]) -> Self {
        Self {
            picture: decode(file),
            face: Bounds {
                center: [x + width / 2.0, y + height / 2.0],
                size: [width, height],
            },
        }
    }
}

/// A picture file's gray pixels.
pub fn decode(file: &[u8]) -> Plane {
    let picture = picture::decode(file, Color::Drop).unwrap();
    Plane {
        pixels: picture.gray,
        width: picture.width,
        height: picture.height,
    }
}

/// Where a face's centre is and how long its side, pixels.
#[derive(Clone, Copy)]
pub struct Place {
    pub center: [f32; 2],
    pub side: f32,
}

/// Where an actor is, by the time in seconds.
type Path<'a> = Box<dyn Fn(f32) -> Option<Place> + 'a>;

/// Someone who moves.
pub struct Actor<'a> {
    pub sprite: &'a Sprite,
    pub path: Path<'a>,
}

/// Something that hides a part of the picture, `[left, top, right, bottom]`, from one second to
/// another.
pub struct Screen {
    pub area: [i32; 4],
    pub during_s: [f32; 2],
}

/// What happens in front of a background. The later actor stands in front.
pub struct Scene<'a> {
    pub background: &'a Plane,
    pub actors: Vec<Actor<'a>>,
    pub screens: Vec<Screen>,
    pub seed: u64,
}

/// A frame and the face of every actor, `None` while it cannot be seen.
pub struct Take {
    pub frame: Plane,
    pub timestamp_ms: u64,
    pub truth: Vec<Option<Bounds>>,
}

impl Take {
    pub fn view(&self) -> GrayView<'_> {
        self.frame.view().unwrap()
    }
}

impl Scene<'_> {
    /// Frame number `index`.
    pub fn take(&self, index: u64) -> Take {
        let timestamp_ms = index * 1000 / FRAMES_PER_S;
        let at_s = timestamp_ms as f32 / 1000.0;
        let mut frame = self.background.clone();
        let mut truth = Vec::new();
        for Actor { sprite, path } in &self.actors {
            let place = path(at_s);
            if let Some(place) = place {
                paint(&mut frame, sprite, place);
            }
            truth.push(place.map(|place| {
                Bounds {
                    center: place.center,
                    size: sprite
                        .face
                        .size
                        .map(|s| s * place.side / sprite.face.side()),
                }
            }));
        }
        for back in 0..truth.len() {
            let front: Vec<_> = truth[back + 1..].iter().flatten().map(corners).collect();
            truth[back] = truth[back].filter(|face| !front.iter().any(|area| hides(*area, face)));
        }
        let screens = self
            .screens
            .iter()
            .filter(|screen| (screen.during_s[0]..screen.during_s[1]).contains(&at_s));
        for screen in screens {
            hang(&mut frame, screen.area);
            for face in &mut truth {
                *face = face.filter(|face| !hides(screen.area, face));
            }
        }
        let size = [frame.width as f32, frame.height as f32];
        for face in &mut truth {
            *face = face.filter(|face| {
                (0..2).all(|axis| {
                    let half = face.size[axis] / 2.0;
                    face.center[axis] >= half && face.center[axis] + half <= size[axis]
                })
            });
        }
        let mut rng = Rng::new(self.seed ^ (index + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let gain_q8 = 256 + (24.0 * (at_s * 1.7).sin()) as i32;
        for pixel in &mut frame.pixels {
            let value = ((i32::from(*pixel) * gain_q8) >> 8) + rng.between(-3, 3);
            *pixel = value.clamp(0, 255) as u8;
        }
        Take {
            frame,
            timestamp_ms,
            truth,
        }
    }
}

fn corners(face: &Bounds) -> [i32; 4] {
    [(0, -0.5), (1, -0.5), (0, 0.5), (1, 0.5)]
        .map(|(axis, side)| (face.center[axis] + side * face.size[axis]) as i32)
}

/// A face is hidden when a quarter of it is.
fn hides([left, top, right, bottom]: [i32; 4], face: &Bounds) -> bool {
    let overlap = |axis: usize, begin: i32, end: i32| {
        let half = face.size[axis] / 2.0;
        let (from, to) = (face.center[axis] - half, face.center[axis] + half);
        (to.min(end as f32) - from.max(begin as f32)).max(0.0) / face.size[axis]
    };
    overlap(0, left, right) * overlap(1, top, bottom) > 0.25
}

/// A striped board.
fn hang(frame: &mut Plane, [left, top, right, bottom]: [i32; 4]) {
    for y in top.max(0)..bottom.min(frame.height as i32) {
        for x in left.max(0)..right.min(frame.width as i32) {
            let value = if (x + y) / 12 % 2 == 0 { 90 } else { 150 };
            frame.pixels[y as usize * frame.width as usize + x as usize] = value;
        }
    }
}

/// Draws the head: an ellipse around the face with a soft edge.
fn paint(frame: &mut Plane, sprite: &Sprite, place: Place) {
    let scale = place.side / sprite.face.side();
    let radius = [0.72 * place.side, 0.85 * place.side];
    let range = |axis: usize, pixels: u32| {
        let from = (place.center[axis] - radius[axis]).max(0.0) as u32;
        let to = (place.center[axis] + radius[axis]).max(0.0) as u32 + 1;
        from..to.min(pixels)
    };
    for y in range(1, frame.height) {
        for x in range(0, frame.width) {
            let off = [x as f32 - place.center[0], y as f32 - place.center[1]];
            let away = (off[0] / radius[0]).hypot(off[1] / radius[1]);
            let cover = ((1.0 - away) * 8.0).clamp(0.0, 1.0);
            if cover > 0.0 {
                let at = |axis: usize| sprite.face.center[axis] + off[axis] / scale;
                let value = bilinear(&sprite.picture, at(0), at(1));
                let pixel = &mut frame.pixels[(y * frame.width + x) as usize];
                *pixel = (f32::from(*pixel) * (1.0 - cover) + value * cover) as u8;
            }
        }
    }
}

fn bilinear(picture: &Plane, x: f32, y: f32) -> f32 {
    let x = x.clamp(0.0, (picture.width - 1) as f32);
    let y = y.clamp(0.0, (picture.height - 1) as f32);
    let (left, top) = (x as u32, y as u32);
    let (right, bottom) = (
        (left + 1).min(picture.width - 1),
        (top + 1).min(picture.height - 1),
    );
    let (fx, fy) = (x.fract(), y.fract());
    let at = |x: u32, y: u32| f32::from(picture.pixels[(y * picture.width + x) as usize]);
    let mix = |a: f32, b: f32, share: f32| a + (b - a) * share;
    mix(
        mix(at(left, top), at(right, top), fx),
        mix(at(left, bottom), at(right, bottom), fx),
        fy,
    )
}

/// A background of `width` x `height` pixels from the middle of a picture, enlarged if need be.
pub fn background(picture: &Plane, width: u32, height: u32) -> Plane {
    let scale = (picture.width as f32 / width as f32).min(picture.height as f32 / height as f32);
    let at = |index: u32, size: u32, pixels: u32| {
        (index as f32 + 0.5 - size as f32 / 2.0) * scale + pixels as f32 / 2.0 - 0.5
    };
    let mut pixels = Vec::with_capacity((width * height) as usize);
    for y in 0..height {
        for x in 0..width {
            let (x, y) = (at(x, width, picture.width), at(y, height, picture.height));
            pixels.push(bilinear(picture, x, y) as u8);
        }
    }
    Plane {
        pixels,
        width,
        height,
    }
}
