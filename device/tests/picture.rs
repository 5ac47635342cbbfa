//! Every kind of file that people feed the programs has a defined outcome.

use std::io::Cursor;

use image::{ColorType, ImageFormat};
use mien_device::assets;
use mien_device::capture::picture::{
    self, Color, Picture, PictureErrorKind, PictureErrorKind as Kind, luma,
};

fn encode(
    format: ImageFormat,
    pixels: &[u8],
    width: u32,
    height: u32,
    color: ColorType,
) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image::write_buffer_with_format(&mut bytes, pixels, width, height, color, format).unwrap();
    bytes.into_inner()
}

fn gray(bytes: &[u8]) -> Picture {
    picture::decode(bytes, Color::Drop).unwrap()
}

#[track_caller]
fn assert_kind(bytes: &[u8], kind: PictureErrorKind) {
    let error = picture::decode(bytes, Color::Drop).unwrap_err();
    assert_eq!(error.kind, kind, "{error}");
    assert!(!error.message.is_empty() && !error.message.contains('\n'));
}

/// `width` and `height` written over those of a PNG's header, checksum corrected.
fn with_png_size(mut png: Vec<u8>, width: u32, height: u32) -> Vec<u8> {
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    let mut crc = u32::MAX;
    for byte in &png[12..29] {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
    }
    png[29..33].copy_from_slice(&(!crc).to_be_bytes());
    png
}

/// `width` and `height` written over those of a baseline JPEG's frame header.
fn with_jpeg_size(mut jpeg: Vec<u8>, width: u16, height: u16) -> Vec<u8> {
    let sof = jpeg
        .windows(2)
        .position(|pair| pair == [0xFF, 0xC0])
        .unwrap();
    jpeg[sof + 5..sof + 7].copy_from_slice(&height.to_be_bytes());
    jpeg[sof + 7..sof + 9].copy_from_slice(&width.to_be_bytes());
    jpeg
}

/// An EXIF segment with nothing but an orientation, put behind a JPEG's SOI.
fn with_orientation(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut segment = vec![0xFF, 0xE1, 0, 34];
    segment.extend(b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01");
    segment.extend([0, orientation, 0, 0, 0, 0, 0, 0]);
    [&jpeg[..2], &segment, &jpeg[2..]].concat()
}

#[test]
fn luma_is_opencv_s() {
    // cv2.cvtColor(…, COLOR_RGB2GRAY), OpenCV 4.
    let known = [
        ([255, 0, 0], 76),
        ([0, 255, 0], 150),
        ([0, 0, 255], 29),
        ([1, 2, 3], 2),
        ([200, 100, 50], 124),
        ([12, 250, 99], 162),
    ];
    for ([r, g, b], expected) in known {
        assert_eq!(luma(r, g, b), expected, "{r} {g} {b}");
    }
    assert!((0..=255).all(|v| luma(v, v, v) == v), "gray stays gray");
}

#[test]
fn jpeg_and_png_agree_with_themselves() {
    let picture = picture::decode(assets::NO_FACE, Color::Keep).unwrap();
    assert_eq!((picture.width, picture.height), (600, 400));
    let rgb = picture.rgb.as_ref().unwrap();
    assert_eq!(rgb.len(), 600 * 400 * 3);
    assert_eq!(picture.gray[1234], luma(rgb[3702], rgb[3703], rgb[3704]));
    let png = encode(ImageFormat::Png, rgb, 600, 400, ColorType::Rgb8);
    assert_eq!(picture::decode(&png, Color::Keep).unwrap(), picture);
    assert_eq!(gray(assets::NO_FACE).rgb, None);
}

#[test]
fn one_pixel_is_a_picture() {
    for (format, color, pixel) in [
        (ImageFormat::Png, ColorType::L8, &[77][..]),
        (ImageFormat::Png, ColorType::Rgb8, &[77, 77, 77]),
        (ImageFormat::Jpeg, ColorType::L8, &[77]),
    ] {
        let picture = gray(&encode(format, pixel, 1, 1, color));
        assert_eq!((picture.width, picture.height), (1, 1));
        assert!(picture.gray[0].abs_diff(77) <= 2, "{}", picture.gray[0]);
    }
}

#[test]
fn sixteen_bits_keep_the_high_byte_and_transparency_is_dropped() {
    let words: Vec<u8> = [0x0000u16, 0x12FF, 0xFFFF, 0x8001]
        .iter()
        .flat_map(|v| v.to_ne_bytes())
        .collect();
    let picture = gray(&encode(ImageFormat::Png, &words, 2, 2, ColorType::L16));
    assert_eq!(picture.gray, [0x00, 0x12, 0xFF, 0x80]);

    let words: Vec<u8> = [0x20FFu16, 0x4000, 0x8080, 0]
        .iter()
        .flat_map(|v| v.to_ne_bytes())
        .collect();
    let picture = gray(&encode(ImageFormat::Png, &words, 1, 1, ColorType::Rgba16));
    assert_eq!(picture.gray, [luma(0x20, 0x40, 0x80)]);

    let picture = gray(&encode(
        ImageFormat::Png,
        &[200, 100, 50, 0],
        1,
        1,
        ColorType::Rgba8,
    ));
    assert_eq!(picture.gray, [luma(200, 100, 50)]);
    let picture = gray(&encode(ImageFormat::Png, &[90, 0], 1, 1, ColorType::La8));
    assert_eq!(picture.gray, [90]);
}

#[test]
fn cmyk_becomes_rgb() {
    // Quadrants of red, green, blue and gray ink, in the inverted CMYK that Adobe writes.
    let jpeg = include_bytes!("fixtures/cmyk.jpg");
    let picture = picture::decode(jpeg, Color::Keep).unwrap();
    let rgb = picture.rgb.unwrap();
    for (x, y, expected) in [
        (8, 8, [255, 0, 0]),
        (24, 8, [0, 255, 0]),
        (8, 24, [0, 0, 255]),
        (24, 24, [128, 128, 128]),
    ] {
        let at = (y * 32 + x) * 3;
        for (actual, expected) in rgb[at..at + 3].iter().zip(expected) {
            assert!(
                actual.abs_diff(expected) <= 6,
                "{x},{y}: {:?}",
                &rgb[at..at + 3]
            );
        }
    }
}

#[test]
fn every_exif_orientation_comes_out_upright() {
    // 48 x 32: dark left half, and a bright stripe along the bottom.
    let pixel = |x: u32, y: u32| {
        if y >= 24 {
            250
        } else if x < 24 {
            20
        } else {
            130
        }
    };
    let stored: Vec<u8> = (0..32)
        .flat_map(|y| (0..48).map(move |x| pixel(x, y)))
        .collect();
    let jpeg = encode(ImageFormat::Jpeg, &stored, 48, 32, ColorType::L8);
    for orientation in 1..=8u8 {
        let upright = gray(&with_orientation(&jpeg, orientation));
        let turned = orientation >= 5;
        let size = if turned { (32, 48) } else { (48, 32) };
        assert_eq!(
            (upright.width, upright.height),
            size,
            "orientation {orientation}"
        );
        for (x, y) in [(4, 4), (43, 4), (4, 27), (43, 27), (12, 12), (36, 12)] {
            // Where a stored pixel is shown: TIFF 6.0, tag 274 (row 0 and column 0 named).
            let (u, v) = match orientation {
                1 => (x, y),
                2 => (47 - x, y),
                3 => (47 - x, 31 - y),
                4 => (x, 31 - y),
                5 => (y, x),
                6 => (31 - y, x),
                7 => (31 - y, 47 - x),
                _ => (y, 47 - x),
            };
            let actual = upright.gray[(v * upright.width + u) as usize];
            assert!(
                actual.abs_diff(pixel(x, y)) < 12,
                "orientation {orientation} at {x},{y}: {actual}"
            );
        }
    }
}

#[test]
fn bad_files_have_their_kinds() {
    let jpeg = assets::PORTRAITS[0].jpeg;
    let png = encode(ImageFormat::Png, &[9; 300], 10, 10, ColorType::Rgb8);
    assert_kind(b"", Kind::Empty);
    assert_kind(b"#!/bin/sh\necho hello\n", Kind::NotAPicture);
    assert_kind(&[0], Kind::NotAPicture);
    assert_kind(b"GIF89a\x01\x00\x01\x00\x00\x00\x00;", Kind::Unsupported);
    for cut in [
        &jpeg[..jpeg.len() / 2],
        &jpeg[..jpeg.len() - 2],
        &jpeg[..200],
        &png[..40],
        &png[..png.len() - 5],
    ] {
        assert_kind(cut, Kind::Truncated);
    }
    let mut broken = png.clone();
    broken[45] ^= 0xFF;
    assert_kind(&broken, Kind::Corrupt);
}

#[test]
fn too_large_is_decided_from_the_header() {
    let png = encode(ImageFormat::Png, &[9], 1, 1, ColorType::L8);
    let jpeg = encode(ImageFormat::Jpeg, &[9; 64], 8, 8, ColorType::L8);
    assert_kind(&with_png_size(png.clone(), 20_000, 20_000), Kind::TooLarge);
    assert_kind(
        &with_jpeg_size(jpeg.clone(), 20_000, 20_000),
        Kind::TooLarge,
    );
    assert_kind(&with_png_size(png.clone(), 70_000, 1), Kind::TooLarge);
    assert_kind(
        &with_png_size(png.clone(), u32::MAX >> 1, u32::MAX >> 1),
        Kind::TooLarge,
    );
    // The limit itself passes the size check; these bytes then turn out to be no such picture.
    assert_kind(&with_png_size(png, 8000, 8000), Kind::Corrupt);
    let error = picture::decode(&with_jpeg_size(jpeg, 20_000, 20_000), Color::Drop).unwrap_err();
    assert!(
        error
            .message
            .starts_with("20000 x 20000 pixels; at most 64 million"),
        "{error}"
    );
}

#[test]
fn missing_files_and_folders() {
    let folder = tempfile::tempdir().unwrap();
    let missing = picture::load(&folder.path().join("none.jpg"), Color::Drop).unwrap_err();
    assert_eq!(missing.kind, Kind::NotFound);
    let not_a_file = picture::load(folder.path(), Color::Drop).unwrap_err();
    assert_eq!(not_a_file.kind, Kind::Unreadable);
}

#[test]
fn bundled_portraits_decode() {
    for portrait in assets::PORTRAITS {
        let picture = gray(portrait.jpeg);
        let [x, y, side] = portrait.face.map(u32::from);
        assert!(
            x + side <= picture.width && y + side <= picture.height,
            "{}",
            portrait.name
        );
    }
}

#[test]
fn damaged_files_never_panic() {
    let png = encode(ImageFormat::Png, &[9; 2700], 30, 30, ColorType::Rgb8);
    let cmyk = include_bytes!("fixtures/cmyk.jpg").to_vec();
    let small = encode(
        ImageFormat::Jpeg,
        &[99; 24 * 24 * 3],
        24,
        24,
        ColorType::Rgb8,
    );
    let mut rng = mien_models::procedural::Rng::new(11);
    for original in [png, cmyk, small] {
        for _ in 0..4000 {
            let mut bytes = original.clone();
            for _ in 0..rng.between(1, 6) {
                let at = rng.between(0, bytes.len() as i32 - 1) as usize;
                bytes[at] = rng.between(0, 255) as u8;
            }
            let _ = picture::decode(&bytes, Color::Keep);
        }
    }
}
