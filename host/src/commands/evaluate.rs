//! `mien evaluate`: judges a packed model with the device's inference code.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::ValueEnum;
use mien_host::dataset::{Dataset, Split};
use mien_host::evaluate::{Evaluation, Flip, Report, evaluate};
use mien_host::progress::Progress;
use mien_host::report::{self, Evaluated, Mistakes};
use mien_host::{model_file, signing};
use mien_models::embedded;

use crate::commands;
use crate::commands::data_args::DataArgs;
use crate::commands::table;

/// Arguments of `mien evaluate`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien evaluate --model models/expression.postcard --data fer2013.csv --split public
  mien evaluate --model my.postcard --data faces/ --split all --flip --json
  mien evaluate --model my.postcard --data fer2013.csv --split public --html
  mien evaluate --model my.postcard --data faces/ --split all --html shown.html --no-pictures")]
pub struct Args {
    /// A packed expression model.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    #[command(flatten)]
    data: DataArgs,
    /// The part of the data to judge by.
    #[arg(long, value_enum)]
    split: SplitArg,
    /// Average the probabilities of each picture and its mirror image.
    #[arg(long)]
    flip: bool,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
    /// Also write a report as one HTML page: to this file (.html) or into this folder [default:
    /// runs/evaluate/MODEL-SPLIT.html]. It contains pictures of the data set.
    #[arg(long, value_name = "PATH", num_args = 0..=1)]
    html: Option<Option<PathBuf>>,
    /// Leave the data set's pictures out of the report.
    #[arg(long, requires = "html")]
    no_pictures: bool,
}

/// The parts that can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SplitArg {
    /// FER2013's Training, or a folder `train`.
    Training,
    /// FER2013's PublicTest, or a folder `validation`.
    Public,
    /// FER2013's PrivateTest, or a folder `test`.
    Private,
    /// Everything, also pictures in folders per class alone.
    All,
}

/// Reads model and data, runs the model and prints its figures.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let model = args.model.display();
    let file = std::fs::read(&args.model).with_context(|| format!("cannot read {model}"))?;
    let data = args.data.open(Progress::auto())?;
    let indices = chosen(&data, args.split);
    if indices.is_empty() {
        bail!(
            "{} has no pictures in this split; it has {}",
            args.data.path().display(),
            splits_of(&data)
        );
    }
    let flip = match (args.flip, &args.html) {
        (true, _) => Flip::Average,
        (false, Some(_)) => Flip::Compare,
        (false, None) => Flip::Off,
    };
    let judged = evaluate(&file, &data, &indices, flip, Progress::auto())
        .with_context(|| format!("cannot evaluate {model}"))?;
    if !embedded::is_bundled(&file) && !signing::signature_path(&args.model).exists() {
        eprintln!("note: {model} is unsigned");
    }
    let report = &judged.report;
    let text = if args.json {
        serde_json::to_string_pretty(report)? + "\n"
    } else {
        describe(report)
    };
    commands::print(&text)?;
    if args.html.is_some() {
        write_html(&args, &judged, &data, &indices)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn write_html(
    args: &Args,
    judged: &Evaluation,
    data: &Dataset,
    indices: &[u32],
) -> anyhow::Result<()> {
    let mistakes = Mistakes {
        pixels: &|i| data.pixels(indices[i] as usize),
        number: &|i| indices[i],
    };
    let source = args.data.path();
    let name = source.file_name().unwrap_or(source.as_os_str());
    let page = report::evaluation(&Evaluated {
        evaluation: judged,
        data: &format!("{}, {}", name.display(), args.split.description()),
        date: &time::OffsetDateTime::now_utc().date().to_string(),
        mistakes: (!args.no_pictures).then_some(mistakes),
    })?;
    let report_path = html_path(args);
    let shown = report_path.display();
    if let Some(folder) = report_path.parent() {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
    }
    model_file::write(&report_path, page.as_bytes())
        .with_context(|| format!("cannot write {shown}"))?;
    match args.no_pictures {
        true => eprintln!("report: {shown}"),
        false => eprintln!("report: {shown} (with pictures of the data set: not for publication)"),
    }
    Ok(())
}

/// Always a name that ends in `.html` or `.htm`: never the data or the model.
fn html_path(args: &Args) -> PathBuf {
    let given = args.html.clone().flatten();
    match given {
        Some(path) if path.extension().is_some_and(|e| e == "html" || e == "htm") => path,
        Some(folder) => folder.join("evaluation.html"),
        None => {
            let model = args.model.file_stem().unwrap_or_default();
            let split = args.split.name();
            PathBuf::from(format!("runs/evaluate/{}-{split}.html", model.display()))
        }
    }
}

impl SplitArg {
    fn name(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Public => "public",
            Self::Private => "private",
            Self::All => "all",
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::Training => Split::Training.name(),
            Self::Public => Split::PublicTest.name(),
            Self::Private => Split::PrivateTest.name(),
            Self::All => "all splits",
        }
    }
}

/// Indices of a split's pictures.
pub fn chosen(data: &Dataset, split: SplitArg) -> Vec<u32> {
    match split {
        SplitArg::Training => data.indices_of(Split::Training),
        SplitArg::Public => data.indices_of(Split::PublicTest),
        SplitArg::Private => data.indices_of(Split::PrivateTest),
        SplitArg::All => (0..data.len() as u32).collect(),
    }
}

/// What splits there are, for messages.
pub fn splits_of(data: &Dataset) -> String {
    let present = Split::ALL.into_iter().filter_map(|split| {
        let count = data.indices_of(split).len();
        (count > 0).then(|| format!("{count} in {}", split.name()))
    });
    present.collect::<Vec<_>>().join(", ")
}

fn describe(report: &Report) -> String {
    let percent = |share: f64| format!("{:.2}%", 100.0 * share);
    let [low, high] = report.figures.accuracy_ci95.map(percent);
    let accuracy = format!(
        "{} (95% interval {low} to {high})",
        percent(report.figures.accuracy)
    );
    let averaged = if report.flip_averaged {
        ", each with its mirror image"
    } else {
        ""
    };
    let mut text = String::new();
    let ferplus = report.ferplus.as_ref().map(|ferplus| {
        let [low, high] = ferplus.accuracy_ci95.map(percent);
        format!(
            "{} of {} pictures (95% interval {low} to {high}); their labels agree in {}",
            percent(ferplus.accuracy),
            ferplus.n,
            percent(ferplus.label_agreement)
        )
    });
    for (name, value) in [
        ("pictures", format!("{}{averaged}", report.figures.n)),
        ("accuracy", accuracy),
        ("four groups", percent(report.figures.four_group_accuracy)),
        ("macro F1", percent(report.figures.macro_f1)),
        ("calibration error", percent(report.figures.ece)),
        ("FERPlus majority", ferplus.unwrap_or_default()),
        ("model sha256", report.model_sha256.clone()),
    ] {
        if value.is_empty() {
            continue;
        }
        text += &format!("{name:<18} {value}\n");
    }
    text.push('\n');
    text += &table::confusion(&report.figures.recall, &report.figures.confusion);
    text
}
