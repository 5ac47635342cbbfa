//! What the broker is told, as docs/mqtt.md describes it.

use serde::Serialize;
use serde_json::{Value, json};

use crate::publish::state::{Camera, State};
use crate::report::UNCERTAIN;

/// What stands for no face.
pub const NOBODY: &str = "nobody";

/// The topics of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    /// `online` or `offline`, retained.
    pub availability: String,
    /// A [`Seen`], retained.
    pub state: String,
    /// Today's counts, retained.
    pub counts: String,
}

impl Topics {
    /// Below `topic`, for `device`.
    pub fn new(topic: &str, device: &str) -> Self {
        let of = |name| format!("{topic}/{device}/{name}");
        Self {
            availability: of("availability"),
            state: of("state"),
            counts: of("counts"),
        }
    }
}

/// The state in short.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Seen {
    /// How the camera is.
    pub camera: Camera,
    /// Faces in sight.
    pub faces: usize,
    /// The largest face's expression, `uncertain`, or `nobody`.
    pub expression: String,
    /// Its probability; null without a face.
    pub probability: Option<f32>,
    /// Of every face, largest first: its expression or `uncertain`.
    pub expressions: Vec<String>,
}

impl Seen {
    /// What `state` amounts to.
    pub fn of(state: &State) -> Self {
        let name = |expression: &Option<String>| {
            expression.clone().unwrap_or_else(|| UNCERTAIN.to_owned())
        };
        let expressions: Vec<_> = state
            .faces
            .iter()
            .map(|face| name(&face.expression))
            .collect();
        Self {
            camera: state.camera,
            faces: state.faces.len(),
            expression: expressions
                .first()
                .cloned()
                .unwrap_or_else(|| NOBODY.to_owned()),
            probability: state.faces.first().map(|face| face.probability),
            expressions,
        }
    }
}

/// Topics and messages by which Home Assistant finds the device's sensors; `counts` is whether
/// there are counts. <https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery>
pub fn discovery(
    prefix: &str,
    device: &str,
    topics: &Topics,
    labels: &[String],
    counts: bool,
) -> Vec<(String, Value)> {
    let id = |name: &str| format!("mien_{device}_{name}");
    let base = |kind: &str, name: &str, spoken: &str, topic: &str, template: &str| {
        json!({
            "name": spoken,
            "unique_id": id(name),
            "default_entity_id": format!("{kind}.{}", id(name)),
            "state_topic": topic,
            "value_template": template,
            "availability_topic": topics.availability,
            "origin": {
                "name": "Mien",
                "sw_version": env!("CARGO_PKG_VERSION"),
                "support_url": env!("CARGO_PKG_REPOSITORY"),
            },
            "device": {
                "identifiers": [format!("mien_{device}")],
                "name": format!("Mien {device}"),
                "manufacturer": "Mien",
                "model": "mien-device",
                "sw_version": env!("CARGO_PKG_VERSION"),
            },
        })
    };
    let mut options = labels.to_vec();
    options.extend([UNCERTAIN, NOBODY].map(str::to_owned));
    let mut found = Vec::new();
    let mut add = |kind: &str, name: &str, mut config: Value, more: Value| {
        if let (Some(config), Value::Object(more)) = (config.as_object_mut(), more) {
            config.extend(more);
        }
        found.push((
            format!("{prefix}/{kind}/mien_{device}/{name}/config"),
            config,
        ));
    };
    let state = topics.state.as_str();
    add(
        "sensor",
        "expression",
        base(
            "sensor",
            "expression",
            "Expression",
            state,
            "{{ value_json.expression }}",
        ),
        json!({"device_class": "enum", "options": options, "json_attributes_topic": state,
            "icon": "mdi:emoticon-outline"}),
    );
    add(
        "sensor",
        "faces",
        base("sensor", "faces", "Faces", state, "{{ value_json.faces }}"),
        json!({"state_class": "measurement", "icon": "mdi:account-group"}),
    );
    add(
        "binary_sensor",
        "camera",
        base(
            "binary_sensor",
            "camera",
            "Camera",
            state,
            "{{ 'ON' if value_json.camera == 'ok' else 'OFF' }}",
        ),
        json!({"device_class": "running", "entity_category": "diagnostic"}),
    );
    if counts {
        add(
            "sensor",
            "visits",
            base(
                "sensor",
                "visits",
                "Visits today",
                &topics.counts,
                "{{ value_json.visits }}",
            ),
            json!({"state_class": "total_increasing", "icon": "mdi:counter",
                "json_attributes_topic": topics.counts}),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_home_assistant_reads_stays_as_it_is() {
        let topics = Topics::new("mien", "entrance");
        let labels = ["happy", "sad"].map(str::to_owned);
        let found = discovery("homeassistant", "entrance", &topics, &labels, true);
        insta::assert_json_snapshot!(found);
        assert_eq!(
            discovery("homeassistant", "entrance", &topics, &labels, false).len(),
            3
        );
    }

    #[test]
    fn nobody_and_uncertain_are_told_apart() {
        let nobody = Seen::of(&State::default());
        assert_eq!(
            (nobody.expression.as_str(), nobody.probability),
            (NOBODY, None)
        );
        assert_eq!(nobody.camera, Camera::Starting);
    }
}
