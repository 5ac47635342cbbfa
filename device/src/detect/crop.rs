//! From a detector's box to the square that FER2013's faces fill.

use mien_models::crop::CropRect;

use super::Detection;

/// A square in terms of a detector's box.
struct FaceSquare {
    /// Side of the square per width of the box.
    side_per_width: f32,
    /// How far the square's centre lies below the box's, as a fraction of the side.
    down: f32,
}

/// Viola-Jones boxes, from FER2013's eye and mouth heights against the boxes' own.
const CASCADE: FaceSquare = FaceSquare {
    side_per_width: 1.12,
    down: 0.03,
};

/// A detector without measured figures: its box, squared.
const AS_FOUND: FaceSquare = FaceSquare {
    side_per_width: 1.0,
    down: 0.0,
};

/// The crop to classify for a face that the detector called `detector` found. Detectors frame
/// faces differently; the crops come out alike.
pub fn crop_for(detection: &Detection, detector: &str) -> CropRect {
    let square = match detector {
        "haar" | "lbp" => CASCADE,
        _ => AS_FOUND,
    };
    let side = detection.width * square.side_per_width;
    let center_x = detection.x + detection.width / 2.0;
    let center_y = detection.y + detection.height / 2.0 + side * square.down;
    let side_q8 = q8(side).max(1);
    CropRect {
        center_x_q8: q8(center_x),
        center_y_q8: q8(center_y),
        width_q8: side_q8,
        height_q8: side_q8,
        rotation_turn_q16: 0,
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
}
