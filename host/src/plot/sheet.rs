//! Contact sheets: rows of small gray pictures with captions.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};
use mien_device::annotate::canvas::Canvas;

use crate::dataset::{PIXELS, SIDE};

/// How many times a picture is magnified; pixels stay squares, so that one sees them all.
pub const MAGNIFICATION: usize = 3;

const PAGE: Rgb<u8> = Rgb([250, 250, 250]);
const INK: Rgb<u8> = Rgb([40, 40, 40]);
const PALE_INK: Rgb<u8> = Rgb([110, 110, 110]);
const TITLE_SIZE_PX: f32 = 17.0;
const TEXT_SIZE_PX: f32 = 14.0;
/// Side of a magnified picture.
const CELL_PX: usize = SIDE * MAGNIFICATION;
const MARGIN_PX: usize = 16;
const GAP_PX: usize = 6;
/// Title and headings.
const TOP_PX: usize = MARGIN_PX + 56;
/// A row's caption above its pictures.
const CAPTION_PX: usize = 20;
const ROW_GAP_PX: usize = 12;

/// What to draw.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    /// One line above everything.
    pub title: String,
    /// Above the columns from the left; the last one may reach over the columns without.
    pub headings: Vec<String>,
    /// From the top.
    pub rows: Vec<Row>,
}

/// Pictures side by side.
#[derive(Clone, Debug)]
pub struct Row {
    /// One line above the pictures.
    pub caption: String,
    /// `[48, 48]` each.
    pub pictures: Vec<[u8; PIXELS]>,
}

/// Why a sheet could not be drawn.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// The bundled font does not parse.
    #[error("cannot read the bundled font")]
    Font,
    /// The PNG encoder failed.
    #[error("cannot encode the contact sheet: {0}")]
    Encode(#[from] image::ImageError),
}

/// Left top corner `[x, y]` of a picture on the sheet, in pixels.
pub fn place(row: usize, column: usize) -> [usize; 2] {
    let row_px = CAPTION_PX + CELL_PX + ROW_GAP_PX;
    [
        MARGIN_PX + column * (CELL_PX + GAP_PX),
        TOP_PX + row * row_px + CAPTION_PX,
    ]
}

/// The sheet as a PNG file's bytes.
///
/// # Errors
/// When the font or the encoder fails; neither depends on the pictures.
pub fn png(sheet: &Sheet) -> Result<Vec<u8>, SheetError> {
    let mut file = Cursor::new(Vec::new());
    draw(sheet)?.write_to(&mut file, ImageFormat::Png)?;
    Ok(file.into_inner())
}

fn draw(sheet: &Sheet) -> Result<RgbImage, SheetError> {
    let columns = sheet.rows.iter().map(|row| row.pictures.len()).max();
    let [past_right, _] = place(0, columns.unwrap_or(0).max(1));
    let [_, past_last] = place(sheet.rows.len(), 0);
    let width = past_right - GAP_PX + MARGIN_PX;
    let height = past_last - CAPTION_PX - ROW_GAP_PX + MARGIN_PX;
    let mut page = RgbImage::from_pixel(width as u32, height as u32, PAGE);
    let mut canvas = Canvas::new(&mut page).map_err(|_| SheetError::Font)?;
    let mut text = |text: &str, [x, y]: [usize; 2], size, ink| {
        canvas.text(text, x as i32, y as i32, size, ink);
    };
    text(&sheet.title, [MARGIN_PX, MARGIN_PX], TITLE_SIZE_PX, INK);
    for (column, heading) in sheet.headings.iter().enumerate() {
        let [x, _] = place(0, column);
        text(heading, [x, TOP_PX - 26], TEXT_SIZE_PX, PALE_INK);
    }
    for (number, row) in sheet.rows.iter().enumerate() {
        let [x, y] = place(number, 0);
        text(&row.caption, [x, y - CAPTION_PX], TEXT_SIZE_PX, INK);
    }
    for (number, row) in sheet.rows.iter().enumerate() {
        for (column, picture) in row.pictures.iter().enumerate() {
            paste(&mut page, place(number, column), picture);
        }
    }
    Ok(page)
}

fn paste(page: &mut RgbImage, [left, top]: [usize; 2], picture: &[u8; PIXELS]) {
    for y in 0..CELL_PX {
        for x in 0..CELL_PX {
            let p = picture[y / MAGNIFICATION * SIDE + x / MAGNIFICATION];
            page.put_pixel((left + x) as u32, (top + y) as u32, Rgb([p; 3]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> Sheet {
        let picture = |k: usize| std::array::from_fn(|i| (i * k % 255) as u8);
        let row = |n: usize| Row {
            caption: "happy".into(),
            pictures: (1..=n).map(picture).collect(),
        };
        Sheet {
            title: "title".into(),
            headings: vec!["original".into()],
            rows: vec![row(3), row(2)],
        }
    }

    #[test]
    fn every_pixel_of_every_picture_is_a_square() {
        let sheet = made();
        let page = image::load_from_memory(&png(&sheet).unwrap()).unwrap();
        let page = page.to_rgb8();
        for (number, row) in sheet.rows.iter().enumerate() {
            for (column, picture) in row.pictures.iter().enumerate() {
                let [left, top] = place(number, column);
                for (x, y, p) in page.enumerate_pixels() {
                    let (x, y) = (x as usize, y as usize);
                    if (left..left + CELL_PX).contains(&x) && (top..top + CELL_PX).contains(&y) {
                        let i = (y - top) / MAGNIFICATION * SIDE + (x - left) / MAGNIFICATION;
                        assert_eq!(*p, Rgb([picture[i]; 3]), "{number} {column}");
                    }
                }
            }
        }
        let [right, _] = place(0, 2);
        let [_, bottom] = place(1, 0);
        let expected = [right, bottom].map(|v| (v + CELL_PX + MARGIN_PX) as u32);
        assert_eq!([page.width(), page.height()], expected);
    }

    #[test]
    fn captions_stand_above_their_row() {
        let page = draw(&made()).unwrap();
        let [x, y] = place(1, 0);
        let dark = (x..x + 40)
            .flat_map(|x| (y - CAPTION_PX..y).map(move |y| (x, y)))
            .filter(|(x, y)| page.get_pixel(*x as u32, *y as u32).0[0] < 128);
        assert!(dark.count() > 20);
    }

    #[test]
    fn an_empty_sheet_is_a_page() {
        assert!(!png(&Sheet::default()).unwrap().is_empty());
    }
}
