//! A colour that changes smoothly.

use mien_models::label::appearance;

use super::shown::Leading;

/// Eyes see twice the light as hardly brighter: sRGB's values are powers of what lights give.
const GAMMA: f32 = 2.2;

/// Moves towards colours over time. All colours are light, not sRGB: 0..=1 each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fade {
    time_constant_ms: f32,
    color: [f32; 3],
    last_ms: Option<u64>,
}

impl Fade {
    /// Dark; after `time_constant_ms` about two thirds of a change are done. 0 is at once.
    pub fn new(time_constant_ms: u32) -> Self {
        Self {
            time_constant_ms: time_constant_ms as f32,
            color: [0.0; 3],
            last_ms: None,
        }
    }

    /// The colour at `now_ms` (the source's time) on the way to `target`.
    pub fn step(&mut self, target: [f32; 3], now_ms: u64) -> [f32; 3] {
        let passed_ms = now_ms.saturating_sub(self.last_ms.unwrap_or(now_ms)) as f32;
        self.last_ms = Some(now_ms);
        let done = if self.time_constant_ms > 0.0 {
            1.0 - (-passed_ms / self.time_constant_ms).exp()
        } else {
            1.0
        };
        for (color, target) in self.color.iter_mut().zip(target) {
            *color += (target - *color) * done;
        }
        self.color
    }

    /// Dark at once.
    pub fn darken(&mut self) {
        self.color = [0.0; 3];
    }
}

/// The light of an expression: its label's colour, as strong as it is probable.
pub fn light_of(name: &str, leading: Leading, brightness: f32) -> [f32; 3] {
    let color = appearance(name).color;
    let strength = leading.probability.clamp(0.0, 1.0) * brightness;
    [color.r, color.g, color.b].map(|value| (f32::from(value) / 255.0).powf(GAMMA) * strength)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_approach_their_target() {
        let mut fade = Fade::new(200);
        assert_eq!(fade.step([1.0, 0.5, 0.0], 0), [0.0; 3]);
        let first = fade.step([1.0, 0.5, 0.0], 200);
        assert!((first[0] - 0.632).abs() < 0.001 && (first[1] - 0.316).abs() < 0.001);
        let later = fade.step([1.0, 0.5, 0.0], 5000);
        assert!(later[0] > 0.999 && later[2] == 0.0);
        fade.darken();
        assert_eq!(fade.step([0.0; 3], 5001), [0.0; 3]);
        assert_eq!(Fade::new(0).step([0.3, 0.2, 0.1], 7), [0.3, 0.2, 0.1]);
    }

    #[test]
    fn strength_is_probability() {
        let leading = |probability| Leading {
            label_index: 0,
            probability,
        };
        let full = light_of("happy", leading(1.0), 1.0);
        let half = light_of("happy", leading(0.5), 1.0);
        assert!(full[0] > full[2], "happy is yellow");
        assert!((half[0] * 2.0 - full[0]).abs() < 1e-6);
        assert_eq!(light_of("happy", leading(1.0), 0.0), [0.0; 3]);
    }
}
