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
    /// The configuration that counts, as TOML.
    settings: String,
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
        degraded: today.and_then(|today| today.get().degraded),
        has_history: site
            .parts
            .database
            .as_ref()
            .is_some_and(|file| file.exists()),
        settings: site.parts.about.settings.clone(),
        loss: stats.loss,
    };
    Json(status).into_response()
}
