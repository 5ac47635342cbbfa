//! `mien teach`: trained networks to a pack of their logits, for distillation.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use burn::backend::Flex;
use mien_host::progress::{Progress, Unit};
use mien_host::train::checkpoint;
use mien_host::train::config::RunConfig;
use mien_host::train::net::Net;
use mien_host::train::ops::flex;
use mien_host::train::plan::Plan;
use mien_host::train::recipe::Recipe;
use mien_host::train::teacher::{Teacher, teach};

use crate::commands::print;
use crate::commands::source::Sources;

/// Write teachers' logits for distillation.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien teach --data fer2013.csv --recipe student.toml --run runs/wide --run runs/deep --out teach.pack
  mien train --data fer2013.csv --recipe student.toml --teacher teach.pack")]
pub struct Args {
    /// FER2013 as a file or folder, as the student will train on it.
    #[arg(long)]
    data: PathBuf,
    /// FERPlus's votes, as for the student.
    #[arg(long, value_name = "FILE")]
    ferplus: Option<PathBuf>,
    /// Data sets that will judge the model, as for the student.
    #[arg(long, value_name = "PATH")]
    evaluation: Vec<PathBuf>,
    /// The student's recipe, a built-in one or a TOML file; its `[distillation]` says how many
    /// variants of each picture there are.
    #[arg(long)]
    recipe: String,
    /// Run folders of the teachers; the weights of their best epochs are used.
    #[arg(long, required = true, value_name = "RUN")]
    run: Vec<PathBuf>,
    /// The pack to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let student = Recipe::open(&args.recipe)?;
    let Some(distillation) = student.distillation else {
        bail!(
            "the recipe {} has no [distillation], so no teacher",
            args.recipe
        );
    };
    let sources = Sources {
        data: &args.data,
        ferplus: args.ferplus.as_deref(),
        evaluation: &args.evaluation,
        progress: Progress::auto(),
    };
    let prepared = sources.prepare(&student)?;
    flex::set_precision(flex::Precision::Bf16);
    let device = Default::default();
    let mut teachers = vec![];
    for folder in &args.run {
        let config = RunConfig::read(folder)?;
        if config.labels()? != prepared.labels {
            bail!("{} has other labels than the student", folder.display());
        }
        let plan = Plan::new(&config.recipe, prepared.labels.len())?;
        let fresh = Net::<Flex>::new(&plan, config.recipe.seed, &device);
        let net = checkpoint::load_best(&fresh, &folder.join("best"), &device)?;
        teachers.push(Teacher {
            recipe: config.recipe,
            plan,
            net,
        });
    }
    let pictures = &prepared.data.training;
    let total = (distillation.views * pictures.len()) as u64;
    let task = Progress::auto().start("teaching", total, Unit::Items("variants"));
    teach(&teachers, &student, pictures, &args.out, &device, |done| {
        task.advance(done as u64);
    })
    .context("no pack was written")?;
    task.finish();
    print(&format!(
        "{}: {} teachers, {} pictures in {} variants\n",
        args.out.display(),
        teachers.len(),
        pictures.len(),
        distillation.views
    ))?;
    Ok(ExitCode::SUCCESS)
}
