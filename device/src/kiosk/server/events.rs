//! Server-sent events: the models, the state, the counts and every change, as they come.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use serde::Serialize;
use tokio::sync::{broadcast, watch};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::Site;
use super::api::Counts;
use crate::publish::about::About;
use crate::publish::state::{Change, State as RunState};

/// After such a silence the state is told again, so that a page knows that it is not cut off.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// When a browser that is cut off tries again.
const RECONNECT: Duration = Duration::from_secs(2);
/// How often today's counts are looked at.
const COUNTS_INTERVAL: Duration = Duration::from_millis(500);

/// What one client still has to be told.
struct Feed {
    greeting: Option<Event>,
    about: watch::Receiver<Arc<About>>,
    state: watch::Receiver<Arc<RunState>>,
    counts: watch::Receiver<Counts>,
    changes: broadcast::Receiver<Change>,
    stop: watch::Receiver<bool>,
}

/// One client's events. A slow one is told the newest state and counts; of changes it misses the
/// oldest.
pub async fn events(State(site): State<Arc<Site>>) -> Response {
    let hub = &site.parts.hub;
    let mut feed = Feed {
        greeting: event("hello", &hub.about().version).map(|event| event.retry(RECONNECT)),
        about: hub.abouts(),
        state: hub.states(),
        counts: site.counts.subscribe(),
        changes: hub.changes(),
        stop: site.stop.clone(),
    };
    feed.about.mark_changed();
    feed.state.mark_changed();
    feed.counts.mark_changed();
    let events = unfold(feed, |mut feed| async move {
        let event = feed.next().await?;
        Some((Ok::<_, Infallible>(event), feed))
    });
    let headers = [("x-accel-buffering", "no")];
    (headers, Sse::new(events)).into_response()
}

impl Feed {
    /// The next event; `None` when the run is over.
    async fn next(&mut self) -> Option<Event> {
        if let Some(greeting) = self.greeting.take() {
            return Some(greeting);
        }
        loop {
            tokio::select! {
                biased;
                // First: what follows is in the new model's labels.
                changed = self.about.changed() => {
                    changed.ok()?;
                    let about = Arc::clone(&self.about.borrow_and_update());
                    return event("about", &*about);
                }
                changed = self.state.changed() => {
                    changed.ok()?;
                    let state = Arc::clone(&self.state.borrow_and_update());
                    return event("state", &*state);
                }
                changed = self.counts.changed() => {
                    changed.ok()?;
                    let counts = self.counts.borrow_and_update().clone();
                    return event("counts", &counts);
                }
                change = self.changes.recv() => match change {
                    Ok(change) => return event("change", &change),
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
                _ = self.stop.wait_for(|stop| *stop) => return None,
                () = sleep(HEARTBEAT) => {
                    let state = Arc::clone(&self.state.borrow());
                    return event("state", &*state);
                }
            }
        }
    }
}

/// An event with JSON; these types always have one.
fn event(name: &str, data: &impl Serialize) -> Option<Event> {
    Event::default().event(name).json_data(data).ok()
}

/// Looks at today's counts now and then, once for all clients.
pub async fn follow_counts(site: Arc<Site>) {
    let mut ticks = interval(COUNTS_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let counts = Counts::of(site.parts.today.as_ref());
        site.counts.send_if_modified(|known| {
            let is_new = *known != counts;
            *known = counts;
            is_new
        });
    }
}
