//! Rectangles and text on an RGB picture; whatever reaches over its edge is cut off.

use ab_glyph::{Font, FontRef, InvalidFont, PxScale, ScaleFont, point};
use image::{Rgb, RgbImage};

use crate::assets;

/// Font height that makes text fill a line of the wanted size.
const PX_PER_SIZE: f32 = 1.2;

/// A rectangle in whole pixels; may reach over the picture's edge.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    /// Left edge.
    pub x: i32,
    /// Top edge.
    pub y: i32,
    /// Width.
    pub width: i32,
    /// Height.
    pub height: i32,
}

impl Area {
    /// From left edge, top edge, width and height.
    pub const fn new(x: i32, y: i32, width: i32, height: i32) -> Self {
        Self {
            x,
            y,
            width,
            height,
        }
    }
}

/// A picture to draw on.
pub struct Canvas<'a> {
    picture: &'a mut RgbImage,
    font: FontRef<'static>,
}

impl<'a> Canvas<'a> {
    /// Draws on `picture` with the bundled font.
    pub fn new(picture: &'a mut RgbImage) -> Result<Self, InvalidFont> {
        let font = FontRef::try_from_slice(assets::FONT)?;
        Ok(Self { picture, font })
    }

    /// Columns.
    pub fn width(&self) -> i32 {
        self.picture.width() as i32
    }

    /// Rows.
    pub fn height(&self) -> i32 {
        self.picture.height() as i32
    }

    /// A frame of lines `stroke` wide, centred on the edge of `area`.
    pub fn outline(&mut self, area: Area, stroke: i32, color: Rgb<u8>) {
        let half = stroke / 2;
        let (left, top) = (area.x - half, area.y - half);
        let right = area.x + area.width + half - stroke;
        let bottom = area.y + area.height + half - stroke;
        let (across, down) = (area.width + 2 * half, area.height + 2 * half);
        for edge in [
            Area::new(left, top, across, stroke),
            Area::new(left, bottom, across, stroke),
            Area::new(left, top, stroke, down),
            Area::new(right, top, stroke, down),
        ] {
            self.fill(edge, color, 1.0);
        }
    }

    /// A filled rectangle; `coverage` 1 hides the picture, 0 leaves it.
    pub fn fill(&mut self, area: Area, color: Rgb<u8>, coverage: f32) {
        for y in area.y.max(0)..(area.y + area.height).min(self.height()) {
            for x in area.x.max(0)..(area.x + area.width).min(self.width()) {
                self.blend(x, y, color, coverage);
            }
        }
    }

    /// One line of text whose line box begins at `(x, y)`.
    pub fn text(&mut self, text: &str, x: i32, y: i32, size: f32, color: Rgb<u8>) {
        let font = self.font.clone();
        let scaled = font.as_scaled(PxScale::from(size * PX_PER_SIZE));
        let baseline = y as f32 + scaled.ascent();
        let mut pen = x as f32;
        let mut previous = None;
        for glyph in text.chars().map(|character| scaled.glyph_id(character)) {
            pen += previous.map_or(0.0, |previous| scaled.kern(previous, glyph));
            previous = Some(glyph);
            let placed = glyph.with_scale_and_position(scaled.scale(), point(pen, baseline));
            pen += scaled.h_advance(glyph);
            if let Some(outline) = scaled.outline_glyph(placed) {
                let bounds = outline.px_bounds();
                let (left, top) = (bounds.min.x as i32, bounds.min.y as i32);
                outline.draw(|dx, dy, coverage| {
                    self.blend(left + dx as i32, top + dy as i32, color, coverage);
                });
            }
        }
    }

    /// Width of a line of text in pixels.
    pub fn text_width(&self, text: &str, size: f32) -> i32 {
        let scaled = self.font.as_scaled(PxScale::from(size * PX_PER_SIZE));
        let glyphs: Vec<_> = text.chars().map(|c| scaled.glyph_id(c)).collect();
        let advances: f32 = glyphs.iter().map(|&glyph| scaled.h_advance(glyph)).sum();
        let pairs = glyphs.windows(2);
        let kerning: f32 = pairs.map(|pair| scaled.kern(pair[0], pair[1])).sum();
        (advances + kerning).ceil() as i32
    }

    fn blend(&mut self, x: i32, y: i32, color: Rgb<u8>, coverage: f32) {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else {
            return;
        };
        let Some(pixel) = self.picture.get_pixel_mut_checked(x, y) else {
            return;
        };
        for (value, wanted) in pixel.0.iter_mut().zip(color.0) {
            let mixed = f32::from(*value) + (f32::from(wanted) - f32::from(*value)) * coverage;
            *value = mixed.round() as u8;
        }
    }
}
