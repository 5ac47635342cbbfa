//! The state of a run and its changes, as docs/api.md describes them.

use mien_models::label::Labels;
use serde::Serialize;

use crate::capture::Frame;
use crate::pipeline::stages::{Judged, JudgedFace};
use crate::report::{ByLabel, FaceBox, by_label};

/// How the camera is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Camera {
    /// No frame yet.
    #[default]
    Starting,
    /// Frames come.
    Ok,
    /// It is gone and being tried again.
    Lost,
    /// The run is over.
    Ended,
}

impl Camera {
    /// As JSON spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ok => "ok",
            Self::Lost => "lost",
            Self::Ended => "ended",
        }
    }
}

/// What is to be seen now. No picture is part of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct State {
    /// How the camera is.
    pub camera: Camera,
    /// Milliseconds since the source's first frame.
    pub timestamp_ms: u64,
    /// The faces in sight, largest first.
    pub faces: Vec<Person>,
}

/// One face in sight.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Person {
    /// The face's number for as long as it is followed.
    pub track: u64,
    /// The expression; null while it is uncertain.
    pub expression: Option<String>,
    /// Probability of the expression, 0..=1; while it is uncertain, of the likeliest.
    pub probability: f32,
    /// Probability of every label; sum 1.
    pub probabilities: ByLabel<f32>,
    /// Where the face is, in fractions of the picture's width and height.
    #[serde(rename = "box")]
    pub face_box: FaceBox,
}

/// A decision, in the order in which they were made.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// A face came into sight.
    Arrived {
        /// Its number.
        track: u64,
        /// Its expression; null while it is uncertain.
        expression: Option<String>,
    },
    /// A face shows another expression.
    Expression {
        /// Its number.
        track: u64,
        /// The expression; null while it is uncertain.
        expression: Option<String>,
    },
    /// A face is out of sight.
    Left {
        /// Its number.
        track: u64,
    },
    /// The camera is in another state.
    Camera {
        /// Which.
        camera: Camera,
    },
}

impl State {
    /// What a judged frame amounts to.
    pub fn of(judged: &Judged, labels: &Labels) -> Self {
        let person = |face| Person::of(face, &judged.frame, labels);
        Self {
            camera: Camera::Ok,
            timestamp_ms: judged.frame.timestamp_ms,
            faces: judged.faces.iter().map(person).collect(),
        }
    }

    /// What has been decided since `before`.
    pub fn changes_since(&self, before: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        if self.camera != before.camera {
            let camera = self.camera;
            changes.push(Change::Camera { camera });
        }
        let gone = before.faces.iter().filter(|face| !self.has(face.track));
        changes.extend(gone.map(|face| Change::Left { track: face.track }));
        for face in &self.faces {
            let (track, expression) = (face.track, face.expression.clone());
            match before.faces.iter().find(|known| known.track == track) {
                None => changes.push(Change::Arrived { track, expression }),
                Some(known) if known.expression != expression => {
                    changes.push(Change::Expression { track, expression });
                }
                Some(_) => {}
            }
        }
        changes
    }

    fn has(&self, track: u64) -> bool {
        self.faces.iter().any(|face| face.track == track)
    }
}

impl Person {
    /// One face of `frame`.
    pub fn of(face: &JudgedFace, frame: &Frame, labels: &Labels) -> Self {
        let shown = &face.shown;
        let probabilities = shown.probabilities.iter().map(|&p| rounded(p));
        let probability = match shown.label_index {
            Some(index) => shown.probabilities.get(index).copied().unwrap_or(0.0),
            None => shown.probabilities.iter().copied().fold(0.0, f32::max),
        };
        let (width, height) = (frame.width as f32, frame.height as f32);
        let place = &face.detection;
        Self {
            track: face.track_id,
            expression: shown
                .label_index
                .and_then(|index| labels.name(index))
                .map(str::to_owned),
            probability: rounded(probability),
            probabilities: by_label(labels, probabilities),
            face_box: FaceBox {
                x: rounded(place.x / width),
                y: rounded(place.y / height),
                width: rounded(place.width / width),
                height: rounded(place.height / height),
            },
        }
    }
}

/// Three decimals are more than a screen shows.
fn rounded(fraction: f32) -> f32 {
    (fraction * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(camera: Camera, faces: &[(u64, Option<&str>)]) -> State {
        let person = |&(track, expression): &(u64, Option<&str>)| Person {
            track,
            expression: expression.map(str::to_owned),
            probability: 0.5,
            probabilities: ByLabel::default(),
            face_box: FaceBox {
                x: 0.0,
                y: 0.0,
                width: 0.1,
                height: 0.1,
            },
        };
        State {
            camera,
            timestamp_ms: 0,
            faces: faces.iter().map(person).collect(),
        }
    }

    #[test]
    fn changes_are_what_was_decided() {
        let before = state(Camera::Ok, &[(1, Some("happy")), (2, None)]);
        let mut moved = before.clone();
        moved.timestamp_ms = 99;
        moved.faces[0].probability = 0.9;
        moved.faces.reverse();
        assert_eq!(moved.changes_since(&before), []);

        let after = state(Camera::Ok, &[(2, Some("sad")), (3, None)]);
        let expression = Some("sad".to_owned());
        assert_eq!(
            after.changes_since(&before),
            [
                Change::Left { track: 1 },
                Change::Expression {
                    track: 2,
                    expression
                },
                Change::Arrived {
                    track: 3,
                    expression: None
                },
            ]
        );
        let lost = state(Camera::Lost, &[]);
        let camera = Camera::Lost;
        let changes = lost.changes_since(&after);
        assert_eq!(changes[0], Change::Camera { camera });
        assert_eq!(changes.len(), 3, "and both faces left");
    }
}
