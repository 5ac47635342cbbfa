//! The expression's face in a few strokes, from the numbers that every output draws.

use embedded_graphics::Drawable as _;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{Point, Size};
use embedded_graphics::pixelcolor::PixelColor;
use embedded_graphics::prelude::Primitive as _;
use embedded_graphics::primitives::{Circle, Ellipse, Polyline, PrimitiveStyle};
use mien_models::label::Icon;

/// Draws `icon` into the square at `corner` with `side` pixels, at least 12.
pub fn draw<D: DrawTarget>(
    target: &mut D,
    icon: &Icon,
    corner: Point,
    side: u32,
    color: D::Color,
) -> Result<(), D::Error>
where
    D::Color: PixelColor,
{
    let stroke = (side / 24).max(1);
    let line = PrimitiveStyle::with_stroke(color, stroke);
    let full = PrimitiveStyle::with_fill(color);
    let size = side as i32;
    // A place in the face, in percent of its side.
    let at = |x: i32, y: i32| {
        let scaled = |percent: i32| (percent * (size - 1) + 50).div_euclid(100);
        corner + Point::new(scaled(x), scaled(y))
    };
    let length = |percent: i32| (percent * size + 50) / 100;
    if side >= 16 {
        Circle::new(corner, side).into_styled(line).draw(target)?;
    }

    for direction in [-1, 1] {
        let eye_x = 50 + 17 * direction;
        let open = length(6 + 12 * i32::from(icon.eye_open) / 100).max(1) as u32;
        let wide = (length(9).max(1) as u32).min(open.max(2));
        let eye = Ellipse::with_center(at(eye_x, 40), Size::new(wide, open));
        eye.into_styled(full).draw(target)?;

        let raise = i32::from(icon.brow_raise) * 6 / 100;
        let slant = i32::from(icon.brow_slant) * 7 / 100;
        let (outer, inner) = (50 + 28 * direction, 50 + 9 * direction);
        let brow = [at(outer, 24 - raise + slant), at(inner, 24 - raise - slant)];
        Polyline::new(&brow).into_styled(line).draw(target)?;
    }

    let curve = i32::from(icon.mouth_curve) * 12 / 100;
    let open = i32::from(icon.mouth_open) * 20 / 100;
    let sneer = i32::from(icon.sneer) * 7 / 100;
    let half_width = 24 - i32::from(icon.mouth_open) * i32::from(icon.mouth_curve < 30) * 13 / 100;
    // A parabola through the corners; `lower` is added in the middle.
    let lip = |lower: i32| -> [Point; 9] {
        std::array::from_fn(|step| {
            let t = step as i32 - 4;
            let from_middle = t * t;
            let x = 50 + half_width * t / 4;
            let lift = sneer * (t + 4) / 8;
            at(
                x,
                73 - curve * from_middle / 16 + curve / 2 + lower * (16 - from_middle) / 16 - lift,
            )
        })
    };
    Polyline::new(&lip(-open / 3))
        .into_styled(line)
        .draw(target)?;
    if open > 0 {
        Polyline::new(&lip(open)).into_styled(line).draw(target)?;
    }
    Ok(())
}
