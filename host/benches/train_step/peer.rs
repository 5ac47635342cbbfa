//! The same steps in PyTorch, in turns with ours.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use mien_host::train::ops::flex::{Precision, set_precision};
use serde_json::{Value, json};

use crate::network::{LABELS, NETWORKS, Trainer};
use crate::{BATCHES, PRECISIONS};

/// Turns of each, of which the medians count.
const ROUNDS: usize = 3;
/// How long a turn lasts at least.
const SECONDS: f64 = 1.0;
const THREADS: [usize; 2] = [1, 2];

struct Peer {
    process: Child,
    requests: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Peer {
    fn start(python: &OsStr) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/peers/pytorch_speed.py");
        let mut process = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the interpreter in MIEN_PEER_PYTHON starts");
        let (requests, answers) = (process.stdin.take(), process.stdout.take());
        Self {
            process,
            requests: requests.expect("piped"),
            answers: BufReader::new(answers.expect("piped")).lines(),
        }
    }

    fn ask(&mut self, request: &Value) -> Value {
        writeln!(self.requests, "{request}").expect("the script reads");
        let answer = self.answers.next().expect("the script answers");
        serde_json::from_str(&answer.expect("text")).expect("JSON")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn ours(trainer: &mut Trainer, batch: usize, precision: Precision) -> f64 {
    let (started, mut steps) = (Instant::now(), 0);
    while steps == 0 || started.elapsed().as_secs_f64() < SECONDS {
        trainer.step(precision);
        steps += 1;
    }
    (steps * batch) as f64 / started.elapsed().as_secs_f64()
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// Prints a table of pictures per second and ratios.
pub fn compare(python: &OsStr) {
    let mut peer = Peer::start(python);
    println!(
        "| network | batch | precision | threads | Mien | PyTorch | ratio | ratios of the turns |"
    );
    println!("|---|---:|---|---:|---:|---:|---:|---|");
    let mut version = String::new();
    for (name, recipe) in NETWORKS {
        for batch in BATCHES {
            for threads in THREADS {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
                let pool = pool.expect("threads start");
                let mut trainer = Trainer::new(recipe, batch);
                for (precision_name, precision) in PRECISIONS {
                    if set_precision(precision) != precision {
                        println!(
                            "| {name} | {batch} | {precision_name} | {threads} | not on this CPU | | | |"
                        );
                        continue;
                    }
                    let request = json!({
                        "layers": trainer.recipe.layers, "labels": LABELS, "batch": batch,
                        "threads": threads, "precision": precision_name, "seconds": SECONDS,
                    });
                    pool.install(|| trainer.step(precision)); // Warm-up, as the script does.
                    let (mut mine, mut theirs) = (vec![], vec![]);
                    for _ in 0..ROUNDS {
                        mine.push(pool.install(|| ours(&mut trainer, batch, precision)));
                        let answer = peer.ask(&request);
                        let parameters = answer["parameters"].as_u64();
                        assert_eq!(
                            parameters,
                            Some(trainer.plan.parameters() as u64),
                            "one network"
                        );
                        theirs.push(answer["pictures_per_second"].as_f64().expect("a rate"));
                        version = answer["version"].as_str().unwrap_or_default().to_owned();
                    }
                    let mut ratios: Vec<f64> =
                        mine.iter().zip(&theirs).map(|(a, b)| a / b).collect();
                    let ratio = median(&ratios);
                    ratios.sort_by(f64::total_cmp);
                    println!(
                        "| {name} | {batch} | {precision_name} | {threads} | {:.0} | {:.0} | **{ratio:.2}** | {:.2} to {:.2} |",
                        median(&mine),
                        median(&theirs),
                        ratios[0],
                        ratios[ROUNDS - 1],
                    );
                }
            }
        }
    }
    println!("\nPictures per second, PyTorch {version}.");
}
