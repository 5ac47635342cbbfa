//! What the owner sees beyond the visitors' page.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Site;
use crate::capture::Loss;
use crate::publish::state::Camera;
use crate::publish::stats::Latency;
use crate::report::ByLabel;
use crate::thermal;
use crate::update::protocol::{RoleStatus, Standing, TrialStatus};
use crate::update::record::{Blocked, Slot};

/// How the device is.
#[derive(Debug, Serialize)]
struct Status {
    camera: Camera,
    /// Why the camera is gone, while it is.
    loss: Option<Loss>,
    camera_losses: u64,
    /// Time since the page was started, seconds.
    uptime_s: u64,
    frames: u64,
    frames_with_face: u64,
    frames_per_s: f32,
    /// Per stage, of the frames in which it had work.
    latency: ByLabel<Latency>,
    /// The hottest sensor's, degrees Celsius.
    temperature_c: Option<f32>,
    counting: bool,
    degraded: Option<String>,
    /// Whether there are counts to export, of today or earlier.
    has_history: bool,
    /// Where the models come from; null where nothing can be installed.
    updates: Option<Updates>,
    /// The configuration that counts, as TOML.
    settings: String,
}

/// Where the models at work come from.
#[derive(Debug, Serialize)]
struct Updates {
    expression: Installed,
    detector: Installed,
}

/// A role's part of it, in short.
#[derive(Debug, Serialize)]
struct Installed {
    standing: Standing,
    /// Slot and version of an installed model that runs.
    slot: Option<Slot>,
    version: Option<u64>,
    /// How far its trial is.
    trial: Option<TrialStatus>,
    /// The version that was rolled back last by itself, and why.
    last_failure: Option<Blocked>,
}

impl Installed {
    fn of(role: &RoleStatus) -> Self {
        // A named model runs in place of the installed one.
        let slot = role.active.filter(|_| role.standing != Standing::Named);
        let entry = slot.and_then(|slot| role.slots.get(slot.name())?.as_ref());
        Self {
            standing: role.standing,
            slot,
            version: entry.map(|entry| entry.version),
            trial: role.trial.filter(|_| role.standing == Standing::Trial),
            last_failure: role.blocked.last().copied(),
        }
    }
}

pub async fn status(State(site): State<Arc<Site>>) -> Response {
    let camera = site.parts.hub.state().camera;
    let stats = site.parts.hub.stats().clone();
    let today = site.parts.today.as_ref();
    let latency = stats.latencies().into_iter();
    let status = Status {
        camera,
        camera_losses: stats.camera_losses,
        uptime_s: site.started.elapsed().as_secs(),
        frames: stats.frames,
        frames_with_face: stats.frames_with_face,
        frames_per_s: stats.frames_per_s(Instant::now()),
        latency: latency.map(|(name, l)| (name.to_owned(), l)).collect(),
        temperature_c: thermal::hottest_c(Path::new(thermal::SYS)),
        counting: today.is_some(),
        degraded: today.and_then(|today| today.get().degraded_where),
        has_history: site
            .parts
            .database
            .as_ref()
            .is_some_and(|file| file.exists()),
        updates: site.parts.updates.get().map(|status| Updates {
            expression: Installed::of(&status.expression),
            detector: Installed::of(&status.detector),
        }),
        settings: site.parts.hub.about().settings.clone(),
        loss: stats.loss,
    };
    Json(status).into_response()
}
