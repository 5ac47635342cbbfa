//! How well a detection fits a track: place, size, overlap and looks.

use mien_models::plane::GrayView;

use super::bounds::Bounds;
use super::face::Face;

/// Farthest that a face in sight may be from where it is expected, in faces.
const REACH: f32 = 0.7;
/// How much farther it may be for every second out of sight, and at most.
const REACH_PER_S: f32 = 1.5;
const MAX_REACH: f32 = 3.0;
/// Largest factor between the sizes of a face in two detections.
const MAX_RATIO: f32 = 1.7;
/// How alike a face that was out of sight must look: at once, and after half a second. Of 120
/// photographed faces cut as unsteadily as a cascade cuts them, 95% are like themselves by 0.82 or
/// more; of pairs of different ones half are by 0.44, 75% by 0.57 and 90% by 0.67 at most.
const LOST_LIKENESS: f32 = 0.66;
const RETURN_LIKENESS: f32 = 0.7;
/// The same where another face covers a part of it: little is left to compare, and hardly anyone
/// else appears just there.
const COVERED_LIKENESS: f32 = 0.3;
/// What it costs to be out of sight: a face in sight comes first.
const HIDDEN: f32 = 0.5;

/// The cost of calling the detection at `found` the face, from 0; infinite if it cannot be.
/// `is_covered` tells whether a face in sight may cover a part of it.
pub fn cost(
    face: &Face,
    view: &GrayView<'_>,
    found: &Bounds,
    is_covered: bool,
    now_ms: u64,
) -> f32 {
    let expected = face.bounds();
    let hidden_s = now_ms.saturating_sub(face.seen_ms) as f32 / 1000.0;
    let reach = if face.is_visible {
        REACH
    } else {
        (REACH + REACH_PER_S * hidden_s).min(MAX_REACH)
    };
    let place = Bounds {
        center: face.nearest_place(found.center),
        ..expected
    };
    let away = place.distance_faces(found.center);
    let growth = expected.log_ratio(found);
    // Written so that NaN is no match.
    let may_be = away <= reach && growth <= MAX_RATIO.ln();
    if !may_be {
        return f32::INFINITY;
    }
    let likeness = face.likeness(view, found);
    let unlike = 1.0 - likeness;
    let shape = growth + (1.0 - place.iou(found));
    if face.is_visible {
        return away + shape + unlike;
    }
    let least = if is_covered {
        COVERED_LIKENESS
    } else {
        LOST_LIKENESS + (RETURN_LIKENESS - LOST_LIKENESS) * (2.0 * hidden_s).min(1.0)
    };
    if likeness < least {
        return f32::INFINITY;
    }
    HIDDEN + away / reach + shape + unlike
}
