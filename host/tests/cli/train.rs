//! `mien train` and `mien quantize`: a run, a kill, a resumed run, a packed model.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mien_models::procedural::{Scene, plane};

use crate::made::write;
use crate::{failure, json, mien, stderr, stdout};

const RECIPE: &str = r#"
name = "small"
description = "Small enough for a test."
epochs = 4
batch = 14
seed = 5
select = "validation_accuracy"
ema_decay = 0.5
drop_path = 0.1
input = { kind = "raw" }
batch_norm = { momentum = 0.5, epsilon = 1e-3 }
augment = { flip = true, rotation_deg = 5.0 }
optimizer = { kind = "adamw", weight_decay = 0.01 }
schedule = { kind = "plateau", learning_rate = 2e-2, factor = 0.5, patience_epochs = 1 }
layers = [
  { kind = "conv", out = 4, stride = 2 },
  { kind = "residual", out = 6, stride = 2, se = 2, shortcut = "avg_pool" },
  { kind = "global_avg_pool" },
  { kind = "dropout", rate = 0.2 },
]
"#;

/// Drawings in seven brightnesses and structures: easy to tell apart, not trivial.
pub fn made_csv() -> String {
    let mut text = "emotion,pixels,Usage\n".to_owned();
    for i in 0..84u64 {
        let class = i % 7;
        let drawn = plane(Scene::ALL[class as usize % 5], i, 48, 48);
        let pixels: Vec<String> = drawn
            .pixels
            .iter()
            .map(|p| (u64::from(*p) / 2 + 18 * class).min(255).to_string())
            .collect();
        let usage = if i < 56 { "Training" } else { "PublicTest" };
        text += &format!("{class},{},{usage}\n", pixels.join(" "));
    }
    text
}

/// Data and a recipe for a run of a few seconds.
pub struct Made {
    folder: tempfile::TempDir,
    pub data: PathBuf,
    pub recipe: PathBuf,
}

pub fn made() -> Made {
    let folder = tempfile::tempdir().unwrap();
    let data = write(folder.path(), "fer2013.csv", made_csv());
    let recipe = write(folder.path(), "small.toml", RECIPE);
    Made {
        folder,
        data,
        recipe,
    }
}

impl Made {
    /// A path in the test's own folder, or the folder itself.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Changes the recipe.
    pub fn recipe(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(&self.recipe).unwrap();
        assert!(text.contains(from), "{from}");
        std::fs::write(&self.recipe, text.replace(from, to)).unwrap();
    }

    /// Arguments that start a run.
    pub fn start(&self, run: &Path) -> Vec<String> {
        let (data, recipe, run) = (self.data.display(), self.recipe.display(), run.display());
        format!("train|--data|{data}|--recipe|{recipe}|--run|{run}")
            .split('|')
            .map(str::to_owned)
            .collect()
    }
}

/// results.csv without its column of times.
pub fn curve(run: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(run.join("results.csv")).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.rsplit_once(',').map(|(row, _)| row.to_owned()))
        .collect()
}

#[test]
fn a_pack_trains_like_the_csv_it_came_from() {
    let mut made = made();
    let pack = made.folder.path().join("fer2013.mien");
    let (from, to) = (made.data.display(), pack.display());
    stdout(format!("data|pack|--data|{from}|--out|{to}").split('|'));
    let curves = ["csv", "pack"].map(|name| {
        let run = made.folder.path().join(name);
        let mut args = made.start(&run);
        args.extend(["--epochs", "1"].map(str::to_owned));
        stdout(args);
        made.data = pack.clone();
        curve(&run)
    });
    assert_eq!(curves[0].len(), 1 + 1, "a header and an epoch");
    assert_eq!(curves[0], curves[1]);
}

#[test]
fn a_killed_run_resumes_on_the_same_curve() {
    let made = made();
    let (whole, killed) = (
        made.folder.path().join("whole"),
        made.folder.path().join("killed"),
    );
    stdout(made.start(&whole));
    assert_eq!(curve(&whole).len(), 1 + 4, "a header and four epochs");

    let mut child = Command::new(env!("CARGO_BIN_EXE_mien"))
        .args(made.start(&killed))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while curve(&killed).len() < 2 {
        assert!(
            started.elapsed() < Duration::from_secs(120),
            "no epoch in two minutes"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    stdout(["train".as_ref(), "--resume".as_ref(), killed.as_os_str()]);
    assert_eq!(curve(&whole), curve(&killed));
}

#[test]
fn a_run_ends_with_plots_and_packs_into_a_model_that_evaluates_alike() {
    let made = made();
    let run = made.folder.path().join("run");
    stdout(made.start(&run));
    for file in [
        "config.toml",
        "results.csv",
        "curves.svg",
        "confusion.svg",
        "report.html",
        "best/net.mpk",
    ] {
        assert!(run.join(file).exists(), "{file}");
    }
    let page = std::fs::read_to_string(run.join("report.html")).unwrap();
    assert!(page.contains("Small enough for a test.") && page.contains("4 of 4"));
    // Loss, accuracy, learning rate, confusion, reliability and a curve for each of 7 classes.
    assert_eq!(page.matches("<svg").count(), 5 + 7);
    let packed = made.folder.path().join("small.postcard");
    let (run, model) = (run.display().to_string(), packed.display().to_string());
    let quantize = ["quantize", "--run", &run, "--out", &model];
    assert!(stdout(quantize).contains("version 1,"));
    assert!(
        stdout(quantize).contains("version 2,"),
        "a release replaces an older one"
    );

    let layers = json(["inspect", &model, "--json"]).to_string();
    for layer in ["scale channels", "dense, sigmoid", "avg pool 2x2"] {
        assert!(layers.contains(layer), "{layer}: {layers}");
    }

    let data = made.data.display().to_string();
    let report = json([
        "evaluate", "--model", &model, "--data", &data, "--split", "public", "--json",
    ]);
    let best: f64 = curve(Path::new(&run))[1..]
        .iter()
        .map(|row| row.split(',').nth(5).unwrap().parse::<f64>().unwrap())
        .fold(0.0, f64::max);
    let packed_accuracy = report["accuracy"].as_f64().unwrap();
    // 28 pictures: int8 may turn one verdict.
    assert!(
        (packed_accuracy - best).abs() <= 1.5 / 28.0,
        "{packed_accuracy} and {best}"
    );
    assert!(best > 0.3, "better than chance (1/7): {best}");
}

#[test]
fn pictures_set_aside_calibrate_the_packed_model() {
    let made = made();
    made.recipe(
        "input = { kind = \"raw\" }",
        "input = { kind = \"raw\" }\nhygiene = { calibration_share = 0.4 }",
    );
    let run = made.path("run");
    stdout(made.start(&run));
    let temperature = |options: &[&str]| {
        let out = made.path("out.postcard").display().to_string();
        let run = run.display().to_string();
        let arguments = ["quantize", "--run", &run, "--out", &out];
        let output = mien([&arguments, options].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        let model = json(["inspect", &out, "--json"]);
        (
            model["expression"]["temperature"].as_f64().unwrap(),
            stderr(&output),
        )
    };
    let (fitted, said) = temperature(&[]);
    assert!((fitted - 1.0).abs() > 1e-3, "{fitted}");
    assert!(said.contains("calibrated on"), "{said}");
    assert_eq!(temperature(&["--no-calibration"]).0, 1.0);
    let (_, said) = temperature(&["--min-recall", "happy=1"]);
    assert!(said.contains("happy: "), "{said}");
    assert!(said.contains("right verdicts"), "{said}");
    let out = made.path("other.postcard").display().to_string();
    let run = run.display().to_string();
    let arguments = ["quantize", "--run", &run, "--out", &out, "--min-recall"];
    let said = failure([&arguments[..], &["joy=0.5"]].concat());
    assert!(said.contains("no label joy"), "{said}");
    let output = mien([&arguments[..], &["happy=2"]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("LABEL=SHARE"));
}

#[test]
fn a_floor_without_pictures_set_aside_is_an_error_and_not_ignored() {
    let made = made();
    let run = made.path("run");
    stdout(made.start(&run));
    let (run, out) = (run.display().to_string(), made.path("out.postcard"));
    let path = out.display().to_string();
    let arguments = ["quantize", "--run", &run, "--out", &path];
    let said = failure([&arguments[..], &["--min-recall", "happy=0.9"]].concat());
    assert!(
        said.contains("set none") && said.contains("[hygiene]"),
        "{said}"
    );
    assert!(!out.exists());
}

#[test]
fn a_run_is_not_overwritten() {
    let made = made();
    let run = made.folder.path().join("run");
    let mut short = made.start(&run);
    short.extend(["--epochs".to_owned(), "1".to_owned()]);
    stdout(&short);
    let before = curve(&run);
    let message = failure(&short);
    assert!(
        message.contains("--resume") && message.contains("already holds a run"),
        "{message}"
    );
    assert_eq!(curve(&run), before);
}

#[test]
fn ctrl_c_stops_after_the_step_and_resumes_on_the_same_curve() {
    let made = made();
    let (whole, stopped) = (
        made.folder.path().join("whole"),
        made.folder.path().join("stopped"),
    );
    let start = |run: &Path| {
        let mut args = made.start(run);
        args.extend(["--epochs", "12", "--no-pictures"].map(str::to_owned));
        args
    };
    stdout(start(&whole));
    let page = std::fs::read_to_string(whole.join("report.html")).unwrap();
    assert!(page.contains("12 of 12") && !page.contains("data:image"));

    let child = Command::new(env!("CARGO_BIN_EXE_mien"))
        .args(start(&stopped))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let started = Instant::now();
    while curve(&stopped).len() < 2 {
        assert!(started.elapsed() < Duration::from_secs(120), "no epoch");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(stopped.join("config.toml").exists());
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(kill.unwrap().success());
    let output = child.wait_with_output().unwrap();
    let message = stderr(&output);
    let shown = stopped.display().to_string();
    assert!(message.contains(&format!("--resume {shown}")), "{message}");
    // Within an epoch, or between two.
    match output.status.code() {
        Some(130) => assert!(
            message.contains("training was stopped in epoch"),
            "{message}"
        ),
        code => assert_eq!(code, Some(0), "{message}"),
    }
    assert!(curve(&stopped).len() < 1 + 12, "the run was stopped");
    stdout(["train", "--resume", &shown, "--no-pictures"]);
    assert_eq!(curve(&whole), curve(&stopped));
}

#[test]
fn a_run_stops_itself_in_time_and_can_be_resumed() {
    let made = made();
    let run = made.folder.path().join("run");
    let mut limited = made.start(&run);
    limited.extend(["--max-minutes".to_owned(), "0".to_owned()]);
    let output = mien(&limited);
    assert!(output.status.success() && stderr(&output).contains("--resume"));
    assert_eq!(curve(&run).len(), 1 + 1);
}

#[test]
fn a_run_without_progress_stops_early_and_says_so() {
    let made = made();
    // A rate of almost 0 changes no verdict.
    let recipe = RECIPE
        .replace("seed = 5", "seed = 5\nearly_stop_epochs = 2")
        .replace("epochs = 4", "epochs = 50")
        .replace("learning_rate = 2e-2", "learning_rate = 1e-12");
    write(made.folder.path(), "small.toml", recipe);
    let run = made.folder.path().join("run");
    let output = mien(made.start(&run));
    let message = stderr(&output);
    assert!(output.status.success() && curve(&run).len() < 51);
    assert!(message.contains("stopped early"), "{message}");
    assert!(message.contains("mien quantize --run"), "{message}");
}

#[test]
fn what_cannot_be_trained_is_said() {
    let made = made();
    let run = made.folder.path().join("run");
    let no_fear: String = made_csv()
        .lines()
        .filter(|l| !l.starts_with("2,"))
        .fold(String::new(), |text, line| text + line + "\n");
    let data = write(made.folder.path(), "no-fear.csv", no_fear);
    let (data, recipe) = (
        data.display().to_string(),
        made.recipe.display().to_string(),
    );
    let run_arg = run.display().to_string();
    let message = failure([
        "train", "--data", &data, "--recipe", &recipe, "--run", &run_arg,
    ]);
    assert!(message.contains("\"fear\""), "{message}");
    assert!(!run.exists(), "nothing is left behind");

    let thin = RECIPE.replace("se = 2", "se = 7");
    let thin = write(made.folder.path(), "thin.toml", thin);
    let (whole, thin) = (made.data.display().to_string(), thin.display().to_string());
    let message = failure([
        "train", "--data", &whole, "--recipe", &thin, "--run", &run_arg,
    ]);
    assert!(
        message.contains("layer 2") && message.contains("se = 7"),
        "{message}"
    );
    assert!(!run.exists(), "nothing is left behind");

    let message = failure(["train", "--data", &data, "--recipe", "unheard-of"]);
    assert!(message.contains("compact"), "{message}");
    let message = failure(["train", "--resume", &run_arg]);
    assert!(message.contains("not a run folder"), "{message}");
    let message = failure(["quantize", "--run", &run_arg]);
    assert!(message.contains("not a run folder"), "{message}");
}

/// Training loss of a run's first epoch.
fn first_loss(run: &Path) -> f64 {
    let curve = curve(run);
    let loss = curve.get(1).and_then(|row| row.split(',').nth(2));
    loss.and_then(|loss| loss.parse().ok()).expect("an epoch")
}

#[test]
fn a_run_starts_from_another_s_weights_or_from_a_packed_model() {
    let made = made();
    let (run, packed) = (made.path("first"), made.path("first.postcard"));
    stdout(made.start(&run));
    let (from, to) = (run.display(), packed.display());
    stdout(format!("quantize|--run|{from}|--out|{to}").split('|'));
    for (name, init) in [("of-run", &run), ("of-file", &packed)] {
        let next = made.path(name);
        let (data, init, out) = (made.data.display(), init.display(), next.display());
        let line = format!("train|--data|{data}|--init|{init}|--run|{out}|--plain");
        stdout(line.split('|'));
        let (loss, scratch) = (first_loss(&next), first_loss(&run));
        assert!(loss < 0.95 * scratch, "{name}: {loss} {scratch}");
        // A fifth of four epochs, a tenth of the learning rate.
        assert_eq!(curve(&next).len(), 1 + 1);
        let config = std::fs::read_to_string(next.join("config.toml")).unwrap();
        assert!(
            config.contains("init = ") && config.contains("learning_rate = 0.002"),
            "{config}"
        );
    }
    // Of another network.
    let (data, out) = (made.data.display(), made.path("none"));
    made.recipe("out = 6", "out = 8");
    let (recipe, out) = (made.recipe.display(), out.display());
    let line = format!("train|--data|{data}|--init|{from}|--recipe|{recipe}|--run|{out}");
    assert!(failure(line.split('|')).contains("another shape"));
}

#[test]
fn labelled_folders_of_one_s_own_train() {
    let made = made();
    let classes = [
        "angry", "disgust", "fear", "happy", "sad", "surprise", "neutral",
    ];
    for (number, row) in made_csv().lines().skip(1).enumerate() {
        let mut columns = row.split(',');
        let class: usize = columns.next().unwrap().parse().unwrap();
        let pixels = columns.next().unwrap().split(' ');
        let pixels = pixels.map(|p| p.parse().unwrap()).collect();
        let split = match columns.next().unwrap() {
            "Training" => "train",
            _ => "validation",
        };
        let folder = made.path("own").join(split).join(classes[class]);
        std::fs::create_dir_all(&folder).unwrap();
        let picture = image::GrayImage::from_raw(48, 48, pixels).unwrap();
        picture
            .save(folder.join(format!("{number:03}.png")))
            .unwrap();
    }
    let run = made.path("of-folders");
    let (data, recipe, out) = (made.path("own"), made.recipe.display(), run.display());
    let data = data.display();
    let line = format!("train|--data|{data}|--recipe|{recipe}|--run|{out}|--epochs|1");
    stdout(line.split('|'));
    assert!(first_loss(&run) < 3.0);
}
