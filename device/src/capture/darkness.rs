//! A camera that gives frames and shows nothing.

use std::time::{Duration, Instant};

use super::{BLACK, Frame};

/// How long all frames must be black; who walks by closely covers a camera for less.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is to be said about the frames' brightness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// They have been black for a while.
    Black,
    /// They were and are no more.
    Bright,
}

/// Watches for black frames.
#[derive(Clone, Copy, Debug, Default)]
pub struct Darkness {
    since: Option<Instant>,
    is_said: bool,
}

impl Darkness {
    /// Takes in a frame that came at `now`; each finding comes once.
    pub fn look(&mut self, frame: &Frame, now: Instant) -> Option<Finding> {
        if frame.brightness() >= BLACK {
            self.since = None;
            return std::mem::take(&mut self.is_said).then_some(Finding::Bright);
        }
        let since = *self.since.get_or_insert(now);
        let is_due = !self.is_said && now.saturating_duration_since(since) >= PATIENCE;
        self.is_said |= is_due;
        is_due.then_some(Finding::Black)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(gray: u8) -> Frame {
        Frame {
            pixels: vec![gray; 640 * 480],
            width: 640,
            height: 480,
            sequence: 0,
            timestamp_ms: 0,
        }
    }

    #[test]
    fn black_is_said_once_and_so_is_its_end() {
        let start = Instant::now();
        let at = |tenths: u32| start + PATIENCE * tenths / 10;
        let mut darkness = Darkness::default();
        let findings: Vec<_> = [
            (0, 3),
            (9, 3),
            (10, 3),
            (30, 3),
            (31, 90),
            (32, 90),
            (33, 0),
            (42, 0),
            (43, 200),
        ]
        .iter()
        .filter_map(|&(tenths, gray)| darkness.look(&frame(gray), at(tenths)))
        .collect();
        assert_eq!(findings, [Finding::Black, Finding::Bright]);
    }

    #[test]
    fn brightness_is_that_of_the_whole_frame() {
        let mut frame = frame(0);
        assert_eq!(frame.brightness(), 0);
        frame.pixels[..640 * 240].fill(200);
        assert!((95..=105).contains(&frame.brightness()));
        let columns = |x: usize| if x % 640 < 320 { 200 } else { 0 };
        frame.pixels = (0..640 * 480).map(columns).collect();
        assert!((95..=105).contains(&frame.brightness()));
        frame.pixels.clear();
        assert_eq!(frame.brightness(), 0);
    }
}
