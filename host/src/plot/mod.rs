//! SVG plots of a training run.

mod confusion;
mod curves;
pub mod sheet;

pub use confusion::confusion;
pub use curves::curves;

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
    #[error("cannot draw {path}: {message}")]
    Draw {
        /// The file to be written.
        path: PathBuf,
        /// The cause.
        message: String,
    },
    /// The file cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file to be written.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

type DrawResult = Result<(), Box<dyn std::error::Error>>;
type Svg<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// Draws on a white page of `size` pixels and writes it in one go, so that no half plot is left.
fn write_svg(
    path: &Path,
    size: (u32, u32),
    draw: impl FnOnce(&Svg<'_>) -> DrawResult,
) -> Result<(), PlotError> {
    load_font();
    let mut svg = String::new();
    let drawn = {
        let page = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        page.fill(&WHITE)
            .map_err(Into::into)
            .and_then(|()| draw(&page))
            .and_then(|()| page.present().map_err(Into::into))
    };
    drawn.map_err(|error| PlotError::Draw {
        path: path.to_owned(),
        message: error.to_string(),
    })?;
    std::fs::write(path, svg).map_err(|source| PlotError::Write {
        path: path.to_owned(),
        source,
    })
}

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
