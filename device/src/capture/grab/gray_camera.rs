//! Cameras that send gray (V4L2's GREY, which nokhwa cannot open), by the `v4l` crate.

use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::io::traits::CaptureStream;
use v4l::prelude::MmapStream;
use v4l::video::Capture;
use v4l::video::capture::Parameters;
use v4l::{Device, Format, FourCC};

use super::choose::{Offer, PixelFormat};
use super::run::{Camera, GrabError};

const GREY: FourCC = FourCC { repr: *b"GREY" };
/// Buffers that the driver fills in turn.
const BUFFERS: u32 = 4;
/// Where a driver does not say how fast it is.
const USUAL_FRAMES_PER_S: u32 = 30;

struct GrayCamera {
    // Before the device, whose memory it maps.
    stream: MmapStream<'static>,
    _device: Device,
    offer: Offer,
}

impl Camera for GrayCamera {
    fn offer(&self) -> Offer {
        self.offer
    }

    fn grab(&mut self, take: &mut dyn FnMut(&[u8])) -> Result<(), String> {
        let (buffer, metadata) = self.stream.next().map_err(|error| error.to_string())?;
        let used = metadata.bytesused as usize;
        take(&buffer[..used.min(buffer.len())]);
        Ok(())
    }
}

/// Whether this file opens it.
pub fn is_gray(offer: &Offer) -> bool {
    offer.format == PixelFormat::Gray
}

fn connect(camera: u32) -> Result<Device, GrabError> {
    let open = |error: std::io::Error| GrabError::open(camera, error.to_string());
    Device::new(camera as usize).map_err(open)
}

/// The gray that the camera can do; empty where it has none.
pub fn offers(camera: u32) -> Result<Vec<Offer>, GrabError> {
    let device = connect(camera)?;
    let open = |error: std::io::Error| GrabError::open(camera, error.to_string());
    let has_gray = device.enum_formats().map_err(open)?;
    if !has_gray.iter().any(|format| format.fourcc == GREY) {
        return Ok(Vec::new());
    }
    let mut offers = Vec::new();
    for size in device.enum_framesizes(GREY).map_err(open)? {
        let sizes = match size.size {
            FrameSizeEnum::Discrete(size) => vec![(size.width, size.height)],
            FrameSizeEnum::Stepwise(steps) => vec![
                (steps.min_width, steps.min_height),
                (steps.max_width, steps.max_height),
            ],
        };
        for (width, height) in sizes {
            offers.push(Offer {
                format: PixelFormat::Gray,
                width,
                height,
                frames_per_s: fastest(&device, width, height),
            });
        }
    }
    Ok(offers)
}

/// Most frames per second at a size.
fn fastest(device: &Device, width: u32, height: u32) -> u32 {
    let intervals = device
        .enum_frameintervals(GREY, width, height)
        .unwrap_or_default();
    let rates = intervals.iter().filter_map(|entry| {
        let shortest = match &entry.interval {
            FrameIntervalEnum::Discrete(interval) => interval,
            FrameIntervalEnum::Stepwise(steps) => &steps.min,
        };
        shortest.denominator.checked_div(shortest.numerator)
    });
    rates.max().unwrap_or(USUAL_FRAMES_PER_S)
}

/// Opens the camera in the format of `offer`.
pub fn open(camera: u32, offer: &Offer) -> Result<Box<dyn Camera>, GrabError> {
    let device = connect(camera)?;
    let open = |error: std::io::Error| GrabError::open(camera, error.to_string());
    let wanted = Format::new(offer.width, offer.height, GREY);
    let set = device.set_format(&wanted).map_err(open)?;
    if set.fourcc != GREY {
        return Err(GrabError::NoFormat { camera });
    }
    // Not all drivers can set a rate; then theirs is as good.
    let _ = device.set_params(&Parameters::with_fps(offer.frames_per_s));
    let stream = MmapStream::with_buffers(&device, v4l::buffer::Type::VideoCapture, BUFFERS)
        .map_err(open)?;
    Ok(Box::new(GrayCamera {
        stream,
        _device: device,
        offer: Offer {
            width: set.width,
            height: set.height,
            ..*offer
        },
    }))
}
