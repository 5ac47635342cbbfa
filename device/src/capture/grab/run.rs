//! `mien-device grab`: a camera's frames as YUV4MPEG2 on standard output.

use std::io::{self, Read, Write};
use std::{process, thread};

use super::choose::{Offer, by_preference};
use super::luma::{Luma, LumaError, luma};
use super::{gray_camera, nokhwa_camera};

/// Unreadable frames in a row after which the camera is given up.
const MAX_BROKEN: u32 = 30;

/// What to grab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The N of /dev/videoN.
    pub camera: u32,
    /// Wanted `[width, height]` in pixels.
    pub size: [u32; 2],
    /// Wanted frames per second.
    pub frames_per_s: u32,
}

/// Why grabbing ended.
#[derive(Debug, thiserror::Error)]
pub enum GrabError {
    /// The camera cannot be opened.
    #[error("/dev/video{camera}: {why}{hint}")]
    Open {
        /// The N of /dev/videoN.
        camera: u32,
        /// What the system said.
        why: String,
        /// What to do, with a space before it.
        hint: &'static str,
    },
    /// The camera has no format with a luma plane.
    #[error("/dev/video{camera} has none of the formats GREY, NV12, YUYV and MJPEG")]
    NoFormat {
        /// The N of /dev/videoN.
        camera: u32,
    },
    /// The camera stopped giving frames.
    #[error("/dev/video{camera} gives no more frames: {why}")]
    Frame {
        /// The N of /dev/videoN.
        camera: u32,
        /// What the system said.
        why: String,
    },
    /// Too many unreadable frames.
    #[error("{broken} frames in a row cannot be read; the last: {last}")]
    Broken {
        /// How many.
        broken: u32,
        /// What was wrong with the last one.
        last: LumaError,
    },
    /// Whoever reads the frames is gone.
    #[error("writing: {0}")]
    Write(#[from] io::Error),
}

impl GrabError {
    /// The camera cannot be opened, and what mostly helps against that.
    pub(super) fn open(camera: u32, why: String) -> Self {
        let lower = why.to_lowercase();
        let hint = if lower.contains("permission denied") {
            " (hint: `sudo usermod -aG video $USER`, then log in again)"
        } else if lower.contains("busy") {
            " (hint: another program uses the camera; `fuser /dev/video*` names it)"
        } else if lower.contains("no such file") || lower.contains("no such device") {
            " (hint: is it plugged in? `mien-device sources` lists cameras)"
        } else {
            ""
        };
        Self::Open { camera, why, hint }
    }
}

/// An opened camera.
pub(super) trait Camera {
    /// What it was set to.
    fn offer(&self) -> Offer;

    /// Waits for a frame and gives its buffer to `take`. May wait for ever.
    fn grab(&mut self, take: &mut dyn FnMut(&[u8])) -> Result<(), String>;
}

/// What a camera can do.
///
/// # Errors
/// If it cannot be opened or has no readable format.
pub fn offers(camera: u32) -> Result<Vec<Offer>, GrabError> {
    match nokhwa_camera::offers(camera) {
        Ok(offers) if !offers.is_empty() => Ok(offers),
        // nokhwa does not know GREY, and refuses cameras that are set to it.
        first => match gray_camera::offers(camera) {
            Ok(offers) if !offers.is_empty() => Ok(offers),
            _ => Err(first.err().unwrap_or(GrabError::NoFormat { camera })),
        },
    }
}

fn open(request: &Request) -> Result<Box<dyn Camera>, GrabError> {
    let offers = offers(request.camera)?;
    let mut last = GrabError::NoFormat {
        camera: request.camera,
    };
    for offer in by_preference(&offers, request.size, request.frames_per_s) {
        let opened = if gray_camera::is_gray(&offer) {
            gray_camera::open(request.camera, &offer)
        } else {
            nokhwa_camera::open(request.camera, &offer)
        };
        match opened {
            Ok(camera) => return Ok(camera),
            // Drivers offer what they then refuse; the next best may do.
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Writes frames until the reader or the camera is gone. The process ends when its standard input
/// closes, also while the camera blocks.
///
/// # Errors
/// If the camera cannot be opened, stops or sends nothing readable.
pub fn run(request: &Request, mut to: impl Write) -> Result<(), GrabError> {
    thread::spawn(|| {
        let mut byte = [0];
        while io::stdin().read(&mut byte).is_ok_and(|read| read > 0) {}
        process::exit(0);
    });
    let mut camera = open(request)?;
    let offer = camera.offer();
    let mut size = None;
    let mut broken = 0;
    loop {
        let mut read = None;
        camera
            .grab(&mut |buffer| read = Some(luma(offer.format, buffer, offer.width, offer.height)))
            .map_err(|why| GrabError::Frame {
                camera: request.camera,
                why,
            })?;
        match read {
            Some(Ok(picture)) => {
                broken = 0;
                let is_first = size.is_none();
                if *size.get_or_insert((picture.width, picture.height))
                    != (picture.width, picture.height)
                {
                    // The header holds for the whole stream: a new one needs a new child.
                    return Ok(());
                }
                write_frame(&mut to, &picture, is_first.then_some(offer.frames_per_s))?;
            }
            Some(Err(last)) => {
                broken += 1;
                if broken == MAX_BROKEN {
                    return Err(GrabError::Broken { broken, last });
                }
            }
            None => {}
        }
    }
}

/// The first frame, with `header_frames_per_s`, has the stream's header before it.
fn write_frame(
    to: &mut impl Write,
    picture: &Luma,
    header_frames_per_s: Option<u32>,
) -> io::Result<()> {
    if let Some(rate) = header_frames_per_s {
        let (width, height) = (picture.width, picture.height);
        writeln!(to, "YUV4MPEG2 W{width} H{height} F{rate}:1 Ip Cmono")?;
    }
    to.write_all(b"FRAME\n")?;
    to.write_all(&picture.pixels)?;
    to.flush()
}
