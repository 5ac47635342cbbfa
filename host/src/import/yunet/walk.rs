//! YuNet's shape, from its outputs back to its input.

use mien_models::yunet::{BACKBONE_UNITS, LEVEL_UNITS, POOL_AFTER, STRIDES_PX};

use super::convolution::{Geometry, check_attribute};
use super::onnx::Node;
use super::trace::{Trace, input, quote};
use super::{HeadOf, UnitOf, Yunet, YunetImportError};

const STEM: Geometry = Geometry {
    side: 3,
    stride: 2,
    depthwise: false,
};
const POINTWISE: Geometry = Geometry {
    side: 1,
    stride: 1,
    depthwise: false,
};
const DEPTHWISE: Geometry = Geometry {
    side: 3,
    stride: 1,
    depthwise: true,
};
/// Outputs named in a message.
const MAX_NAMED: usize = 4;

/// A head and the value it looks at.
type FoundHead<'g> = (HeadOf, &'g str);

pub(super) fn walk(trace: &Trace<'_>) -> Result<Yunet, YunetImportError> {
    let [
        (head_8, lateral_8),
        (head_16, lateral_16),
        (head_32, lateral_32),
    ] = [head(trace, 0)?, head(trace, 1)?, head(trace, 2)?];
    let (unit_8, sum_8) = trace.active_unit(lateral_8, "lateral unit 0")?;
    let (unit_16, sum_16) = trace.active_unit(lateral_16, "lateral unit 1")?;
    let (unit_32, level_32) = trace.active_unit(lateral_32, "lateral unit 2")?;
    let level_8 = summand(trace, sum_8, lateral_16, "the sum of stride 8")?;
    let level_16 = summand(trace, sum_16, lateral_32, "the sum of stride 16")?;

    let levels = [level_8, level_16, level_32];
    let mut value = level_32;
    let mut backbone = Vec::new();
    for index in (0..BACKBONE_UNITS).rev() {
        if POOL_AFTER.contains(&index) {
            value = pool(trace, value, index)?;
        }
        let place = format!("backbone unit {index}");
        if let Some(level) = LEVEL_UNITS.iter().position(|&unit| unit == index) {
            trace.expect_value(value, levels[level], &place)?;
        }
        let (unit, before) = trace.active_unit(value, &place)?;
        backbone.push(unit);
        value = before;
    }
    let (stem, first) = trace.active_convolution(value, STEM, "the stem")?;
    if trace.producer(first).is_some() {
        trace.expect_value(first, "input", "the stem's input")?;
    }
    backbone.reverse();
    let missing = |_| YunetImportError::Incomplete {
        missing: "backbone",
    };
    Ok(Yunet {
        stem,
        backbone: backbone.try_into().map_err(missing)?,
        laterals: [unit_8, unit_16, unit_32],
        heads: [head_8, head_16, head_32],
    })
}

/// The head of a level.
fn head<'g>(trace: &Trace<'g>, level: usize) -> Result<FoundHead<'g>, YunetImportError> {
    let stride = STRIDES_PX[level];
    let find = |name: &str| prediction(trace, &format!("{name}_{stride}"));
    let (class, shared) = find("cls")?;
    let (object, object_input) = find("obj")?;
    let (face_box, box_input) = find("bbox")?;
    let (landmarks, landmarks_input) = find("kps")?;
    for value in [object_input, box_input, landmarks_input] {
        trace.expect_value(value, shared, &format!("a prediction of stride {stride}"))?;
    }
    let place = format!("shared unit of head {level}");
    let (shared, lateral) = trace.active_unit(shared, &place)?;
    let head = HeadOf {
        shared,
        class,
        object,
        face_box,
        landmarks,
    };
    Ok((head, lateral))
}

/// The unit behind one of the network's outputs: the rest turns pixels into rows, and logits into
/// probabilities for those that are.
fn prediction<'g>(trace: &Trace<'g>, output: &str) -> Result<(UnitOf, &'g str), YunetImportError> {
    let outputs = &trace.graph.outputs;
    let Some(found) = outputs.iter().find(|found| found.name == output) else {
        let mut names: Vec<String> = outputs.iter().map(|o| quote(&o.name)).collect();
        if names.len() > MAX_NAMED {
            names.truncate(MAX_NAMED);
            names.push("…".to_owned());
        }
        return Err(YunetImportError::Output {
            wanted: output.to_owned(),
            found: names.join(", "),
        });
    };
    let mut value = found.name.as_str();
    let (mut sigmoids, mut transposes) = (0, 0);
    // A loop in the file must not become one here.
    for _ in 0..4 {
        let Some(node) = trace.producer(value) else {
            break;
        };
        match node.operator.as_str() {
            "Sigmoid" => sigmoids += 1,
            "Transpose" => {
                check_attribute(node, "perm", vec![0, 2, 3, 1], 0, output)?;
                transposes += 1;
            }
            "Reshape" => {}
            _ => break,
        }
        value = input(node, 0);
    }
    let probability = output.starts_with("cls") || output.starts_with("obj");
    for (operator, count, expected) in [
        ("Sigmoid", sigmoids, usize::from(probability)),
        ("Transpose", transposes, 1),
    ] {
        if count != expected {
            return Err(YunetImportError::Operation {
                place: format!("output {output}"),
                expected: format!("{expected} {operator}"),
                found: format!("{count}"),
            });
        }
    }
    trace.unit(value, &format!("output {output}"))
}

/// The other summand of a level's sum: one is `above`, enlarged.
fn summand<'g>(
    trace: &Trace<'g>,
    sum: &str,
    above: &str,
    place: &str,
) -> Result<&'g str, YunetImportError> {
    let node = trace.expect(sum, "Add", place)?;
    let is_enlarged = |index: usize| {
        trace
            .producer(input(node, index))
            .is_some_and(|node| matches!(node.operator.as_str(), "Resize" | "Upsample"))
    };
    let (other, enlarged) = match (is_enlarged(0), is_enlarged(1)) {
        (true, false) => (1, 0),
        _ => (0, 1),
    };
    let resize = match trace.producer(input(node, enlarged)) {
        Some(node) if node.operator == "Upsample" => node,
        _ => trace.expect(input(node, enlarged), "Resize", place)?,
    };
    check_resize(trace, resize, place)?;
    trace.expect_value(input(resize, 0), above, place)?;
    Ok(input(node, other))
}

/// Pixels are repeated twice along both axes. Scales that are computed or given as sizes are not
/// looked at: the sum would not fit with others.
fn check_resize(trace: &Trace<'_>, node: &Node, place: &str) -> Result<(), YunetImportError> {
    let wrong = |found: String| YunetImportError::Operation {
        place: place.to_owned(),
        expected: "pixels repeated twice".to_owned(),
        found,
    };
    for (name, allowed) in [
        ("mode", &["nearest"][..]),
        ("nearest_mode", &["floor", "round_prefer_floor"]),
    ] {
        if let Some(attribute) = node.attribute(name) {
            let text = String::from_utf8_lossy(&attribute.text);
            if !allowed.contains(&text.as_ref()) {
                return Err(wrong(format!(
                    "{} with {name} {:?}",
                    node.operator,
                    quote(&text)
                )));
            }
        }
    }
    let scales = (1..3).find_map(|i| {
        trace
            .constant(input(node, i))?
            .f32s()
            .filter(|s| !s.is_empty())
    });
    match scales {
        Some(scales) if scales != [1.0, 1.0, 2.0, 2.0] => scales
            .iter()
            .take(4)
            .map(f32::to_string)
            .reduce(|a, b| a + " x " + &b),
        _ => None,
    }
    .map_or(Ok(()), |scales| {
        Err(wrong(format!("{} by {scales}", node.operator)))
    })
}

fn pool<'g>(trace: &Trace<'g>, value: &str, index: usize) -> Result<&'g str, YunetImportError> {
    let place = format!("the pooling after backbone unit {index}");
    let node = trace.expect(value, "MaxPool", &place)?;
    for (attribute, expected, default) in [
        ("kernel_shape", vec![2; 2], 0),
        ("strides", vec![2; 2], 1),
        ("pads", vec![0; 4], 0),
        ("dilations", vec![1; 2], 1),
    ] {
        check_attribute(node, attribute, expected, default, &place)?;
    }
    Ok(input(node, 0))
}

impl<'g> Trace<'g> {
    /// The unit behind a value, and its input.
    fn unit(&self, value: &str, place: &str) -> Result<(UnitOf, &'g str), YunetImportError> {
        let (depthwise, middle) = self.convolution(value, DEPTHWISE, place)?;
        let (pointwise, first) = self.convolution(middle, POINTWISE, place)?;
        let unit = UnitOf {
            pointwise,
            depthwise,
        };
        Ok((unit, first))
    }

    fn active_unit(&self, value: &str, place: &str) -> Result<(UnitOf, &'g str), YunetImportError> {
        let relu = self.expect(value, "Relu", place)?;
        self.unit(input(relu, 0), place)
    }
}
