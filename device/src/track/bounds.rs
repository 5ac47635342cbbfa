//! Boxes as the tracker computes with them.

use crate::detect::Detection;

/// A rectangle by its centre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Centre, `[x, y]` in pixels.
    pub center: [f32; 2],
    /// Width and height in pixels.
    pub size: [f32; 2],
}

impl Bounds {
    /// The box of a detection in a picture of `frame` pixels, `[width, height]`. `None` for what
    /// can be no face there: a box without area or beyond the picture, infinite, or more than
    /// twice as large as the picture.
    pub fn of(detection: &Detection, frame: [f32; 2]) -> Option<Self> {
        let &Detection {
            x,
            y,
            width,
            height,
            ..
        } = detection;
        let largest = 2.0 * frame[0].max(frame[1]);
        // Written so that NaN fails.
        let is_sound = width >= 1.0
            && height >= 1.0
            && width <= largest
            && height <= largest
            && x < frame[0]
            && y < frame[1]
            && x + width > 0.0
            && y + height > 0.0;
        is_sound.then(|| Self {
            center: [x + width / 2.0, y + height / 2.0],
            size: [width, height],
        })
    }

    /// Intersection over union, 0..=1.
    pub fn iou(&self, other: &Self) -> f32 {
        let overlap = |axis: usize| {
            let end = |b: &Self, side: f32| b.center[axis] + side * b.size[axis] / 2.0;
            (end(self, 1.0).min(end(other, 1.0)) - end(self, -1.0).max(end(other, -1.0))).max(0.0)
        };
        let shared = overlap(0) * overlap(1);
        let union = self.area() + other.area() - shared;
        if union > 0.0 { shared / union } else { 0.0 }
    }

    /// Distance of `point` from this centre in faces: the mean of both sides is 1.
    pub fn distance_faces(&self, point: [f32; 2]) -> f32 {
        let [dx, dy] = [point[0] - self.center[0], point[1] - self.center[1]];
        (dx * dx + dy * dy).sqrt() / self.side()
    }

    /// By which factor the larger of two boxes is larger, as a logarithm; 0 for equal sizes.
    pub fn log_ratio(&self, other: &Self) -> f32 {
        (self.side() / other.side()).ln().abs()
    }

    /// Mean of width and height.
    pub fn side(&self) -> f32 {
        (self.size[0] + self.size[1]) / 2.0
    }

    fn area(&self) -> f32 {
        self.size[0] * self.size[1]
    }
}

/// The point between `from` and `to` that is nearest to `point`.
pub fn nearest_between(from: [f32; 2], to: [f32; 2], point: [f32; 2]) -> [f32; 2] {
    let along = [to[0] - from[0], to[1] - from[1]];
    let length_squared = along[0] * along[0] + along[1] * along[1];
    if length_squared <= 0.0 {
        return to;
    }
    let dot = (point[0] - from[0]) * along[0] + (point[1] - from[1]) * along[1];
    let share = (dot / length_squared).clamp(0.0, 1.0);
    [from[0] + share * along[0], from[1] + share * along[1]]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detection(x: f32, y: f32, width: f32, height: f32) -> Detection {
        Detection {
            x,
            y,
            width,
            height,
            score: 1.0,
            landmarks: None,
        }
    }

    fn bounds(x: f32, y: f32, side: f32) -> Bounds {
        Bounds {
            center: [x, y],
            size: [side, side],
        }
    }

    #[test]
    fn half_a_face_apart_shares_a_third() {
        let (a, b) = (bounds(0.0, 0.0, 10.0), bounds(5.0, 0.0, 10.0));
        assert!((a.iou(&b) - 1.0 / 3.0).abs() < 1e-6);
        assert_eq!(a.iou(&a), 1.0);
        assert_eq!(a.iou(&bounds(20.0, 0.0, 10.0)), 0.0);
        assert_eq!(a.distance_faces(b.center), 0.5);
        assert!((a.log_ratio(&bounds(0.0, 0.0, 20.0)) - 2_f32.ln()).abs() < 1e-6);
    }

    #[test]
    fn boxes_that_are_none_are_refused() {
        let of = |d| Bounds::of(&d, [64.0, 48.0]);
        assert!(of(detection(-5.0, 40.0, 20.0, 20.0)).is_some());
        for (x, y, width, height) in [
            (0.0, 0.0, 0.0, 9.0),
            (64.0, 0.0, 9.0, 9.0),
            (0.0, -9.0, 9.0, 9.0),
            (f32::NAN, 0.0, 9.0, 9.0),
            (0.0, 0.0, f32::INFINITY, 9.0),
            (-1e30, 0.0, 9.0, 9.0),
            (-64.0, 0.0, 129.0, 9.0),
        ] {
            assert_eq!(of(detection(x, y, width, height)), None);
        }
    }

    #[test]
    fn nearest_point_of_a_path() {
        let nearest = |point| nearest_between([0.0, 0.0], [10.0, 0.0], point);
        assert_eq!(nearest([4.0, 7.0]), [4.0, 0.0]);
        assert_eq!(nearest([-4.0, 7.0]), [0.0, 0.0]);
        assert_eq!(nearest([14.0, 7.0]), [10.0, 0.0]);
        assert_eq!(
            nearest_between([1.0, 2.0], [1.0, 2.0], [9.0, 9.0]),
            [1.0, 2.0]
        );
    }
}
