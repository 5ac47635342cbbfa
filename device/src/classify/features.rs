//! What a network knows of a face before it decides: the input of its last dense layer. The host
//! fits new last layers to it.

use mien_models::ExpressionModel;
use mien_models::network::{Activation, Network, Op, Weights};
use mien_models::preprocess::{self, Preprocessing};

use super::{ClassifyError, graph};

/// A network without its last dense layer. One thread, one face a call.
pub struct FeatureExtractor {
    preprocessing: Preprocessing,
    network: graph::Runner,
}

impl FeatureExtractor {
    /// Builds what comes before the last layer of `model`'s network.
    ///
    /// # Errors
    /// When the network does not end in a plain dense layer, or cannot be built.
    pub fn new(model: &ExpressionModel<'_>) -> Result<Self, ClassifyError> {
        head(&model.network)?;
        let mut trunk = model.network.clone();
        trunk.nodes.pop();
        Ok(Self {
            preprocessing: model.preprocessing,
            network: graph::Runner::new(&trunk)?,
        })
    }

    /// Numbers per face.
    pub fn features(&self) -> usize {
        self.network.outputs()
    }

    /// The features of one face: gray `[height, width]` of the preprocessing as it was cut out,
    /// before its contrast is normalized.
    ///
    /// # Errors
    /// When the face has another size, or the engine fails.
    pub fn extract(&mut self, face: &[u8]) -> Result<Vec<f32>, ClassifyError> {
        let expected = self.preprocessing.pixels();
        if face.len() != expected {
            return Err(ClassifyError::FaceSize {
                actual: face.len(),
                expected,
            });
        }
        let mut face = face.to_vec();
        preprocess::normalize_contrast(&mut face, &self.preprocessing.contrast);
        let preprocessing = self.preprocessing;
        self.network
            .run(face.iter().map(|&pixel| preprocessing.network_input(pixel)))
    }
}

/// The last layer of a network: dense, without an activation, on the value before it.
///
/// # Errors
/// [`ClassifyError::NoHead`] when the network ends in anything else.
pub fn head<'n, 'a>(network: &'n Network<'a>) -> Result<&'n Weights<'a>, ClassifyError> {
    let Some((last, before)) = network.nodes.split_last() else {
        return Err(ClassifyError::NoHead);
    };
    match &last.op {
        Op::Dense(weights)
            if last.activation == Activation::None
                && !before.is_empty()
                && last.inputs.iter().eq([&(before.len() as u16)]) =>
        {
            Ok(weights)
        }
        _ => Err(ClassifyError::NoHead),
    }
}

#[cfg(test)]
mod tests {
    use mien_models::container::decode;
    use mien_models::embedded;
    use mien_models::procedural::{Scene, plane, test_model};

    use super::*;
    use crate::classify::Classifier;

    #[test]
    fn features_times_the_head_are_the_logits() {
        let (_, bundled) = decode::<ExpressionModel<'_>>(embedded::EXPRESSION).unwrap();
        for model in [bundled, test_model()] {
            let mut extractor = FeatureExtractor::new(&model).unwrap();
            let mut classifier = Classifier::new(&model).unwrap();
            let head = head(&model.network).unwrap();
            let (weights, bias) = (head.to_f32(), head.bias_f32());
            assert_eq!(extractor.features(), usize::from(head.inputs));
            for seed in 0..3 {
                let face = plane(Scene::Face, seed, 48, 48).pixels;
                let features = extractor.extract(&face).unwrap();
                let mut normalized = face.clone();
                let contrast = &model.preprocessing.contrast;
                preprocess::normalize_contrast(&mut normalized, contrast);
                let logits = classifier.logits(&normalized).unwrap();
                for ((row, bias), logit) in
                    weights.chunks(features.len()).zip(bias.iter()).zip(&logits)
                {
                    let products = row.iter().zip(&features).map(|(w, f)| w * f);
                    let ours = products.sum::<f32>() + bias;
                    assert!(
                        (ours - logit).abs() < 1e-3 * logit.abs().max(1.0),
                        "{ours} {logit}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_network_without_a_plain_last_layer_has_no_head() {
        for change in [
            (|m: &mut ExpressionModel<'static>| m.network.nodes.truncate(2)) as fn(&mut _),
            |m| m.network.nodes[2].activation = Activation::Relu,
            |m| m.network.nodes.clear(),
        ] {
            let mut model = test_model();
            change(&mut model);
            let error = FeatureExtractor::new(&model).err();
            assert!(matches!(error, Some(ClassifyError::NoHead)), "{error:?}");
        }
    }

    #[test]
    fn a_face_of_another_size_is_refused() {
        let mut extractor = FeatureExtractor::new(&test_model()).unwrap();
        let error = extractor.extract(&[0; 47]).unwrap_err();
        assert!(matches!(error, ClassifyError::FaceSize { .. }), "{error}");
    }
}
