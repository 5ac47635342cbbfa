//! Following the values of an ONNX graph from its outputs back to its input.

use std::collections::HashMap;

use super::YunetImportError;
use super::convolution::{Convolution, Geometry};
use super::onnx::{Graph, Node, Tensor};

/// Longest quote of the file in a message, in characters.
const QUOTE_CHARS: usize = 40;

/// A graph with its values by name.
pub(super) struct Trace<'g> {
    made_by: HashMap<&'g str, &'g Node>,
    constants: HashMap<&'g str, &'g Tensor>,
    pub(super) graph: &'g Graph,
}

impl<'g> Trace<'g> {
    pub(super) fn new(graph: &'g Graph) -> Self {
        let mut made_by = HashMap::new();
        let mut constants: HashMap<_, _> = graph
            .initializers
            .iter()
            .map(|tensor| (tensor.name.as_str(), tensor))
            .collect();
        for node in &graph.nodes {
            made_by.extend(node.outputs.iter().map(|name| (name.as_str(), node)));
            let value = node.attribute("value").and_then(|a| a.tensor.as_ref());
            if let ("Constant", Some(name), Some(tensor)) =
                (node.operator.as_str(), node.outputs.first(), value)
            {
                constants.insert(name, tensor);
            }
        }
        Self {
            made_by,
            constants,
            graph,
        }
    }

    /// The node behind a value.
    pub(super) fn producer(&self, value: &str) -> Option<&'g Node> {
        self.made_by.get(value).copied()
    }

    /// The node behind a value, which must be that operation.
    pub(super) fn expect(
        &self,
        value: &str,
        operator: &str,
        place: &str,
    ) -> Result<&'g Node, YunetImportError> {
        match self.producer(value) {
            Some(node) if node.operator == operator => Ok(node),
            other => Err(YunetImportError::Operation {
                place: place.to_owned(),
                expected: operator.to_owned(),
                found: self.describe(other, value),
            }),
        }
    }

    /// That a value is the one of that name.
    pub(super) fn expect_value(
        &self,
        value: &str,
        wanted: &str,
        place: &str,
    ) -> Result<(), YunetImportError> {
        if value == wanted {
            return Ok(());
        }
        Err(YunetImportError::Operation {
            place: place.to_owned(),
            expected: format!("{:?}", quote(wanted)),
            found: self.describe(self.producer(value), value),
        })
    }

    fn describe(&self, node: Option<&Node>, value: &str) -> String {
        match node {
            Some(node) => quote(&node.operator),
            None if self.constants.contains_key(value) => "a constant".to_owned(),
            None if self.graph.inputs.iter().any(|input| input.name == value) => {
                "the network's input".to_owned()
            }
            None => format!("nothing ({:?})", quote(value)),
        }
    }

    /// A constant by its name.
    pub(super) fn constant(&self, name: &str) -> Option<&'g Tensor> {
        self.constants.get(name).copied()
    }

    /// The convolution behind a value, batch normalization folded in, and its input.
    pub(super) fn convolution(
        &self,
        value: &str,
        geometry: Geometry,
        place: &str,
    ) -> Result<(Convolution, &'g str), YunetImportError> {
        let normalization = self
            .producer(value)
            .filter(|node| node.operator == "BatchNormalization");
        let value = normalization.map_or(value, |node| input(node, 0));
        let node = self.expect(value, "Conv", place)?;
        let mut convolution = Convolution::read(self, node, geometry, place)?;
        if let Some(normalization) = normalization {
            convolution.fold(self, normalization, place)?;
        }
        Ok((convolution, input(node, 0)))
    }

    /// The convolution with a ReLU behind a value.
    pub(super) fn active_convolution(
        &self,
        value: &str,
        geometry: Geometry,
        place: &str,
    ) -> Result<(Convolution, &'g str), YunetImportError> {
        let relu = self.expect(value, "Relu", place)?;
        self.convolution(input(relu, 0), geometry, place)
    }
}

/// A node's input by its position; no value has the empty name that stands for a missing one.
pub(super) fn input(node: &Node, index: usize) -> &str {
    node.inputs.get(index).map_or("", String::as_str)
}

/// The beginning of a text of the file, fit for a terminal.
pub(super) fn quote(text: &str) -> String {
    let printable = text.chars().filter(|c| !c.is_control());
    printable.take(QUOTE_CHARS).collect()
}
