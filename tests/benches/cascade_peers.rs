//! CPU time of a 640x480 frame in Mien's cascade detector and in OpenCV's, one thread each, in turns:
//! `cargo bench -p mien-tests --bench cascade_peers`. Only the ratio means something.

#[path = "../tests/cascade_parity/pictures.rs"]
#[allow(
    dead_code,
    reason = "shared with the parity tests, which use more of it"
)]
mod pictures;
#[path = "../tests/cascade_parity/runs.rs"]
#[allow(
    dead_code,
    reason = "shared with the parity tests, which use more of it"
)]
mod runs;

use mien_device::detect::cascade::CascadeDetector;
use mien_tests::{peers, shared};

use pictures::{Picture, photographs};
use runs::{Answer, CASCADE, Construct, Options, Run, ask_opencv, detect_all, shipped};

/// Photographs timed.
const PHOTOGRAPHS: usize = 20;
/// Turns of each side.
const TURNS: usize = 4;
/// Repetitions in a turn; the fastest of all turns counts.
const REPEATS: usize = 2;

/// The least time of each frame so far, in milliseconds.
struct Least(Vec<f64>);

impl Least {
    fn new() -> Self {
        Self(vec![f64::INFINITY; PHOTOGRAPHS])
    }

    fn take(&mut self, answers: &[Answer]) {
        for (least, answer) in self.0.iter_mut().zip(answers) {
            *least = least.min(answer.milliseconds);
        }
    }

    fn median_ms(mut self) -> f64 {
        self.0.sort_by(f64::total_cmp);
        self.0[self.0.len() / 2]
    }
}

fn main() {
    let (Some(folder), Some(python)) = (shared::path("data/detection"), peers::python()) else {
        return;
    };
    let pictures: Vec<Picture> = photographs(&folder, PHOTOGRAPHS)
        .iter()
        .map(|picture| picture.resized(640, 480))
        .collect();
    let kernels: [(&str, Construct); 2] = [
        ("scalar", CascadeDetector::scalar),
        ("vectors", CascadeDetector::new),
    ];
    for (scale_factor, min_size_px) in [(1.1, 60), (1.2, 60), (1.1, 30), (1.2, 30)] {
        let options = Options {
            scale_factor,
            min_neighbors: 3,
            min_size_px,
            equalize: false,
        };
        let runs: Vec<Run> = (0..pictures.len())
            .map(|picture| Run { picture, options })
            .collect();
        let mut version = String::new();
        let (mut theirs, mut ours) = (Least::new(), kernels.map(|_| Least::new()));
        for _ in 0..TURNS {
            let opencv = ask_opencv(&python, CASCADE, &pictures, &runs, REPEATS);
            theirs.take(&opencv.answers);
            version = opencv.version;
            for ((_, construct), ours) in kernels.iter().zip(&mut ours) {
                let answers = detect_all(*construct, &shipped(), &pictures, &runs, REPEATS);
                ours.take(&answers);
            }
        }
        let theirs = theirs.median_ms();
        for ((kernel, _), ours) in kernels.iter().zip(ours) {
            let ours = ours.median_ms();
            println!(
                "scale {scale_factor}, faces from {min_size_px} px, {kernel}: {ours:.1} ms, OpenCV \
                 {version} {theirs:.1} ms, ratio {:.2} (medians of {PHOTOGRAPHS} frames)",
                ours / theirs,
            );
        }
    }
}
