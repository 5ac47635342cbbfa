//! From a detector's box to the square that FER2013's faces fill.

use mien_models::crop::{CropRect, MAX_CROP_SIDE_Q8};

use super::Detection;

/// Eyes closer than this have no direction.
const MIN_EYE_DISTANCE_PX: f32 = 2.0;

/// A square in terms of a detector's box.
struct FaceSquare {
    /// Side of the square per longer side of the box.
    side_per_box: f32,
    /// How far the square's centre lies below the box's, as a fraction of the side.
    down: f32,
}

/// Viola-Jones boxes. As for YuNet, the constants put the eyes and the mouth of photographs with
/// known landmarks where FER2013 has them: eyes 0.354 of the side apart and 0.392 from its top,
/// the mouth at 0.746.
const CASCADE: FaceSquare = FaceSquare {
    side_per_box: 1.08,
    down: 0.005,
};

/// YuNet's boxes, which reach from the forehead to the chin. Their centres find FER2013's own
/// squares with less scatter than the eyes do (0.04 of the side against 0.06): when a head turns,
/// the eyes leave the middle.
const YUNET: FaceSquare = FaceSquare {
    side_per_box: 0.96,
    down: -0.005,
};

/// A detector without measured figures: its box, squared.
const AS_FOUND: FaceSquare = FaceSquare {
    side_per_box: 1.0,
    down: 0.0,
};

/// The crop to classify for a face that the detector called `detector` found. Detectors frame
/// faces differently; the crops come out alike. With landmarks the crop is turned so that the
/// eyes are level.
pub fn crop_for(detection: &Detection, detector: &str) -> CropRect {
    let square = match detector {
        "haar" | "lbp" => CASCADE,
        "yunet" => YUNET,
        _ => AS_FOUND,
    };
    let side = detection.width.max(detection.height) * square.side_per_box;
    let down = side * square.down;
    let side_q8 = q8(side).clamp(1, MAX_CROP_SIDE_Q8);
    CropRect {
        center_x_q8: q8(detection.x + detection.width / 2.0),
        center_y_q8: q8(detection.y + detection.height / 2.0 + down),
        width_q8: side_q8,
        height_q8: side_q8,
        rotation_turn_q16: detection.landmarks.map_or(0, |p| roll_turn_q16(&p)),
    }
}

/// How far the head is turned clockwise, in 1/65536 turn, by the line from the right eye, at the
/// picture's left, to the left one. 0 when both eyes are in one place, as in a profile.
fn roll_turn_q16(landmarks: &[[f32; 2]; 5]) -> i16 {
    let [[right_x, right_y], [left_x, left_y], ..] = *landmarks;
    let (dx, dy) = (left_x - right_x, left_y - right_y);
    let distance = (dx * dx + dy * dy).sqrt();
    if !distance.is_finite() || distance < MIN_EYE_DISTANCE_PX {
        return 0;
    }
    let turns = dy.atan2(dx) / std::f32::consts::TAU;
    // Half a turn is both ends of the range; the conversion saturates.
    (turns * 65_536.0).round() as i16
}

/// Pixels to 1/256 pixels; the conversion saturates.
fn q8(pixels: f32) -> i32 {
    (pixels * 256.0).round() as i32
}

#[cfg(test)]
mod tests {
    use mien_models::plane::GrayView;
    use mien_models::preprocess::resize_crop;
    use proptest::prelude::*;

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
        assert_eq!(crop.width_q8, 216 * 256);
        assert_eq!(crop.height_q8, 216 * 256);
        assert_eq!(crop.center_x_q8, 200 * 256);
        // 150 + 0.005 * 216 = 151.08 pixels.
        assert_eq!(crop.center_y_q8, 38_676);
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

    /// A YuNet's box about (97.5, 90) with the eyes 36 pixels apart and turned by `roll`.
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
    fn a_yunet_s_box_gives_place_and_size_and_its_eyes_the_turn() {
        for eighths in [-3, -1, 0, 1, 2, 3] {
            let roll = std::f32::consts::TAU / 8.0 * eighths as f32;
            let crop = crop_for(&found(roll), "yunet");
            assert_eq!((crop.width_q8, crop.height_q8), (96 * 256, 96 * 256));
            assert_eq!(crop.center_x_q8, 24_960);
            // 90 - 0.005 * 96 = 89.52 pixels.
            assert_eq!(crop.center_y_q8, 22_917);
            assert_eq!(i32::from(crop.rotation_turn_q16), 8192 * eighths);
        }
        // Upside down, just below and at half a turn.
        let crop = crop_for(&found(std::f32::consts::PI), "yunet");
        assert!(crop.rotation_turn_q16.unsigned_abs() >= 32_767);
    }

    #[test]
    fn eyes_in_one_place_or_nowhere_have_no_turn() {
        for eye in [[100.0, 80.0], [f32::NAN, 0.0], [f32::INFINITY, 0.0]] {
            let mut detection = found(1.0);
            detection.landmarks = Some([eye, [100.0, 80.0], eye, eye, eye]);
            let crop = crop_for(&detection, "yunet");
            assert_eq!(crop.rotation_turn_q16, 0);
            assert_eq!(crop.width_q8, 96 * 256);
        }
    }

    proptest! {
        /// Whatever a detector says, the crop can be cut from any picture.
        #[test]
        fn every_detection_gives_a_crop_that_can_be_cut(
            place in prop::array::uniform2(any::<f32>()),
            size in prop::array::uniform2(any::<f32>()),
            eyes in prop::array::uniform4(any::<f32>()),
            scene in (1..40_u32, 1..40_u32, any::<u8>()),
        ) {
            let (width, height, gray) = scene;
            let pixels = vec![gray; (width * height) as usize];
            let view = GrayView::packed(&pixels, width, height).unwrap();
            let [a, b, c, d] = eyes;
            let detection = Detection {
                x: place[0],
                y: place[1],
                width: size[0],
                height: size[1],
                score: 0.9,
                landmarks: Some([[a, b], [c, d], [0.0; 2], [0.0; 2], [0.0; 2]]),
            };
            for detector in ["haar", "yunet", "other"] {
                let crop = crop_for(&detection, detector);
                let mut face = [0; 64];
                prop_assert_eq!(resize_crop(&view, &crop, 8, 8, &mut face), Ok(()));
                prop_assert_eq!(face, [gray; 64]);
            }
        }
    }
}
