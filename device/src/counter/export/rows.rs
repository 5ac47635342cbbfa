//! What a row holds.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde::Serialize;

use super::write::Row;
use crate::counter::store::KeptVisit;
use crate::report::{ByLabel, UNCERTAIN};

/// A visit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VisitRow {
    start: Option<String>,
    clock: &'static str,
    boot: i64,
    sequence: i64,
    duration_s: f64,
    expression: Option<String>,
    confidence: Option<f64>,
    uncertain_s: f64,
    unseen_s: f64,
    shown_s: ByLabel<f64>,
}

impl VisitRow {
    /// Names of the columns.
    pub fn columns(names: &[String]) -> Vec<String> {
        let fixed = [
            "start",
            "clock",
            "boot",
            "sequence",
            "duration_s",
            "expression",
            "confidence",
            "uncertain_s",
            "unseen_s",
        ];
        let shown = names.iter().map(|name| format!("{name}_s"));
        fixed.map(str::to_owned).into_iter().chain(shown).collect()
    }

    /// The row of `visit`.
    pub fn new(visit: &KeptVisit, names: &[String], zone: &TimeZone) -> Self {
        let moment = |ms| Timestamp::from_millisecond(ms).ok();
        let start = visit.start_ms.and_then(moment);
        let start = start.map(|start| start.to_zoned(zone.clone()));
        let expression = visit.expression.and_then(|index| names.get(index));
        let shown_s = visit.shown_ms.iter().map(|&ms| seconds(ms));
        Self {
            start: start.map(|start| start.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()),
            clock: visit.trust.name(),
            boot: visit.boot,
            sequence: visit.sequence,
            duration_s: seconds(visit.duration_ms),
            expression: expression.cloned(),
            confidence: visit.confidence.map(rounded),
            uncertain_s: seconds(visit.uncertain_ms),
            unseen_s: seconds(visit.unseen_ms),
            shown_s: names.iter().cloned().zip(shown_s).collect(),
        }
    }
}

impl Row for VisitRow {
    fn cells(&self) -> Vec<String> {
        let mut cells = vec![
            text(self.start.as_deref()),
            self.clock.to_owned(),
            self.boot.to_string(),
            self.sequence.to_string(),
            self.duration_s.to_string(),
            text(self.expression.as_deref().or(Some(UNCERTAIN))),
            text(self.confidence),
            self.uncertain_s.to_string(),
            self.unseen_s.to_string(),
        ];
        cells.extend(self.shown_s.iter().map(|(_, shown_s)| shown_s.to_string()));
        cells
    }
}

/// An hour or a day. `None` is a cell that was left out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BucketRow {
    /// `None`: the time never became known.
    pub start: Option<String>,
    /// Seconds the counter ran.
    pub up_s: f64,
    /// Frames judged.
    pub frames: u64,
    /// Those without a face.
    pub frames_without_face: Option<u64>,
    /// How often the camera was lost.
    pub camera_losses: u64,
    /// Visits.
    pub visits: Option<u64>,
    /// Those in which no expression was shown.
    pub uncertain_visits: Option<u64>,
    /// Seconds of all visits.
    pub duration_s: Option<f64>,
    /// Seconds of uncertain expressions.
    pub uncertain_s: Option<f64>,
    /// Seconds out of sight.
    pub unseen_s: Option<f64>,
    /// Mean probability of what was shown.
    pub confidence: Option<f64>,
    /// By expression.
    pub expressions: ByLabel<ExpressionCells>,
}

/// Of one expression.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ExpressionCells {
    /// Visits that showed it longest.
    pub visits: Option<u64>,
    /// Seconds it was shown.
    pub shown_s: Option<f64>,
}

impl BucketRow {
    /// Names of the columns. Those of the expressions come last, so that a new one moves none.
    pub fn columns(names: &[String]) -> Vec<String> {
        let fixed = [
            "start",
            "up_s",
            "frames",
            "frames_without_face",
            "camera_losses",
            "visits",
            "uncertain_visits",
            "duration_s",
            "uncertain_s",
            "unseen_s",
            "confidence",
        ];
        let expressions = names
            .iter()
            .flat_map(|name| [format!("{name}_visits"), format!("{name}_s")]);
        fixed
            .map(str::to_owned)
            .into_iter()
            .chain(expressions)
            .collect()
    }
}

impl Row for BucketRow {
    fn cells(&self) -> Vec<String> {
        let mut cells = vec![
            text(self.start.as_deref()),
            self.up_s.to_string(),
            self.frames.to_string(),
            text(self.frames_without_face),
            self.camera_losses.to_string(),
            text(self.visits),
            text(self.uncertain_visits),
            text(self.duration_s),
            text(self.uncertain_s),
            text(self.unseen_s),
            text(self.confidence),
        ];
        let expressions = self.expressions.iter();
        cells.extend(expressions.flat_map(|(_, sums)| [text(sums.visits), text(sums.shown_s)]));
        cells
    }
}

/// ISO 8601 with the offset.
pub fn begin(start: &Zoned) -> String {
    start.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// Milliseconds as seconds.
pub fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

/// To four places: more say nothing.
pub fn rounded(share: f64) -> f64 {
    (share * 1e4).round() / 1e4
}

fn text<T: ToString>(cell: Option<T>) -> String {
    cell.map_or_else(String::new, |cell| cell.to_string())
}
