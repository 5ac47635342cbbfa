//! Of faces that overlap, only the best stays: greedy non-maximum suppression on whole pixels,
//! as OpenCV's `NMSBoxes` does.

use crate::detect::Detection;

/// Most faces that are compared; OpenCV's default.
const MAX_FACES: usize = 5000;

/// Sorts faces by score, highest first and otherwise in their order, and drops those that overlap
/// a better one by more than `max_overlap` of the union.
/// `kept` is a buffer.
pub(super) fn suppress(faces: &mut Vec<Detection>, kept: &mut Vec<[i64; 4]>, max_overlap: f32) {
    // Stable; of a frame's few faces it allocates nothing.
    faces.sort_by(|a, b| b.score.total_cmp(&a.score));
    faces.truncate(MAX_FACES);
    kept.clear();
    faces.retain(|face| {
        let candidate = corners(face);
        let stays = kept
            .iter()
            .all(|better| overlap(better, &candidate) <= f64::from(max_overlap));
        if stays {
            kept.push(candidate);
        }
        stays
    });
}

/// Left, top, right, bottom. Position and size lose their fractions one by one.
fn corners(face: &Detection) -> [i64; 4] {
    let [x, y, width, height] = [face.x, face.y, face.width, face.height].map(|v| v as i32 as i64);
    [x, y, x + width, y + height]
}

/// Intersection over union; 1 for two boxes without area.
fn overlap(a: &[i64; 4], b: &[i64; 4]) -> f64 {
    let area = |[left, top, right, bottom]: [i64; 4]| {
        (right - left).max(0) as f64 * (bottom - top).max(0) as f64
    };
    let both = area([
        a[0].max(b[0]),
        a[1].max(b[1]),
        a[2].min(b[2]),
        a[3].min(b[3]),
    ]);
    let union = area(*a) + area(*b) - both;
    if union > 0.0 { both / union } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(x: f32, y: f32, side: f32, score: f32) -> Detection {
        Detection {
            x,
            y,
            width: side,
            height: side,
            score,
            landmarks: None,
        }
    }

    #[test]
    fn the_better_of_two_stays() {
        let mut faces = vec![
            face(0.0, 0.0, 10.0, 0.6),
            face(100.0, 0.0, 10.0, 0.7),
            face(2.0, 0.0, 10.0, 0.9),
        ];
        suppress(&mut faces, &mut Vec::new(), 0.3);
        assert_eq!(
            faces,
            [face(2.0, 0.0, 10.0, 0.9), face(100.0, 0.0, 10.0, 0.7)]
        );
    }

    #[test]
    fn fractions_do_not_count() {
        // 3 of 10 columns in common: 30 of 170 pixels; with fractions it would be less.
        let mut faces = vec![face(0.9, 0.0, 10.9, 0.9), face(7.9, 0.0, 10.9, 0.8)];
        suppress(&mut faces, &mut Vec::new(), 30.0 / 170.0);
        assert_eq!(faces.len(), 2);
        suppress(&mut faces, &mut Vec::new(), 30.0 / 171.0);
        assert_eq!(faces.len(), 1);
    }

    #[test]
    fn boxes_without_area_and_beyond_all_numbers_are_compared_too() {
        let mut faces = vec![
            face(0.0, 0.0, 0.0, 0.9),
            face(0.0, 0.0, 0.5, 0.8),
            face(-1e30, 1e30, 1e30, 0.7),
        ];
        suppress(&mut faces, &mut Vec::new(), 0.3);
        assert_eq!(faces.len(), 2);
    }
}
