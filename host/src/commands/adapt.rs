//! `mien adapt`: a packed model and folders of the owner's pictures to a better model.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, bail};
use mien_host::adapt::faces::{self, Gathered, Search, Why};
use mien_host::adapt::folders::{self, Folder};
use mien_host::adapt::{
    self, AdaptError, Adapted, Check, Measure, Options, Provenance, Share, contact, pack,
};
use mien_host::inspect::hex;
use mien_host::model_file;
use mien_host::progress::Progress;
use mien_models::container::{self, FormatError, Header, Kind};
use mien_models::replay::ReplaySet;
use mien_models::{ExpressionModel, embedded};
use serde_json::json;

use crate::commands::replay::beside;
use crate::commands::table::Table;
use crate::commands::{data_args, print};

/// The new model is worse on something that was measured; nothing was written.
const WORSE: u8 = 4;

/// Fit a model's last layer to pictures of your own.
#[derive(clap::Args)]
#[command(after_help = "\
The folders of DIR are the labels: DIR/<label>/*.jpg, 20 pictures each are enough. Every picture shows
one face. The labels of the new model are the folders'; --keep-labels adds those of the old one.

Exit code 4 if the new model is worse by more than a point on something that was measured: nothing is
written then, unless --force is given.

Examples:
  mien adapt --model models/expression.postcard --data visitors/ --out visitors.postcard
  mien adapt --model models/expression.postcard --data smiles/ --keep-labels --out better.postcard
  mien adapt --model models/expression.postcard --data smiles/ --out s.postcard --report look/")]
pub struct Args {
    /// The packed expression model to start from.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// A folder with a folder of pictures per label.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The model's replay set, which keeps what it knew [default: NAME.replay.postcard beside
    /// NAME.postcard, if it is there].
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    /// Keep the model's labels that there are no folders of; what it knew of them comes from the
    /// replay set.
    #[arg(long)]
    keep_labels: bool,
    /// Face detector file [default: the built-in cascade].
    #[arg(long, value_name = "FILE", conflicts_with = "cropped")]
    detector: Option<PathBuf>,
    /// The pictures are faces that were cut out already.
    #[arg(long)]
    cropped: bool,
    /// Also measure on this data set: its PublicTest, or all of a set without.
    #[arg(long, value_name = "PATH")]
    check: Option<PathBuf>,
    /// Write the model even if it is worse on something.
    #[arg(long)]
    force: bool,
    /// Also write a contact sheet (faces.png) and the figures (adapt.json) into this folder. The sheet
    /// shows your pictures.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
    /// Seed of every choice.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Version in the file [default: one above the model's, and above that of the file that is
    /// replaced].
    #[arg(long)]
    model_version: Option<u64>,
    /// ISO 8601 date for the model card [default: today].
    #[arg(long)]
    date: Option<String>,
}

/// Runs the command.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let shown = args.model.display();
    let file = fs::read(&args.model).with_context(|| format!("cannot read {shown}"))?;
    let (header, model) = container::decode::<ExpressionModel<'_>>(&file)
        .with_context(|| format!("{shown} cannot be adapted"))?;
    let version = match args.model_version {
        Some(version) => version,
        None => next_version(&args, &header)?,
    };
    let folders = folders::read(&args.data, &model.labels)?;
    let replay_file = replay_file(&args, &header, &model)?;
    let replay = replay_file
        .as_deref()
        .map(container::decode::<ReplaySet<'_>>)
        .transpose()
        .context("the replay set cannot be used")?;
    let detector = match &args.detector {
        Some(path) => fs::read(path).with_context(|| format!("cannot read {}", path.display()))?,
        None => embedded::CASCADE.to_vec(),
    };
    let search = match args.cropped {
        true => Search::Cropped,
        false => Search::Detector(&detector),
    };
    let progress = Progress::auto();
    // What is wrong with it is told before the work.
    let checked = args.check.as_deref();
    let data = checked.map(|path| data_args::open(path, None, progress));
    let data = data.transpose()?;
    let labels = adapt::labels(&model, &folders, args.keep_labels)?;
    let check = data.as_ref();
    let check = check.map(|data| Check::new(&model.labels, &labels, data));
    let of_check = || format!("--check {}", checked.unwrap_or(Path::new("")).display());
    let check = check.transpose().with_context(of_check)?;
    let gathered = faces::gather(&model, &folders, search, args.seed, progress)?;
    let report = Report::new(&args, &folders, &gathered);
    report.write_sheet(&gathered)?;
    report.list_rejects();
    let replay = replay.as_ref().map(|(_, set)| set);
    let options = Options {
        keep_labels: args.keep_labels,
        seed: args.seed,
    };
    let mut adapted = adapt::adapt(&model, &folders, &gathered, replay, options)?;
    if replay.is_some() && adapted.summary.fitted_replay == 0 {
        eprintln!(
            "warning: the replay set knows none of these labels, so nothing but your pictures was \
             fitted to; --keep-labels keeps the old ones beside them"
        );
    }
    let date = match &args.date {
        Some(date) => date.clone(),
        None => time::OffsetDateTime::now_utc().date().to_string(),
    };
    let from = Provenance {
        header: &header,
        used: &report.used,
        date: &date,
        version,
    };
    let packed = pack::pack(&model, &adapted, &folders, from)?;
    if let Some(check) = &check {
        let measure = check.measure(&file, &packed, progress);
        let measure = measure.with_context(of_check)?;
        adapted.summary.measures.push(measure);
    }
    let worse = adapted.summary.measures.iter().filter(|m| m.is_worse());
    let worse: Vec<&str> = worse.map(|m| m.name.as_str()).collect();
    let is_written = worse.is_empty() || args.force;
    if is_written {
        model_file::write(&args.out, &packed)
            .with_context(|| format!("cannot write {}", args.out.display()))?;
    }
    let seconds = started.elapsed().as_secs_f64();
    report.show(
        &adapted,
        is_written.then_some((version, packed.len())),
        seconds,
    )?;
    if is_written {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!(
        "error: worse by more than a point on {}: nothing was written (more pictures help; \
         --force writes it anyway)",
        worse.join(" and ")
    );
    Ok(ExitCode::from(WORSE))
}

/// Above the model's, and above that of the file that is replaced.
fn next_version(args: &Args, header: &Header) -> anyhow::Result<u64> {
    let out = args.out.display();
    if fs::canonicalize(&args.out)
        .is_ok_and(|out| fs::canonicalize(&args.model).is_ok_and(|m| m == out))
    {
        bail!(
            "--out would replace the model that is adapted, which is needed again: choose another"
        );
    }
    let mut least = header.model_version;
    if args.out.exists() {
        let bytes = fs::read(&args.out).with_context(|| format!("cannot read {out}"))?;
        match Header::parse(&bytes) {
            Ok(header) => least = least.max(header.model_version),
            Err(e) => bail!("{out} exists and is not a model file ({e}); choose another --out"),
        }
    }
    Ok(least.saturating_add(1))
}

/// The replay set that was asked for, or the one beside the model.
fn replay_file(
    args: &Args,
    header: &Header,
    model: &ExpressionModel<'_>,
) -> anyhow::Result<Option<Vec<u8>>> {
    let (path, is_asked) = match &args.replay {
        Some(path) => (path.clone(), true),
        None => (beside(&args.model), false),
    };
    if !is_asked && !path.exists() {
        let path = path.display();
        match pack::is_adapted(model) {
            true => eprintln!(
                "warning: this model was adapted already and has no replay set ({path}): what it knew \
                 is neither kept nor measured. Better adapt the model before it, with all pictures"
            ),
            false => eprintln!(
                "warning: no replay set ({path}): what the model knew is neither kept nor measured; \
                 `mien replay` makes one"
            ),
        }
        return Ok(None);
    }
    let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let found =
        Header::parse(&bytes).with_context(|| format!("{} is no replay set", path.display()))?;
    if found.kind != Kind::Replay {
        let (expected, found) = (Kind::Replay, found.kind);
        return Err(FormatError::WrongKind { expected, found })
            .with_context(|| format!("{} is no replay set", path.display()));
    }
    if found.model_id != header.model_id {
        let error = AdaptError::OtherModel {
            expected: hex(&header.model_id),
            found: hex(&found.model_id),
        };
        return Err(error).with_context(|| format!("{} cannot be used", path.display()));
    }
    Ok(Some(bytes))
}

/// What is told of the pictures and the result.
struct Report<'a> {
    args: &'a Args,
    folders: &'a [Folder],
    gathered: &'a Gathered,
    /// Pictures per folder.
    used: Vec<usize>,
}

impl<'a> Report<'a> {
    fn new(args: &'a Args, folders: &'a [Folder], gathered: &'a Gathered) -> Self {
        let used = |folder: &Folder| {
            let pictures = gathered.used.iter();
            pictures.filter(|p| p.label == folder.label).count()
        };
        Self {
            used: folders.iter().map(used).collect(),
            args,
            folders,
            gathered,
        }
    }

    /// Before anything can fail for want of faces: it shows why.
    fn write_sheet(&self, gathered: &Gathered) -> anyhow::Result<()> {
        let Some(folder) = &self.args.report else {
            return Ok(());
        };
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let path = folder.join("faces.png");
        model_file::write(&path, &contact::png(gathered)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
        eprintln!("{}: your pictures, not for publication", path.display());
        Ok(())
    }

    fn list_rejects(&self) {
        for reject in &self.gathered.rejected {
            eprintln!(
                "not used: {}: {}",
                reject.path.display(),
                reason(&reject.why)
            );
        }
        if !self.gathered.rejected.is_empty() && self.args.report.is_none() {
            eprintln!("(--report DIR shows them on a sheet)");
        }
    }

    fn show(
        &self,
        adapted: &Adapted,
        written: Option<(u64, usize)>,
        seconds: f64,
    ) -> anyhow::Result<()> {
        let pictures = self.folders.iter().zip(&self.used);
        let pictures: BTreeMap<&str, _> = pictures
            .map(|(folder, used)| {
                let counts = json!({ "used": used, "rejected": folder.pictures.len() - used });
                (folder.label.as_str(), counts)
            })
            .collect();
        let summary = &adapted.summary;
        let mut value = serde_json::to_value(summary)?;
        if let Some(object) = value.as_object_mut() {
            let labels: Vec<&str> = adapted.labels.iter().collect();
            let worse: Vec<&str> = (summary.measures.iter().filter(|m| m.is_worse()))
                .map(|m| m.name.as_str())
                .collect();
            object.insert("labels".into(), json!(labels));
            object.insert("pictures".into(), json!(pictures));
            object.insert("rejected".into(), json!(self.gathered.rejected));
            object.insert("worse".into(), json!(worse));
            object.insert("written".into(), json!(written.map(|_| &self.args.out)));
            object.insert(
                "model_version".into(),
                json!(written.map(|(version, _)| version)),
            );
            object.insert("seconds".into(), json!((seconds * 100.0).round() / 100.0));
        }
        let text = serde_json::to_string_pretty(&value)? + "\n";
        if let Some(folder) = &self.args.report {
            let path = folder.join("adapt.json");
            model_file::write(&path, text.as_bytes())
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        match self.args.json {
            true => print(&text),
            false => print(&self.describe(adapted, written, seconds)),
        }
    }

    fn describe(&self, adapted: &Adapted, written: Option<(u64, usize)>, seconds: f64) -> String {
        let summary = &adapted.summary;
        let mut table = Table::default();
        table.row(["label", "used", "rejected"]);
        for (folder, used) in self.folders.iter().zip(&self.used) {
            let rejected = folder.pictures.len() - used;
            table.row([folder.label.clone(), used.to_string(), rejected.to_string()]);
        }
        let mut text = table.render() + "\n";
        let mut table = Table::default();
        table.row(["right verdicts (95% interval)", "n", "before", "after"]);
        for measure in &summary.measures {
            let Measure {
                name,
                n,
                before,
                after,
            } = measure;
            let before = before.as_ref().map_or("-".to_owned(), percent);
            table.row([name.clone(), n.to_string(), before, percent(after)]);
        }
        text += &table.render();
        let [old, new] = summary.temperature;
        text += &format!(
            "\nfitted to {} pictures and {} rows of replay, penalty {}, {:.0}% of the way, temperature \
             {old:.3} -> {new:.3}\n",
            summary.fitted_pictures,
            summary.fitted_replay,
            summary.hold.alpha,
            100.0 * summary.hold.share
        );
        if summary.hold.share == 0.0 {
            text +=
                "the labels it knew stay as they were: the pictures do not clearly ask for more\n";
        }
        if let Some((version, bytes)) = written {
            text += &format!(
                "{}: {bytes} bytes, version {version}, {} labels, {seconds:.1} s\n",
                shown(&self.args.out),
                adapted.labels.len()
            );
        }
        text
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn percent(share: &Share) -> String {
    let [low, high] = share.ci95;
    format!(
        "{:.1}% ({:.1} to {:.1})",
        100.0 * share.accuracy,
        100.0 * low,
        100.0 * high
    )
}

fn reason(why: &Why) -> String {
    match why {
        Why::NoFace => "no face was found".to_owned(),
        Why::SeveralFaces { faces } => format!("{faces} faces were found, and one is expected"),
        Why::Duplicate { of } => format!("it is the same as {}", of.display()),
        Why::Unreadable { message } => message.clone(),
    }
}
