//! The contact sheet of the worst mistakes.

use std::io::Cursor;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use image::{GrayImage, ImageFormat};
use maud::{Markup, html};
use mien_models::label::Labels;

use super::ReportError;
use crate::dataset::SIDE;
use crate::evaluate::Predictions;

/// Pictures on the sheet.
const COUNT: usize = 48;

/// Where the sheet's pictures come from.
pub struct Mistakes<'a> {
    /// The pixels `[48, 48]` of the i-th picture that was judged.
    pub pixels: &'a dyn Fn(usize) -> &'a [u8],
    /// Its number in the data set, from 0.
    pub number: &'a dyn Fn(usize) -> u32,
}

/// The wrong verdicts with the highest confidence; the pictures are in the page.
pub fn sheet(
    labels: &Labels,
    predictions: &Predictions,
    mistakes: &Mistakes<'_>,
) -> Result<Markup, ReportError> {
    let names: Vec<&str> = labels.iter().collect();
    let entry = |i: usize| {
        let outcome = predictions.outcome(i);
        let (truth, verdict) = (names[outcome.truth], names[outcome.predicted]);
        let sure = format!("{:.1}%", 100.0 * outcome.confidence);
        let number = (mistakes.number)(i);
        let alt = format!("Picture {number}, labelled {truth}, judged {verdict}");
        Ok(html! {
            li {
                figure {
                    img src=(data_url((mistakes.pixels)(i))?) alt=(alt) width="96" height="96";
                    figcaption {
                        b { (verdict) } " " (sure) br;
                        small { "labelled " (truth) br; "picture " (number) }
                    }
                }
            }
        })
    };
    let worst = predictions.worst(COUNT);
    let entries: Vec<Markup> = worst
        .into_iter()
        .map(entry)
        .collect::<Result<_, ReportError>>()?;
    Ok(html! {
        h2 { "The worst mistakes" }
        @if entries.is_empty() {
            p { "No verdict was wrong." }
        } @else {
            p.note {
                "Wrong verdicts with the highest confidence, the surest first. Some of the labels "
                "are arguably the mistake."
            }
            ul.mistakes { @for entry in entries { (entry) } }
        }
    })
}

/// The gray picture as a PNG inside a URL.
fn data_url(pixels: &[u8]) -> Result<String, image::ImageError> {
    let side = SIDE as u32;
    let image = GrayImage::from_fn(side, side, |x, y| {
        image::Luma([pixels[y as usize * SIDE + x as usize]])
    });
    let mut png = Cursor::new(vec![]);
    image.write_to(&mut png, ImageFormat::Png)?;
    let text = BASE64_STANDARD.encode(png.into_inner());
    Ok(format!("data:image/png;base64,{text}"))
}
