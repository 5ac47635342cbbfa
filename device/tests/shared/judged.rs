//! Judged frames without a camera.

use std::time::Duration;

use mien_device::capture::Frame;
use mien_device::classify::{PerLabel, Verdict};
use mien_device::detect::Detection;
use mien_device::pipeline::stages::{Judged, JudgedFace};
use mien_device::smooth::Shown;

/// A frame with a face for every winner; `None` is uncertain.
pub fn judged(sequence: u64, winners: &[Option<usize>]) -> Judged {
    let face = |(&winner, id): (&Option<usize>, u64)| {
        let probabilities: PerLabel = (0..7)
            .map(|label| if Some(label) == winner { 0.7 } else { 0.05 })
            .collect();
        JudgedFace {
            track_id: id,
            detection: Detection {
                x: 0.0,
                y: 0.0,
                width: 9.0,
                height: 9.0,
                score: 1.0,
                landmarks: None,
            },
            verdict: Verdict {
                label_index: winner.unwrap_or(0),
                probabilities: probabilities.clone(),
                logits: Default::default(),
            },
            shown: Shown {
                label_index: winner,
                probabilities,
            },
        }
    };
    Judged {
        frame: Frame {
            pixels: vec![0; 4],
            width: 2,
            height: 2,
            sequence,
            timestamp_ms: sequence * 400,
        },
        faces: winners.iter().zip(1..).map(face).collect(),
        detect_time: None,
        track_time: Duration::ZERO,
        classify_time: Duration::ZERO,
        smooth_time: Duration::ZERO,
        shed_level: 0,
    }
}
