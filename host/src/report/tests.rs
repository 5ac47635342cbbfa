use mien_models::label::Labels;

use super::*;
use crate::evaluate::{Evaluation, Ferplus, Figures, ModelFacts, Passes, Predictions, Report};
use crate::train::results::EpochRow;

const STYLE: &str = include_str!("style.css");

/// Two classes, the second without pictures; one verdict of three is wrong.
fn made(names: [&str; 2]) -> Evaluation {
    let labels = Labels::new(names).unwrap();
    let mut predictions = Predictions::new(2);
    for first in [0.9, 0.8, 0.25] {
        predictions.push(0, [first, 1.0 - first]);
    }
    let figures = Figures::new(&predictions, &labels);
    Evaluation {
        report: Report {
            flip_averaged: false,
            passes: Passes {
                single: figures.summary(),
                flip_averaged: Some(figures.summary()),
            },
            ferplus: Some(Ferplus {
                n: 1200,
                accuracy: 0.875,
                accuracy_ci95: [0.8, 0.9],
                label_agreement: 0.6543,
            }),
            worst: vec![],
            model: ModelFacts {
                name: "made <here>".into(),
                version: 1,
                bytes: 123_456,
                precision: "int8",
                parameters: 1000,
                macs: 2_500_000,
                temperature: 1.25,
                data: "made".into(),
                recipe: "name = \"x\" # </pre><script>".into(),
                date: "2026-01-02".into(),
                licence: "CC0".into(),
                notes: String::new(),
            },
            model_sha256: "00ff".into(),
            figures,
        },
        labels,
        predictions,
    }
}

fn page(evaluation: &Evaluation, with_pictures: bool) -> String {
    let pixels: Vec<u8> = (0..48 * 48).map(|i| (i % 251) as u8).collect();
    let mistakes = Mistakes {
        pixels: &|_| &pixels,
        number: &|i| 100 + i as u32,
    };
    let evaluated = Evaluated {
        evaluation,
        data: "made.csv, PublicTest",
        date: "2026-01-02",
        mistakes: with_pictures.then_some(mistakes),
    };
    super::evaluation(&evaluated).unwrap()
}

fn training_page(with_pictures: bool, rows: &[EpochRow]) -> String {
    let evaluation = made(["happy", "sad"]);
    let pixels = vec![128; 48 * 48];
    let mistakes = Mistakes {
        pixels: &|_| &pixels,
        number: &|i| i as u32,
    };
    training(&Trained {
        name: "small",
        description: "Small enough for a test.",
        recipe: "name = \"small\" # <3",
        epochs: 4,
        parameters: 1234,
        labels: &evaluation.labels,
        rows,
        best_epoch: 2,
        predictions: &evaluation.predictions,
        validation: "PublicTest",
        training_counts: &[1500, 20],
        date: "2026-01-02",
        mistakes: with_pictures.then_some(mistakes),
    })
    .unwrap()
}

#[test]
fn a_run_is_told_with_curves_and_counts() {
    let row = |epoch| EpochRow {
        epoch,
        learning_rate: 0.1,
        train_loss: 1.5,
        train_accuracy: 0.4,
        val_loss: f64::NAN,
        val_accuracy: 0.5,
        seconds: 1800.0,
    };
    let html = training_page(true, &[row(1), row(2), row(3)]);
    // Three curves beside the four plots of an evaluation.
    assert_eq!(html.matches("<svg").count(), 3 + 4);
    for text in [
        "3 of 4",
        "1 h 30 min",
        "1,234",
        "1,520",
        "# &lt;3",
        "PublicTest",
    ] {
        assert!(html.contains(text), "{text}");
    }
    assert!(html.contains("<img") && html.contains("not ours to publish"));
    let plain = training_page(false, &[]);
    assert!(!plain.contains("<img") && !plain.contains("NaN"));
}

/// Values of all attributes `name`.
fn attributes<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!(" {name}=\"");
    let values = html.split(&start).skip(1);
    values.filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn everything_is_in_the_page() {
    let html = page(&made(["happy", "sad"]), true);
    for name in ["src", "href", "srcset", "data", "action", "xlink:href"] {
        for value in attributes(&html, name) {
            assert!(value.starts_with("data:image/png;base64,"), "{value}");
        }
    }
    for fetch in ["<link", "<script", "<iframe", "@import", "url("] {
        assert!(!html.contains(fetch), "{fetch}");
    }
    // Confusion, reliability and a precision-recall curve per class.
    assert_eq!(html.matches("<svg").count(), 2 + 2);
    for figure in [
        "66.67%",
        "123,456 bytes",
        "1.250",
        "2.5 million",
        "00ff",
        "87.50%",
        "65.43%",
    ] {
        assert!(html.contains(figure), "{figure}");
    }
}

#[test]
fn a_class_without_pictures_is_a_dash_not_a_nan() {
    let html = page(&made(["happy", "sad"]), true);
    assert!(!html.contains("NaN") && !html.contains("inf%"));
    assert!(html.contains("sad: no pictures"));
    assert!(html.contains("<td>–<span"));
}

#[test]
fn pictures_can_be_left_out() {
    let (with, without) = (
        page(&made(["happy", "sad"]), true),
        page(&made(["happy", "sad"]), false),
    );
    // One mistake, one picture, and the page says that it has some.
    assert_eq!(attributes(&with, "src").len(), 1);
    assert!(with.contains("Picture 102, labelled happy, judged sad"));
    assert!(with.contains("not ours to publish"));
    assert!(!without.contains("<img") && !without.contains("data:image"));
    assert!(!without.contains("not ours to publish"));
}

#[test]
fn the_picture_is_the_data_sets() {
    use base64::prelude::{BASE64_STANDARD, Engine};
    let html = page(&made(["happy", "sad"]), true);
    let url = attributes(&html, "src")[0];
    let png = BASE64_STANDARD
        .decode(url.trim_start_matches("data:image/png;base64,"))
        .unwrap();
    let image = image::load_from_memory(&png).unwrap().into_luma8();
    assert_eq!(image.dimensions(), (48, 48));
    let pixels: Vec<u8> = (0..48 * 48).map(|i| (i % 251) as u8).collect();
    assert_eq!(image.into_raw(), pixels);
}

#[test]
fn names_are_text_not_markup() {
    let html = page(&made(["<b>&joy\"", "sad|neutral"]), true);
    assert!(!html.contains("<b>&joy") && !html.contains("<here>"));
    assert!(html.contains("&lt;b&gt;&amp;joy"));
    assert!(!html.contains("<script"));
}

#[test]
fn counts_are_grouped() {
    assert_eq!(
        [0, 999, 1000, 28_709, 1_234_567].map(grouped),
        ["0", "999", "1,000", "28,709", "1,234,567"]
    );
}

/// Relative luminance of WCAG 2.2.
fn luminance(hex: &str) -> f64 {
    let channel = |at| {
        let value = u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        match f64::from(value) / 255.0 {
            c if c <= 0.04045 => c / 12.92,
            c => ((c + 0.055) / 1.055).powf(2.4),
        }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

fn contrast(a: f64, b: f64) -> f64 {
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// A scheme's colours: the n-th definition of each variable.
fn color(name: &str, scheme: usize) -> &'static str {
    let definition = format!("--{name}: ");
    let found = STYLE.split(&definition).nth(1 + scheme);
    &found.unwrap_or_else(|| panic!("{name}"))[..7]
}

#[test]
fn text_stands_out_in_both_schemes() {
    for scheme in [0, 1] {
        let of = |text, ground, least: f64| {
            let found = contrast(
                luminance(color(text, scheme)),
                luminance(color(ground, scheme)),
            );
            assert!(found >= least, "{text} on {ground}: {found:.2}");
        };
        for ground in ["paper", "sheet"] {
            of("ink", ground, 4.5);
            of("muted", ground, 4.5);
        }
        of("accent", "paper", 4.5);
        of("warn-ink", "warn-paper", 4.5);
        // Lines and bars, not text.
        of("second", "paper", 3.0);
    }
}

#[test]
fn text_stands_out_from_every_cell_of_the_confusion_matrix() {
    for scheme in [0, 1] {
        let rgb = |name: &str| {
            let hex = color(name, scheme);
            [1, 3, 5].map(|at| f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()))
        };
        let (paper, full) = (rgb("paper"), rgb("cell"));
        for share in (0..=100).map(|p| f64::from(p) / 100.0) {
            let mixed: Vec<u8> = (0..3)
                .map(|i| (paper[i] + (full[i] - paper[i]) * share).round() as u8)
                .collect();
            let cell = format!("#{:02x}{:02x}{:02x}", mixed[0], mixed[1], mixed[2]);
            let text = match share > crate::plot::DARK_SHARE {
                true => color("cell-strong", scheme),
                false => color("cell-weak", scheme),
            };
            let found = contrast(luminance(&cell), luminance(text));
            assert!(found >= 4.5, "{found:.2} at {share} in scheme {scheme}");
        }
    }
}
