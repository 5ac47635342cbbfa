//! `mien baseline`.

use crate::made::write;
use crate::train::made_csv;
use crate::{failure, json, stdout};

#[test]
fn figures_and_plot_of_made_drawings() {
    let folder = tempfile::tempdir().unwrap();
    let data = write(folder.path(), "fer2013.csv", made_csv());
    let plot = folder.path().join("confusion.svg");
    let args = format!(
        "baseline|--data|{}|--plot|{}",
        data.display(),
        plot.display()
    );
    let text = stdout(args.split('|'));
    assert!(
        text.contains("truth \\ verdict") && text.contains("macro F1"),
        "{text}"
    );
    let svg = std::fs::read_to_string(&plot).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("surprise"));

    let report = json(args.split('|').chain(["--json"]));
    assert_eq!(report["n"], 28);
    let counts = report["confusion"].as_array().unwrap();
    let rows: Vec<u64> = counts
        .iter()
        .map(|row| {
            row.as_array()
                .unwrap()
                .iter()
                .filter_map(|count| count.as_u64())
                .sum()
        })
        .collect();
    assert_eq!(rows, [4; 7], "four drawings of each class");
    assert!(report["accuracy"].as_f64().unwrap() > 2.0 / 7.0, "{report}");
}

#[test]
fn data_without_an_evaluation_split_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let only_training = made_csv().replace("PublicTest", "Training");
    let data = write(folder.path(), "fer2013.csv", only_training);
    let message = failure(format!("baseline|--data|{}", data.display()).split('|'));
    assert!(message.contains("no PublicTest split"), "{message}");
}
