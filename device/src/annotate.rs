//! Draws boxes, labels and probability bars into a picture.

use ab_glyph::{Font, FontRef, InvalidFont, PxScale, ScaleFont, point};
use image::{Rgb, RgbImage};
use mien_models::label::appearance;

use crate::assets;
use crate::report::{Face, FaceBox};

/// Panel behind text and bars, and how much of it covers the picture.
const PANEL: Rgb<u8> = Rgb([20, 22, 26]);
const PANEL_COVERAGE: f32 = 0.78;
const TEXT: Rgb<u8> = Rgb([240, 240, 240]);
const FAINT: Rgb<u8> = Rgb([90, 94, 100]);

/// Draws every face into `picture`, the last one first, so that the largest lies on top.
pub fn annotate(picture: &mut RgbImage, faces: &[Face]) -> Result<(), InvalidFont> {
    let font = FontRef::try_from_slice(assets::FONT)?;
    let mut canvas = Canvas { picture, font };
    for face in faces.iter().rev() {
        canvas.face(face);
    }
    Ok(())
}

/// A rectangle in whole pixels; may reach over the picture's edge.
#[derive(Clone, Copy)]
struct Area {
    x: i32,
    y: i32,
    width: i32,
    height: i32,
}

struct Canvas<'a> {
    picture: &'a mut RgbImage,
    font: FontRef<'static>,
}

impl Canvas<'_> {
    fn face(&mut self, face: &Face) {
        let FaceBox {
            x,
            y,
            width,
            height,
        } = face.face_box;
        let frame = Area {
            x: x.round() as i32,
            y: y.round() as i32,
            width: width.round() as i32,
            height: height.round() as i32,
        };
        let short_side = self.picture.width().min(self.picture.height()) as f32;
        // Text in proportion to the face, but readable and never larger than the picture allows.
        let size = (width * 0.105)
            .clamp(11.0, 64.0)
            .min((short_side * 0.06).max(11.0));
        let Some(judgement) = &face.judgement else {
            return self.outline(frame, stroke(size), rgb("neutral"));
        };
        let color = rgb(&judgement.expression);
        self.outline(frame, stroke(size), color);
        self.title(
            frame,
            &judgement.expression,
            judgement_percent(face),
            size,
            color,
        );
        self.bars(frame, face, size);
    }

    /// `happy 93 %` on the label's colour, above the box or, without room there, inside it.
    fn title(&mut self, frame: Area, label: &str, percent: String, size: f32, color: Rgb<u8>) {
        let text = format!("{label} {percent}");
        let pad = (size * 0.35) as i32;
        let height = (size * 1.25) as i32 + pad / 2;
        let width = self.text_width(&text, size) as i32 + 2 * pad;
        let left = (frame.x - stroke(size) / 2).clamp(0, (self.width() - width).max(0));
        let top = if frame.y >= height {
            frame.y - height
        } else {
            frame.y.max(0)
        };
        self.fill(
            Area {
                x: left,
                y: top,
                width,
                height,
            },
            color,
            1.0,
        );
        self.text(&text, left + pad, top + pad / 4, size, readable_on(color));
    }

    /// One bar a label beside the box: right of it, else left, else over its lower part.
    fn bars(&mut self, frame: Area, face: &Face, size: f32) {
        let Some(judgement) = &face.judgement else {
            return;
        };
        let size = (size * 0.8).max(10.0);
        let pad = (size * 0.45) as i32;
        let line = (size * 1.3) as i32;
        let names = judgement.probabilities.iter().map(|(name, _)| name);
        let name_width = names
            .map(|name| self.text_width(name, size))
            .fold(0.0, f32::max) as i32;
        let bar_width = (size * 5.5) as i32;
        let width = name_width + bar_width + 3 * pad;
        let height = line * judgement.probabilities.iter().len() as i32 + 2 * pad;

        let gap = stroke(size) + pad / 2;
        let right = frame.x + frame.width + gap;
        let left = frame.x - gap - width;
        let (panel_x, wanted_y) = if right + width <= self.width() {
            (right, frame.y)
        } else if left >= 0 {
            (left, frame.y)
        } else {
            (frame.x, frame.y + frame.height - height)
        };
        let panel = Area {
            x: panel_x.clamp(0, (self.width() - width).max(0)),
            y: wanted_y.clamp(0, (self.height() - height).max(0)),
            width,
            height,
        };
        self.fill(panel, PANEL, PANEL_COVERAGE);
        for (index, (name, &probability)) in judgement.probabilities.iter().enumerate() {
            let y = panel.y + pad + line * index as i32;
            self.text(name, panel.x + pad, y, size, TEXT);
            let track = Area {
                x: panel.x + 2 * pad + name_width,
                y: y + line / 4,
                width: bar_width,
                height: (line / 2).max(2),
            };
            self.fill(track, FAINT, 0.6);
            let filled = (bar_width as f32 * probability.clamp(0.0, 1.0)).round() as i32;
            self.fill(
                Area {
                    width: filled,
                    ..track
                },
                rgb(name),
                1.0,
            );
        }
    }

    fn outline(&mut self, frame: Area, stroke: i32, color: Rgb<u8>) {
        let Area {
            x,
            y,
            width,
            height,
        } = frame;
        let half = stroke / 2;
        let across = width + 2 * half;
        for edge in [
            Area {
                x: x - half,
                y: y - half,
                width: across,
                height: stroke,
            },
            Area {
                x: x - half,
                y: y + height - stroke + half,
                width: across,
                height: stroke,
            },
            Area {
                x: x - half,
                y,
                width: stroke,
                height,
            },
            Area {
                x: x + width - stroke + half,
                y,
                width: stroke,
                height,
            },
        ] {
            self.fill(edge, color, 1.0);
        }
    }

    fn fill(&mut self, area: Area, color: Rgb<u8>, coverage: f32) {
        for y in area.y.max(0)..(area.y + area.height).min(self.height()) {
            for x in area.x.max(0)..(area.x + area.width).min(self.width()) {
                self.blend(x, y, color, coverage);
            }
        }
    }

    fn text(&mut self, text: &str, x: i32, y: i32, size: f32, color: Rgb<u8>) {
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

    fn text_width(&self, text: &str, size: f32) -> f32 {
        let scaled = self.font.as_scaled(PxScale::from(size * PX_PER_SIZE));
        let glyphs: Vec<_> = text
            .chars()
            .map(|character| scaled.glyph_id(character))
            .collect();
        let advances: f32 = glyphs.iter().map(|&glyph| scaled.h_advance(glyph)).sum();
        let kerning: f32 = glyphs
            .windows(2)
            .map(|pair| scaled.kern(pair[0], pair[1]))
            .sum();
        advances + kerning
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

    fn width(&self) -> i32 {
        self.picture.width() as i32
    }

    fn height(&self) -> i32 {
        self.picture.height() as i32
    }
}

/// Font height that makes text fill a line of the wanted size.
const PX_PER_SIZE: f32 = 1.2;

/// Line width of a box whose text has `size`.
fn stroke(size: f32) -> i32 {
    ((size * 0.16).round() as i32).max(2)
}

fn rgb(label: &str) -> Rgb<u8> {
    let color = appearance(label).color;
    Rgb([color.r, color.g, color.b])
}

/// Black or white, whichever stands out more (by BT.601 luma).
fn readable_on(Rgb([r, g, b]): Rgb<u8>) -> Rgb<u8> {
    if crate::capture::picture::luma(r, g, b) > 128 {
        Rgb([0; 3])
    } else {
        Rgb([255; 3])
    }
}

fn judgement_percent(face: &Face) -> String {
    let best = face.judgement.as_ref().and_then(|judgement| {
        let mut entries = judgement.probabilities.iter();
        entries
            .find(|(name, _)| *name == judgement.expression)
            .map(|(_, probability)| *probability)
    });
    format!("{:.0} %", 100.0 * best.unwrap_or(0.0))
}
