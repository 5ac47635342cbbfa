//! A colour and an icon per label, looked up by name so that a retrained model may have other
//! classes.

use super::Expression;

/// An sRGB colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rgb {
    /// Red, 0..=255.
    pub r: u8,
    /// Green, 0..=255.
    pub g: u8,
    /// Blue, 0..=255.
    pub b: u8,
}

impl Rgb {
    /// A colour from its `0xRRGGBB` value; higher bits are ignored.
    pub const fn from_hex(rgb: u32) -> Self {
        let [_, r, g, b] = rgb.to_be_bytes();
        Self { r, g, b }
    }
}

/// A drawn face as numbers: every output draws the same face in its own resolution.
///
/// All values are percent of full travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Icon {
    /// Height of the brows over their rest position, -100..=100.
    pub brow_raise: i8,
    /// Slant of the brows, -100..=100: positive has the inner ends up (worried), negative
    /// the inner ends down (frowning).
    pub brow_slant: i8,
    /// Opening of the eyes, 0 (closed)..=100 (wide); 60 is at rest.
    pub eye_open: u8,
    /// Curve of the mouth, -100..=100: positive has the corners up.
    pub mouth_curve: i8,
    /// Opening of the mouth, 0..=100.
    pub mouth_open: u8,
    /// Raised upper lip on one side (a wrinkled nose), 0..=100.
    pub sneer: u8,
    glyph: &'static str,
}

impl Icon {
    /// The face in at most three ASCII characters, for terminals and character displays.
    pub const fn glyph(&self) -> &'static str {
        self.glyph
    }
}

/// How a label looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Appearance {
    /// Colour of bars, boxes and LEDs.
    pub color: Rgb,
    /// The face drawn beside it.
    pub icon: Icon,
}

/// The appearance of a label name, whatever its ASCII case; that of neutral when the name is
/// none of the seven.
pub fn appearance(name: &str) -> Appearance {
    Appearance::of(Expression::from_name(name).unwrap_or(Expression::Neutral))
}

impl Appearance {
    /// The appearance of one of the seven. The colours are those of Okabe and Ito ("Color
    /// Universal Design", 2008), which stay apart for colour-blind eyes, plus a gray.
    pub const fn of(expression: Expression) -> Self {
        let (rgb, icon) = match expression {
            Expression::Angry => (0xD55E00, icon(">:(", -60, -100, 50, -60, 0, 0)),
            Expression::Disgust => (0x009E73, icon(":-&", -40, -40, 35, -40, 10, 100)),
            Expression::Fear => (0xCC79A7, icon("D:", 80, 80, 100, -50, 50, 0)),
            Expression::Happy => (0xF0E442, icon(":D", 10, 0, 50, 100, 40, 0)),
            Expression::Sad => (0x0072B2, icon(":(", 0, 100, 40, -100, 0, 0)),
            Expression::Surprise => (0x56B4E9, icon(":O", 100, 0, 100, 0, 100, 0)),
            Expression::Neutral => (0x999999, icon(":|", 0, 0, 60, 0, 0, 0)),
        };
        Self {
            color: Rgb::from_hex(rgb),
            icon,
        }
    }
}

const fn icon(
    glyph: &'static str,
    brow_raise: i8,
    brow_slant: i8,
    eye_open: u8,
    mouth_curve: i8,
    mouth_open: u8,
    sneer: u8,
) -> Icon {
    Icon {
        brow_raise,
        brow_slant,
        eye_open,
        mouth_curve,
        mouth_open,
        sneer,
        glyph,
    }
}
