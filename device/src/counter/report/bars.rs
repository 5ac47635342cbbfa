//! Stacked bars as SVG: visits by expression over time.

use maud::{Markup, html};
use mien_models::label::appearance;

use crate::counter::history::Bucket;
use crate::report::UNCERTAIN;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 250.0;
/// Room for the numbers on the left and the names below.
const LEFT: f64 = 44.0;
const BOTTOM: f64 = 36.0;
const TOP: f64 = 10.0;
/// Share of its place that a bar takes.
const FILLED: f64 = 0.78;
/// Most names on the axis.
const MAX_NAMES: usize = 16;
/// For labels that have no colour of their own (Okabe & Ito 2008).
const OTHER_COLORS: [&str; 6] = [
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00",
];

/// A bar's name on the axis and in full.
pub struct Name {
    /// On the axis.
    pub short: String,
    /// In tables and when one points at it.
    pub long: String,
}

/// The colour of an expression. The bundled ones have theirs everywhere in this project.
pub fn color(index: usize, name: &str) -> String {
    let color = appearance(name).color;
    if color == appearance("neutral").color && !name.eq_ignore_ascii_case("neutral") {
        return OTHER_COLORS[index % OTHER_COLORS.len()].to_owned();
    }
    format!("#{:02x}{:02x}{:02x}", color.r, color.g, color.b)
}

/// Visits of a bucket: per expression, and the uncertain ones last.
pub fn parts(bucket: &Bucket) -> Vec<u64> {
    let visits = bucket.expressions.iter().map(|sums| sums.visits);
    visits.chain([bucket.uncertain_visits]).collect()
}

/// The plot. `title` names it for who cannot see it.
pub fn plot(title: &str, names: &[Name], buckets: &[Bucket], expressions: &[String]) -> Markup {
    let most = buckets
        .iter()
        .map(|bucket| bucket.visits)
        .max()
        .unwrap_or(0);
    let step = nice_step(most);
    let top = most.div_ceil(step).max(1) * step;
    let height = HEIGHT - TOP - BOTTOM;
    let y = |visits: u64| TOP + height * (1.0 - visits as f64 / top as f64);
    let place = (WIDTH - LEFT) / buckets.len().max(1) as f64;
    let every = buckets.len().div_ceil(MAX_NAMES).max(1);
    html! {
        svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(title) {
            @for value in (0..=top).step_by(step as usize) {
                line.grid x1=(LEFT) x2=(WIDTH) y1=(round(y(value))) y2=(round(y(value))) {}
                text x=(LEFT - 8.0) y=(round(y(value) + 4.0)) text-anchor="end" { (value) }
            }
            @for (index, (name, bucket)) in names.iter().zip(buckets).enumerate() {
                @let left = LEFT + place * (index as f64 + (1.0 - FILLED) / 2.0);
                g {
                    title { (describe(name, bucket, expressions)) }
                    // What one points at, where the bar is low, too.
                    rect.target x=(round(LEFT + place * index as f64)) y=(TOP) width=(round(place))
                        height=(round(height)) {}
                    @for (part, from, to) in stack(bucket) {
                        @let (fill, class) = match expressions.get(part) {
                            Some(name) => (Some(color(part, name)), "part"),
                            None => (None, "part uncertain"),
                        };
                        rect class=(class) fill=[fill] x=(round(left)) width=(round(place * FILLED))
                            y=(round(y(to))) height=(round(y(from) - y(to))) {}
                    }
                }
                @if index % every == 0 {
                    text x=(round(left + place * FILLED / 2.0)) y=(HEIGHT - 12.0)
                        text-anchor="middle" { (name.short) }
                }
            }
        }
    }
}

/// Parts of a bar that are not empty: which, from, to.
fn stack(bucket: &Bucket) -> Vec<(usize, u64, u64)> {
    let mut to = 0;
    let stacked = parts(bucket).into_iter().enumerate().map(|(part, visits)| {
        to += visits;
        (part, to - visits, to)
    });
    stacked.filter(|(_, from, to)| to > from).collect()
}

fn describe(name: &Name, bucket: &Bucket, expressions: &[String]) -> String {
    let count = match bucket.visits {
        1 => "1 visit".to_owned(),
        visits => format!("{visits} visits"),
    };
    let parts = stack(bucket).into_iter().map(|(part, from, to)| {
        let name = expressions.get(part).map_or(UNCERTAIN, String::as_str);
        format!("{name} {}", to - from)
    });
    let parts: Vec<_> = parts.collect();
    match parts.is_empty() {
        true => format!("{}: {count}", name.long),
        false => format!("{}: {count} ({})", name.long, parts.join(", ")),
    }
}

/// 1, 2 or 5 times a power of ten: at most about five lines up to `most`.
fn nice_step(most: u64) -> u64 {
    let mut unit = 1;
    loop {
        for step in [unit, 2 * unit, 5 * unit] {
            if most <= 5 * step {
                return step;
            }
        }
        unit *= 10;
    }
}

/// Hundredths of a pixel are enough.
fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_round_numbers() {
        let steps = [0, 1, 5, 6, 10, 11, 26, 999, 1_000_000].map(nice_step);
        assert_eq!(steps, [1, 1, 1, 2, 2, 5, 10, 200, 200_000]);
        for most in 0..5000_u64 {
            assert!(most.div_ceil(nice_step(most)) <= 5);
        }
    }

    #[test]
    fn labels_of_one_s_own_stay_apart() {
        assert_eq!(color(0, "neutral"), "#999999");
        assert_eq!(color(3, "Happy"), "#f0e442");
        assert_ne!(color(0, "smiling"), color(1, "frowning"));
    }
}
