//! What reading a hostile file costs. Alone in its binary, as it counts every allocation.

#[path = "contract/file.rs"]
mod file;

use file::seal;
use mien_models::ExpressionModel;
use mien_models::cascade::{CascadeError, CascadeModel};
use mien_models::container::{FormatError, Payload, decode};
use mien_models::expression_model::ExpressionModelError;
use mien_models::network::NetworkError;
use mien_models::procedural::test_model;
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Bounds the lists that decoding an expression model builds, whatever the file's size.
const MOST_HEAP_BYTES: usize = 256 * 1024;
/// The same for a cascade, which consists of lists.
const MOST_CASCADE_HEAP_BYTES: usize = 16 * 1024 * 1024;

fn heap_used<'a, P: Payload<'a>>(file: &'a [u8]) -> (usize, Option<FormatError>) {
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    let error = decode::<P>(file).err();
    (HEAP.peak_usage() - before, error)
}

fn expression_models_are_cheap_to_decode() {
    let largest = ExpressionModel::MAX_PAYLOAD_BYTES;
    let model = test_model();

    // Everything up to the number of nodes as in a valid file, then nodes without end: four
    // bytes each in the file, thirty times that in memory.
    let mut front = postcard::to_allocvec(&model.preprocessing).expect("memory suffices");
    front.extend(postcard::to_allocvec(&model.labels).expect("memory suffices"));
    front.extend([1, 48, 48]);
    let pool = postcard::to_allocvec(&model.network.nodes[1]).expect("memory suffices");
    let count = (largest - front.len() - 100) / pool.len();
    let mut nodes = front.clone();
    nodes.extend(postcard::to_allocvec(&count).expect("memory suffices"));
    nodes.extend(pool.iter().cycle().take(count * pool.len()));
    let network_end = nodes.len();
    // Temperature, no golden inputs, an empty card.
    nodes.extend([0, 0, 0x80, 0x3F, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert!(network_end > 8_000_000);
    let mut declared_only = front;
    declared_only.extend([0xFF, 0xFF, 0xFF, 0xFF, 0x0F]);

    // Reading it once tells the id that the network has.
    let id = postcard::from_bytes::<ExpressionModel>(&nodes)
        .expect("well-formed")
        .model_id();
    let (used, error) = heap_used::<ExpressionModel>(&seal::<ExpressionModel>(&nodes, id));
    assert_eq!(
        error,
        Some(ExpressionModelError::Network(NetworkError::TooManyNodes).into())
    );
    assert!(used <= MOST_HEAP_BYTES, "{used} bytes for endless nodes");

    for (name, payload) in [
        ("nothing but a length", declared_only),
        ("zeros", vec![0; largest]),
        ("ones", vec![1; largest]),
        ("0xFF", vec![0xFF; largest]),
    ] {
        let (used, error) =
            heap_used::<ExpressionModel>(&seal::<ExpressionModel>(&payload, [0; 16]));
        assert!(error.is_some(), "{name}");
        assert!(used <= MOST_HEAP_BYTES, "{used} bytes for {name}");
    }

    // Damage that the header shows costs nothing but the hash of the schema.
    let mut too_long = seal::<ExpressionModel>(&nodes, id);
    too_long.push(0);
    let (used, error) = heap_used::<ExpressionModel>(&too_long);
    assert_eq!(error, Some(FormatError::TrailingBytes { extra: 1 }));
    assert_eq!(used, 0);
}

fn cascades_are_cheap_to_decode() {
    let largest = CascadeModel::MAX_PAYLOAD_BYTES;
    let bytes = |value: usize| postcard::to_allocvec(&value).expect("memory suffices");
    // No texts, a window of 24x24, Haar; no features.
    let front = [0, 0, 24, 24, 0, 0];
    // As many trees as fit, empty or of one node and two leaves, in stages of which decoding
    // keeps as many as it may.
    let stump = [&[1, 0, 0, 0, 0, 0, 0, 0, 2][..], &[0; 8]].concat();
    for (name, tree) in [("empty trees", vec![0, 0]), ("stumps", stump)] {
        let stages = 257;
        let trees = (largest - 4096) / stages / tree.len();
        let mut payload = front.to_vec();
        payload.extend(bytes(stages));
        for _ in 0..stages {
            payload.extend([0; 4]);
            payload.extend(bytes(trees));
            payload.extend(tree.iter().cycle().take(trees * tree.len()));
        }
        let id = postcard::from_bytes::<CascadeModel>(&payload)
            .expect("well-formed")
            .model_id();
        let (used, error) = heap_used::<CascadeModel>(&seal::<CascadeModel>(&payload, id));
        assert!(
            matches!(
                error,
                Some(FormatError::Cascade(CascadeError::Count { .. }))
            ),
            "{name}: {error:?}"
        );
        assert!(used <= MOST_CASCADE_HEAP_BYTES, "{used} bytes for {name}");
    }
    // Features of two bytes each, without end.
    let mut features = front[..5].to_vec();
    features.extend(bytes((largest - 10) / 2));
    features.resize(largest, 0);
    let (used, error) = heap_used::<CascadeModel>(&seal::<CascadeModel>(&features, [0; 16]));
    assert!(error.is_some());
    assert!(used <= MOST_CASCADE_HEAP_BYTES, "{used} bytes for features");
}

/// One test, as tests run side by side and share the heap.
#[test]
fn decoding_is_cheap_whatever_the_file_says() {
    expression_models_are_cheap_to_decode();
    cascades_are_cheap_to_decode();
}
