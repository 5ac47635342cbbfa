//! Label colours for terminals.

use anstyle::{Ansi256Color, Color, RgbColor, Style};
use mien_models::label::{Rgb, appearance};

/// How many colours a terminal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// 24 bits.
    True,
    /// The xterm palette of 256.
    Xterm256,
}

impl Depth {
    /// By the `COLORTERM` convention.
    pub fn from_environment() -> Self {
        match std::env::var("COLORTERM").as_deref() {
            Ok("truecolor" | "24bit") => Self::True,
            _ => Self::Xterm256,
        }
    }
}

/// Foreground style of a label, found by its name.
pub fn label_style(label: &str, depth: Depth) -> Style {
    let Rgb { r, g, b } = appearance(label).color;
    let color = match depth {
        Depth::True => Color::Rgb(RgbColor(r, g, b)),
        Depth::Xterm256 => Color::Ansi256(Ansi256Color(nearest_in_cube([r, g, b]))),
    };
    Style::new().fg_color(Some(color))
}

/// Nearest colour of xterm's 6x6x6 cube, whose steps are 0, 95, 135, 175, 215, 255.
fn nearest_in_cube(rgb: [u8; 3]) -> u8 {
    let [r, g, b] = rgb.map(|value| match value {
        0..=47 => 0,
        48..=114 => 1,
        _ => (value - 35) / 40,
    });
    16 + 36 * r + 6 * g + b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cube_colours_are_the_nearest() {
        const STEPS: [i32; 6] = [0, 95, 135, 175, 215, 255];
        for value in 0..=255u8 {
            let step = usize::from(nearest_in_cube([0, 0, value]) - 16);
            let error = (STEPS[step] - i32::from(value)).abs();
            let least = STEPS
                .iter()
                .map(|s| (s - i32::from(value)).abs())
                .min()
                .unwrap();
            assert_eq!(error, least, "{value}");
        }
    }
}
