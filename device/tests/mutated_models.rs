//! Ten thousand model files, each changed somewhere: damaged, or re-hashed and re-signed by the
//! device's own owner, so that every check behind the signature is reached. Each is refused with a
//! reason or runs; none costs much memory or ends the program. Alone in its binary, as it counts
//! every allocation.

#[allow(dead_code, reason = "others need the rest of it")]
#[path = "updates/made.rs"]
mod made;
#[allow(dead_code, reason = "others need the rest of it")]
#[path = "classify/networks.rs"]
mod networks;

use std::collections::BTreeMap;

use made::{expression, expression_like, packed, rules, signed, yunet};
use mien_device::classify::Classifier;
use mien_device::update::check::{Force, Loaded};
use mien_device::update::record::Record;
use mien_device::update::store::Stored;
use mien_models::cascade::{CascadeModel, Ensemble};
use mien_models::container::{HEADER_BYTES, Header, Kind, decode};
use mien_models::expression_model::Golden;
use mien_models::plane::GrayView;
use mien_models::procedural::Rng;
use mien_models::yunet::YunetModel;
use mien_models::{ExpressionModel, embedded};
use networks::Maker;
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const FILES: u64 = 10_000;
/// Most that checking a file may take: the engine's own buffers, whatever the file says.
const MOST_HEAP_BYTES: usize = 4 << 20;

/// Changes `file` in one to four places.
fn mutate(file: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..rng.between(1, 4) {
        if file.is_empty() {
            return;
        }
        // Mostly where structure is: in front and around the end, else anywhere.
        let length = file.len() as i32;
        let at = match rng.between(0, 3) {
            0 => rng.between(0, HEADER_BYTES as i32 + 100),
            1 => rng.between(length - 300, length - 1),
            _ => rng.between(0, length - 1),
        };
        let at = at.clamp(0, length - 1) as usize;
        match rng.between(0, 7) {
            0 => file[at] ^= 1 << rng.between(0, 7),
            1 => file[at] = rng.next_u64() as u8,
            2 => file[at] = 0xFF,
            3 => file[at] = file[at].wrapping_add(1),
            4 => {
                file.remove(at);
            }
            5 => file.insert(at, rng.next_u64() as u8),
            6 => file.truncate((at + 1).max(1)),
            _ => {
                let bytes: [u8; 4] = [0x00, 0x00, 0xC0, 0x7F];
                let end = (at + 4).min(file.len());
                file[at..end].copy_from_slice(&bytes[..end - at]);
            }
        }
    }
}

/// The start of the bundled cascade: a few stages have everything that the rest has.
fn cascade() -> Stored {
    let (_, mut cascade) = decode::<CascadeModel<'_>>(embedded::CASCADE).unwrap();
    if let Ensemble::Haar(haar) = &mut cascade.ensemble {
        haar.stages.truncate(3);
    }
    cascade.licence = "";
    signed(packed(&cascade, cascade.model_id(), 3))
}

/// A network with every operation, and golden values for it.
fn every_operation() -> Stored {
    let input = [1, 14, 14];
    let network = || Maker::new(5, input).every_operation(7);
    let face: &[u8] = networks::face(1, 14 * 14).leak();
    let mut classifier = Classifier::new(&networks::model(network(), Vec::new())).unwrap();
    let golden = Golden {
        pixels: face,
        logits: classifier.logits(face).unwrap().iter().copied().collect(),
    };
    expression_like(&networks::model(network(), vec![golden]), 3)
}

/// Makes length, checksum and, for most models, the id right again.
fn rehash(file: &mut [u8]) {
    let Some(payload) = file.get(HEADER_BYTES..) else {
        return;
    };
    let payload = payload.to_vec();
    file[40..48].copy_from_slice(&(payload.len() as u64).to_le_bytes());
    let id = match Header::parse(file).map(|header| header.kind) {
        Ok(Kind::Expression) => postcard::from_bytes(&payload)
            .ok()
            .map(|model: ExpressionModel<'_>| model.model_id()),
        Ok(Kind::Cascade) => postcard::from_bytes(&payload)
            .ok()
            .map(|model: CascadeModel<'_>| model.model_id()),
        Ok(Kind::Yunet) => postcard::from_bytes(&payload)
            .ok()
            .map(|model: YunetModel<'_>| model.model_id()),
        _ => None,
    };
    if let Some(id) = id {
        file[16..32].copy_from_slice(&id);
    }
    if let Ok(header) = Header::parse(file) {
        file[80..112].copy_from_slice(&header.checksum(&payload));
    }
}

#[test]
fn ten_thousand_changed_files_are_refused_or_run() {
    let rules = rules();
    let record = Record::default();
    let sound = [expression(3), every_operation(), cascade(), yunet(3)];
    let mut rng = Rng::new(7);
    let mut outcomes: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut most_heap = 0;
    let mut checked = 0;
    for number in 0.. {
        if checked == FILES {
            break;
        }
        // A detector in every eighth: they are large, and slow to try.
        let Stored { file, signature } = &sound[match number / 4 % 8 {
            0 if number / 32 % 2 == 0 => 3,
            0 => 2,
            part => part as usize % 2,
        }];
        let mut file = file.clone();
        mutate(&mut file, &mut rng);
        let offer = match number % 4 {
            0 => Stored {
                file,
                signature: signature.clone(),
            },
            _ => {
                if number % 4 > 1 {
                    rehash(&mut file);
                }
                // What is no model file any more, nobody can sign.
                match file.starts_with(b"MIENPACK") {
                    true => signed(file),
                    false => continue,
                }
            }
        };
        checked += 1;
        let before = HEAP.current_usage();
        HEAP.reset_peak_usage();
        let outcome = rules.check(&record, &offer, Force(false));
        most_heap = most_heap.max(HEAP.peak_usage().saturating_sub(before));
        let name = match outcome {
            Ok(candidate) => {
                run(candidate.model, &offer.file);
                "runs"
            }
            Err(refused) => refused.code(),
        };
        *outcomes.entry(name).or_default() += 1;
    }
    println!("{outcomes:?}, at most {most_heap} bytes");
    assert!(most_heap <= MOST_HEAP_BYTES, "{most_heap} bytes");
    // Every layer of checks was reached.
    for name in ["signature", "format", "engine", "runs"] {
        assert!(outcomes.contains_key(name), "{name}: {outcomes:?}");
    }
}

/// What was accepted gives probabilities for any face, or looks at any picture.
fn run(model: Loaded, file: &[u8]) {
    match model {
        Loaded::Expression(mut classifier) => {
            let (_, model) = decode::<ExpressionModel<'_>>(file).unwrap();
            let logits = classifier
                .logits(&vec![99; model.preprocessing.pixels()])
                .unwrap();
            assert_eq!(logits.len(), classifier.labels().len());
        }
        Loaded::Detector(mut detector) => {
            let picture = networks::face(2, 120 * 90);
            let view = GrayView::packed(&picture, 120, 90).unwrap();
            detector.detect(&view).unwrap();
        }
    }
}
