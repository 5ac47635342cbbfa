//! The contact sheet: what was cut out, and what was rejected and why.

use std::path::Path;

use super::AdaptError;
use super::faces::{Gathered, Why};
use crate::dataset::PIXELS;
use crate::plot::sheet::{self, Row, Sheet};

/// Pictures side by side.
const COLUMNS: usize = 8;
/// Rows of a label or a reason at most; the rest is counted.
const MOST_ROWS: usize = 4;
/// Characters of a caption that fit above a row.
const CAPTION_CHARS: usize = 150;

/// Draws it as a PNG file's bytes. It shows the owner's pictures.
///
/// # Errors
/// Those of the drawing.
pub fn png(gathered: &Gathered) -> Result<Vec<u8>, AdaptError> {
    let mut rows = vec![];
    let mut labels: Vec<&str> = gathered.used.iter().map(|p| p.label.as_str()).collect();
    labels.dedup();
    for label in labels {
        let of_label = gathered.used.iter().filter(|p| p.label == label);
        let pictures: Vec<_> = of_label.map(|p| (&p.path, Some(&*p.thumbnail))).collect();
        add(
            &mut rows,
            &format!("{label}: {} used", pictures.len()),
            &pictures,
        );
    }
    for (name, is) in [
        (
            "no face",
            (|why| matches!(why, Why::NoFace)) as fn(&Why) -> bool,
        ),
        ("several faces", |why| {
            matches!(why, Why::SeveralFaces { .. })
        }),
        ("the same as another", |why| {
            matches!(why, Why::Duplicate { .. })
        }),
    ] {
        let rejected = gathered.rejected.iter().filter(|r| is(&r.why));
        let pictures: Vec<_> = rejected
            .map(|r| (&r.path, r.thumbnail.as_deref()))
            .collect();
        add(
            &mut rows,
            &format!("not used, {name}: {}", pictures.len()),
            &pictures,
        );
    }
    let title = format!(
        "{} faces as the device cuts them out; {} pictures not used",
        gathered.used.len(),
        gathered.rejected.len()
    );
    Ok(sheet::png(&Sheet {
        title,
        headings: vec![],
        rows,
    })?)
}

fn add<P: AsRef<Path>>(rows: &mut Vec<Row>, name: &str, pictures: &[(P, Option<&[u8; PIXELS]>)]) {
    for (number, chunk) in pictures.chunks(COLUMNS).take(MOST_ROWS).enumerate() {
        let names: Vec<String> = chunk
            .iter()
            .map(|(path, _)| {
                let name = path.as_ref().file_name().unwrap_or_default();
                name.to_string_lossy().into_owned()
            })
            .collect();
        let more = pictures.len().saturating_sub(COLUMNS * MOST_ROWS);
        let mut caption = match number {
            0 if more > 0 => format!("{name} ({more} not shown): "),
            0 => format!("{name}: "),
            _ => String::new(),
        };
        caption += &names.join(", ");
        if caption.chars().count() > CAPTION_CHARS {
            caption = caption
                .chars()
                .take(CAPTION_CHARS - 1)
                .chain(['…'])
                .collect();
        }
        rows.push(Row {
            caption,
            pictures: chunk.iter().filter_map(|(_, p)| p.copied()).collect(),
        });
    }
}
