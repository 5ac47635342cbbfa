//! Files that travel inside the program: the demo's pictures and the font of annotated pictures.
//! Origins and licences: `assets/portraits/README.md`, `assets/fonts/README.md`.

/// OpenType font (Inter Medium, Latin, Greek and Cyrillic; SIL Open Font License 1.1).
pub const FONT: &[u8] = include_bytes!("../assets/fonts/Inter-Medium-subset.otf");

/// A bundled public-domain portrait with one face.
#[derive(Clone, Copy, Debug)]
pub struct Portrait {
    /// File name without extension.
    pub name: &'static str,
    /// The JPEG file.
    pub jpeg: &'static [u8],
    /// The label a person gave it before any network saw it.
    pub expected: &'static str,
    /// Where the face is: `[x, y, side]` of a square around it in pixels, marked by a person.
    /// The demo's camera aims with it; the detector never sees it.
    pub face: [u16; 3],
}

/// The portraits, in the order in which the demo shows them.
pub const PORTRAITS: [Portrait; 3] = [
    Portrait {
        name: "astronaut",
        jpeg: include_bytes!("../assets/portraits/astronaut.jpg"),
        expected: "happy",
        face: [172, 70, 110],
    },
    Portrait {
        name: "grace_hopper",
        jpeg: include_bytes!("../assets/portraits/grace_hopper.jpg"),
        expected: "neutral",
        face: [158, 140, 210],
    },
    Portrait {
        name: "mona_lisa",
        jpeg: include_bytes!("../assets/portraits/mona_lisa.jpg"),
        expected: "neutral",
        face: [134, 84, 120],
    },
];

/// A picture without a face (JPEG), for tests and for trying out the programs.
pub const NO_FACE: &[u8] = include_bytes!("../assets/portraits/coffee.jpg");
