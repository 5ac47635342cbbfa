//! SVG plots of training runs and evaluations.
//!
//! All plots share a few colours, so that a style sheet can give each another one: the reports
//! turn them dark by their `fill` and `stroke`.

mod confusion;
mod curves;
mod precision_recall;
mod reliability;
pub mod sheet;

pub use confusion::{DARK_SHARE, confusion};
pub use curves::{Quantity, curve, curves};
pub use precision_recall::precision_recall;
pub use reliability::reliability;

use std::path::{Path, PathBuf};
use std::sync::Once;

use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};

/// The family the SVG names; its measures come from the bundled font.
const FONT: &str = "sans-serif";
const TITLE_SIZE_PX: u32 = 17;
const TEXT_SIZE_PX: u32 = 14;
/// Text, axes and frames.
const INK: RGBColor = RGBColor(40, 40, 40);
/// Lines between the values.
const GRID: RGBColor = RGBColor(225, 225, 225);
/// Two colours that people with colour-blindness tell apart, too (Okabe & Ito 2008).
const BLUE: RGBColor = RGBColor(0, 114, 178);
const ORANGE: RGBColor = RGBColor(213, 94, 0);

/// Why a plot could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PlotError {
    /// The SVG cannot be drawn.
    #[error("cannot draw a plot: {0}")]
    Draw(String),
    /// The file cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file to be written.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

/// A finished plot on a white page.
#[derive(Clone, Debug)]
pub struct Drawing {
    svg: String,
    width_px: u32,
}

impl Drawing {
    fn new(
        size_px: (u32, u32),
        draw: impl FnOnce(&Svg<'_>) -> DrawResult,
    ) -> Result<Self, PlotError> {
        load_font();
        let mut svg = String::new();
        let drawn = {
            let page = SVGBackend::with_string(&mut svg, size_px).into_drawing_area();
            page.fill(&WHITE)
                .map_err(Into::into)
                .and_then(|()| draw(&page))
                .and_then(|()| page.present().map_err(Into::into))
        };
        drawn.map_err(|error| PlotError::Draw(error.to_string()))?;
        Ok(Self {
            svg,
            width_px: size_px.0,
        })
    }

    /// The SVG document.
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// Width in CSS pixels.
    pub fn width_px(&self) -> u32 {
        self.width_px
    }

    /// Writes the SVG in one go, so that no half plot is left.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), PlotError> {
        std::fs::write(path, &self.svg).map_err(|source| PlotError::Write {
            path: path.to_owned(),
            source,
        })
    }
}

type DrawResult = Result<(), Box<dyn std::error::Error>>;
type Svg<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn load_font() {
    static LOADED: Once = Once::new();
    LOADED.call_once(|| {
        // A font that does not parse shows as a drawing error: the family is unknown then.
        let _ = register_font(FONT, FontStyle::Normal, mien_device::assets::FONT);
    });
}

fn text_style(size_px: u32) -> TextStyle<'static> {
    (FONT, size_px).into_font().color(&INK)
}

/// `0.4` as `40%`.
fn percent(share: &f64) -> String {
    format!("{:.0}%", 100.0 * share)
}
