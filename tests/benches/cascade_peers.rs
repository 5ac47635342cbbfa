//! How long a 640x480 frame takes in Mien's cascade detector and in OpenCV's, one thread each, in
//! the same run: `cargo bench -p mien-tests --bench cascade_peers`. Only the ratio means something.

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
/// Repetitions, of which the fastest counts.
const REPEATS: usize = 5;

fn median_ms(answers: &[Answer]) -> f64 {
    let mut times: Vec<f64> = answers.iter().map(|answer| answer.milliseconds).collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() {
    let (Some(folder), Some(python)) = (shared::path("data/detection"), peers::python()) else {
        return;
    };
    let pictures: Vec<Picture> = photographs(&folder, PHOTOGRAPHS)
        .iter()
        .map(|picture| picture.resized(640, 480))
        .collect();
    for (scale_factor, min_size_px) in [(1.1, 60), (1.2, 60), (1.1, 30)] {
        let options = Options {
            scale_factor,
            min_neighbors: 3,
            min_size_px,
            equalize: false,
        };
        let runs: Vec<Run> = (0..pictures.len())
            .map(|picture| Run { picture, options })
            .collect();
        let opencv = ask_opencv(&python, CASCADE, &pictures, &runs, REPEATS);
        let theirs = median_ms(&opencv.answers);
        let kernels: [(&str, Construct); 2] = [
            ("scalar", CascadeDetector::scalar),
            ("vectors", CascadeDetector::new),
        ];
        for (kernel, construct) in kernels {
            let ours = median_ms(&detect_all(
                construct,
                &shipped(),
                &pictures,
                &runs,
                REPEATS,
            ));
            println!(
                "scale {scale_factor}, faces from {min_size_px} px, {kernel}: {ours:.1} ms, OpenCV {} \
                 {theirs:.1} ms, ratio {:.2} (medians of {PHOTOGRAPHS} frames, one thread)",
                opencv.version,
                ours / theirs,
            );
        }
    }
}
