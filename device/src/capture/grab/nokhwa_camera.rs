//! USB cameras by nokhwa.

use nokhwa::Camera as Nokhwa;
use nokhwa::utils::{
    ApiBackend, CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType,
    Resolution,
};

use super::choose::{Offer, PixelFormat};
use super::run::{Camera, GrabError};

/// The formats that have a luma plane and that nokhwa can open; its own GRAY asks for a FourCC that
/// no driver knows.
const FORMATS: [FrameFormat; 3] = [FrameFormat::YUYV, FrameFormat::NV12, FrameFormat::MJPEG];

struct NokhwaCamera {
    camera: Nokhwa,
    offer: Offer,
}

impl Camera for NokhwaCamera {
    fn offer(&self) -> Offer {
        self.offer
    }

    fn grab(&mut self, take: &mut dyn FnMut(&[u8])) -> Result<(), String> {
        let buffer = self.camera.frame_raw().map_err(|error| error.to_string())?;
        take(&buffer);
        Ok(())
    }
}

fn connect(camera: u32, wanted: RequestedFormatType) -> Result<Nokhwa, GrabError> {
    let format = RequestedFormat::with_formats(wanted, &FORMATS);
    Nokhwa::with_backend(CameraIndex::Index(camera), format, ApiBackend::Video4Linux)
        .map_err(|error| GrabError::open(camera, error.to_string()))
}

/// What the camera can do.
pub fn offers(camera: u32) -> Result<Vec<Offer>, GrabError> {
    let mut opened = connect(camera, RequestedFormatType::None)?;
    let formats = opened
        .compatible_camera_formats()
        .map_err(|error| GrabError::open(camera, error.to_string()))?;
    Ok(formats.iter().filter_map(offer).collect())
}

/// Opens the camera in the format of `offer`.
pub fn open(camera: u32, offer: &Offer) -> Result<Box<dyn Camera>, GrabError> {
    let format = match offer.format {
        PixelFormat::Yuyv => FrameFormat::YUYV,
        PixelFormat::Nv12 => FrameFormat::NV12,
        PixelFormat::Mjpeg => FrameFormat::MJPEG,
        PixelFormat::Gray => return Err(GrabError::NoFormat { camera }),
    };
    let resolution = Resolution::new(offer.width, offer.height);
    let exact = CameraFormat::new(resolution, format, offer.frames_per_s);
    let mut opened = connect(camera, RequestedFormatType::Exact(exact))?;
    opened
        .open_stream()
        .map_err(|error| GrabError::open(camera, error.to_string()))?;
    Ok(Box::new(NokhwaCamera {
        camera: opened,
        offer: *offer,
    }))
}

fn offer(format: &CameraFormat) -> Option<Offer> {
    Some(Offer {
        format: match format.format() {
            FrameFormat::YUYV => PixelFormat::Yuyv,
            FrameFormat::NV12 => PixelFormat::Nv12,
            FrameFormat::MJPEG => PixelFormat::Mjpeg,
            _ => return None,
        },
        width: format.width(),
        height: format.height(),
        frames_per_s: format.frame_rate(),
    })
}
