//! `mien train`: a recipe and a data set to a run folder.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use burn::backend::{Autodiff, Flex};
#[cfg(feature = "cuda")]
use burn::backend::{Cuda, cuda::CudaDevice};
use burn::tensor::backend::AutodiffBackend;
#[cfg(feature = "cuda")]
use burn::tensor::backend::{Backend, DeviceOps};
use clap::ValueEnum;
use mien_host::plot;
use mien_host::progress::Progress;
use mien_host::report::{self, Mistakes, Trained};
use mien_host::train::config::RunConfig;
use mien_host::train::data::Prepared;
use mien_host::train::init::Init;
use mien_host::train::ops::{TrainOps, flex};
#[cfg(feature = "collective")]
use mien_host::train::peers::train_together;
use mien_host::train::plan::Plan;
use mien_host::train::recipe::{BUILTIN, Recipe};
use mien_host::train::results::{self, EpochRow};
use mien_host::train::run::{Event, TrainError, train};
use mien_host::train::validate::Validation;

use crate::commands::source::Sources;
use crate::commands::train_view::{INTERRUPTED, Subject, View};

/// What is trained unless told otherwise.
const DEFAULT_RECIPE: &str = "deep";

/// Train a network.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien train --data fer2013.csv                     train the compact recipe
  mien train --data fer2013.csv --recipe seed       train the network Mien grew from
  mien train --resume runs/compact                  go on after a kill, from the last epoch
  mien train --data faces/ --recipe my.toml --run runs/mine
  mien train --data faces/ --init runs/deep         go on from trained weights, on other pictures
  mien train --data faces/ --init models/expression.postcard --run runs/mine")]
pub struct Args {
    /// FER2013 as a file or folder (`mien data inspect` shows what it holds).
    #[arg(long, required_unless_present_any = ["resume", "list"])]
    data: Option<PathBuf>,
    /// FERPlus's votes, fer2013new.csv (a file of `mien data pack` may hold them already).
    #[arg(long, value_name = "FILE")]
    ferplus: Option<PathBuf>,
    /// Another data set that will judge the model: where the recipe has `[hygiene]`, its pictures
    /// leave Training as PublicTest's do. May be given several times.
    #[arg(long, value_name = "PATH")]
    evaluation: Vec<PathBuf>,
    /// The teachers' pack, for recipes with `[distillation]`.
    #[arg(long, value_name = "FILE")]
    teacher: Option<PathBuf>,
    /// A built-in recipe or a TOML file [default: deep; with --init, the one that made the weights,
    /// with a tenth of the learning rate and a fifth of the epochs].
    #[arg(long, conflicts_with = "resume")]
    recipe: Option<String>,
    /// Start from the weights of a run's best epoch (its folder) or of a packed model (a file).
    #[arg(long, value_name = "RUN|FILE", conflicts_with = "resume")]
    init: Option<PathBuf>,
    /// Folder for results and weights [default: runs/RECIPE, with a number if that exists].
    #[arg(long, conflicts_with = "resume")]
    run: Option<PathBuf>,
    /// Go on with a run from its newest checkpoint.
    #[arg(long, value_name = "RUN")]
    resume: Option<PathBuf>,
    /// Override the recipe's number of epochs.
    #[arg(long, conflicts_with = "resume")]
    epochs: Option<usize>,
    /// Override the recipe's highest learning rate.
    #[arg(long, conflicts_with = "resume")]
    learning_rate: Option<f64>,
    /// Override the recipe's seed.
    #[arg(long, conflicts_with = "resume")]
    seed: Option<u64>,
    /// Stop after the epoch that would otherwise be followed by one ending after this many
    /// minutes; `--resume` goes on.
    #[arg(long)]
    max_minutes: Option<f64>,
    /// Where to compute.
    #[arg(long, value_enum, default_value_t = Device::Cpu)]
    device: Device,
    /// Train with this many peers, a GPU each; every step takes so many batches [default: 1, or
    /// those the run was started with].
    #[cfg(feature = "collective")]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    peers: Option<u8>,
    /// Precision of feature maps on the CPU.
    #[arg(long, value_enum, default_value_t = PrecisionArg::Auto)]
    precision: PrecisionArg,
    /// Leave the data set's pictures out of report.html.
    #[arg(long)]
    no_pictures: bool,
    /// Plain lines instead of the dashboard, also on a terminal.
    #[arg(long)]
    plain: bool,
    /// List the built-in recipes.
    #[arg(long)]
    list: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Device {
    /// The CPU, all cores.
    Cpu,
    /// An NVIDIA GPU.
    #[cfg(feature = "cuda")]
    Cuda,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PrecisionArg {
    /// bfloat16 maps and factors, f32 sums where the CPU has the instructions, else f32.
    Auto,
    /// f32 throughout.
    F32,
}

impl Args {
    fn progress(&self) -> Progress {
        match self.plain {
            true => Progress::Lines,
            false => Progress::auto(),
        }
    }
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    if args.list {
        let names: Vec<String> = BUILTIN
            .iter()
            .map(|(name, _)| Recipe::open(name).map(|r| format!("{name:<12} {}\n", r.description)))
            .collect::<Result<_, _>>()?;
        super::print(&names.concat())?;
        return Ok(ExitCode::SUCCESS);
    }
    let (folder, config, prepared) = match &args.resume {
        Some(folder) => resume(folder, &args)?,
        None => start(&args)?,
    };
    let peers = usize::from(args.peers().unwrap_or(config.peers));
    if peers > 1 && !cfg!(feature = "collective") {
        bail!(
            "{} is of {peers} peers, which a build with the feature `collective` has",
            folder.display()
        );
    }
    match args.device {
        Device::Cpu => {
            flex::set_precision(match args.precision {
                PrecisionArg::Auto => flex::Precision::Bf16,
                PrecisionArg::F32 => flex::Precision::F32,
            });
            let devices = vec![Default::default(); peers];
            train_on::<Autodiff<Flex>>(&args, &folder, &config, &prepared, &devices)
        }
        #[cfg(feature = "cuda")]
        Device::Cuda => {
            let devices: Vec<_> = (0..peers).map(CudaDevice::new).collect();
            let found = <Cuda as Backend>::device_count(devices[0].id().type_id);
            if peers > 1 && peers > found {
                bail!(
                    "{peers} peers need a GPU each, and there are {found}: go on with --resume {} \
                     --peers {found}",
                    folder.display()
                );
            }
            train_on::<Autodiff<Cuda>>(&args, &folder, &config, &prepared, &devices)
        }
    }
}

impl Args {
    /// What `--peers` says.
    fn peers(&self) -> Option<u8> {
        #[cfg(feature = "collective")]
        return self.peers;
        #[cfg(not(feature = "collective"))]
        None
    }
}

fn resume(folder: &Path, args: &Args) -> anyhow::Result<(PathBuf, RunConfig, Prepared)> {
    let config = RunConfig::read(folder)?;
    let sources = Sources {
        data: args.data.as_deref().unwrap_or(&config.data),
        ferplus: args.ferplus.as_deref().or(config.ferplus.as_deref()),
        evaluation: if args.evaluation.is_empty() {
            &config.evaluation
        } else {
            &args.evaluation
        },
        progress: args.progress(),
    };
    let pack = args.teacher.as_deref().or(config.teacher.as_deref());
    let prepared = sources
        .with_teachers(&config.recipe, pack)
        .context("the run's data set is needed to go on; --data gives its new place")?;
    if config.labels()? != prepared.labels {
        bail!("the data's labels are not those the run was started with");
    }
    Ok((folder.to_owned(), config, prepared))
}

fn start(args: &Args) -> anyhow::Result<(PathBuf, RunConfig, Prepared)> {
    let init = args.init.as_deref().map(open_init).transpose()?;
    let mut recipe = match (&args.recipe, &init) {
        (Some(recipe), _) => Recipe::open(recipe)?,
        (None, Some(init)) => init.recipe.clone().fine_tuning(),
        (None, None) => Recipe::open(DEFAULT_RECIPE)?,
    };
    if let Some(rate) = args.learning_rate {
        recipe.schedule = recipe.schedule.with_highest(rate);
    }
    recipe.epochs = args.epochs.unwrap_or(recipe.epochs);
    recipe.seed = args.seed.unwrap_or(recipe.seed);
    recipe.check()?;
    let data = args
        .data
        .clone()
        .context("--data is needed to start a run")?;
    let sources = Sources {
        data: &data,
        ferplus: args.ferplus.as_deref(),
        evaluation: &args.evaluation,
        progress: args.progress(),
    };
    let prepared = sources.with_teachers(&recipe, args.teacher.as_deref())?;
    // Before there is a folder of a run that cannot be.
    Plan::new(&recipe, prepared.labels.len())?;
    let folder = match &args.run {
        Some(folder) => folder.clone(),
        None => free_folder(&recipe.name),
    };
    if folder.join("config.toml").exists() {
        bail!(
            "{0} already holds a run: go on with --resume {0}, or choose another --run",
            folder.display()
        );
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    if let (Some(init), Some(path)) = (&init, &args.init) {
        let (labels, training) = (&prepared.labels, &prepared.data.training);
        init.start::<Autodiff<Flex>>(&recipe, labels, training, &folder, &Default::default())
            .with_context(|| format!("cannot start from {}", path.display()))?;
    }
    let config = RunConfig {
        data: absolute(&data),
        init: args.init.as_deref().map(absolute),
        ferplus: args.ferplus.as_deref().map(absolute),
        evaluation: args.evaluation.iter().map(|path| absolute(path)).collect(),
        teacher: args.teacher.as_deref().map(absolute),
        labels: prepared.labels.iter().map(str::to_owned).collect(),
        validation: prepared.validation.clone(),
        peers: args.peers().unwrap_or(1),
        recipe,
    };
    config.write(&folder)?;
    Ok((folder, config, prepared))
}

fn open_init(path: &Path) -> anyhow::Result<Init> {
    Init::open(path).with_context(|| format!("cannot start from {}", path.display()))
}

fn absolute(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// `runs/name`, or the first of `runs/name-2`, `runs/name-3`, … that does not exist.
fn free_folder(name: &str) -> PathBuf {
    let first = Path::new("runs").join(name);
    let numbered = (2..).map(|n| Path::new("runs").join(format!("{name}-{n}")));
    std::iter::once(first)
        .chain(numbered)
        .find(|f| !f.exists())
        .unwrap_or_default()
}

fn train_on<B>(
    args: &Args,
    folder: &Path,
    config: &RunConfig,
    prepared: &Prepared,
    devices: &[B::Device],
) -> anyhow::Result<ExitCode>
where
    B: AutodiffBackend + TrainOps,
    B::InnerBackend: TrainOps,
{
    let recipe = &config.recipe;
    let plan = Plan::new(recipe, prepared.labels.len())?;
    if prepared.without_votes {
        eprintln!(
            "warning: without FERPlus's votes the recipe's [ferplus] does nothing, and the model will \
             be about a point less accurate: give fer2013new.csv with --ferplus"
        );
    }
    let subject = Subject {
        folder,
        facts: format!(
            "{} parameters, {} pictures to fit, {} to choose by",
            plan.parameters(),
            prepared.data.training.len(),
            prepared.data.validation.len()
        ),
        recipe,
    };
    let mut rows = results::read(&folder.join("results.csv"), recipe.epochs)?;
    let mut view = View::start(&subject, rows.clone(), args.progress())?;
    let writer = RunReport {
        folder,
        config,
        prepared,
        parameters: plan.parameters() as u64,
        with_pictures: !args.no_pictures,
    };
    let (started, mut epochs) = (Instant::now(), 0);
    let limit = args
        .max_minutes
        .map(|m| Duration::from_secs_f64(m.max(0.0) * 60.0));
    let mut best: Option<(usize, Validation)> = None;
    let on_event = |event: Event<'_>| {
        view.show(&event);
        if let Event::Epoch {
            row,
            validation,
            best: is_best,
        } = event
        {
            rows.retain(|known| known.epoch < row.epoch);
            rows.push(*row);
            if is_best {
                best = Some((row.epoch, validation.clone()));
            }
            // A run that is killed leaves the plots of its last epoch. After a resumption the
            // best epoch's verdicts are known again at the end or when a better one comes.
            let written = best
                .as_ref()
                .map(|(epoch, validation)| writer.write(&rows, *epoch, validation));
            if let Some(Err(error)) = written {
                view.say(format!("no report: {error:#}"));
            }
            epochs += 1;
            let next_end = started.elapsed() * (epochs + 1) / epochs;
            if limit.is_some_and(|limit| next_end > limit) {
                return ControlFlow::Break(());
            }
        }
        match view.is_stopped() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    };
    let data = &prepared.data;
    let trained = match devices {
        #[cfg(feature = "collective")]
        [_, _, ..] => train_together::<B>(recipe, &plan, data, folder, devices, on_event),
        _ => train::<B>(recipe, &plan, data, folder, &devices[0], on_event),
    };
    view.close();
    let outcome = match trained {
        Ok(outcome) => outcome,
        Err(error @ TrainError::Stopped { .. }) => {
            eprintln!("{error}; go on: mien train --resume {}", folder.display());
            return Ok(ExitCode::from(INTERRUPTED));
        }
        Err(error) => return Err(error.into()),
    };
    let (progress, validation) = (&outcome.progress, &outcome.validation);
    writer.write(&outcome.rows, progress.best_epoch, validation)?;
    view.end(folder, &outcome);
    Ok(ExitCode::SUCCESS)
}

/// Writes a run's plots and report.
struct RunReport<'a> {
    folder: &'a Path,
    config: &'a RunConfig,
    prepared: &'a Prepared,
    parameters: u64,
    with_pictures: bool,
}

impl RunReport<'_> {
    /// `validation` is that of the best epoch.
    fn write(
        &self,
        rows: &[EpochRow],
        best_epoch: usize,
        validation: &Validation,
    ) -> anyhow::Result<()> {
        let (labels, data) = (&self.prepared.labels, &self.prepared.data);
        plot::curves(rows)?.write(&self.folder.join("curves.svg"))?;
        plot::confusion(labels, &validation.confusion)?
            .write(&self.folder.join("confusion.svg"))?;
        let mut training_counts = vec![0; labels.len()];
        for label in &data.training.labels {
            training_counts[usize::from(*label)] += 1;
        }
        let recipe = &self.config.recipe;
        let name = self.folder.file_name().unwrap_or(self.folder.as_os_str());
        let mistakes = Mistakes {
            pixels: &|i| data.validation.picture(i),
            number: &|i| i as u32,
        };
        let page = report::training(&Trained {
            name: &name.to_string_lossy(),
            description: &recipe.description,
            recipe: &toml::to_string(recipe)?,
            epochs: recipe.epochs,
            parameters: self.parameters,
            labels,
            rows,
            best_epoch,
            predictions: &validation.predictions,
            validation: &self.prepared.validation,
            training_counts: &training_counts,
            date: &time::OffsetDateTime::now_utc().date().to_string(),
            mistakes: self.with_pictures.then_some(mistakes),
        })?;
        let path = self.folder.join("report.html");
        fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))
    }
}
