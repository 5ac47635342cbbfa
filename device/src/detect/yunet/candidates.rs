//! From the network's numbers to faces.

use mien_models::yunet::LANDMARKS;

use super::graph::{Level, engine};
use crate::detect::{DetectError, Detection};

/// Numbers per cell: class and object logits, the box, the landmarks.
pub(super) const PER_CELL: usize = 2 + 4 + 2 * LANDMARKS;

/// Adds the faces of a level that score `min_score` or more, row by row.
pub(super) fn collect(
    level: &Level,
    min_score: f32,
    faces: &mut Vec<Detection>,
) -> Result<(), DetectError> {
    // Both factors of the score are at most 1, so that neither may be below its square. The
    // logarithm saves two exponentials for nearly all cells; its rounding must cost no face.
    let square = min_score * min_score;
    let least_logit = (square / (1.0 - square)).ln() - 1e-3;
    let values = level.values().map_err(engine)?;
    for (index, cell) in values.chunks_exact(PER_CELL).enumerate() {
        if cell[0] < least_logit || cell[1] < least_logit {
            continue;
        }
        let score = (sigmoid(cell[0]) * sigmoid(cell[1])).sqrt();
        if score < min_score {
            continue;
        }
        let corner = [index % level.columns, index / level.columns].map(|place| place as f32);
        let face = decode(cell, corner, level.stride_px, score);
        let size = [face.x, face.y, face.width, face.height];
        if size.iter().all(|value| value.is_finite()) {
            faces.push(face);
        }
    }
    Ok(())
}

/// A cell's face, in pixels of the network's input. `corner` is the cell's, in strides.
fn decode(cell: &[f32], corner: [f32; 2], stride_px: f32, score: f32) -> Detection {
    let center = [0, 1].map(|axis| (cell[2 + axis] + corner[axis]) * stride_px);
    let [width, height] = [cell[4].exp() * stride_px, cell[5].exp() * stride_px];
    Detection {
        x: center[0] - width / 2.0,
        y: center[1] - height / 2.0,
        width,
        height,
        score,
        landmarks: Some(std::array::from_fn(|point| {
            [0, 1].map(|axis| (cell[6 + 2 * point + axis] + corner[axis]) * stride_px)
        })),
    }
}

fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}
