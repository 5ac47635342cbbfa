//! Which of a camera's formats to use.

use std::fmt;

use serde::Serialize;

/// How a camera sends pixels; only what has a luma plane to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PixelFormat {
    /// 8 bits of gray.
    Gray,
    /// A plane of luma, then interleaved chroma of half the size.
    Nv12,
    /// Luma and chroma in turns.
    Yuyv,
    /// A JPEG each frame. Last: decoding it takes time.
    Mjpeg,
}

impl fmt::Display for PixelFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gray => "GRAY",
            Self::Nv12 => "NV12",
            Self::Yuyv => "YUYV",
            Self::Mjpeg => "MJPEG",
        })
    }
}

/// Something a camera can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Offer {
    /// How pixels are sent.
    pub format: PixelFormat,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Frames per second.
    pub frames_per_s: u32,
}

/// The offers from best to worst: the size nearest to the wanted `[width, height]` (a larger one
/// before a smaller one), then enough frames per second, then the format that is cheapest to
/// read, then the frame rate nearest to the wanted.
pub fn by_preference(offers: &[Offer], size: [u32; 2], frames_per_s: u32) -> Vec<Offer> {
    let wanted = u64::from(size[0]) * u64::from(size[1]);
    let key = |offer: &Offer| {
        let area = u64::from(offer.width) * u64::from(offer.height);
        let is_other_shape = offer.width * size[1] != offer.height * size[0];
        // Twice as much is as far away as half as much; a larger picture can be reduced.
        let ratio = (1000 * area.max(wanted)) / area.min(wanted).max(1);
        let missing = frames_per_s.saturating_sub(offer.frames_per_s);
        (
            ratio,
            area < wanted,
            is_other_shape,
            missing,
            offer.format,
            offer.frames_per_s.abs_diff(frames_per_s),
        )
    };
    let mut sorted = offers.to_vec();
    sorted.sort_by_key(key);
    sorted
}

#[cfg(test)]
mod tests {
    use super::PixelFormat::{Gray, Mjpeg, Nv12, Yuyv};
    use super::*;

    fn offer(format: PixelFormat, width: u32, height: u32, frames_per_s: u32) -> Offer {
        Offer {
            format,
            width,
            height,
            frames_per_s,
        }
    }

    #[test]
    fn a_typical_webcam_is_read_without_decoding() {
        let offers = [
            offer(Mjpeg, 1920, 1080, 30),
            offer(Mjpeg, 640, 480, 30),
            offer(Yuyv, 1920, 1080, 5),
            offer(Yuyv, 640, 480, 30),
            offer(Yuyv, 320, 240, 30),
        ];
        let best = |size, rate| by_preference(&offers, size, rate)[0];
        assert_eq!(best([640, 480], 30), offer(Yuyv, 640, 480, 30));
        assert_eq!(best([1920, 1080], 30), offer(Mjpeg, 1920, 1080, 30));
        assert_eq!(best([1920, 1080], 5), offer(Yuyv, 1920, 1080, 5));
        assert_eq!(
            best([480, 360], 30),
            offer(Yuyv, 640, 480, 30),
            "rather larger"
        );
    }

    #[test]
    fn gray_before_planes_before_interleaved() {
        let offers = [Mjpeg, Yuyv, Nv12, Gray].map(|format| offer(format, 640, 480, 30));
        let order: Vec<_> = by_preference(&offers, [640, 480], 30)
            .iter()
            .map(|offer| offer.format)
            .collect();
        assert_eq!(order, [Gray, Nv12, Yuyv, Mjpeg]);
    }

    #[test]
    fn odd_offers_do_no_harm() {
        let offers = [offer(Gray, 0, 0, 0), offer(Yuyv, 4096, 4096, 1)];
        assert_eq!(by_preference(&offers, [640, 480], 30)[0].width, 4096);
        assert!(by_preference(&[], [640, 480], 30).is_empty());
    }
}
