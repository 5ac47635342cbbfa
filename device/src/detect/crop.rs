//! From a detector's box to the square that FER2013's faces fill.

use mien_models::crop::CropRect;

use super::Detection;

/// Eyes closer than this have no direction.
const MIN_EYE_DISTANCE_PX: f32 = 2.0;

/// Height of the eyes' midpoint in FER2013's squares, as a fraction of the side from the top.
/// The eyes' distance is 0.354 of the side there, the mouth's height 0.746.
const EYES_FROM_TOP: f32 = 0.392;

/// A square in terms of a detector's box.
struct FaceSquare {
    /// Side of the square per longer side of the box.
    side_per_box: f32,
    /// How far the square's centre lies below the box's, as a fraction of the side.
    down: f32,
}

/// Viola-Jones boxes, from FER2013's eye and mouth heights against the boxes' own.
const CASCADE: FaceSquare = FaceSquare {
    side_per_box: 1.12,
    down: 0.03,
};

/// A detector without measured figures: its box, squared. It is also what YuNet's boxes, which
/// reach from the forehead to the chin, come to: their height is the square's side.
const AS_FOUND: FaceSquare = FaceSquare {
    side_per_box: 1.0,
    down: 0.0,
};

/// The crop to classify for a face that the detector called `detector` found. Detectors frame
/// faces differently; the crops come out alike. With landmarks the crop is turned so that the
/// eyes are level, and stands where they are.
pub fn crop_for(detection: &Detection, detector: &str) -> CropRect {
    let square = match detector {
        "haar" | "lbp" => CASCADE,
        _ => AS_FOUND,
    };
    let side = detection.width.max(detection.height) * square.side_per_box;
    let box_center = [
        detection.x + detection.width / 2.0,
        detection.y + detection.height / 2.0 + side * square.down,
    ];
    let eyes = detection.landmarks.and_then(|points| Eyes::new(&points));
    let (center, rotation_turn_q16) = match eyes {
        Some(eyes) => (eyes.face_center(side), eyes.roll_turn_q16()),
        None => (box_center, 0),
    };
    let side_q8 = q8(side).max(1);
    CropRect {
        center_x_q8: q8(center[0]),
        center_y_q8: q8(center[1]),
        width_q8: side_q8,
        height_q8: side_q8,
        rotation_turn_q16,
    }
}

/// Where the eyes are and how they are turned.
struct Eyes {
    /// Their midpoint in pixels.
    middle: [f32; 2],
    /// Unit vector from the right eye, at the picture's left, to the left one.
    along: [f32; 2],
}

impl Eyes {
    /// `None` when both eyes are in one place, as in a profile, and say nothing about roll.
    fn new(landmarks: &[[f32; 2]; 5]) -> Option<Self> {
        let [[right_x, right_y], [left_x, left_y], ..] = *landmarks;
        let (dx, dy) = (left_x - right_x, left_y - right_y);
        let distance = dx.hypot(dy);
        (distance.is_finite() && distance >= MIN_EYE_DISTANCE_PX).then(|| Self {
            middle: [(right_x + left_x) / 2.0, (right_y + left_y) / 2.0],
            along: [dx / distance, dy / distance],
        })
    }

    /// Centre of the square with this side in which the eyes are where FER2013 has them.
    fn face_center(&self, side: f32) -> [f32; 2] {
        let down = (0.5 - EYES_FROM_TOP) * side;
        let [x, y] = self.along;
        [self.middle[0] - y * down, self.middle[1] + x * down]
    }

    /// Clockwise in 1/65536 turn.
    fn roll_turn_q16(&self) -> i16 {
        let turns = self.along[1].atan2(self.along[0]) / std::f32::consts::TAU;
        // Half a turn is both ends of the range; the conversion saturates.
        (turns * 65_536.0).round() as i16
    }
}

/// Pixels to 1/256 pixels; the conversion saturates.
fn q8(pixels: f32) -> i32 {
    (pixels * 256.0).round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cascade_box_grows_and_moves_down() {
        let detection = Detection {
            x: 100.0,
            y: 50.0,
            width: 200.0,
            height: 200.0,
            score: 5.0,
            landmarks: None,
        };
        let crop = crop_for(&detection, "haar");
        assert_eq!(crop.width_q8, 224 * 256);
        assert_eq!(crop.height_q8, 224 * 256);
        assert_eq!(crop.center_x_q8, 200 * 256);
        // 150 + 0.03 * 224 = 156.72 pixels.
        assert_eq!(crop.center_y_q8, 40_120);
        assert_eq!(crop.rotation_turn_q16, 0);
    }

    #[test]
    fn an_empty_box_still_gives_a_valid_crop() {
        let detection = Detection {
            x: 0.0,
            y: 0.0,
            width: 0.0,
            height: 0.0,
            score: 1.0,
            landmarks: None,
        };
        assert!(crop_for(&detection, "haar").width_q8 > 0);
    }

    /// A YuNet's box with the eyes 36 pixels apart and turned by `roll` about their midpoint
    /// (100, 80).
    fn found(roll: f32) -> Detection {
        let (x, y) = (18.0 * roll.cos(), 18.0 * roll.sin());
        let mut landmarks = [[100.0, 80.0]; 5];
        landmarks[0] = [100.0 - x, 80.0 - y];
        landmarks[1] = [100.0 + x, 80.0 + y];
        Detection {
            x: 60.0,
            y: 40.0,
            width: 75.0,
            height: 100.0,
            score: 0.9,
            landmarks: Some(landmarks),
        }
    }

    #[test]
    fn level_eyes_stand_where_fer2013_has_them() {
        let crop = crop_for(&found(0.0), "yunet");
        assert_eq!((crop.width_q8, crop.height_q8), (25_600, 25_600));
        assert_eq!(crop.center_x_q8, 100 * 256);
        // The eyes' 80 pixels are 0.392 of the side below the top.
        assert_eq!(crop.center_y_q8, ((80.0 + 10.8) * 256.0) as i32);
        assert_eq!(crop.rotation_turn_q16, 0);
    }

    #[test]
    fn a_rolled_head_is_turned_about_its_eyes() {
        for eighths in [-3, -1, 1, 2, 3] {
            let roll = std::f32::consts::TAU / 8.0 * eighths as f32;
            let crop = crop_for(&found(roll), "yunet");
            assert_eq!(i32::from(crop.rotation_turn_q16), 8192 * eighths);
            let down = [-roll.sin() * 10.8, roll.cos() * 10.8];
            let center = [100.0 + down[0], 80.0 + down[1]].map(|v| v * 256.0);
            assert!(
                (crop.center_x_q8 as f32 - center[0]).abs() < 1.0,
                "{eighths}"
            );
            assert!(
                (crop.center_y_q8 as f32 - center[1]).abs() < 1.0,
                "{eighths}"
            );
        }
        // Upside down, just below and at half a turn.
        let crop = crop_for(&found(std::f32::consts::PI), "yunet");
        assert!(crop.rotation_turn_q16.unsigned_abs() >= 32_767);
    }

    #[test]
    fn eyes_in_one_place_or_nowhere_leave_the_box() {
        for eye in [[100.0, 80.0], [f32::NAN, 0.0], [f32::INFINITY, 0.0]] {
            let mut detection = found(0.0);
            detection.landmarks = Some([eye, [100.0, 80.0], eye, eye, eye]);
            let crop = crop_for(&detection, "yunet");
            assert_eq!(crop.rotation_turn_q16, 0);
            assert_eq!(crop.center_y_q8, 90 * 256);
            assert_eq!(crop.width_q8, 25_600);
        }
    }
}
