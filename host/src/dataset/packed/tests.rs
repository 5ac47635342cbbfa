use proptest::prelude::*;

use super::*;
use crate::dataset::open;

/// Pictures with a pattern each; every third is in PublicTest, every fifth repeats the first.
fn made(count: usize, with_votes: bool) -> Dataset {
    let mut data = Dataset::new(Labels::fer2013());
    let mut votes = Votes::default();
    for index in 0..count {
        let seed = if index % 5 == 4 { 0 } else { index };
        let pixels = std::array::from_fn(|at| (at * (seed + 3) + at / SIDE * seed) as u8);
        let split = Split::ALL[usize::from(index % 3 == 2)];
        data.push(&pixels, (index % 7) as u8, split);
        votes.push(std::array::from_fn(|at| ((at + index) % 4) as u8), split);
    }
    if with_votes {
        data.attach_votes(votes).unwrap();
    }
    data
}

fn packed(data: &Dataset) -> Vec<u8> {
    let mut file = Vec::new();
    write(data, &mut file, Progress::Silent).unwrap();
    file
}

fn assert_equal(a: &Dataset, b: &Dataset) {
    assert_eq!(a.labels, b.labels);
    assert_eq!((&a.classes, &a.splits), (&b.classes, &b.splits));
    assert!(a.pixels == b.pixels, "pixels differ");
    assert_eq!(a.votes, b.votes);
}

#[test]
fn everything_comes_back_in_order() {
    for (count, with_votes) in [(0, false), (1, true), (40, false), (40, true)] {
        let data = made(count, with_votes);
        assert_equal(&read(packed(&data).as_slice()).unwrap(), &data);
    }
}

#[test]
fn other_labels_come_back() {
    let mut data = Dataset::new(Labels::new(["froh", "traurig", "überrascht"]).unwrap());
    data.push(&[9; PIXELS], 2, Split::PrivateTest);
    assert_equal(&read(packed(&data).as_slice()).unwrap(), &data);
}

#[test]
fn repeated_pictures_cost_next_to_nothing() {
    let mut data = made(1, false);
    let noise: [u8; PIXELS] = std::array::from_fn(|at| ((at * at * 7919) >> 5) as u8);
    data.push(&noise, 0, Split::Training);
    let once = packed(&data).len();
    for _ in 0..20 {
        data.push(&noise, 0, Split::Training);
    }
    assert!(packed(&data).len() < once + 20 * 50);
}

#[test]
fn open_knows_a_pack_by_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("misnamed.csv");
    let data = made(10, true);
    std::fs::write(&path, packed(&data)).unwrap();
    assert_equal(&open(&path, Progress::Silent).unwrap(), &data);
    std::fs::write(&path, &packed(&data)[..100]).unwrap();
    let error = open(&path, Progress::Silent).unwrap_err();
    assert!(error.to_string().contains("misnamed.csv"), "{error}");
    assert!(std::error::Error::source(&error).is_some());
}

/// The pack of `data` with its header's bytes at `at` replaced.
fn with_header(data: &Dataset, at: usize, bytes: &[u8]) -> PackedError {
    let mut file = packed(data);
    file[at..at + bytes.len()].copy_from_slice(bytes);
    read(file.as_slice()).unwrap_err()
}

#[test]
fn every_lie_of_the_header_has_its_error() {
    use PackedError::*;
    let data = made(20, true);
    let lie = |at, bytes: &[u8]| with_header(&data, at, bytes);
    assert!(matches!(lie(0, b"P"), Magic));
    assert!(matches!(lie(8, &[2]), Version(2)));
    assert!(matches!(lie(10, &[64]), Side(64)));
    assert!(matches!(lie(12, &[0xff; 4]), TooMany(0xffff_ffff)));
    // Claims a million pictures with votes; the frame has twenty.
    let million = (MAX_PICTURES as u32).to_le_bytes();
    assert!(matches!(lie(12, &million), Truncated));
    assert!(matches!(lie(16, &[0]), Labels(_)));
    assert!(matches!(lie(17, &[2]), VotesMark(2)));
    assert!(matches!(lie(18, &[0; 32]), Digest));
    for claimed in [19u8, 21] {
        let error = lie(12, &[claimed]);
        assert!(!matches!(error, Digest | Decompress(_)), "{error}");
    }
}

/// A pack whose frame holds these bytes.
fn with_frame(data: &Dataset, frame: &[u8]) -> PackedError {
    let mut file = header(data);
    file.extend(zstd::encode_all(frame, 1).unwrap());
    read(file.as_slice()).unwrap_err()
}

#[test]
fn every_lie_of_the_frame_has_its_error() {
    use PackedError::*;
    let data = made(3, false);
    let mut sound = preamble(&data);
    let names = sound.len() - 2 * data.len();
    for pixels in data.pixels.as_chunks::<PIXELS>().0 {
        sound.extend(median::residual(pixels));
    }
    let lie = |at: usize, byte: u8| {
        let mut frame = sound.clone();
        frame[at] = byte;
        with_frame(&data, &frame)
    };
    assert!(matches!(lie(1, 0xff), NameText(0)));
    assert!(matches!(lie(1, 0x1b), Labels(_)));
    let class = lie(names + 1, 7);
    assert!(
        matches!(
            class,
            Class {
                picture: 1,
                class: 7,
                labels: 7
            }
        ),
        "{class}"
    );
    let split = lie(names + 3 + 2, 3);
    assert!(
        matches!(
            split,
            Split {
                picture: 2,
                split: 3
            }
        ),
        "{split}"
    );
    assert!(matches!(lie(names, 5), Digest));
    assert!(matches!(lie(sound.len() - 1, 0xaa), Digest));
    assert!(matches!(
        with_frame(&data, &sound[..sound.len() - 1]),
        Truncated
    ));
    assert!(matches!(
        with_frame(&data, &[&sound[..], &[0]].concat()),
        Trailing
    ));
    assert!(matches!(with_frame(&data, &[]), Truncated));
}

#[test]
fn files_that_stop_early_or_go_on_are_refused() {
    let file = packed(&made(20, true));
    for length in [
        0,
        7,
        HEADER_BYTES - 1,
        HEADER_BYTES,
        HEADER_BYTES + 3,
        file.len() - 1,
    ] {
        let error = read(&file[..length]).unwrap_err();
        assert!(
            matches!(error, PackedError::Truncated),
            "{length}: {error:?}"
        );
    }
    let longer = [&file[..], b"more"].concat();
    assert!(matches!(
        read(longer.as_slice()),
        Err(PackedError::Trailing)
    ));
}

#[test]
fn a_full_disk_is_an_error_of_its_own() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let error = write(&made(3, false), Full, Progress::Silent).unwrap_err();
    assert!(matches!(error, PackedError::Write(_)));
}

#[test]
fn the_digest_is_of_the_content_alone() {
    let data = made(6, true);
    let mut without = data.clone();
    without.votes = None;
    assert_ne!(digest(&without), digest(&data));
    assert_eq!(digest(&made(6, false)), digest(&without));
    let mut other = made(6, false);
    other.pixels[5 * PIXELS + 17] ^= 1;
    assert_ne!(digest(&other), digest(&without));
}

proptest! {
    #[test]
    fn any_set_comes_back(
        rows in prop::collection::vec((any::<[u8; 32]>(), 0u8..7, 0usize..3, any::<[u8; 10]>()), 0..8),
        with_votes: bool,
    ) {
        let mut data = Dataset::new(Labels::fer2013());
        let mut votes = Votes::default();
        for (bytes, class, split, counts) in rows {
            let pixels = std::array::from_fn(|at| bytes[at * 7 % 32].rotate_left(at as u32 / 48));
            data.push(&pixels, class, Split::ALL[split]);
            votes.push(counts, Split::ALL[split]);
        }
        if with_votes {
            data.attach_votes(votes).unwrap();
        }
        assert_equal(&read(packed(&data).as_slice()).unwrap(), &data);
    }

    /// A change anywhere is an error, never a panic and never other data.
    #[test]
    fn a_flipped_bit_is_found(at: prop::sample::Index, bit in 0u32..8) {
        let data = made(6, true);
        let mut file = packed(&data);
        let at = at.index(file.len());
        file[at] ^= 1 << bit;
        // Some bits of a zstd frame's header carry nothing.
        if let Ok(read) = read(file.as_slice()) {
            assert_equal(&read, &data);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), after_header: bool) {
        let start = if after_header { header(&made(4, true)) } else { MAGIC.to_vec() };
        prop_assert!(read([start, bytes].concat().as_slice()).is_err());
    }
}
