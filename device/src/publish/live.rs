//! The live picture for those who watch it: gray, in memory, every face covered before it leaves
//! the pipeline. Nothing is kept, drawn or encoded while nobody asks.

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder as _};
use mien_models::label::Labels;
use tokio::sync::watch;

use super::state::Person;
use crate::detect::Detection;
use crate::pipeline::stages::Judged;

/// Least time between two pictures: 10 a second.
pub const INTERVAL: Duration = Duration::from_millis(100);
/// How long after the last request pictures are still taken.
const INTEREST: Duration = Duration::from_secs(2);
/// How long the place of a face that is out of sight stays covered: it may only be lost to the
/// tracker.
const LINGER: Duration = Duration::from_millis(1500);
/// How far a cover reaches over the face's box, of its width and height.
const MARGIN: f32 = 0.18;
const QUALITY: u8 = 75;

/// Where the newest picture lies while somebody watches.
#[derive(Debug)]
pub struct Desk {
    asked: Mutex<Option<Instant>>,
    taken: Mutex<Option<Instant>>,
    /// Where faces were of late, and when.
    places: Mutex<Vec<(Instant, Detection)>>,
    picture: watch::Sender<Option<Arc<Picture>>>,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            asked: Mutex::default(),
            taken: Mutex::default(),
            places: Mutex::default(),
            picture: watch::Sender::new(None),
        }
    }
}

/// A frame whose faces are covered.
#[derive(Debug)]
pub struct Picture {
    /// Its faces.
    pub faces: Vec<Person>,
    pixels: Vec<u8>,
    width: u32,
    height: u32,
    jpeg: OnceLock<Result<Vec<u8>, String>>,
}

impl Desk {
    /// Asks for pictures; returns a reader of those that come.
    pub fn ask(&self) -> watch::Receiver<Option<Arc<Picture>>> {
        *lock(&self.asked) = Some(Instant::now());
        self.picture.subscribe()
    }

    /// Takes a picture of `judged`, if one is asked for and due. Copies a frame at most ten times
    /// a second, and nothing otherwise.
    pub(crate) fn offer(&self, judged: &Judged, labels: &Labels) {
        let now = Instant::now();
        let is_within = |at: &Mutex<Option<Instant>>, time| {
            lock(at).is_some_and(|at| now.saturating_duration_since(at) < time)
        };
        if !is_within(&self.asked, INTEREST) {
            if self.picture.borrow().is_some() {
                self.clear();
            }
            return;
        }
        if is_within(&self.taken, INTERVAL) {
            return;
        }
        *lock(&self.taken) = Some(now);
        let mut places = lock(&self.places);
        places.retain(|(at, _)| now.saturating_duration_since(*at) < LINGER);
        places.extend(judged.faces.iter().map(|face| (now, face.detection)));
        let picture = Picture::of(judged, labels, places.iter().map(|(_, place)| place));
        drop(places);
        self.picture.send_replace(Some(Arc::new(picture)));
    }

    /// Forgets the picture.
    pub(crate) fn clear(&self) {
        self.picture.send_replace(None);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Plain data: nothing is half written where a holder panicked.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Picture {
    /// The frame with `places` covered.
    pub fn of<'a>(
        judged: &Judged,
        labels: &Labels,
        places: impl IntoIterator<Item = &'a Detection>,
    ) -> Self {
        let frame = &judged.frame;
        let faces = judged.faces.iter();
        let faces = faces.map(|face| Person::of(face, frame, labels)).collect();
        let mut pixels = frame.pixels.clone();
        for place in places {
            let (half_width, half_height) =
                (place.width * (0.5 + MARGIN), place.height * (0.5 + MARGIN));
            let center = [place.x + place.width / 2.0, place.y + place.height / 2.0];
            cover(
                &mut pixels,
                [frame.width, frame.height],
                center,
                [half_width, half_height],
            );
        }
        Self {
            faces,
            pixels,
            width: frame.width,
            height: frame.height,
            jpeg: OnceLock::new(),
        }
    }

    /// The picture as JPEG; encoded once, however many ask.
    ///
    /// # Errors
    /// If it cannot be encoded, which only a picture of more than 65535 pixels a side cannot.
    pub fn jpeg(&self) -> io::Result<&[u8]> {
        let encoded = self.jpeg.get_or_init(|| {
            let mut jpeg = Vec::new();
            let encoder = JpegEncoder::new_with_quality(&mut jpeg, QUALITY);
            encoder
                .write_image(&self.pixels, self.width, self.height, ExtendedColorType::L8)
                .map(|()| jpeg)
                .map_err(|error| error.to_string())
        });
        encoded
            .as_deref()
            .map_err(|error| io::Error::other(error.clone()))
    }
}

/// Fills an ellipse with the mean of what it hides, so that nothing of it is left.
fn cover(pixels: &mut [u8], size: [u32; 2], center: [f32; 2], half: [f32; 2]) {
    let (mut sum, mut count) = (0u64, 0u64);
    each_row(size, center, half, |row| {
        sum += pixels[row.clone()]
            .iter()
            .map(|&p| u64::from(p))
            .sum::<u64>();
        count += row.len() as u64;
    });
    let mean = (sum / count.max(1)) as u8;
    each_row(size, center, half, |row| pixels[row].fill(mean));
}

/// The rows of an ellipse, as far as they are within the picture, as ranges of its pixels.
fn each_row(
    [width, height]: [u32; 2],
    [center_x, center_y]: [f32; 2],
    [half_width, half_height]: [f32; 2],
    mut work: impl FnMut(std::ops::Range<usize>),
) {
    let within = |value: f32, end: u32| value.clamp(0.0, end as f32) as usize;
    let rows = within(center_y - half_height, height)..within(center_y + half_height + 1.0, height);
    for row in rows {
        let away = (row as f32 + 0.5 - center_y) / half_height;
        let reach = half_width * (1.0 - away * away).max(0.0).sqrt();
        let left = within(center_x - reach, width);
        let right = within((center_x + reach).ceil(), width);
        if left < right {
            let start = row * width as usize;
            work(start + left..start + right);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selftest::example;

    /// A frame of noise with one face.
    fn judged(x: f32, y: f32, side: f32) -> Judged {
        let mut judged = example(&Labels::fer2013(), 3);
        judged.frame.width = 64;
        judged.frame.height = 48;
        let mut random = fastrand::Rng::with_seed(7);
        judged.frame.pixels = std::iter::repeat_with(|| random.u8(..))
            .take(64 * 48)
            .collect();
        let place = &mut judged.faces[0].detection;
        (place.x, place.y, place.width, place.height) = (x, y, side, side);
        judged
    }

    /// The picture of a frame alone.
    fn picture(judged: &Judged) -> Picture {
        let places = judged.faces.iter().map(|face| &face.detection);
        Picture::of(judged, &Labels::fer2013(), places)
    }

    #[test]
    fn no_pixel_of_a_face_is_left() {
        let judged = judged(20.0, 10.0, 20.0);
        let picture = picture(&judged);
        let at = |x: usize, y: usize| picture.pixels[y * 64 + x];
        let cover = at(30, 20);
        for y in 10..30 {
            for x in 20..40 {
                let (dx, dy) = (x as f32 + 0.5 - 30.0, y as f32 + 0.5 - 20.0);
                if dx * dx + dy * dy < 12.0 * 12.0 {
                    assert_eq!(at(x, y), cover, "{x}, {y}");
                }
            }
        }
        let kept = picture.pixels.iter().zip(&judged.frame.pixels);
        let kept = kept.filter(|(now, before)| now == before).count();
        assert!(kept > 64 * 48 / 2, "{kept} pixels of the room stay");
    }

    #[test]
    fn any_box_is_covered_without_a_fault() {
        for (x, y, side) in [
            (-50.0, -50.0, 60.0),
            (60.0, 40.0, 500.0),
            (1e9, 0.0, 3.0),
            (0.0, 0.0, 0.0),
            (f32::NAN, 1.0, 9.0),
        ] {
            let picture = picture(&judged(x, y, side));
            assert_eq!(&picture.jpeg().unwrap()[..2], [0xff, 0xd8]);
        }
    }

    #[test]
    fn nothing_is_taken_unless_asked_for() {
        let desk = Desk::default();
        let labels = Labels::fer2013();
        let frame = judged(20.0, 10.0, 20.0);
        desk.offer(&frame, &labels);
        assert!(desk.picture.borrow().is_none());
        let mut pictures = desk.ask();
        desk.offer(&frame, &labels);
        let first = pictures.borrow_and_update().clone().unwrap();
        desk.offer(&frame, &labels);
        assert!(!pictures.has_changed().unwrap(), "not so soon");
        assert_eq!(first.faces[0].expression.as_deref(), Some("happy"));
        // A face that is lost for a moment stays covered.
        let mut gone = frame.clone();
        gone.faces.clear();
        *lock(&desk.taken) = None;
        desk.offer(&gone, &labels);
        let second = pictures.borrow_and_update().clone().unwrap();
        assert!(second.faces.is_empty());
        assert_eq!(second.pixels, first.pixels);
        *lock(&desk.taken) = None;
        lock(&desk.places)
            .iter_mut()
            .for_each(|(at, _)| *at -= LINGER);
        desk.offer(&gone, &labels);
        let third = pictures.borrow_and_update().clone().unwrap();
        assert_eq!(third.pixels, frame.frame.pixels, "and then no more");
        // Nobody has asked for long.
        *lock(&desk.asked) = Instant::now().checked_sub(INTEREST);
        desk.offer(&frame, &labels);
        assert!(desk.picture.borrow().is_none(), "and it is forgotten");
    }
}
