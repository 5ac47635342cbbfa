//! Which sizes a picture is searched at, by OpenCV's rules.

use super::CascadeOptions;

/// The picture reduced by one factor, and where windows are placed in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Level {
    /// Pixels of the picture per pixel of the level.
    pub scale: f32,
    /// Width of the level in pixels.
    pub width: usize,
    /// Height of the level in pixels.
    pub height: usize,
    /// Distance of windows in pixels of the level.
    pub step: usize,
    /// Windows begin left of this.
    pub end_x: usize,
    /// Windows begin above this.
    pub end_y: usize,
}

/// The levels for a picture and a window, each `(width, height)` in pixels; none when the picture
/// is smaller than the window.
pub(super) fn levels(
    picture: (u32, u32),
    window: (u8, u8),
    options: &CascadeOptions,
) -> Vec<Level> {
    let mut levels: Vec<Level> = scales(picture, window, options)
        .into_iter()
        .map(|scale| level(picture, window, scale))
        .collect();
    // OpenCV hands out rows of windows in stripes, as many as the first level is wide in units
    // of 32 windows, and rounds their height down: the last row can be left out.
    let Some(first) = levels.first() else {
        return levels;
    };
    let stripes = first.end_x.div_ceil(32);
    for level in &mut levels {
        let rows = level.end_y / level.step;
        let stripe = rows.div_ceil(stripes.max(1)).max(1) * level.step;
        level.end_y = level.end_y.min(stripes * stripe);
    }
    levels
}

fn level(picture: (u32, u32), window: (u8, u8), scale: f32) -> Level {
    let reduced = |side: u32| (side as f32 / scale).round_ties_even() as usize;
    let (width, height) = (reduced(picture.0), reduced(picture.1));
    Level {
        scale,
        width,
        height,
        step: if scale >= 2.0 { 1 } else { 2 },
        end_x: (width + 1).saturating_sub(usize::from(window.0)),
        end_y: (height + 1).saturating_sub(usize::from(window.1)),
    }
}

/// Scales at which the enlarged window lies between the least and the largest size, or the one
/// closest to the least size when there is none.
fn scales(picture: (u32, u32), window: (u8, u8), options: &CascadeOptions) -> Vec<f32> {
    let mut all = Vec::new();
    let mut factor = 1.0_f64;
    loop {
        let fits = |window: u8, side: u32| {
            (f64::from(window) * factor).round_ties_even() <= f64::from(side)
        };
        if !fits(window.0, picture.0) || !fits(window.1, picture.1) {
            break;
        }
        all.push(factor as f32);
        factor *= options.scale_factor;
    }

    let enlarged = |scale: f32| {
        let side = |window: u8| (f32::from(window) * scale).round_ties_even() as i64;
        (side(window.0), side(window.1))
    };
    let least = i64::from(options.min_size_px);
    let largest = match options.max_size_px {
        Some(side) => (i64::from(side), i64::from(side)),
        None => (i64::from(picture.0), i64::from(picture.1)),
    };
    let wanted: Vec<f32> = all
        .iter()
        .copied()
        .filter(|&scale| {
            let (width, height) = enlarged(scale);
            let small_enough = width <= largest.0 && height <= largest.1;
            small_enough && width >= least && height >= least
        })
        .collect();
    if !wanted.is_empty() {
        return wanted;
    }
    let distance = |scale: &f32| {
        let (width, height) = enlarged(*scale);
        (least - width).pow(2) + (least - height).pow(2)
    };
    all.into_iter().min_by_key(distance).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: (u8, u8) = (24, 24);

    fn options(min_size_px: u32, max_size_px: Option<u32>) -> CascadeOptions {
        CascadeOptions {
            min_size_px,
            max_size_px,
            ..CascadeOptions::default()
        }
    }

    #[test]
    fn levels_lie_between_the_sizes() {
        let levels = levels((640, 480), WINDOW, &options(60, Some(120)));
        let sides: Vec<f32> = levels.iter().map(|level| 24.0 * level.scale).collect();
        assert!(sides.iter().all(|side| (59.5..=120.5).contains(side)));
        // 24 * 1.1^k for k = 10 to 16.
        assert_eq!(levels.len(), 7);
        assert!(levels.iter().all(|level| level.step == 1));
    }

    #[test]
    fn small_scales_step_by_two() {
        let levels = levels((100, 100), WINDOW, &options(0, None));
        assert_eq!(levels[0].step, 2);
        assert_eq!((levels[0].end_x, levels[0].width), (77, 100));
        assert_eq!(levels.last().unwrap().step, 1);
    }

    #[test]
    fn the_closest_level_stands_in_for_none() {
        let levels = levels((50, 50), WINDOW, &options(60, None));
        assert_eq!(levels.len(), 1);
        assert!(24.0 * levels[0].scale <= 50.0);
        assert!(24.0 * levels[0].scale * 1.1 > 50.0);
    }

    #[test]
    fn a_picture_smaller_than_the_window_has_no_level() {
        assert!(levels((23, 100), WINDOW, &options(0, None)).is_empty());
        assert!(levels((1, 1), WINDOW, &options(0, None)).is_empty());
    }
}
