//! The page.

use jiff::Zoned;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::Report;
use super::bars::{self, Name};
use crate::counter::history::Bucket;
use crate::report::UNCERTAIN;

const STYLE: &str = include_str!("style.css");
/// Days of the plot in the middle.
const WEEK_DAYS: usize = 7;

/// The whole document.
pub fn page(report: &Report) -> String {
    let week = &report.month[report.month.len().saturating_sub(WEEK_DAYS)..];
    let last = report.month.last().and_then(|day| day.start.as_ref());
    let last = last.map_or_else(String::new, |day| day.strftime("%A, %-d %B %Y").to_string());
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Mien, visits counted" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    p.eyebrow { "Mien, counted on the device" }
                    h1 { "Visits and expressions" }
                    p { (range(report)) }
                }
                main {
                    (headline(&report.total, &report.expressions))
                    (legend(report))
                    (section(&last, &report.hours, report, hour))
                    (section("The last seven days", week, report, weekday))
                    @if report.month.len() > WEEK_DAYS {
                        @let title = format!("The last {} days", report.month.len());
                        (section(&title, &report.month, report, day))
                    }
                    (time(report))
                }
                footer {
                    p {
                        "A visit is one face that was followed for long enough; who comes back is "
                        "a new visit. Expressions are what faces show, not what people feel. No "
                        "picture and nothing that tells one person from another is kept."
                    }
                    p {
                        "Written by mien-device " (env!("CARGO_PKG_VERSION")) " on "
                        (report.made.strftime("%Y-%m-%d %H:%M %Z").to_string()) "."
                    }
                }
            }
        }
    }
    .into_string()
}

fn range(report: &Report) -> String {
    match report.days {
        None => "Nothing was counted.".to_owned(),
        Some([first, last]) if first == last => format!("Counted on {first}."),
        Some([first, last]) => format!("Counted from {first} to {last}."),
    }
}

/// The figures one looks at first.
fn headline(total: &Bucket, expressions: &[String]) -> Markup {
    let mean_s = total.duration_ms as f64 / 1000.0 / total.visits.max(1) as f64;
    let most = total.expressions.iter().zip(expressions);
    let most = most
        .filter(|(sums, _)| sums.visits > 0)
        .max_by_key(|(sums, _)| sums.visits);
    let mean = match total.visits {
        0 => "–".to_owned(),
        _ => format!("{mean_s:.1} s"),
    };
    let losses = match total.camera_losses {
        0 => "the camera was never lost".to_owned(),
        1 => "the camera was lost once".to_owned(),
        times => format!("the camera was lost {times} times"),
    };
    let cards = [
        (
            "Visits",
            grouped(total.visits),
            "each followed face once".to_owned(),
        ),
        (
            "Most often",
            most.map_or("–".to_owned(), |(_, name)| name.clone()),
            match most {
                Some((sums, _)) => {
                    let share = 100.0 * sums.visits as f64 / total.visits.max(1) as f64;
                    format!("shown longest in {share:.0}% of the visits")
                }
                None => "no expression yet".to_owned(),
            },
        ),
        (
            "Mean visit",
            mean,
            "from the first sight to the last".to_owned(),
        ),
        ("Counting", duration(total.up_ms), losses),
    ];
    html! {
        dl.headline {
            @for (name, value, detail) in cards {
                div {
                    dt { (name) }
                    dd.value { (value) }
                    dd.detail { (detail) }
                }
            }
        }
    }
}

fn legend(report: &Report) -> Markup {
    html! {
        ul.legend aria-label="Colours of the plots" {
            @for (index, name) in report.expressions.iter().enumerate() {
                li { i style=(format!("background:{}", bars::color(index, name))) {} (name) }
            }
            li { i.uncertain {} (UNCERTAIN) }
        }
    }
}

/// A plot and the table behind it.
fn section(title: &str, buckets: &[Bucket], report: &Report, name: fn(&Zoned) -> Name) -> Markup {
    let names: Vec<Name> = buckets
        .iter()
        .filter_map(|b| b.start.as_ref())
        .map(name)
        .collect();
    let visits: u64 = buckets.iter().map(|bucket| bucket.visits).sum();
    let count = match visits {
        0 => "Nobody was counted.".to_owned(),
        1 => "One visit.".to_owned(),
        visits => format!("{} visits.", grouped(visits)),
    };
    let label = format!("{title}: visits by expression; the table below has the numbers");
    html! {
        section {
            h2 { (title) }
            p.note { (count) }
            @if visits > 0 {
                div.scroll tabindex="0" role="group" aria-label=(title) {
                    (bars::plot(&label, &names, buckets, &report.expressions))
                }
                (table(title, &names, buckets, report))
            }
        }
    }
}

fn table(title: &str, names: &[Name], buckets: &[Bucket], report: &Report) -> Markup {
    html! {
        details {
            summary { "Numbers of: " (title) }
            div.scroll tabindex="0" role="group" aria-label=(format!("Numbers of: {title}")) {
                table {
                    thead {
                        tr {
                            th scope="col" { "Begin" }
                            th scope="col" { "Visits" }
                            @for name in &report.expressions { th scope="col" { (name) } }
                            th scope="col" { (UNCERTAIN) }
                            th scope="col" { "Mean visit" }
                            th scope="col" { "Counting" }
                        }
                    }
                    tbody {
                        @for (name, bucket) in names.iter().zip(buckets) {
                            tr {
                                th scope="row" { (name.long) }
                                td { (grouped(bucket.visits)) }
                                @for visits in bars::parts(bucket) { td { (grouped(visits)) } }
                                td {
                                    @if bucket.visits > 0 {
                                        (format!("{:.1} s",
                                            bucket.duration_ms as f64 / 1000.0 / bucket.visits as f64))
                                    } @else { "–" }
                                }
                                td { (duration(bucket.up_ms)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// How long each expression was shown.
fn time(report: &Report) -> Markup {
    let total = &report.total;
    let all_ms = total.duration_ms.max(1);
    let named = report.expressions.iter().zip(&total.expressions);
    let rows = named
        .map(|(name, sums)| (name.as_str(), sums.shown_ms))
        .chain([
            (UNCERTAIN, total.uncertain_ms),
            ("out of sight", total.unseen_ms),
        ]);
    html! {
        section {
            h2 { "How long" }
            p.note { "Of all the time that faces were followed, " (duration(total.duration_ms)) "." }
            div.scroll tabindex="0" role="group" aria-label="How long each expression was shown" {
                table {
                    thead {
                        tr {
                            th scope="col" { "Expression" }
                            th scope="col" { "Time" }
                            th scope="col" { "Share" }
                            td {}
                        }
                    }
                    tbody {
                        @for (name, ms) in rows {
                            @let percent = 100.0 * ms as f64 / all_ms as f64;
                            tr {
                                th scope="row" { (name) }
                                td { (duration(ms)) }
                                td { (format!("{percent:.1}%")) }
                                td { span.bar { i style=(format!("width:{percent:.1}%")) {} } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn hour(start: &Zoned) -> Name {
    Name {
        short: start.strftime("%H").to_string(),
        long: start.strftime("%H:%M").to_string(),
    }
}

fn weekday(start: &Zoned) -> Name {
    Name {
        short: start.strftime("%a %-d").to_string(),
        long: start.strftime("%a, %Y-%m-%d").to_string(),
    }
}

fn day(start: &Zoned) -> Name {
    Name {
        short: start.strftime("%-d").to_string(),
        long: start.strftime("%a, %Y-%m-%d").to_string(),
    }
}

/// `3723000` milliseconds as `1 h 2 min`.
fn duration(ms: u64) -> String {
    let (hours, minutes) = (ms / 3_600_000, ms / 60_000 % 60);
    match (hours, minutes) {
        (0, 0) => format!("{:.1} s", ms as f64 / 1000.0),
        (0, minutes) => format!("{minutes} min {} s", ms / 1000 % 60),
        (..100, minutes) => format!("{hours} h {minutes} min"),
        (hours, _) => format!("{} h", grouped(hours)),
    }
}

/// `3589` as `3,589`.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
