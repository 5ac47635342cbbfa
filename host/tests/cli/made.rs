//! Data and models made for these tests, and where real data is.

use std::path::{Path, PathBuf};

use mien_models::ExpressionModel;
use mien_models::container::encode;
use mien_models::label::Labels;
use mien_models::network::{Op, Values};
use mien_models::procedural::test_model;

/// Gray value that the test model takes for a class: the middle of its seventh of the scale.
pub fn value_of(class: usize) -> u8 {
    (255 * (2 * class + 1) / 14) as u8
}

/// A csv of flat pictures: class, usage, gray value.
pub fn csv(rows: &[(usize, &str, u8)]) -> String {
    let mut text = "emotion,pixels,Usage\n".to_owned();
    for (class, usage, value) in rows {
        let pixels = vec![value.to_string(); 48 * 48].join(" ");
        text += &format!("{class},{pixels},{usage}\n");
    }
    text
}

/// Writes `content` into `folder`.
pub fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, content).expect("a temporary file can be written");
    path
}

/// A packed model.
pub fn packed(model: &ExpressionModel<'_>) -> Vec<u8> {
    encode(model, model.model_id(), 7).expect("the test model is sound")
}

/// The test model with other names.
pub fn renamed(names: [&str; 7]) -> ExpressionModel<'static> {
    let labels = Labels::new(names).expect("sound names");
    ExpressionModel {
        labels,
        ..test_model()
    }
}

/// The test model cut to its four darkest labels, which are now the four groups.
pub fn merged() -> ExpressionModel<'static> {
    let names = ["angry", "disgust|fear|surprise", "happy", "sad|neutral"];
    let mut model = test_model();
    model.labels = Labels::new(names).expect("sound names");
    for node in &mut model.network.nodes {
        if let Op::Dense(weights) = &mut node.op {
            weights.outputs = 4;
            weights.bias = &weights.bias[..16];
            if let Values::F32(values) = &mut weights.values {
                *values = &values[..16];
            }
        }
    }
    for golden in &mut model.golden {
        golden.logits.truncate(4);
    }
    model
}

/// A file of the shared material, in `MIEN_SHARED` or beside the workspace; `None`, with a
/// message, when it is not there.
pub fn shared(relative: &str) -> Option<PathBuf> {
    let root = std::env::var_os("MIEN_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"),
        PathBuf::from,
    );
    let path = root.join(relative);
    if path.is_file() {
        return Some(path);
    }
    let required = std::env::var_os("MIEN_REQUIRE_SHARED").is_some_and(|value| value == "1");
    assert!(!required, "{} is missing", path.display());
    eprintln!("skipped: {} is not there", path.display());
    None
}
