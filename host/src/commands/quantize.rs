//! `mien quantize`: a run's weights to one packed model file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use burn::backend::Flex;
use clap::ValueEnum;
use mien_host::model_file;
use mien_host::quantize::fold::fold_net;
use mien_host::quantize::pack::{PackedNetwork, Precision, pack};
use mien_host::train::config::RunConfig;
use mien_host::train::net::Net;
use mien_host::train::plan::Plan;
use mien_host::train::{checkpoint, results};
use mien_models::container::Header;
use mien_models::expression_model::{Figure, ModelCard};

/// Fold BatchNorm, quantize to int8 and pack a run's weights.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien quantize --run runs/compact --out models/expression.postcard
  mien quantize --run runs/compact --precision float --out float.postcard   see what int8 costs")]
pub struct Args {
    /// Run folder of `mien train`.
    #[arg(long)]
    run: PathBuf,
    /// Which of the run's weights.
    #[arg(long, value_enum, default_value_t = Which::Best)]
    weights: Which,
    /// How weights are stored.
    #[arg(long, value_enum, default_value_t = Stored::Int8)]
    precision: Stored,
    /// The file to write.
    #[arg(long, default_value = "models/expression.postcard")]
    out: PathBuf,
    /// Version in the file, rising with every release [default: one above the version of the file
    /// that is replaced, else 1].
    #[arg(long)]
    model_version: Option<u64>,
    /// ISO 8601 date for the model card [default: today].
    #[arg(long)]
    date: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Which {
    /// The best epoch's.
    Best,
    /// The last epoch's (averaged).
    Last,
}

#[derive(Clone, Copy, ValueEnum)]
enum Stored {
    /// One byte per weight, one scale per output channel.
    Int8,
    /// Four bytes per weight.
    Float,
}

const NOTES: &str = "Estimates the expression a face shows, not what a person feels. Trained on \
    FER2013: labels are noisy and groups of people are unevenly represented. Not for judging \
    people; inferring emotions at work or in schools is prohibited in the EU (AI Act, Art. 5(1)(f)).";

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let config = RunConfig::read(&args.run)?;
    let labels = config.labels()?;
    let recipe = &config.recipe;
    let plan = Plan::new(recipe, labels.len())?;
    let device = Default::default();
    let fresh = Net::<Flex>::new(&plan, recipe.seed, &device);
    let (net, epoch) = match args.weights {
        Which::Best => {
            let rows = results::read(&args.run.join("results.csv"), usize::MAX)?;
            let best = checkpoint::load_best(fresh, &args.run.join("best"), &device)?;
            (best, best_row(&rows, recipe.select))
        }
        Which::Last => {
            let rows = results::read(&args.run.join("results.csv"), usize::MAX)?;
            let last = args.run.join("last").join("average");
            (
                checkpoint::load_net(fresh, &last, &device)?,
                rows.last().copied(),
            )
        }
    };
    let (convs, denses) = fold_net(&net, recipe.batch_norm);
    let precision = match args.precision {
        Stored::Int8 => Precision::Int8,
        Stored::Float => Precision::Float,
    };
    let network = PackedNetwork::new(&plan, &convs, &denses, precision);
    let figures = epoch.iter().flat_map(|row| {
        [
            Figure {
                name: "epoch",
                value: row.epoch as f64,
            },
            Figure {
                name: "validation_accuracy_float",
                value: row.val_accuracy,
            },
            Figure {
                name: "validation_loss_float",
                value: row.val_loss,
            },
        ]
    });
    let recipe_text = toml::to_string(recipe)?;
    let date = match args.date {
        Some(date) => date,
        None => time::OffsetDateTime::now_utc().date().to_string(),
    };
    let data = format!("FER2013 Training; epoch chosen on {}", config.validation);
    let card = ModelCard {
        name: &recipe.name,
        data: &data,
        recipe: &recipe_text,
        date: &date,
        licence: "MIT OR Apache-2.0",
        notes: NOTES,
        figures: figures.collect(),
    };
    let version = match args.model_version {
        Some(version) => version,
        None => next_version(&args.out)?,
    };
    let bytes = pack(
        &network,
        recipe.input.preprocessing(),
        &labels,
        1.0,
        card,
        version,
    )?;
    model_file::write(&args.out, &bytes)
        .with_context(|| format!("cannot write {}", args.out.display()))?;
    super::print(&format!(
        "{}: {} bytes, version {version}, {} labels, {} parameters\n",
        args.out.display(),
        bytes.len(),
        labels.len(),
        plan.parameters()
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn best_row(
    rows: &[results::EpochRow],
    select: mien_host::train::recipe::Select,
) -> Option<results::EpochRow> {
    use mien_host::train::recipe::Select;
    let better = |a: &results::EpochRow, b: &results::EpochRow| match select {
        Select::ValidationLoss => b.val_loss < a.val_loss,
        Select::ValidationAccuracy => b.val_accuracy > a.val_accuracy,
    };
    rows.iter()
        .copied()
        .reduce(|a, b| if better(&a, &b) { b } else { a })
}

/// One above the version of the model that `path` holds, 1 where there is none.
fn next_version(path: &Path) -> anyhow::Result<u64> {
    if !path.exists() {
        return Ok(1);
    }
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    match Header::parse(&bytes) {
        Ok(header) => Ok(header.model_version.saturating_add(1)),
        Err(e) => bail!(
            "{} exists and is not a model file ({e}); choose another --out",
            path.display()
        ),
    }
}
