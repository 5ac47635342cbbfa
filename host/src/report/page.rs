//! The page around a report's sections.

use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("style.css");

/// A page's title lines and what its end says.
pub struct Page<'a> {
    /// Kind of report.
    pub kind: &'a str,
    /// What it is about.
    pub title: &'a str,
    /// One or two sentences.
    pub summary: String,
    /// Whether pictures of the data set are in it.
    pub has_pictures: bool,
    /// ISO 8601 date.
    pub date: &'a str,
}

/// The whole document.
pub fn page(page: &Page<'_>, body: &Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (page.title) " – Mien, " (page.kind) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    p.eyebrow { "Mien, " (page.kind) }
                    h1 { (page.title) }
                    p { (page.summary) }
                }
                main { (body) }
                footer {
                    p { "Written by mien " (env!("CARGO_PKG_VERSION")) " on " (page.date) "." }
                    @if page.has_pictures {
                        p.warning {
                            "This page contains pictures of the data set. They are not ours to "
                            "publish: keep the page to yourself, or write it again with "
                            code { "--no-pictures" } "."
                        }
                    }
                }
            }
        }
    }
    .into_string()
}
