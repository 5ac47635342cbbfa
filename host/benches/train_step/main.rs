//! A training step (forward, backward, SGD) of the compact network and of W32, a plain network of
//! 96 MMAC: `cargo bench -p mien-host --bench train_step`.
//!
//! With `MIEN_PEER_PYTHON` set to a Python that has PyTorch, the same steps take turns with
//! PyTorch's, and the table says how many times as fast ours are. Only the ratio means something.

mod network;
mod peer;

use criterion::{Criterion, SamplingMode, Throughput};
use mien_host::train::ops::flex::Precision;

use network::{NETWORKS, Trainer};

/// The program's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCHES: [usize; 2] = [64, 128];
const PRECISIONS: [(&str, Precision); 2] = [("f32", Precision::F32), ("bf16", Precision::Bf16)];

fn main() {
    if let Some(python) = std::env::var_os("MIEN_PEER_PYTHON") {
        peer::compare(&python);
        return;
    }
    let mut criterion = Criterion::default().configure_from_args();
    for (name, recipe) in NETWORKS {
        let mut group = criterion.benchmark_group(name);
        group.sampling_mode(SamplingMode::Flat).sample_size(10);
        for batch in BATCHES {
            let mut trainer = Trainer::new(recipe, batch);
            group.throughput(Throughput::Elements(batch as u64));
            for (precision_name, precision) in PRECISIONS {
                group.bench_function(format!("batch {batch}, {precision_name}"), |b| {
                    b.iter(|| trainer.step(precision));
                });
            }
        }
    }
    criterion.final_summary();
}
