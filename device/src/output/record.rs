//! Results as JSON lines: one object a frame.

use std::io::{self, Write};

use mien_models::label::Labels;
use serde::Serialize;

use super::Output;
use crate::capture::Loss;
use crate::pipeline::exchange::Models;
use crate::pipeline::stages::Judged;
use crate::pipeline::totals::Totals;
use crate::report::Face;

/// Writes every judged frame as a line of JSON.
pub struct Record<W: Write> {
    to: W,
    detector: String,
    labels: Labels,
}

/// One line.
#[derive(Serialize)]
struct Line {
    sequence: u64,
    timestamp_ms: u64,
    width: u32,
    height: u32,
    faces: Vec<Face>,
}

/// A line instead of a frame.
#[derive(Serialize)]
struct LossLine<'a> {
    lost: &'a Loss,
}

impl<W: Write> Record<W> {
    /// Records into `to`; `detector` and `labels` name what the frames carry as numbers.
    pub fn new(to: W, detector: &str, labels: &Labels) -> Self {
        Self {
            to,
            detector: detector.to_owned(),
            labels: labels.clone(),
        }
    }
}

impl<W: Write> Output for Record<W> {
    fn show(&mut self, judged: &Judged) -> io::Result<()> {
        let line = Line {
            sequence: judged.frame.sequence,
            timestamp_ms: judged.frame.timestamp_ms,
            width: judged.frame.width,
            height: judged.frame.height,
            faces: judged
                .faces
                .iter()
                .map(|face| {
                    Face::tracked(
                        face.track_id,
                        &face.detection,
                        &self.detector,
                        &face.shown,
                        &self.labels,
                    )
                })
                .collect(),
        };
        serde_json::to_writer(&mut self.to, &line)?;
        writeln!(self.to)
    }

    fn lost(&mut self, loss: &Loss) -> io::Result<()> {
        serde_json::to_writer(&mut self.to, &LossLine { lost: loss })?;
        writeln!(self.to)
    }

    fn switch(&mut self, models: &Models) -> io::Result<()> {
        self.labels = models.labels.clone();
        self.detector.clone_from(&models.detector);
        Ok(())
    }

    fn finish(&mut self, _totals: &Totals) -> io::Result<()> {
        self.to.flush()
    }
}
