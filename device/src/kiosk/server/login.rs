//! The form that asks for a token, and the cookies that remember it.

use std::sync::Arc;

use axum::Form;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::guard::{OWNER_COOKIE, VISITOR_COOKIE};
use super::{Site, pages};
use crate::kiosk::token::Token;

/// How long a wrong token takes; a right one is never slow.
const WRONG_TOKEN_WAIT: std::time::Duration = std::time::Duration::from_millis(500);
/// A kiosk's browser should not have to be told again; a new token ends it.
const COOKIE_SECONDS: u32 = 365 * 24 * 3600;

/// What the form's address says.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    /// `owner`, or nothing for visitors.
    #[serde(rename = "for", default)]
    area: String,
    #[serde(default)]
    lang: Option<String>,
}

/// What the form sends.
#[derive(Deserialize)]
pub struct Filled {
    token: String,
}

/// The form.
pub async fn form(
    State(site): State<Arc<Site>>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let lang = asked.lang.as_deref();
    pages::html(&site, pages::LOGIN, lang, &headers, &[("error", "")])
}

/// Takes the token.
pub async fn fill(
    State(site): State<Arc<Site>>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    Form(filled): Form<Filled>,
) -> Response {
    let is_owner = asked.area == "owner";
    let mut known = [
        (&site.visitor_token, VISITOR_COOKIE),
        (&site.owner_token, OWNER_COOKIE),
    ];
    // Where both are the same it is the one that is asked for.
    if is_owner {
        known.reverse();
    }
    let found = known
        .into_iter()
        .filter_map(|(token, cookie)| Some((token.as_ref()?, cookie)))
        .find(|(token, _)| token.is(filled.token.trim()));
    // A visitor's token opens nothing of the owner's: without a word the form would come again.
    let error = match found {
        Some((_, VISITOR_COOKIE)) if is_owner => "login.visitors",
        Some((token, cookie)) => return let_in(token, cookie, is_owner),
        None => "login.wrong",
    };
    tokio::time::sleep(WRONG_TOKEN_WAIT).await;
    let lang = asked.lang.as_deref();
    let page = pages::html(&site, pages::LOGIN, lang, &headers, &[("error", error)]);
    (StatusCode::UNAUTHORIZED, page).into_response()
}

/// Remembers the token.
fn let_in(token: &Token, cookie: &str, is_owner: bool) -> Response {
    let to = if is_owner { "/owner" } else { "/" };
    let value = format!(
        "{cookie}={}; Path=/; Max-Age={COOKIE_SECONDS}; HttpOnly; SameSite=Strict",
        token.cookie()
    );
    with_cookies(to, &[value])
}

/// Forgets both tokens.
pub async fn leave() -> Response {
    let gone = |cookie| format!("{cookie}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
    with_cookies("/", &[gone(VISITOR_COOKIE), gone(OWNER_COOKIE)])
}

fn with_cookies(to: &str, cookies: &[String]) -> Response {
    let mut response = Redirect::to(to).into_response();
    for cookie in cookies {
        if let Ok(value) = HeaderValue::from_str(cookie) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    response
}
