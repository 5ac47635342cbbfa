//! Does a picture file reach its end mark? Decoders fill what is missing of a cut-off picture
//! with gray and say nothing; a verdict on half a face would be worse than an error.

/// JPEG (ITU-T T.81 B.1): true if the segments and scans lead to an end-of-image marker.
/// An EOI inside an embedded thumbnail does not count, nor does anything behind the picture.
pub fn jpeg_is_whole(bytes: &[u8]) -> bool {
    const EOI: u8 = 0xD9;
    const SOS: u8 = 0xDA;
    let mut at = 2; // behind SOI
    while let Some(&[0xFF, marker]) = bytes.get(at..at + 2) {
        match marker {
            EOI => return true,
            0xFF => at += 1, // fill byte
            0x01 | 0xD0..=0xD8 => at += 2,
            _ => {
                let Some(length) = bytes.get(at + 2..at + 4) else {
                    return false;
                };
                at += 2 + usize::from(u16::from_be_bytes([length[0], length[1]])).max(2);
                if marker == SOS {
                    at = scan_end(bytes, at);
                }
            }
        }
    }
    false
}

/// Position of the first marker behind entropy-coded data that starts at `at`.
fn scan_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(&[first, second]) = bytes.get(at..at + 2) {
        let stuffed_or_restart = second == 0 || (0xD0..=0xD7).contains(&second);
        if first == 0xFF && !stuffed_or_restart && second != 0xFF {
            return at;
        }
        at += 1;
    }
    bytes.len()
}

/// PNG (ISO/IEC 15948 5): true if the chunks lead to a complete IEND.
pub fn png_is_whole(bytes: &[u8]) -> bool {
    let mut at = 8; // behind the signature
    while let Some(head) = bytes.get(at..at + 8) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let Some(end) = at.checked_add(length).and_then(|end| end.checked_add(12)) else {
            return false;
        };
        if end > bytes.len() {
            return false;
        }
        if &head[4..] == b"IEND" {
            return true;
        }
        at = end;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assets;

    #[test]
    fn whole_until_the_last_byte_is_cut() {
        for jpeg in [
            assets::PORTRAITS[0].jpeg,
            assets::PORTRAITS[1].jpeg,
            assets::NO_FACE,
        ] {
            assert!(jpeg_is_whole(jpeg));
            for kept in [2, 100, jpeg.len() / 2, jpeg.len() - 2, jpeg.len() - 1] {
                assert!(!jpeg_is_whole(&jpeg[..kept]), "{kept} bytes kept");
            }
            let trailing = [jpeg, b"a camera's own data"].concat();
            assert!(jpeg_is_whole(&trailing));
        }
    }

    #[test]
    fn thumbnail_end_does_not_count() {
        let app1 = [0xFF, 0xD8, 0xFF, 0xE1, 0, 6, 0xFF, 0xD8, 0xFF, 0xD9];
        assert!(!jpeg_is_whole(&app1));
        assert!(jpeg_is_whole(&[&app1[..], &[0xFF, 0xD9]].concat()));
    }

    #[test]
    fn png_chunks_are_followed() {
        let mut png = Vec::new();
        image::write_buffer_with_format(
            &mut std::io::Cursor::new(&mut png),
            &[7; 12],
            4,
            3,
            image::ColorType::L8,
            image::ImageFormat::Png,
        )
        .unwrap();
        assert!(png_is_whole(&png));
        for kept in 8..png.len() {
            assert!(!png_is_whole(&png[..kept]), "{kept} bytes kept");
        }
        png[8..12].copy_from_slice(&u32::MAX.to_be_bytes());
        assert!(!png_is_whole(&png));
    }
}
