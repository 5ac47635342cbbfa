//! OpenCV's answers, committed so that every clone compares with them.

use std::fs;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use crate::pictures::{self, Picture};
use crate::runs::{Box, OpenCv, Options, Run, boxes_from};

/// Options tried on each drawn picture; the portraits get more.
const OPTIONS_PER_DRAWING: usize = 8;

/// The committed file.
pub struct Reference {
    /// SHA-256 of each picture's pixels.
    pub sha256: Map<String, Value>,
    pub runs: Vec<Run>,
    /// What OpenCV found in each run.
    pub boxes: Vec<Vec<Box>>,
}

pub fn path() -> PathBuf {
    [
        env!("CARGO_MANIFEST_DIR"),
        "tests",
        "data",
        "cascade_reference.json",
    ]
    .iter()
    .collect()
}

/// The runs the file should have.
pub fn runs(pictures: &[Picture]) -> Vec<Run> {
    let grid = Options::grid();
    let mut runs = Vec::new();
    for (picture, content) in pictures.iter().enumerate() {
        for (index, &options) in grid.iter().enumerate() {
            let turn = (index * 7 + picture * OPTIONS_PER_DRAWING) % grid.len();
            // All candidates of a photograph would fill the file.
            let short = options.min_neighbors > 0 || options.scale_factor > 1.2;
            if if content.is_drawn() {
                turn < OPTIONS_PER_DRAWING
            } else {
                short
            } {
                runs.push(Run { picture, options });
            }
        }
    }
    runs
}

/// The file's text: a line per run.
pub fn write(pictures: &[Picture], runs: &[Run], opencv: &OpenCv) -> String {
    let sha256: Map<String, Value> = pictures
        .iter()
        .map(|picture| (picture.name.clone(), picture.sha256().into()))
        .collect();
    let lines: Vec<String> = runs
        .iter()
        .zip(&opencv.answers)
        .map(|(run, answer)| {
            let mut line = run.options.to_json();
            line["picture"] = pictures[run.picture].name.as_str().into();
            line["boxes"] = json!(answer.boxes);
            line.to_string()
        })
        .collect();
    format!(
        "{{\n\"opencv\": {},\n\"sha256\": {},\n\"runs\": [\n{}\n]\n}}\n",
        json!(opencv.version),
        serde_json::to_string_pretty(&sha256).expect("texts can be written"),
        lines.join(",\n")
    )
}

pub fn load() -> Reference {
    let text = fs::read_to_string(path()).expect("the reference is part of the repository");
    let file: Value = serde_json::from_str(&text).expect("the reference is JSON");
    let names: Vec<String> = pictures::committed()
        .into_iter()
        .map(|picture| picture.name)
        .collect();
    let lines = file["runs"].as_array().expect("a list of runs");
    let number = |value: &Value| value.as_u64().expect("a whole number") as u32;
    let runs = lines.iter().map(|line| Run {
        picture: names
            .iter()
            .position(|name| line["picture"] == name.as_str())
            .expect("a picture of the reference"),
        options: Options {
            scale_factor: line["scale_factor"].as_f64().expect("a number"),
            min_neighbors: number(&line["min_neighbors"]),
            min_size_px: number(&line["min_size_px"]),
            equalize: line["equalize"].as_bool().expect("true or false"),
        },
    });
    Reference {
        sha256: file["sha256"].as_object().expect("sums by name").clone(),
        runs: runs.collect(),
        boxes: lines
            .iter()
            .map(|line| boxes_from(&line["boxes"]))
            .collect(),
    }
}
