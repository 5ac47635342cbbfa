//! Uncompressed video on a pipe, in the YUV4MPEG2 format that `ffmpeg -f yuv4mpegpipe` writes.

use std::io::{BufReader, Read};
use std::time::Instant;

use y4m::{Decoder, Error, Limits, Ratio};

use super::{CaptureError, Frame, Source};

/// Largest frame in bytes, all planes: 64 million pixels of YUV 4:4:4.
const MAX_FRAME_BYTES: usize = 3 * 64_000_000;

/// Where timestamps come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The time a frame arrives: cameras.
    Arrival,
    /// The header's frame rate: files, however fast they are read.
    FrameRate,
}

/// Reads frames until the pipe ends; the luma plane is the gray picture.
pub struct VideoPipe<R: Read> {
    reader: Option<BufReader<R>>,
    decoder: Option<Decoder<BufReader<R>>>,
    clock: Clock,
    started: Option<Instant>,
    sequence: u64,
}

impl<R: Read> VideoPipe<R> {
    /// The header is read with the first frame, so that opening does not wait for a camera.
    pub fn new(reader: R, clock: Clock) -> Self {
        Self {
            reader: Some(BufReader::with_capacity(1 << 16, reader)),
            decoder: None,
            clock,
            started: None,
            sequence: 0,
        }
    }
}

fn refused(error: &Error) -> CaptureError {
    let why = match error {
        Error::EOF => "it ends before the first frame".to_owned(),
        Error::ParseError(_) => "it is not YUV4MPEG2".to_owned(),
        Error::OutOfMemory => format!("its frames are larger than {MAX_FRAME_BYTES} bytes"),
        error => error.to_string(),
    };
    CaptureError::Video { why }
}

/// Milliseconds from frame 0 to frame `sequence`; at 25 frames per second where the rate is none.
fn time_of(sequence: u64, rate: Ratio) -> u64 {
    let (frames, seconds) = match (rate.num as u128, rate.den as u128) {
        (0, _) | (_, 0) => (25, 1),
        known => known,
    };
    (u128::from(sequence) * 1000 * seconds / frames) as u64
}

impl<R: Read + Send> Source for VideoPipe<R> {
    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        if let Some(reader) = self.reader.take() {
            let limits = Limits {
                bytes: MAX_FRAME_BYTES,
            };
            let decoder =
                Decoder::new_with_limits(reader, limits).map_err(|error| refused(&error))?;
            if decoder.get_bytes_per_sample() != 1 {
                let why = format!("it has {} bits a sample, not 8", decoder.get_bit_depth());
                return Err(CaptureError::Video { why });
            }
            self.decoder = Some(decoder);
        }
        let Some(decoder) = &mut self.decoder else {
            return Ok(None); // It failed before.
        };
        let (width, height) = (decoder.get_width(), decoder.get_height());
        let rate = decoder.get_framerate();
        let frame = match decoder.read_frame() {
            Ok(frame) => frame,
            // A pipe that is cut off in a frame ends there.
            Err(Error::EOF) if self.sequence > 0 => return Ok(None),
            Err(error) => return Err(refused(&error)),
        };
        let pixels = frame.get_y_plane().to_vec();
        let (Ok(width), Ok(height), true) = (
            u32::try_from(width),
            u32::try_from(height),
            !pixels.is_empty() && pixels.len() == width * height,
        ) else {
            let why = format!("its frames are {width} x {height}");
            return Err(CaptureError::Video { why });
        };
        let started = *self.started.get_or_insert_with(Instant::now);
        let sequence = self.sequence;
        self.sequence += 1;
        let timestamp_ms = match self.clock {
            Clock::Arrival => started.elapsed().as_millis() as u64,
            Clock::FrameRate => time_of(sequence, rate),
        };
        Ok(Some(Frame {
            pixels,
            width,
            height,
            sequence,
            timestamp_ms,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(video: &[u8]) -> Result<Vec<Frame>, CaptureError> {
        let mut source = VideoPipe::new(video, Clock::FrameRate);
        let mut frames = vec![];
        while let Some(frame) = source.next_frame()? {
            frames.push(frame);
        }
        Ok(frames)
    }

    fn error(video: &[u8]) -> String {
        frames(video).unwrap_err().to_string()
    }

    #[test]
    fn luma_is_the_picture() {
        let mut video = b"YUV4MPEG2 W4 H2 F25:1 C420jpeg\n".to_vec();
        for value in [7u8, 9] {
            video.extend(b"FRAME\n");
            video.extend([value; 8]);
            video.extend([128; 4]);
        }
        let read = frames(&video).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!((read[0].width, read[0].height, read[0].sequence), (4, 2, 0));
        assert_eq!(
            (read[0].pixels.as_slice(), read[1].pixels[0]),
            (&[7; 8][..], 9)
        );
        let cut = frames(&video[..video.len() - 3]).unwrap();
        assert_eq!(cut.len(), 1, "the whole frames before the cut count");
    }

    #[test]
    fn the_frame_rate_is_a_clock() {
        let mut video = b"YUV4MPEG2 W1 H1 F30000:1001 Cmono\n".to_vec();
        (0..31).for_each(|_| video.extend(b"FRAME\nx"));
        let times: Vec<u64> = frames(&video)
            .unwrap()
            .iter()
            .map(|f| f.timestamp_ms)
            .collect();
        assert_eq!((times[0], times[1], times[30]), (0, 33, 1001));
        assert_eq!(time_of(50, Ratio { num: 0, den: 1 }), 2000);
    }

    #[test]
    fn gray_video_is_read() {
        let read = frames(b"YUV4MPEG2 W3 H1 Cmono\nFRAME\nabc").unwrap();
        assert_eq!(read[0].pixels, b"abc");
    }

    #[test]
    fn what_is_no_such_video_is_said() {
        assert!(error(b"").contains("ends before") || error(b"").contains("YUV4MPEG2"));
        assert!(error(b"\x89PNG\r\n\x1a\n and so on").contains("not YUV4MPEG2"));
        assert!(error(b"YUV4MPEG2 W4 H2 C420p10\nFRAME\n").contains("10 bits"));
        assert!(error(b"YUV4MPEG2 W99999999 H99999999 Cmono\nFRAME\n").contains("video"));
        assert!(error(b"YUV4MPEG2 W0 H2 Cmono\nFRAME\n").contains("video"));
        assert!(error(b"YUV4MPEG2 W4 H2 Cmono\nFRAME\nabc").contains("ends before"));
    }
}
