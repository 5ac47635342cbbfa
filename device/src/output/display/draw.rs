//! What the display shows: the expression's face, a bar per label, the visitors counted. The
//! simulator draws with the same code.

use std::fmt::Write as _;

use embedded_graphics::Drawable as _;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{Point, Size};
use embedded_graphics::mono_font::ascii::{FONT_5X8, FONT_6X10, FONT_10X20};
use embedded_graphics::mono_font::{MonoFont, MonoTextStyle};
use embedded_graphics::pixelcolor::BinaryColor;
use embedded_graphics::prelude::Primitive as _;
use embedded_graphics::primitives::{Line, PrimitiveStyle, Rectangle};
use embedded_graphics::text::{Alignment, Baseline, Text, TextStyle, TextStyleBuilder};
use mien_models::label::appearance;

use super::icon;

/// What is to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood<'a> {
    /// No face.
    Nobody,
    /// A face whose expression is uncertain.
    Uncertain,
    /// A face with the expression of this name.
    Certain(&'a str),
    /// The camera is gone.
    NoCamera,
}

/// Everything on the display.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scene<'a> {
    /// The large part.
    pub mood: Mood<'a>,
    /// Label names and their probabilities, 0..=1; may be empty.
    pub bars: &'a [(&'a str, f32)],
    /// Visitors counted.
    pub visitors: u64,
}

const ON: BinaryColor = BinaryColor::On;
/// Below this height there is one row of everything.
const TALL_PX: u32 = 32;

/// Draws `scene`; what does not fit is cut off.
pub fn draw<D>(target: &mut D, scene: &Scene<'_>)
where
    D: DrawTarget<Color = BinaryColor, Error = std::convert::Infallible>,
{
    let size = target.bounding_box().size;
    let Ok(()) = if size.height >= TALL_PX {
        draw_tall(target, scene, size)
    } else {
        draw_flat(target, scene, size)
    };
}

/// Face and name on the left, bars with initials on the right, the count in the corner.
fn draw_tall<D>(target: &mut D, scene: &Scene<'_>, size: Size) -> Result<(), D::Error>
where
    D: DrawTarget<Color = BinaryColor>,
{
    let (width, height) = (size.width as i32, size.height as i32);
    let text_height = 10;
    let side = (height - text_height - 2).min(width / 2 - 4).max(16);
    draw_mood(target, scene.mood, Point::new(4, 0), side as u32)?;
    let below = Point::new(4 + side / 2, height - text_height);
    text(
        target,
        caption(scene.mood),
        below,
        &FONT_6X10,
        Alignment::Center,
    )?;

    let left = side + 12;
    let bars = Rectangle::new(
        Point::new(left, 0),
        Size::new((width - left) as u32, (height - 2 * text_height - 1) as u32),
    );
    draw_bars(target, scene.bars, bars, true)?;
    let corner = Point::new(width - 1, height - text_height);
    text(
        target,
        &count(scene.visitors),
        corner,
        &FONT_6X10,
        Alignment::Right,
    )
}

/// Face, bars, count beside each other.
fn draw_flat<D>(target: &mut D, scene: &Scene<'_>, size: Size) -> Result<(), D::Error>
where
    D: DrawTarget<Color = BinaryColor>,
{
    let (width, height) = (size.width as i32, size.height as i32);
    draw_mood(target, scene.mood, Point::zero(), size.height)?;
    let number = count(scene.visitors);
    let number_width = 5 * number.len() as i32 + 2;
    let left = height + 3;
    let bars = Rectangle::new(
        Point::new(left, 0),
        Size::new((width - left - number_width).max(0) as u32, size.height),
    );
    draw_bars(target, scene.bars, bars, false)?;
    let corner = Point::new(width - 1, (height - 8) / 2);
    text(target, &number, corner, &FONT_5X8, Alignment::Right)
}

/// The face, or what stands for none.
fn draw_mood<D>(target: &mut D, mood: Mood<'_>, corner: Point, side: u32) -> Result<(), D::Error>
where
    D: DrawTarget<Color = BinaryColor>,
{
    let center = corner + Point::new(side as i32 / 2, side as i32 / 2);
    let sign = match mood {
        Mood::Certain(name) => {
            return icon::draw(target, &appearance(name).icon, corner, side, ON);
        }
        Mood::Uncertain => "?",
        Mood::Nobody => "...",
        Mood::NoCamera => "x",
    };
    let line = PrimitiveStyle::with_stroke(ON, 1);
    let frame = Rectangle::new(corner, Size::new(side, side));
    if mood == Mood::NoCamera {
        let end = corner + Point::new(side as i32 - 1, side as i32 - 1);
        frame.into_styled(line).draw(target)?;
        return Line::new(corner, end).into_styled(line).draw(target);
    }
    let middle = TextStyleBuilder::new()
        .alignment(Alignment::Center)
        .baseline(Baseline::Middle)
        .build();
    let font = if side < TALL_PX {
        &FONT_6X10
    } else {
        &FONT_10X20
    };
    styled(target, sign, center, font, middle)
}

/// A bar per label in `area`, with the label's initial below if `with_initials` (then the area is
/// that of the bars alone).
fn draw_bars<D>(
    target: &mut D,
    bars: &[(&str, f32)],
    area: Rectangle,
    with_initials: bool,
) -> Result<(), D::Error>
where
    D: DrawTarget<Color = BinaryColor>,
{
    let count = bars.len().max(1) as u32;
    let step = area.size.width / count;
    if step < 2 || area.size.height == 0 {
        return Ok(());
    }
    let bottom = area.top_left.y + area.size.height as i32 - 1;
    for (index, (name, probability)) in bars.iter().enumerate() {
        let x = area.top_left.x + (index as u32 * step) as i32;
        let share = probability.clamp(0.0, 1.0) * area.size.height as f32;
        // The foot shows that there is a bar.
        let height = (share.round() as u32).max(1);
        let corner = Point::new(x, bottom + 1 - height as i32);
        let bar = Rectangle::new(corner, Size::new((step - 1).min(8), height));
        bar.into_styled(PrimitiveStyle::with_fill(ON))
            .draw(target)?;
        if with_initials {
            let end = name.chars().next().map_or(0, char::len_utf8);
            let initial = &name[..end];
            let below = Point::new(x, bottom + 2);
            text(target, initial, below, &FONT_5X8, Alignment::Left)?;
        }
    }
    Ok(())
}

fn caption(mood: Mood<'_>) -> &str {
    match mood {
        Mood::Nobody => "nobody",
        Mood::Uncertain => "unsure",
        Mood::Certain(name) => name,
        Mood::NoCamera => "no camera",
    }
}

/// A number that stays short.
fn count(visitors: u64) -> heapless::String<16> {
    let mut text = heapless::String::new();
    // 2^64 millionths have 14 digits.
    let _ = match visitors {
        0..10_000 => write!(text, "{visitors}"),
        10_000..1_000_000 => write!(text, "{}k", visitors / 1000),
        _ => write!(text, "{}M", visitors / 1_000_000),
    };
    text
}

/// Text whose top is at `at`.
fn text<D>(
    target: &mut D,
    what: &str,
    at: Point,
    font: &MonoFont<'_>,
    alignment: Alignment,
) -> Result<(), D::Error>
where
    D: DrawTarget<Color = BinaryColor>,
{
    let style = TextStyleBuilder::new()
        .alignment(alignment)
        .baseline(Baseline::Top)
        .build();
    styled(target, what, at, font, style)
}

fn styled<D>(
    target: &mut D,
    what: &str,
    at: Point,
    font: &MonoFont<'_>,
    style: TextStyle,
) -> Result<(), D::Error>
where
    D: DrawTarget<Color = BinaryColor>,
{
    let character = MonoTextStyle::new(font, ON);
    Text::with_text_style(what, at, character, style)
        .draw(target)
        .map(drop)
}
