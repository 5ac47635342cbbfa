//! OpenCV's cascade XML (the format of version 2.4 and later) into Mien's payload.

mod error;
#[cfg(test)]
mod tests;
mod xml;

use std::path::Path;

use mien_models::cascade::{
    Boosted, CascadeModel, Ensemble, HaarFeature, LbpFeature, Node, Stage, Tree, WeightedRect,
};
use roxmltree::{Document, ParsingOptions};

use super::read_up_to;
pub use error::CascadeImportError;
use error::xml_error;
use xml::{Element, Numbers};

/// Largest file that is read; OpenCV's own cascades have up to 2.7 MB.
pub const MAX_FILE_BYTES: u64 = 16 << 20;
/// Most XML nodes in a file: OpenCV's largest cascade has some 300,000.
const MAX_XML_NODES: u32 = 1_000_000;
/// Pattern codes of an LBP feature.
const LBP_CODES: usize = 256;

/// Most attributes in a file; OpenCV's have one or two.
const MAX_ATTRIBUTES: usize = 1_000;

/// The text of a cascade file, of which no more than [`MAX_FILE_BYTES`] are read; lines end with a
/// line feed.
///
/// # Errors
/// [`CascadeImportError`] `Read`, `FileTooLarge` or `NotText`.
pub fn read(path: &Path) -> Result<String, CascadeImportError> {
    let text = read_up_to(path, MAX_FILE_BYTES)?.ok_or(CascadeImportError::FileTooLarge {
        max_bytes: MAX_FILE_BYTES,
    })?;
    let text = String::from_utf8(text).map_err(|_| CascadeImportError::NotText)?;
    Ok(text.replace("\r\n", "\n"))
}

/// The cascade in the XML text `xml`, which came from a file called `source`. The result is
/// checked: a detector can use it as it is.
///
/// # Errors
/// [`CascadeImportError`] for the first thing wrong.
pub fn parse<'a>(xml: &'a str, source: &'a str) -> Result<CascadeModel<'a>, CascadeImportError> {
    if xml::count_attributes(xml) > MAX_ATTRIBUTES {
        return Err(CascadeImportError::TooManyAttributes {
            max: MAX_ATTRIBUTES,
        });
    }
    let options = ParsingOptions {
        allow_dtd: false,
        nodes_limit: MAX_XML_NODES,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(xml, options).map_err(|e| xml_error(xml, e))?;
    let cascade = find_cascade(&document)?;

    let stage_type = cascade.child("stageType")?.text()?;
    if stage_type != "BOOST" {
        return Err(CascadeImportError::Unsupported {
            what: "stage type",
            found: stage_type.to_owned(),
            supported: "BOOST",
        });
    }
    let ensemble = match cascade.child("featureType")?.text()? {
        "HAAR" => Ensemble::Haar(read_boosted(&cascade, read_haar, read_threshold)?),
        "LBP" => {
            let codes = cascade.child("featureParams")?.child("maxCatCount")?;
            if codes.number::<usize>()? != LBP_CODES {
                return Err(codes.bad("256 pattern codes"));
            }
            Ensemble::Lbp(read_boosted(&cascade, read_lbp, read_subset)?)
        }
        other => {
            return Err(CascadeImportError::Unsupported {
                what: "feature type",
                found: other.to_owned(),
                supported: "HAAR, LBP",
            });
        }
    };
    let model = CascadeModel {
        source,
        licence: notice(&document, xml),
        window_height: cascade.child("height")?.number()?,
        window_width: cascade.child("width")?.number()?,
        ensemble,
    };
    model.validate()?;
    Ok(model)
}

/// The element that holds the cascade; its name differs from file to file.
fn find_cascade<'d>(document: &'d Document<'_>) -> Result<Element<'d>, CascadeImportError> {
    let root = document.root_element();
    if !root.has_tag_name("opencv_storage") {
        return Err(CascadeImportError::NotACascade);
    }
    let first = root.first_element_child();
    let first = first.ok_or(CascadeImportError::NotACascade)?;
    if first.attribute("type_id") == Some("opencv-haar-classifier") {
        return Err(CascadeImportError::OldFormat);
    }
    let cascade = Element(first);
    match cascade.find("stageType") {
        Some(_) => Ok(cascade),
        None => Err(CascadeImportError::NotACascade),
    }
}

/// The comment in front of the data, where OpenCV's files carry their licence.
fn notice<'a>(document: &Document<'_>, xml: &'a str) -> &'a str {
    let comment = document.root().children().find(|node| node.is_comment());
    let comment = comment.map_or("", |node| &xml[node.range()]);
    let text = comment.trim_start_matches("<!--").trim_end_matches("-->");
    text.trim_matches(['\r', '\n'])
}

fn read_boosted<F, S>(
    cascade: &Element<'_>,
    read_feature: impl Fn(&Element<'_>) -> Result<F, CascadeImportError>,
    read_split: impl Fn(&mut Numbers<'_>) -> Result<S, CascadeImportError>,
) -> Result<Boosted<F, S>, CascadeImportError> {
    let stages = cascade.child("stages")?;
    let features = cascade.child("features")?;
    Ok(Boosted {
        features: features
            .items()
            .map(|f| read_feature(&f))
            .collect::<Result<_, _>>()?,
        stages: stages
            .items()
            .map(|stage| read_stage(&stage, &read_split))
            .collect::<Result<_, _>>()?,
    })
}

fn read_stage<S>(
    stage: &Element<'_>,
    read_split: &impl Fn(&mut Numbers<'_>) -> Result<S, CascadeImportError>,
) -> Result<Stage<S>, CascadeImportError> {
    let trees = stage.child("weakClassifiers")?;
    Ok(Stage {
        threshold: stage.child("stageThreshold")?.number::<f64>()? as f32,
        trees: trees
            .items()
            .map(|tree| read_tree(&tree, read_split))
            .collect::<Result<_, _>>()?,
    })
}

fn read_tree<S>(
    tree: &Element<'_>,
    read_split: &impl Fn(&mut Numbers<'_>) -> Result<S, CascadeImportError>,
) -> Result<Tree<S>, CascadeImportError> {
    let inner = tree.child("internalNodes")?;
    let mut numbers = inner.numbers()?;
    let mut nodes = Vec::new();
    while !numbers.is_empty() {
        nodes.push(Node {
            left: numbers.next()?,
            right: numbers.next()?,
            feature: numbers.next()?,
            split: read_split(&mut numbers)?,
        });
    }
    let outer = tree.child("leafValues")?;
    let mut numbers = outer.numbers()?;
    let mut leaves = Vec::new();
    while !numbers.is_empty() {
        leaves.push(numbers.next::<f64>()? as f32);
    }
    Ok(Tree { nodes, leaves })
}

/// OpenCV reads every real number as a double and then narrows it.
fn read_threshold(numbers: &mut Numbers<'_>) -> Result<f32, CascadeImportError> {
    Ok(numbers.next::<f64>()? as f32)
}

/// OpenCV writes the words as signed integers.
fn read_subset(numbers: &mut Numbers<'_>) -> Result<[u32; LBP_CODES / 32], CascadeImportError> {
    let mut words = [0; LBP_CODES / 32];
    for word in &mut words {
        *word = numbers.next::<i32>()?.cast_unsigned();
    }
    Ok(words)
}

fn read_haar(feature: &Element<'_>) -> Result<HaarFeature, CascadeImportError> {
    let list = feature.child("rects")?;
    let mut rects = heapless::Vec::new();
    for item in list.items() {
        let mut numbers = item.numbers()?;
        let rect = WeightedRect {
            x: numbers.next()?,
            y: numbers.next()?,
            width: numbers.next()?,
            height: numbers.next()?,
            weight: numbers.next::<f64>()? as f32,
        };
        numbers.finish()?;
        rects
            .push(rect)
            .map_err(|_| list.bad("at most three rectangles"))?;
    }
    let tilted = match feature.find("tilted") {
        Some(flag) => flag.number::<u8>()? != 0,
        None => false,
    };
    Ok(HaarFeature { rects, tilted })
}

fn read_lbp(feature: &Element<'_>) -> Result<LbpFeature, CascadeImportError> {
    let rect = feature.child("rect")?;
    let mut numbers = rect.numbers()?;
    let feature = LbpFeature {
        x: numbers.next()?,
        y: numbers.next()?,
        block_width: numbers.next()?,
        block_height: numbers.next()?,
    };
    numbers.finish()?;
    Ok(feature)
}
