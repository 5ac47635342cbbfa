//! Which address is whose.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};

use super::{Site, api, events, export, guard, headers, limits, login, metrics, owner, pages};

/// All addresses. Each part has its guard; one without a part is nobody's.
pub fn router(site: &Arc<Site>) -> Router {
    let mut visitors = Router::new()
        .route("/", get(pages::visitor))
        .route("/api/v1/state", get(api::state))
        .route("/api/v1/counts", get(api::counts))
        .route("/api/v1/about", get(api::about))
        .route("/api/v1/events", get(events::events))
        .route("/metrics", get(metrics::metrics));
    if site.options.live_picture {
        visitors = visitors.route("/api/v1/live", get(api::live));
    }
    let visitors = visitors.route_layer(from_fn_with_state(Arc::clone(site), guard::visitors));
    let owner = Router::new()
        .route("/owner", get(pages::owner))
        .route("/api/v1/owner", get(owner::status))
        .route("/api/v1/export", get(export::export))
        .route_layer(from_fn_with_state(Arc::clone(site), guard::owner));
    // What the form itself needs, and what tells nothing.
    let open = Router::new()
        .route("/login", get(login::form).post(login::fill))
        .route("/logout", post(login::leave))
        .route("/api/v1/texts", get(pages::texts))
        .route("/assets/{name}", get(pages::file))
        .route("/healthz", get(api::health));
    visitors
        .merge(owner)
        .merge(open)
        .layer(DefaultBodyLimit::max(limits::BODY_BYTES))
        .layer(from_fn_with_state(Arc::clone(site), guard::own_name))
        .layer(from_fn(headers::add))
        .with_state(Arc::clone(site))
}
