//! Every count, index and size of a cascade against its limits.

use super::{
    Boosted, CascadeModel, Ensemble, HaarFeature, LbpFeature, MAX_FEATURES, MAX_NODES_PER_TREE,
    MAX_STAGES, MAX_TREES, MAX_TREES_PER_STAGE, MIN_WINDOW_PX, Stage, Tree,
};
use crate::container::{TextError, check_text};

/// What is wrong with a cascade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CascadeError {
    /// A window side outside its range.
    #[error("a window of {width}x{height} pixels; each side is {MIN_WINDOW_PX} to 255 pixels")]
    Window {
        /// Width in pixels.
        width: u8,
        /// Height in pixels.
        height: u8,
    },
    /// A list without entries or with too many.
    #[error("{count} {what}; there are 1 to {max}")]
    Count {
        /// What is counted.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// Most there may be.
        max: usize,
    },
    /// A tree whose leaves do not fit its nodes.
    #[error(
        "tree {tree} of stage {stage} has {nodes} nodes and {leaves} leaves; leaves are one more"
    )]
    Leaves {
        /// Index of the stage.
        stage: usize,
        /// Index of the tree in its stage.
        tree: usize,
        /// Nodes it has.
        nodes: usize,
        /// Leaves it has.
        leaves: usize,
    },
    /// A child that is no later node and no leaf.
    #[error(
        "a node in tree {tree} of stage {stage} points to {child}, which is no later node and no leaf"
    )]
    Child {
        /// Index of the stage.
        stage: usize,
        /// Index of the tree in its stage.
        tree: usize,
        /// The child as stored.
        child: i8,
    },
    /// A node that looks at a feature that is not there.
    #[error("a node in tree {tree} of stage {stage} uses feature {feature}; there are {features}")]
    Feature {
        /// Index of the stage.
        stage: usize,
        /// Index of the tree in its stage.
        tree: usize,
        /// Index of the feature.
        feature: u16,
        /// How many features there are.
        features: usize,
    },
    /// A text that is too long or not printable.
    #[error("the cascade's {field} {source}")]
    Text {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        source: TextError,
    },
    /// A number that is infinite or not a number.
    #[error("a {what} is not a finite number")]
    NotFinite {
        /// Which number.
        what: &'static str,
    },
    /// A feature that is empty or reaches out of the window.
    #[error("feature {feature} is empty or reaches out of the window")]
    Outside {
        /// Index of the feature.
        feature: usize,
    },
}

impl CascadeModel<'_> {
    /// Checks everything an evaluator relies on: it needs no further check to stay inside the
    /// window, the lists and the trees, and always comes to an end.
    ///
    /// # Errors
    /// [`CascadeError`] for the first rule broken.
    pub fn validate(&self) -> Result<(), CascadeError> {
        let (width, height) = (self.window_width, self.window_height);
        if width < MIN_WINDOW_PX || height < MIN_WINDOW_PX {
            return Err(CascadeError::Window { width, height });
        }
        for (field, text) in [("source", self.source), ("licence", self.licence)] {
            check_text(text).map_err(|source| CascadeError::Text { field, source })?;
        }
        match &self.ensemble {
            Ensemble::Haar(boosted) => {
                check_boosted(boosted, |threshold| threshold.is_finite())?;
                check_features(&boosted.features, |feature| {
                    haar_fits(feature, width, height)
                })?;
                let weights = || {
                    boosted
                        .features
                        .iter()
                        .flat_map(|f| &f.rects)
                        .map(|r| r.weight)
                };
                finite("weight", weights())
            }
            Ensemble::Lbp(boosted) => {
                check_boosted(boosted, |_| true)?;
                check_features(&boosted.features, |feature| {
                    lbp_fits(feature, width, height)
                })
            }
        }
    }
}

fn check_boosted<F, S>(
    boosted: &Boosted<F, S>,
    split_is_finite: impl Fn(&S) -> bool,
) -> Result<(), CascadeError> {
    let features = boosted.features.len();
    count("features", features, MAX_FEATURES)?;
    count("stages", boosted.stages.len(), MAX_STAGES)?;
    count("trees", boosted.trees(), MAX_TREES)?;
    for (index, stage) in boosted.stages.iter().enumerate() {
        check_stage(index, stage, features, &split_is_finite)?;
    }
    Ok(())
}

fn check_stage<S>(
    index: usize,
    stage: &Stage<S>,
    features: usize,
    split_is_finite: &impl Fn(&S) -> bool,
) -> Result<(), CascadeError> {
    count("trees in a stage", stage.trees.len(), MAX_TREES_PER_STAGE)?;
    finite("stage threshold", core::iter::once(stage.threshold))?;
    for (tree_index, tree) in stage.trees.iter().enumerate() {
        count("nodes in a tree", tree.nodes.len(), MAX_NODES_PER_TREE)?;
        if tree.leaves.len() != tree.nodes.len() + 1 {
            return Err(CascadeError::Leaves {
                stage: index,
                tree: tree_index,
                nodes: tree.nodes.len(),
                leaves: tree.leaves.len(),
            });
        }
        finite("leaf", tree.leaves.iter().copied())?;
        for (node_index, node) in tree.nodes.iter().enumerate() {
            if usize::from(node.feature) >= features {
                return Err(CascadeError::Feature {
                    stage: index,
                    tree: tree_index,
                    feature: node.feature,
                    features,
                });
            }
            if !split_is_finite(&node.split) {
                return Err(CascadeError::NotFinite {
                    what: "node threshold",
                });
            }
            for child in [node.left, node.right] {
                if !child_exists(tree, node_index, child) {
                    return Err(CascadeError::Child {
                        stage: index,
                        tree: tree_index,
                        child,
                    });
                }
            }
        }
    }
    Ok(())
}

/// A later node (so that every walk ends) or a leaf.
fn child_exists<S>(tree: &Tree<S>, parent: usize, child: i8) -> bool {
    let index = usize::from(child.unsigned_abs());
    if child > 0 {
        index > parent && index < tree.nodes.len()
    } else {
        index < tree.leaves.len()
    }
}

fn check_features<F>(features: &[F], fits: impl Fn(&F) -> bool) -> Result<(), CascadeError> {
    match features.iter().position(|feature| !fits(feature)) {
        None => Ok(()),
        Some(feature) => Err(CascadeError::Outside { feature }),
    }
}

fn haar_fits(feature: &HaarFeature, width: u8, height: u8) -> bool {
    let (window_width, window_height) = (i32::from(width), i32::from(height));
    !feature.rects.is_empty()
        && feature.rects.iter().all(|rect| {
            let (x, y) = (i32::from(rect.x), i32::from(rect.y));
            let (width, height) = (i32::from(rect.width), i32::from(rect.height));
            let (left, right, bottom) = if feature.tilted {
                (x - height, x + width, y + width + height)
            } else {
                (x, x + width, y + height)
            };
            width > 0 && height > 0 && left >= 0 && right <= window_width && bottom <= window_height
        })
}

fn lbp_fits(feature: &LbpFeature, width: u8, height: u8) -> bool {
    let inside = |start: u8, block: u8, window: u8| {
        block > 0 && u16::from(start) + 3 * u16::from(block) <= u16::from(window)
    };
    inside(feature.x, feature.block_width, width) && inside(feature.y, feature.block_height, height)
}

fn count(what: &'static str, count: usize, max: usize) -> Result<(), CascadeError> {
    if (1..=max).contains(&count) {
        Ok(())
    } else {
        Err(CascadeError::Count { what, count, max })
    }
}

fn finite(what: &'static str, mut values: impl Iterator<Item = f32>) -> Result<(), CascadeError> {
    if values.all(f32::is_finite) {
        Ok(())
    } else {
        Err(CascadeError::NotFinite { what })
    }
}
