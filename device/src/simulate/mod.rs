//! Lights and display as a picture, drawn by the code that draws the real ones.

use image::{Rgb, RgbImage};
use mien_models::label::{Labels, appearance};

use crate::output::display::DisplayOptions;
use crate::output::display::draw::{Mood, Scene, draw};
use crate::output::display::oled::Picture;

/// Picture pixels per display pixel.
const SCALE: u32 = 4;
/// Around everything.
const MARGIN: u32 = 12;
/// Width and height of a light's place.
const LIGHT: u32 = 28;

/// Around displays and lights.
pub const BACKGROUND: Rgb<u8> = Rgb([24, 26, 30]);
const GLASS: Rgb<u8> = Rgb([4, 6, 10]);
const LIT: Rgb<u8> = Rgb([190, 230, 255]);
const DARK_LIGHT: Rgb<u8> = Rgb([46, 48, 52]);

/// The display's picture of `scene`.
pub fn display(options: &DisplayOptions, scene: &Scene<'_>) -> Picture {
    let mut picture = Picture::new(options.width_px, options.height_px);
    draw(&mut picture, scene);
    picture
}

/// The picture as text, two rows a line.
pub fn as_text(picture: &Picture, width: usize, height: usize) -> String {
    let mut text = String::new();
    for y in (0..height).step_by(2) {
        let row: String = (0..width)
            .map(|x| match (picture.is_lit(x, y), picture.is_lit(x, y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            })
            .collect();
        text += row.trim_end();
        text.push('\n');
    }
    text
}

/// Size in pixels of [`panel`].
pub fn panel_size(options: &DisplayOptions, labels: &Labels) -> [u32; 2] {
    let display = u32::from(options.width_px) * SCALE;
    let lights = labels.len() as u32 * LIGHT;
    [
        display.max(lights) + 2 * MARGIN,
        u32::from(options.height_px) * SCALE + LIGHT + 3 * MARGIN,
    ]
}

/// Draws the display and below it a light per label, of which that of `scene` is on, at `corner`
/// of `target`.
pub fn panel(
    target: &mut RgbImage,
    corner: [u32; 2],
    options: &DisplayOptions,
    labels: &Labels,
    scene: &Scene<'_>,
) {
    let [width, height] = panel_size(options, labels);
    let mut fill = |x: u32, y: u32, width: u32, height: u32, color: Rgb<u8>| {
        for y in y..y + height {
            for x in x..x + width {
                if let Some(pixel) = target.get_pixel_mut_checked(corner[0] + x, corner[1] + y) {
                    *pixel = color;
                }
            }
        }
    };
    fill(0, 0, width, height, BACKGROUND);
    let (columns, rows) = (u32::from(options.width_px), u32::from(options.height_px));
    fill(MARGIN, MARGIN, columns * SCALE, rows * SCALE, GLASS);
    let picture = display(options, scene);
    for y in 0..rows {
        for x in 0..columns {
            if picture.is_lit(x as usize, y as usize) {
                let (left, top) = (MARGIN + x * SCALE, MARGIN + y * SCALE);
                fill(left, top, SCALE - 1, SCALE - 1, LIT);
            }
        }
    }
    let top = 2 * MARGIN + rows * SCALE;
    for (index, name) in labels.iter().enumerate() {
        let color = if scene.mood == Mood::Certain(name) {
            let color = appearance(name).color;
            Rgb([color.r, color.g, color.b])
        } else {
            DARK_LIGHT
        };
        let left = MARGIN + index as u32 * LIGHT;
        // A disc.
        let radius = i64::from(LIGHT / 2 - 3);
        let center = i64::from(LIGHT / 2);
        for y in 0..LIGHT {
            for x in 0..LIGHT {
                let (dx, dy) = (i64::from(x) - center, i64::from(y) - center);
                if dx * dx + dy * dy <= radius * radius {
                    fill(left + x, top + y, 1, 1, color);
                }
            }
        }
    }
}
