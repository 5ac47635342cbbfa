//! `mien quantize`: a run's weights to one packed model file.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use burn::backend::Flex;
use clap::ValueEnum;
use mien_host::dataset::hygiene;
use mien_host::evaluate::{Flip, evaluate};
use mien_host::model_file;
use mien_host::progress::Progress;
use mien_host::quantize::calibrate::{self, Calibration};
use mien_host::quantize::floor::{self, Scored};
use mien_host::quantize::fold::fold_net;
use mien_host::quantize::pack::{PackedNetwork, Precision, pack};
use mien_host::train::config::RunConfig;
use mien_host::train::net::Net;
use mien_host::train::plan::Plan;
use mien_host::train::{checkpoint, results};
use mien_models::container::Header;
use mien_models::expression_model::{Figure, ModelCard};
use mien_models::label::Labels;

use crate::commands::source::Sources;

/// Fold BatchNorm, quantize to int8 and pack a run's weights.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien quantize --run runs/compact --out models/expression.postcard
  mien quantize --run runs/compact --min-recall disgust=0.65        miss fewer of a rare one
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
    /// The run's data set, if it is elsewhere now: pictures of it set aside by the recipe's `[hygiene]`
    /// calibrate the model.
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// FERPlus's votes, if they are elsewhere now.
    #[arg(long, value_name = "FILE")]
    ferplus: Option<PathBuf>,
    /// Leave temperature and class offsets as they are.
    #[arg(long, conflicts_with_all = ["data", "ferplus"])]
    no_calibration: bool,
    /// Raise a label's offset until this share of its pictures set aside is recognized, at the cost of
    /// others. May be given several times; a later one may take from an earlier one.
    #[arg(long, value_name = "LABEL=SHARE", value_parser = parse_floor, conflicts_with = "no_calibration")]
    min_recall: Vec<(String, f64)>,
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
            let best = checkpoint::load_best(&fresh, &args.run.join("best"), &device)?;
            (best, best_row(&rows, recipe.select))
        }
        Which::Last => {
            let rows = results::read(&args.run.join("results.csv"), usize::MAX)?;
            let last = checkpoint::load_average(&fresh, &args.run.join("last"), &device)?;
            (last, rows.last().copied())
        }
    };
    let (convs, denses) = fold_net(&net, recipe.batch_norm);
    let precision = match args.precision {
        Stored::Int8 => Precision::Int8,
        Stored::Float => Precision::Float,
    };
    let mut network = PackedNetwork::new(&plan, &convs, &denses, precision);
    let mut temperature = 1.0;
    let calibration = calibrate(&args, &config, &network, &labels)?;
    if let Some(fitted) = &calibration {
        network.shift_logits(&fitted.offsets);
        temperature = fitted.temperature as f32;
    }
    let losses = calibration.iter().flat_map(|fitted| {
        let [before, after] = fitted.loss;
        let figure = |name, value| Figure { name, value };
        [
            figure("calibration_loss_before", before),
            figure("calibration_loss", after),
        ]
    });
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
    let mut data = format!("FER2013 Training; epoch chosen on {}", config.validation);
    if let Some(init) = &config.init {
        let name = init.file_name().unwrap_or(init.as_os_str());
        data += &format!("; weights started from {}", name.display());
    }
    let card = ModelCard {
        name: &recipe.name,
        data: &data,
        recipe: &recipe_text,
        date: &date,
        licence: "MIT OR Apache-2.0",
        notes: NOTES,
        figures: figures.chain(losses).collect(),
    };
    let version = match args.model_version {
        Some(version) => version,
        None => next_version(&args.out)?,
    };
    let bytes = pack(
        &network,
        recipe.input.preprocessing(),
        &labels,
        temperature,
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

/// Temperature and offsets of least cross-entropy on the pictures that the recipe's hygiene set
/// aside, judged by the packed network as the device runs it.
fn calibrate(
    args: &Args,
    config: &RunConfig,
    network: &PackedNetwork,
    labels: &Labels,
) -> anyhow::Result<Option<Calibration>> {
    let floors = floors(&args.min_recall, labels)?;
    let hygiene = config.recipe.hygiene.filter(|h| h.calibration_share > 0.0);
    let (Some(hygiene), false) = (hygiene, args.no_calibration) else {
        if !floors.is_empty() {
            bail!(
                "--min-recall needs pictures that were not fitted to, and the run's recipe set none \
                 aside: train it with [hygiene]"
            );
        }
        return Ok(None);
    };
    let mut sources = Sources::of_run(config);
    sources.data = args.data.as_deref().unwrap_or(sources.data);
    sources.ferplus = args.ferplus.as_deref().or(sources.ferplus);
    let dataset = sources.open().context(
        "the run's data set calibrates the model; --data gives its new place, --no-calibration \
         goes without",
    )?;
    let pictures = hygiene::curate(&dataset, &hygiene).calibration;
    if pictures.is_empty() {
        if !floors.is_empty() {
            bail!("--min-recall: the data set is too small to have set pictures aside");
        }
        eprintln!("not calibrated: the data set is too small to have set pictures aside");
        return Ok(None);
    }
    let card = ModelCard {
        name: "",
        data: "",
        recipe: "",
        date: "",
        licence: "",
        notes: "",
        figures: vec![],
    };
    let preprocessing = config.recipe.input.preprocessing();
    let plain = pack(network, preprocessing, labels, 1.0, card, 1)?;
    let judged = evaluate(&plain, &dataset, &pictures, Flip::Off, Progress::auto())
        .context("cannot calibrate the model")?;
    let predictions = &judged.predictions;
    let indices = 0..predictions.len();
    // At temperature 1 these are the logits, but for a constant per picture that changes nothing.
    let logarithm = |p: &f64| p.max(f64::MIN_POSITIVE).ln() as f32;
    let logits: Vec<f32> = indices
        .clone()
        .flat_map(|i| predictions.probabilities(i).iter().map(logarithm))
        .collect();
    let truths: Vec<usize> = indices.map(|i| predictions.outcome(i).truth).collect();
    let mut fitted = calibrate::fit(&logits, &truths, labels.len(), true);
    let [before, after] = fitted.loss;
    eprintln!(
        "calibrated on {} pictures: temperature {:.3}, cross-entropy {before:.4} -> {after:.4}",
        truths.len(),
        fitted.temperature
    );
    let scored = Scored {
        logits: &logits,
        truths: &truths,
        labels: labels.len(),
    };
    for (index, share) in floors {
        let raised = floor::raise(&mut fitted, scored, index, share);
        let ([known, now], [right, after]) = (raised.recognized, raised.right);
        eprintln!(
            "{}: {known} of {} pictures recognized -> {now}, right verdicts {right} -> {after}",
            labels.iter().nth(index).unwrap_or_default(),
            raised.pictures
        );
    }
    Ok(Some(fitted))
}

/// The labels' numbers and their shares.
fn floors(wanted: &[(String, f64)], labels: &Labels) -> anyhow::Result<Vec<(usize, f64)>> {
    let number = |(label, share): &(String, f64)| {
        let index = labels.iter().position(|l| l == label).with_context(|| {
            let known: Vec<&str> = labels.iter().collect();
            let known = known.join(", ");
            format!("--min-recall: no label {label}; there are {known}")
        })?;
        Ok((index, *share))
    };
    wanted.iter().map(number).collect()
}

/// `LABEL=SHARE`.
fn parse_floor(text: &str) -> Result<(String, f64), String> {
    let wrong =
        || format!("expected LABEL=SHARE with a share of 0 to 1, such as disgust=0.6, not {text}");
    let (label, share) = text.split_once('=').ok_or_else(wrong)?;
    let share: f64 = share.parse().map_err(|_| wrong())?;
    if (0.0..=1.0).contains(&share) {
        Ok((label.to_owned(), share))
    } else {
        Err(wrong())
    }
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
