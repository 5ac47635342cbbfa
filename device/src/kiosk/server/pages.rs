//! The pages and their files, all of them inside the program.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::Site;
use crate::assets::FONT;

pub const LOGIN: &str = include_str!("../assets/login.html");
const VISITOR: &str = include_str!("../assets/index.html");
const OWNER: &str = include_str!("../assets/owner.html");

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// File, type, content.
const FILES: [(&str, &str, &[u8]); 14] = [
    ("base.css", CSS, include_bytes!("../assets/base.css")),
    ("visitor.css", CSS, include_bytes!("../assets/visitor.css")),
    ("owner.css", CSS, include_bytes!("../assets/owner.css")),
    ("visitor.js", SCRIPT, include_bytes!("../assets/visitor.js")),
    ("face.js", SCRIPT, include_bytes!("../assets/face.js")),
    ("tiles.js", SCRIPT, include_bytes!("../assets/tiles.js")),
    ("counts.js", SCRIPT, include_bytes!("../assets/counts.js")),
    ("feed.js", SCRIPT, include_bytes!("../assets/feed.js")),
    ("live.js", SCRIPT, include_bytes!("../assets/live.js")),
    ("owner.js", SCRIPT, include_bytes!("../assets/owner.js")),
    ("chart.js", SCRIPT, include_bytes!("../assets/chart.js")),
    ("texts.js", SCRIPT, include_bytes!("../assets/texts.js")),
    ("icon.svg", SVG, include_bytes!("../assets/icon.svg")),
    ("inter.otf", "font/otf", FONT),
];

/// The language that the address asks for.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    lang: Option<String>,
}

pub async fn visitor(
    State(site): State<Arc<Site>>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let live = if site.options.live_picture {
        "yes"
    } else {
        "no"
    };
    html(
        &site,
        VISITOR,
        asked.lang.as_deref(),
        &headers,
        &[("live", live)],
    )
}

pub async fn owner(
    State(site): State<Arc<Site>>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let tokens = if site.owner_token.is_some() {
        "yes"
    } else {
        "no"
    };
    let values = [("tokens", tokens)];
    html(&site, OWNER, asked.lang.as_deref(), &headers, &values)
}

/// The texts of the visitor's language.
pub async fn texts(
    State(site): State<Arc<Site>>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let (language, texts) = site
        .languages
        .choose(asked.lang.as_deref(), accepted(&headers));
    let languages = site.languages.names();
    Json(json!({"language": language, "languages": languages, "texts": texts})).into_response()
}

pub async fn file(Path(name): Path<String>) -> Response {
    match FILES.iter().find(|(file, ..)| *file == name) {
        Some((_, kind, content)) => {
            // A new program has new files under the same names.
            let headers = [
                (header::CONTENT_TYPE, *kind),
                (header::CACHE_CONTROL, "no-cache"),
            ];
            (headers, *content).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A page with `{{key}}` replaced: `{{lang}}`, one of `values` (the name of a text or, if there is
/// none such, itself), or a text.
pub fn html(
    site: &Site,
    page: &str,
    asked: Option<&str>,
    headers: &HeaderMap,
    values: &[(&str, &str)],
) -> Response {
    let (language, texts) = site.languages.choose(asked, accepted(headers));
    let text = |key: &str| texts.get(key).map(String::as_str);
    let filled = fill(page, |key| match key {
        "lang" => language.to_owned(),
        key => match values.iter().find(|(name, _)| *name == key) {
            Some((_, value)) => text(value).unwrap_or(value).to_owned(),
            None => text(key).unwrap_or(key).to_owned(),
        },
    });
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::VARY, "accept-language"),
    ];
    (headers, filled).into_response()
}

fn accepted(headers: &HeaderMap) -> &str {
    let value = headers.get(header::ACCEPT_LANGUAGE);
    value.and_then(|value| value.to_str().ok()).unwrap_or("")
}

fn fill(page: &str, value: impl Fn(&str) -> String) -> String {
    let mut filled = String::with_capacity(page.len());
    let mut rest = page;
    while let Some((before, after)) = rest.split_once("{{") {
        let (key, after) = after.split_once("}}").unwrap_or((after, ""));
        filled.push_str(before);
        escape(&value(key), &mut filled);
        rest = after;
    }
    filled.push_str(rest);
    filled
}

/// Texts may be the owner's: none of them is markup.
fn escape(text: &str, into: &mut String) {
    for character in text.chars() {
        match character {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '"' => into.push_str("&quot;"),
            '\'' => into.push_str("&#39;"),
            other => into.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn texts_are_filled_in_and_never_markup() {
        let filled = fill("<p>{{a}}, {{b}}</p>", |key| format!("<{key}>&\""));
        assert_eq!(filled, "<p>&lt;a&gt;&amp;&quot;, &lt;b&gt;&amp;&quot;</p>");
        assert_eq!(fill("{{open", |key| key.to_owned()), "open");
    }

    #[test]
    fn every_text_of_the_pages_exists() {
        let english = include_str!("../assets/lang/en.json");
        let english: BTreeMap<String, String> = serde_json::from_str(english).unwrap();
        for page in [VISITOR, OWNER, LOGIN] {
            fill(page, |key| {
                let own = ["lang", "live", "error", "tokens"];
                assert!(own.contains(&key) || english.contains_key(key), "{key}");
                String::new()
            });
            // The content security policy would refuse them.
            assert!(!page.contains("style=") && !page.contains(" on"), "inline");
            assert!(!page.contains("http://") && !page.contains("https://"));
        }
    }

    #[test]
    fn scripts_ask_for_texts_that_exist() {
        let english = include_str!("../assets/lang/en.json");
        let english: BTreeMap<String, String> = serde_json::from_str(english).unwrap();
        let mut asked = 0;
        for (name, kind, content) in FILES {
            if kind != SCRIPT {
                continue;
            }
            let script = std::str::from_utf8(content).unwrap();
            for (at, call) in script.match_indices("text(\"") {
                let is_other = script[..at].ends_with(|c: char| c.is_alphanumeric());
                let key = script[at + call.len()..].split('"').next().unwrap();
                assert!(is_other || english.contains_key(key), "{name}: {key}");
                asked += usize::from(!is_other);
            }
        }
        assert!(asked > 10, "{asked}");
    }
}
