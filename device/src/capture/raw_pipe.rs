//! Uncompressed video without a header: planar YUV 4:2:0, as `rpicam-vid --codec yuv420` writes it.

use std::io::{ErrorKind, Read};
use std::time::Instant;

use super::{CaptureError, Frame, Source};

/// Reads frames until the pipe ends; the luma plane is the gray picture.
pub struct RawPipe<R> {
    reader: R,
    size: [u32; 2],
    started: Option<Instant>,
    sequence: u64,
    chroma: Vec<u8>,
}

impl<R: Read> RawPipe<R> {
    /// `size` is `[width, height]` in pixels.
    pub fn new(reader: R, size: [u32; 2]) -> Self {
        Self {
            reader,
            size,
            started: None,
            sequence: 0,
            chroma: Vec::new(),
        }
    }

    /// Fills `buffer`; `false` where the pipe ends before.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<bool, CaptureError> {
        match self.reader.read_exact(buffer) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(CaptureError::Video {
                why: error.to_string(),
            }),
        }
    }
}

impl<R: Read + Send> Source for RawPipe<R> {
    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        let [width, height] = self.size;
        let side = |length: u32| length.div_ceil(2) as usize;
        let mut pixels = vec![0; width as usize * height as usize];
        let mut chroma = std::mem::take(&mut self.chroma);
        chroma.resize(2 * side(width) * side(height), 0);
        // A frame that is cut off is none.
        let is_whole = self.fill(&mut pixels)? && self.fill(&mut chroma)?;
        self.chroma = chroma;
        if !is_whole {
            return Ok(None);
        }
        let started = *self.started.get_or_insert_with(Instant::now);
        let sequence = self.sequence;
        self.sequence += 1;
        Ok(Some(Frame {
            pixels,
            width,
            height,
            sequence,
            timestamp_ms: started.elapsed().as_millis() as u64,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luma_is_the_picture_and_a_cut_frame_is_none() {
        // 3 x 3: 9 bytes of luma, 2 planes of 2 x 2.
        let mut video: Vec<u8> = (0..17).collect();
        video.extend([50; 17]);
        video.extend([1; 16]);
        let mut pipe = RawPipe::new(video.as_slice(), [3, 3]);
        let first = pipe.next_frame().unwrap().unwrap();
        assert_eq!(first.pixels, (0..9).collect::<Vec<u8>>());
        let second = pipe.next_frame().unwrap().unwrap();
        assert_eq!((second.sequence, second.pixels[8]), (1, 50));
        assert!(pipe.next_frame().unwrap().is_none());
    }
}
