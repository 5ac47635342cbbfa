//! Reports as one HTML page each, with everything in it: nothing is fetched.
//!
//! A page may show pictures of the data set (its worst mistakes), which are not ours to publish;
//! it says so. [`evaluation`] judges a packed model, [`training`] tells of a run.

mod classes;
mod evaluation;
mod headline;
mod mistakes;
mod model;
mod page;
mod plots;
mod training;

pub use evaluation::{Evaluated, evaluation};
pub use mistakes::Mistakes;
pub use training::{Trained, training};

use crate::plot::PlotError;

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A plot cannot be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// A picture cannot be encoded.
    #[error("cannot encode a picture as PNG")]
    Picture(#[from] image::ImageError),
}

/// `0.6523` as `65.23%`.
fn percent(share: f64) -> String {
    format!("{:.2}%", 100.0 * share)
}

/// `0.6523` as `65.2%`, nothing as a dash.
fn rough_percent(share: Option<f64>) -> String {
    share.map_or("–".to_owned(), |share| format!("{:.1}%", 100.0 * share))
}

/// `3589` as `3,589`.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests;
