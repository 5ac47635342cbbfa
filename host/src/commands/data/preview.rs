//! `mien data preview`: augmented pictures on a contact sheet.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use mien_host::model_file;
use mien_host::plot::sheet;
use mien_host::progress::Progress;
use mien_host::train::preview::{Extent, preview};
use mien_host::train::recipe::Recipe;

use crate::commands;
use crate::commands::data_args::DataArgs;
use crate::commands::evaluate::{SplitArg, chosen, splits_of};

/// Arguments of `mien data preview`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien data preview --data fer2013.csv --out preview.png
  mien data preview --data fer2013.csv --ferplus fer2013new.csv --recipe my.toml --out preview.png
  mien data preview --data faces/ --rows 20 --columns 12 --seed 7 --out preview.png")]
pub struct Args {
    #[command(flatten)]
    data: DataArgs,
    /// A built-in recipe or a TOML file; its `[input]` and `[augment]` are shown.
    #[arg(long, value_name = "NAME|FILE", default_value = "deep")]
    recipe: String,
    /// The part of the data.
    #[arg(long, value_enum, default_value = "training")]
    split: SplitArg,
    /// Pictures, the classes in turn.
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u8).range(1..=60))]
    rows: u8,
    /// Random changes of each picture.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=30))]
    columns: u8,
    /// Chooses pictures and changes.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// The PNG file to write, whole or not at all.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Draws the sheet.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    // Before the data is read, which takes longer.
    check_place(&args.out)?;
    let recipe = Recipe::open(&args.recipe)?;
    let data = args.data.open(Progress::auto())?;
    let indices = chosen(&data, args.split);
    if indices.is_empty() {
        bail!(
            "the data has no pictures in this split; it has {}",
            splits_of(&data)
        );
    }
    let extent = Extent {
        rows: args.rows.into(),
        columns: args.columns.into(),
        seed: args.seed,
    };
    let sheet = preview(&data, &indices, &recipe, extent);
    let file = sheet::png(&sheet)?;
    model_file::write(&args.out, &file)
        .with_context(|| format!("cannot write {}", args.out.display()))?;
    commands::print(&format!(
        "{}: {} pictures, {} changes of each by the recipe {}\n",
        args.out.display(),
        sheet.rows.len(),
        args.columns,
        recipe.name
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn check_place(out: &Path) -> anyhow::Result<()> {
    let folder = match out.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let (out, shown) = (out.display(), folder.display());
    ensure!(
        folder.is_dir(),
        "cannot write {out}: there is no folder {shown}; create it first"
    );
    Ok(())
}
