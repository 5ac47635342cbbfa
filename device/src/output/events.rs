//! What happened, as JSON lines: who came, whose expression changed, who went, when the camera was
//! lost. A day of it is small enough to keep.

use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use mien_models::label::Labels;
use serde::Serialize;

use super::Output;
use crate::capture::Loss;
use crate::pipeline::exchange::Models;
use crate::pipeline::stages::Judged;
use crate::pipeline::totals::Totals;
use crate::track::MAX_TRACKS;

/// Writes a line for every change.
pub struct Events<W: Write> {
    to: W,
    labels: Labels,
    /// Track and what was said of it last.
    known: heapless::Vec<(u64, Option<usize>), MAX_TRACKS>,
    is_lost: bool,
}

/// One line.
#[derive(Debug, Serialize)]
struct Line<'a> {
    /// Milliseconds since 1970, by this machine's clock.
    unix_ms: u64,
    event: Event,
    #[serde(skip_serializing_if = "Option::is_none")]
    track: Option<u64>,
    /// `None` (null) while uncertain; left out where there is no face.
    #[serde(skip_serializing_if = "Option::is_none")]
    expression: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    probability: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Event {
    Came,
    Changed,
    Went,
    CameraLost,
    CameraBack,
}

impl<W: Write> Events<W> {
    /// Writes to `to`, each line at once; `labels` names what the frames carry as numbers.
    pub fn new(to: W, labels: &Labels) -> Self {
        Self {
            to,
            labels: labels.clone(),
            known: heapless::Vec::new(),
            is_lost: false,
        }
    }

    fn write(&mut self, line: &Line<'_>) -> io::Result<()> {
        serde_json::to_writer(&mut self.to, line)?;
        writeln!(self.to)?;
        self.to.flush()
    }

    fn write_bare(
        &mut self,
        event: Event,
        track: Option<u64>,
        why: Option<String>,
    ) -> io::Result<()> {
        self.write(&Line {
            unix_ms: now_ms(),
            event,
            track,
            expression: None,
            probability: None,
            why,
        })
    }

    /// Those that are not among `tracks` any more.
    fn write_gone(&mut self, tracks: &[u64]) -> io::Result<()> {
        while let Some(index) = self.known.iter().position(|(id, _)| !tracks.contains(id)) {
            let (id, _) = self.known.remove(index);
            self.write_bare(Event::Went, Some(id), None)?;
        }
        Ok(())
    }
}

impl<W: Write> Output for Events<W> {
    fn show(&mut self, judged: &Judged) -> io::Result<()> {
        if std::mem::take(&mut self.is_lost) {
            self.write_bare(Event::CameraBack, None, None)?;
        }
        let tracks: heapless::Vec<u64, MAX_TRACKS> =
            judged.faces.iter().map(|face| face.track_id).collect();
        self.write_gone(&tracks)?;
        for face in &judged.faces {
            let label_index = face.shown.label_index;
            let known = self.known.iter_mut().find(|(id, _)| *id == face.track_id);
            let event = match known {
                Some((_, said)) if *said == label_index => continue,
                Some((_, said)) => {
                    *said = label_index;
                    Event::Changed
                }
                None => {
                    // As many as there are faces at most.
                    let _ = self.known.push((face.track_id, label_index));
                    Event::Came
                }
            };
            let labels = self.labels.clone();
            let probability = label_index.and_then(|i| face.shown.probabilities.get(i).copied());
            self.write(&Line {
                unix_ms: now_ms(),
                event,
                track: Some(face.track_id),
                expression: Some(label_index.and_then(|index| labels.name(index))),
                probability,
                why: None,
            })?;
        }
        Ok(())
    }

    fn lost(&mut self, loss: &Loss) -> io::Result<()> {
        self.write_gone(&[])?;
        if std::mem::replace(&mut self.is_lost, true) {
            return Ok(());
        }
        self.write_bare(Event::CameraLost, None, Some(loss.to_string()))
    }

    fn switch(&mut self, models: &Models) -> io::Result<()> {
        if models.labels != self.labels {
            // Indices mean something else from here on.
            self.write_gone(&[])?;
            self.labels = models.labels.clone();
        }
        Ok(())
    }

    fn finish(&mut self, _: &Totals) -> io::Result<()> {
        self.write_gone(&[])
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}
