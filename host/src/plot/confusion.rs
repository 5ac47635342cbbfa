//! The confusion matrix: counts and row percentages.

use mien_models::label::Labels;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{DrawResult, Drawing, INK, PlotError, Svg, TEXT_SIZE_PX, TITLE_SIZE_PX, text_style};

const CELL_PX: i32 = 76;
const MARGIN_PX: i32 = 14;
/// Above the matrix: the title.
const TOP_PX: i32 = 46;
/// Below the matrix: the axis' own name.
const BOTTOM_PX: i32 = 44;
/// Distance of the lines of verdict names.
const LINE_PX: i32 = 16;
/// Space between a name and the matrix.
const GAP_PX: i32 = 8;
/// A cell with the whole of its row.
const DEEP_BLUE: RGBColor = RGBColor(8, 48, 107);
/// Cells with more than this share of their row are dark. There, white text has the contrast to
/// the blue that black text has below: 4.5 and more everywhere (WCAG 2.2, level AA).
pub const DARK_SHARE: f64 = 0.66;

/// Draws `counts[truth][verdict]`; the rows are the truth.
pub fn confusion(labels: &Labels, counts: &[Vec<u64>]) -> Result<Drawing, PlotError> {
    let names: Vec<&str> = labels.iter().collect();
    let left = names_width(&names) + GAP_PX + 2 * MARGIN_PX + TEXT_SIZE_PX as i32;
    let side = CELL_PX * names.len() as i32;
    let size = (
        left + side + 2 * MARGIN_PX,
        TOP_PX + side + names_height(&names) + BOTTOM_PX,
    );
    Drawing::new((size.0 as u32, size.1 as u32), |page| {
        draw(page, &names, counts, (left, TOP_PX))
    })
}

fn draw(page: &Svg<'_>, names: &[&str], counts: &[Vec<u64>], origin: (i32, i32)) -> DrawResult {
    let side = CELL_PX * names.len() as i32;
    let at = |cell: usize| CELL_PX * cell as i32;
    let (x0, y0) = origin;
    let title = ((x0 + side) / 2, TOP_PX / 2);
    let text = "Confusion: share and number of the true class";
    write_text(page, text, title, TITLE_SIZE_PX, &INK, HPos::Center)?;
    for (row, name) in names.iter().enumerate() {
        let y = y0 + at(row) + CELL_PX / 2;
        write_text(
            page,
            name,
            (x0 - GAP_PX, y),
            TEXT_SIZE_PX,
            &INK,
            HPos::Right,
        )?;
        let total: u64 = counts[row].iter().sum();
        for (column, &count) in counts[row].iter().enumerate() {
            let share = count as f64 / total.max(1) as f64;
            cell(page, (x0 + at(column), y0 + at(row)), count, share)?;
        }
    }
    // Long names (merged classes) would run into their neighbours on one line.
    for (column, name) in names.iter().enumerate() {
        let x = x0 + at(column) + CELL_PX / 2;
        for (line, part) in name.split('|').enumerate() {
            let y = y0 + side + LINE_PX * (line as i32 + 1);
            write_text(page, part, (x, y), TEXT_SIZE_PX, &INK, HPos::Center)?;
        }
    }
    let below = (
        x0 + side / 2,
        y0 + side + names_height(names) + BOTTOM_PX / 2,
    );
    write_text(page, "Verdict", below, TEXT_SIZE_PX, &INK, HPos::Center)?;
    let style = text_style(TEXT_SIZE_PX)
        .transform(FontTransform::Rotate270)
        .pos(Pos::new(HPos::Center, VPos::Center));
    let beside = (MARGIN_PX + TEXT_SIZE_PX as i32 / 2, y0 + side / 2);
    page.draw(&Text::new("Truth", beside, style))?;
    Ok(())
}

fn cell(page: &Svg<'_>, (x, y): (i32, i32), count: u64, share: f64) -> DrawResult {
    let corners = [(x, y), (x + CELL_PX, y + CELL_PX)];
    page.draw(&Rectangle::new(corners, DEEP_BLUE.mix(share).filled()))?;
    page.draw(&Rectangle::new(corners, WHITE.stroke_width(1)))?;
    let color = if share > DARK_SHARE { &WHITE } else { &BLACK };
    let (x, y) = (x + CELL_PX / 2, y + CELL_PX / 2);
    let percent = format!("{:.0}%", 100.0 * share);
    write_text(
        page,
        &percent,
        (x, y - 10),
        TITLE_SIZE_PX,
        color,
        HPos::Center,
    )?;
    let count = count.to_string();
    write_text(
        page,
        &count,
        (x, y + 12),
        TEXT_SIZE_PX - 2,
        color,
        HPos::Center,
    )
}

fn write_text(
    page: &Svg<'_>,
    text: &str,
    at: (i32, i32),
    size_px: u32,
    color: &RGBColor,
    align: HPos,
) -> DrawResult {
    let style = text_style(size_px)
        .color(color)
        .pos(Pos::new(align, VPos::Center));
    page.draw(&Text::new(text.to_owned(), at, style))?;
    Ok(())
}

/// Width of the longest name, by an average letter's width.
fn names_width(names: &[&str]) -> i32 {
    let letters = names.iter().map(|name| name.chars().count()).max();
    (letters.unwrap_or(0) as f64 * 0.56 * f64::from(TEXT_SIZE_PX)).ceil() as i32
}

/// Height of the verdict names, which are broken at `|`.
fn names_height(names: &[&str]) -> i32 {
    let lines = names.iter().map(|name| name.split('|').count()).max();
    LINE_PX * lines.unwrap_or(0) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_shares_and_names_are_written() {
        let labels = Labels::new(["happy", "sad|neutral"]).unwrap();
        let drawing = confusion(&labels, &[vec![90, 10], vec![0, 0]]).unwrap();
        let svg = drawing.svg();
        for text in ["90%", "90", "10%", "0%", "happy", "sad|neutral", "Truth"] {
            assert!(svg.contains(&format!("\n{text}\n")), "{text}:\n{svg}");
        }
    }

    #[test]
    fn text_stands_out_from_every_cell() {
        // Relative luminance and contrast ratio of WCAG 2.2.
        let luminance = |rgb: [f64; 3]| {
            let linear = |c: f64| match c / 255.0 {
                c if c <= 0.04045 => c / 12.92,
                c => ((c + 0.055) / 1.055).powf(2.4),
            };
            let [r, g, b] = rgb.map(linear);
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        for share in (0..=100).map(|p| f64::from(p) / 100.0) {
            let mix = |full: u8| 255.0 + (f64::from(full) - 255.0) * share;
            let cell = luminance([mix(DEEP_BLUE.0), mix(DEEP_BLUE.1), mix(DEEP_BLUE.2)]);
            let text = if share > DARK_SHARE { 1.0 } else { 0.0 };
            let (light, dark) = (cell.max(text), cell.min(text));
            let contrast = (light + 0.05) / (dark + 0.05);
            assert!(contrast >= 4.5, "{contrast} at {share}");
        }
    }
}
