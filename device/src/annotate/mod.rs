//! Draws boxes, labels and probability bars into a picture.

pub mod canvas;

use ab_glyph::InvalidFont;
use image::{Rgb, RgbImage};
use mien_models::label::appearance;

use crate::capture::picture::luma;
use crate::report::{Face, Judgement};
use canvas::{Area, Canvas};

/// Panel behind the bars, and how much of it covers the picture.
const PANEL: Rgb<u8> = Rgb([20, 22, 26]);
const PANEL_COVERAGE: f32 = 0.78;
const TEXT: Rgb<u8> = Rgb([240, 240, 240]);
const TRACK: Rgb<u8> = Rgb([90, 94, 100]);
const TRACK_COVERAGE: f32 = 0.6;
/// Smallest text that can still be read, in pixels.
const MIN_TEXT_SIZE: f32 = 10.0;

/// Draws every face into `picture`, the last one first, so that the largest lies on top.
pub fn annotate(picture: &mut RgbImage, faces: &[Face]) -> Result<(), InvalidFont> {
    let mut canvas = Canvas::new(picture)?;
    for face in faces.iter().rev() {
        draw_face(&mut canvas, face);
    }
    Ok(())
}

fn draw_face(canvas: &mut Canvas<'_>, face: &Face) {
    let place = &face.face_box;
    let frame = Area::new(
        place.x.round() as i32,
        place.y.round() as i32,
        place.width.round() as i32,
        place.height.round() as i32,
    );
    // Text in proportion to the face, but readable and never larger than the picture allows.
    let short_side = canvas.width().min(canvas.height()) as f32;
    let largest = (short_side * 0.06).clamp(11.0, 64.0);
    let size = (place.width * 0.105).clamp(11.0, largest);
    match &face.judgement {
        None => canvas.outline(frame, stroke(size), rgb("")),
        Some(judgement) => {
            canvas.outline(frame, stroke(size), rgb(judgement.name()));
            draw_title(canvas, frame, judgement, size);
            draw_bars(canvas, frame, judgement, size);
        }
    }
}

/// `happy 93 %` on the label's colour, above the box or, without room there, inside it.
fn draw_title(canvas: &mut Canvas<'_>, frame: Area, judgement: &Judgement, size: f32) {
    let label = judgement.name();
    let text = format!("{label} {:.0} %", 100.0 * judgement.probability());
    let pad = (size * 0.35) as i32;
    let height = (size * 1.25) as i32 + pad / 2;
    let width = canvas.text_width(&text, size) + 2 * pad;
    let left = (frame.x - stroke(size) / 2).clamp(0, (canvas.width() - width).max(0));
    let above = frame.y - height;
    let top = if above >= 0 { above } else { frame.y.max(0) };
    let color = rgb(label);
    canvas.fill(Area::new(left, top, width, height), color, 1.0);
    canvas.text(&text, left + pad, top + pad / 4, size, readable_on(color));
}

/// One bar a label beside the box.
fn draw_bars(canvas: &mut Canvas<'_>, frame: Area, judgement: &Judgement, size: f32) {
    let entries = judgement.probabilities.iter();
    let labels: Vec<&str> = entries.map(|(label, _)| label).collect();
    let (panel, size) = place_panel(canvas, frame, &labels, size * 0.8, stroke(size) + 4);
    let sizes = PanelSizes::new(canvas, &labels, size);
    canvas.fill(panel, PANEL, PANEL_COVERAGE);
    for (index, (label, &probability)) in judgement.probabilities.iter().enumerate() {
        let (x, y) = (
            panel.x + sizes.pad,
            panel.y + sizes.pad + sizes.line * index as i32,
        );
        canvas.text(label, x, y, size, TEXT);
        let x = x + sizes.name_width + sizes.pad;
        let (y, height) = (y + sizes.line / 4, (sizes.line / 2).max(2));
        canvas.fill(
            Area::new(x, y, sizes.bar_width, height),
            TRACK,
            TRACK_COVERAGE,
        );
        let filled = (sizes.bar_width as f32 * probability.clamp(0.0, 1.0)).round() as i32;
        canvas.fill(Area::new(x, y, filled, height), rgb(label), 1.0);
    }
}

/// Lengths of the panel of bars, in pixels.
struct PanelSizes {
    pad: i32,
    line: i32,
    name_width: i32,
    bar_width: i32,
    width: i32,
    height: i32,
}

impl PanelSizes {
    fn new(canvas: &Canvas<'_>, labels: &[&str], size: f32) -> Self {
        let pad = (size * 0.45) as i32;
        let line = (size * 1.3) as i32;
        let widths = labels.iter().map(|label| canvas.text_width(label, size));
        let name_width = widths.max().unwrap_or(0);
        let bar_width = (size * 5.5) as i32;
        Self {
            pad,
            line,
            name_width,
            bar_width,
            width: name_width + bar_width + 3 * pad,
            height: line * labels.len() as i32 + 2 * pad,
        }
    }
}

/// Where the bars go, and their text size: right of the box or left of it, in smaller text if
/// need be; else below it, above it or, in a picture full of face, over its lower part.
fn place_panel(
    canvas: &Canvas<'_>,
    frame: Area,
    labels: &[&str],
    size: f32,
    gap: i32,
) -> (Area, f32) {
    let right = frame.x + frame.width + gap;
    let (room_right, room_left) = (canvas.width() - right, frame.x - gap);
    for share in [1.0, 0.85, 0.7, 0.55, 0.45] {
        let size = (size * share).max(MIN_TEXT_SIZE);
        let PanelSizes { width, height, .. } = PanelSizes::new(canvas, labels, size);
        let y = frame.y.clamp(0, (canvas.height() - height).max(0));
        if room_right >= width {
            return (Area::new(right, y, width, height), size);
        }
        if room_left >= width {
            return (Area::new(room_left - width, y, width, height), size);
        }
    }
    let size = size.max(MIN_TEXT_SIZE);
    let PanelSizes { width, height, .. } = PanelSizes::new(canvas, labels, size);
    let lowest = (canvas.height() - height).max(0);
    let below = frame.y + frame.height + gap;
    let above = frame.y - 2 * gap - (size * 2.0) as i32 - height;
    let y = if below <= lowest {
        below
    } else if above >= 0 {
        above
    } else {
        (frame.y + frame.height - height).clamp(0, lowest)
    };
    let x = frame.x.clamp(0, (canvas.width() - width).max(0));
    (Area::new(x, y, width, height), size)
}

/// Line width of a box whose text has `size`.
fn stroke(size: f32) -> i32 {
    ((size * 0.16).round() as i32).max(2)
}

fn rgb(label: &str) -> Rgb<u8> {
    let color = appearance(label).color;
    Rgb([color.r, color.g, color.b])
}

/// Black or white, whichever stands out more.
fn readable_on(Rgb([r, g, b]): Rgb<u8>) -> Rgb<u8> {
    Rgb(if luma(r, g, b) > 128 {
        [0; 3]
    } else {
        [255; 3]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::FaceBox;

    fn face(x: f32, y: f32, side: f32) -> Face {
        let labels = ["angry", "happy", "something long enough"];
        let shares = [0.1, 0.75, 0.15];
        let probabilities = labels.map(str::to_owned).into_iter().zip(shares).collect();
        Face {
            face_box: FaceBox {
                x,
                y,
                width: side,
                height: side,
            },
            score: 9.0,
            detector: "haar".into(),
            track: None,
            judgement: Some(Judgement {
                expression: Some("happy".into()),
                uncertain: None,
                probabilities,
            }),
        }
    }

    fn count(picture: &RgbImage, color: Rgb<u8>) -> usize {
        picture.pixels().filter(|pixel| **pixel == color).count()
    }

    #[test]
    fn box_and_bars_have_the_label_s_colour() {
        let mut picture = RgbImage::new(400, 300);
        annotate(&mut picture, &[face(60.0, 60.0, 120.0)]).unwrap();
        let happy = rgb("happy");
        assert_eq!(*picture.get_pixel(60, 120), happy, "left edge");
        assert_eq!(*picture.get_pixel(180, 120), happy, "right edge");
        assert_eq!(
            *picture.get_pixel(120, 120),
            Rgb([0; 3]),
            "the face stays in sight"
        );
        let (angry, other) = (
            count(&picture, rgb("angry")),
            count(&picture, rgb("neutral")),
        );
        assert!(
            angry > 0 && other > angry,
            "bars in proportion: {angry} {other}"
        );
    }

    #[test]
    fn any_box_in_any_picture_is_drawn_without_a_fault() {
        for (width, height) in [(1, 1), (3, 200), (200, 3), (90, 90), (700, 500)] {
            for (x, y, side) in [
                (0.0, 0.0, 1.0),
                (-50.0, -50.0, 100.0),
                (80.0, 80.0, 900.0),
                (5000.0, 0.0, 10.0),
                (0.0, 400.0, 99.0),
            ] {
                let mut picture = RgbImage::new(width, height);
                annotate(&mut picture, &[face(x, y, side), face(y, x, side)]).unwrap();
            }
        }
    }

    #[test]
    fn the_panel_stays_off_the_face_where_there_is_room() {
        for (x, y, side) in [
            (10, 10, 200),
            (290, 100, 200),
            (100, 20, 300),
            (100, 178, 300),
        ] {
            let mut picture = RgbImage::new(500, 480);
            annotate(&mut picture, &[face(x as f32, y as f32, side as f32)]).unwrap();
            let inner =
                (x + 8..x + side - 8).flat_map(|u| (y + 48..y + side - 8).map(move |v| (u, v)));
            let clean = inner
                .filter(|&(u, v)| *picture.get_pixel(u, v) == Rgb([0; 3]))
                .count();
            assert_eq!(clean as u32, (side - 16) * (side - 56), "box at {x},{y}");
        }
    }
}
