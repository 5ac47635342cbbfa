//! `mien inspect`: what a model file holds.

use std::path::PathBuf;
use std::process::ExitCode;

use mien_host::inspect::{
    self, CascadeContent, ExpressionContent, Inspection, Layer, ReplayContent, YunetContent,
};

use crate::commands;
use crate::commands::table::Table;

/// Arguments of `mien inspect`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mien inspect models/expression.postcard
  mien inspect models/frontalface.postcard --json")]
pub struct Args {
    /// A model file.
    file: PathBuf,
    /// Print JSON instead of tables.
    #[arg(long)]
    json: bool,
}

/// Checks the file and prints what it holds.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    let inspection = inspect::inspect(&args.file)?;
    let text = if args.json {
        serde_json::to_string_pretty(&inspection)? + "\n"
    } else {
        describe(&inspection)
    };
    commands::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn describe(file: &Inspection) -> String {
    let signature = match &file.signature {
        Some(path) => format!("{} (not checked)", path.display()),
        None => "unsigned".to_owned(),
    };
    let mut text = lines(&[
        ("kind", file.kind.to_owned()),
        ("model id", file.model_id.clone()),
        ("version", file.model_version.to_string()),
        ("bytes", file.bytes.to_string()),
        ("sha256", file.sha256.clone()),
        ("signature", signature),
    ]);
    if let Some(content) = &file.expression {
        text += &describe_expression(content);
    }
    if let Some(content) = &file.cascade {
        text += &describe_cascade(content);
    }
    if let Some(content) = &file.yunet {
        text += &describe_yunet(content);
    }
    if let Some(content) = &file.replay {
        text += &describe_replay(content);
    }
    text
}

fn describe_expression(content: &ExpressionContent) -> String {
    let card = &content.card;
    let input = &content.preprocessing;
    let mut text = lines(&[
        ("labels", content.labels.join(", ")),
        ("input", format!("{}x{} gray", input.height, input.width)),
        ("contrast", input.contrast.clone()),
        (
            "pixel to x",
            format!("(p - {}) * {}", input.zero_point, input.scale),
        ),
        ("temperature", content.temperature.to_string()),
        ("parameters", content.parameters.to_string()),
        ("MACs", content.macs.to_string()),
        ("golden", format!("{} inputs", content.golden)),
        ("name", card.name.clone()),
        ("date", card.date.clone()),
        ("data", card.data.clone()),
        ("licence", card.licence.clone()),
        ("notes", card.notes.clone()),
    ]);
    for (name, value) in &card.figures.0 {
        text += &lines(&[("figure", format!("{name} {value:.4}"))]);
    }
    text.push('\n');
    text += &layer_table(&content.layers);
    if !card.recipe.is_empty() {
        text += &format!("\nrecipe:\n{}\n", indented(&card.recipe));
    }
    text
}

fn layer_table(layers: &[Layer]) -> String {
    let mut table = Table::default();
    table.row([
        "layer",
        "inputs",
        "shape",
        "parameters",
        "MACs",
        "bytes",
        "weights",
    ]);
    for (index, layer) in layers.iter().enumerate() {
        table.row([
            format!("{} {}", index + 1, layer.op),
            join(&layer.inputs, ","),
            join(&layer.shape, "x"),
            layer.parameters.to_string(),
            layer.macs.to_string(),
            layer.bytes.to_string(),
            layer.weights.unwrap_or("").to_owned(),
        ]);
    }
    table.render()
}

fn describe_cascade(content: &CascadeContent) -> String {
    let window = format!("{}x{}", content.window_width, content.window_height);
    let trees: usize = content.trees_per_stage.iter().sum();
    let features = format!("{} ({})", content.features, content.features_kind);
    let text = lines(&[
        ("source", content.source.clone()),
        ("window", window),
        ("stages", content.trees_per_stage.len().to_string()),
        ("trees", trees.to_string()),
        ("features", features),
    ]);
    format!("{text}\nlicence:\n{}\n", indented(&content.licence))
}

fn describe_yunet(content: &YunetContent) -> String {
    lines(&[
        ("source", content.source.clone()),
        ("licence", content.licence.clone()),
        ("parameters", content.parameters.to_string()),
        ("strides", join(&content.strides_px, ", ")),
        ("landmarks", content.landmarks.to_string()),
    ])
}

fn describe_replay(content: &ReplayContent) -> String {
    let rows = content.rows.0.iter();
    let rows: Vec<String> = rows.map(|(label, n)| format!("{label} {n}")).collect();
    lines(&[
        ("source", content.source.clone()),
        ("features", content.features.to_string()),
        ("to fit", content.fitted.to_string()),
        ("to judge by", content.held_out.to_string()),
        ("rows", rows.join(", ")),
    ])
}

fn lines(pairs: &[(&str, String)]) -> String {
    let line = |(name, value): &(&str, String)| format!("{name:<12} {value}");
    pairs
        .iter()
        .map(|pair| line(pair).trim_end().to_owned() + "\n")
        .collect()
}

fn join<T: ToString>(values: &[T], separator: &str) -> String {
    let values: Vec<String> = values.iter().map(T::to_string).collect();
    values.join(separator)
}

fn indented(text: &str) -> String {
    let lines: Vec<String> = text
        .trim_end()
        .lines()
        .map(|line| format!("  {line}"))
        .collect();
    lines.join("\n")
}
