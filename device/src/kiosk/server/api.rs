//! State, counts, facts and the live picture as docs/api.md describes them.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Site;
use crate::counter::today::{Today, TodayCounts};
use crate::publish::live::Picture;
use crate::publish::state::Camera;

/// How long a client waits for the next picture at most.
const PICTURE_WAIT: Duration = Duration::from_secs(2);

/// Today's counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Counts {
    /// Whether anything counts; if not, all counts are 0.
    pub counting: bool,
    #[serde(flatten)]
    today: TodayCounts,
}

impl Counts {
    /// The counts as they are now.
    pub fn of(today: Option<&Today>) -> Self {
        Self {
            counting: today.is_some(),
            today: today.map(Today::get).unwrap_or_default(),
        }
    }
}

pub async fn state(State(site): State<Arc<Site>>) -> Response {
    Json(&*site.parts.hub.state()).into_response()
}

pub async fn counts(State(site): State<Arc<Site>>) -> Response {
    Json(Counts::of(site.parts.today.as_ref())).into_response()
}

pub async fn about(State(site): State<Arc<Site>>) -> Response {
    Json(&*site.parts.hub.about()).into_response()
}

/// Whether the device does its work: frames come. For programs that watch over it.
pub async fn health(State(site): State<Arc<Site>>) -> Response {
    let camera = site.parts.hub.state().camera;
    let status = match camera {
        Camera::Ok => StatusCode::OK,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, format!("camera {}\n", camera.name())).into_response()
}

/// The next live picture, faces covered, and in `x-mien-faces` who is where in it.
pub async fn live(State(site): State<Arc<Site>>) -> Response {
    let mut pictures = site.parts.hub.desk().ask();
    pictures.mark_unchanged();
    let next = async {
        pictures.changed().await.ok()?;
        pictures.borrow_and_update().clone()
    };
    let Ok(Some(picture)) = tokio::time::timeout(PICTURE_WAIT, next).await else {
        return StatusCode::NO_CONTENT.into_response();
    };
    let encoded = tokio::task::spawn_blocking(move || answer(&picture)).await;
    encoded.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}

fn answer(picture: &Picture) -> Response {
    let faces = serde_json::to_string(&picture.faces).unwrap_or_default();
    match (picture.jpeg(), HeaderValue::try_from(ascii(&faces))) {
        (Ok(jpeg), Ok(faces)) => {
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static("image/jpeg")),
                (header::HeaderName::from_static("x-mien-faces"), faces),
            ];
            (headers, jpeg.to_vec()).into_response()
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// JSON in ASCII alone: a header can hold nothing else.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            text.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn headers_hold_any_label() {
        let json = serde_json::to_string("fröhlich 🙂").unwrap();
        let text = super::ascii(&json);
        assert!(text.is_ascii());
        assert_eq!(
            serde_json::from_str::<String>(&text).unwrap(),
            "fröhlich 🙂"
        );
    }
}
