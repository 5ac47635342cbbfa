//! Judges 200 crops and prints what came out, or compares it with what another machine printed:
//!
//! ```sh
//! cargo run --example verdicts > here.txt
//! qemu-aarch64-static verdicts here.txt      # exit code 1 if a verdict differs
//! ```

use std::num::NonZero;
use std::process::ExitCode;
use std::thread;

use anyhow::{Context, Result, ensure};
use mien_device::classify::Classifier;
use mien_models::crop::CropRect;
use mien_models::procedural::{Scene, plane};
use mien_models::{ExpressionModel, container, embedded};

const CROPS: u32 = 200;
/// Largest difference of a probability. CPUs sum in other orders.
const TOLERANCE: f32 = 1e-4;

fn main() -> Result<ExitCode> {
    let ours = verdicts()?;
    let Some(path) = std::env::args().nth(1) else {
        for (label, probabilities) in ours {
            let numbers: Vec<_> = probabilities.iter().map(f32::to_string).collect();
            println!("{label} {}", numbers.join(" "));
        }
        return Ok(ExitCode::SUCCESS);
    };
    let text = std::fs::read_to_string(&path).context(path)?;
    ensure!(text.lines().count() == ours.len(), "not as many crops");
    let mut largest = 0.0_f32;
    for (index, (line, (label, probabilities))) in text.lines().zip(&ours).enumerate() {
        let mut words = line.split_whitespace();
        let their_label: usize = words.next().context("an empty line")?.parse()?;
        ensure!(
            their_label == *label,
            "crop {index}: label {label}, theirs is {their_label}"
        );
        let theirs: Vec<f32> = words.map(str::parse).collect::<Result<_, _>>()?;
        ensure!(
            theirs.len() == probabilities.len(),
            "crop {index}: {} probabilities, theirs are {}",
            probabilities.len(),
            theirs.len()
        );
        for (own, their) in probabilities.iter().zip(theirs) {
            let difference = (own - their).abs();
            // The largest of numbers passes over what is none.
            ensure!(
                difference.is_finite(),
                "crop {index}: {own}, theirs is {their}"
            );
            largest = largest.max(difference);
        }
    }
    println!(
        "{} crops, the same labels, probabilities differ by {largest:e} at most",
        ours.len()
    );
    ensure!(largest <= TOLERANCE, "more than {TOLERANCE:e}");
    Ok(ExitCode::SUCCESS)
}

/// Label and probabilities of each crop: faces and other scenes, upright and turned, in and beyond
/// the picture.
fn verdicts() -> Result<Vec<(usize, Vec<f32>)>> {
    let (_, model) = container::decode::<ExpressionModel<'_>>(embedded::EXPRESSION)?;
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    let indices: Vec<u32> = (0..CROPS).collect();
    thread::scope(|scope| {
        let parts: Vec<_> = indices
            .chunks(indices.len().div_ceil(workers))
            .map(|part| scope.spawn(|| judge(&model, part)))
            .collect();
        parts
            .into_iter()
            .map(|part| part.join().expect("no verdict panics"))
            .collect::<Result<Vec<_>>>()
            .map(|parts| parts.concat())
    })
}

fn judge(model: &ExpressionModel<'_>, indices: &[u32]) -> Result<Vec<(usize, Vec<f32>)>> {
    let mut classifier = Classifier::new(model)?;
    indices
        .iter()
        .map(|&index| {
            let scene = if index % 4 == 0 {
                Scene::Noise
            } else {
                Scene::Face
            };
            let picture = plane(scene, u64::from(index), 160, 120);
            let index = index as i32;
            let side_q8 = 256 * (30 + (index * 7) % 110);
            let crop = CropRect {
                center_x_q8: 256 * 80 + 97 * (index % 40 - 20),
                center_y_q8: 256 * 60 - 61 * (index % 30 - 15),
                width_q8: side_q8,
                height_q8: side_q8,
                rotation_turn_q16: if index % 3 == 0 {
                    0
                } else {
                    (index * 150) as i16
                },
            };
            let verdict = classifier.classify(&picture.view()?, &crop)?;
            Ok((verdict.label_index, verdict.probabilities.to_vec()))
        })
        .collect()
}
