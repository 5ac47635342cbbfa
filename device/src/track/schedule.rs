//! When the detector looks.

use super::TrackingOptions;

/// Counts frames and time since the detector looked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Schedule {
    /// Frames begun since; `None` before the first look.
    frames: Option<u32>,
    looked_ms: u64,
    /// An early look was taken since the last regular one.
    is_spent: bool,
    /// Something happened that the detector should see.
    is_urgent: bool,
}

impl Schedule {
    /// A new frame has come.
    pub fn next_frame(&mut self) {
        self.frames = self.frames.map(|frames| frames.saturating_add(1));
    }

    /// Asks for an early look. Only one is granted between two regular ones, so that whatever is
    /// in the picture the detector looks at most at two of `detect_every_frames` frames.
    pub fn hurry(&mut self) {
        self.is_urgent = true;
    }

    /// Whether the detector should look at this frame.
    pub fn is_due(&self, now_ms: u64, options: &TrackingOptions) -> bool {
        self.is_regular(now_ms, options) || (self.is_urgent && !self.is_spent)
    }

    /// The detector has looked.
    pub fn looked(&mut self, now_ms: u64, options: &TrackingOptions) {
        self.is_spent = !self.is_regular(now_ms, options);
        self.is_urgent = false;
        self.frames = Some(0);
        self.looked_ms = now_ms;
    }

    fn is_regular(&self, now_ms: u64, options: &TrackingOptions) -> bool {
        self.frames.is_none_or(|frames| {
            frames >= options.detect_every_frames
                || now_ms.saturating_sub(self.looked_ms) >= u64::from(options.detect_every_ms)
        })
    }
}
