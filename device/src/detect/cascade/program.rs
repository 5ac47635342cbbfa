//! A cascade laid out for evaluation: nodes in the order they are visited, offsets in place.

use std::ops::Range;

use mien_models::cascade::{Boosted, Node as FileNode, Tree};

use super::feature::{Layout, Test, Window};

/// What OpenCV takes off every stage's threshold.
const THRESHOLD_EPS: f32 = 1e-5;

/// All stages for tables of one layout.
#[derive(Debug)]
pub(super) struct Program<T> {
    nodes: Vec<Node<T>>,
    /// Nodes of each tree.
    trees: Vec<Range<u32>>,
    stages: Vec<Stage>,
}

#[derive(Debug)]
struct Node<T> {
    test: T,
    /// Going left, going right.
    ways: [Way; 2],
}

/// Where a node leads.
#[derive(Clone, Copy, Debug)]
struct Way {
    /// Index in the tree of the next node; 0, the root, means that the tree ends here.
    next: u32,
    /// The tree's value when it ends here.
    leaf: f32,
}

#[derive(Debug)]
struct Stage {
    threshold: f64,
    trees: Range<usize>,
    /// Nodes of all trees when every tree has just one.
    stumps: Option<Range<usize>>,
}

impl<T: Test> Program<T> {
    pub(super) fn new(boosted: &Boosted<T::Feature, T::Split>, layout: Layout) -> Self {
        let mut program = Self {
            nodes: Vec::new(),
            trees: Vec::new(),
            stages: Vec::new(),
        };
        for stage in &boosted.stages {
            let (first_tree, first_node) = (program.trees.len(), program.nodes.len());
            for tree in &stage.trees {
                let start = program.nodes.len() as u32;
                let nodes = tree.nodes.iter();
                program.nodes.extend(nodes.map(|node| Node {
                    test: T::new(
                        &boosted.features[usize::from(node.feature)],
                        node.split,
                        layout,
                    ),
                    ways: ways(tree, node),
                }));
                program.trees.push(start..program.nodes.len() as u32);
            }
            let all_stumps = stage.trees.iter().all(|tree| tree.nodes.len() == 1);
            program.stages.push(Stage {
                threshold: f64::from(stage.threshold - THRESHOLD_EPS),
                trees: first_tree..program.trees.len(),
                stumps: all_stumps.then_some(first_node..program.nodes.len()),
            });
        }
        program
    }

    /// The stage that rejects the window, or `None` for a face.
    #[inline]
    pub(super) fn rejected_by(&self, window: Window<'_>) -> Option<usize> {
        self.stages.iter().position(|stage| {
            let sum = match &stage.stumps {
                Some(nodes) => sum_stumps(&self.nodes[nodes.clone()], window),
                None => self.sum_trees(stage, window),
            };
            sum < stage.threshold
        })
    }

    fn sum_trees(&self, stage: &Stage, window: Window<'_>) -> f64 {
        let trees = self.trees[stage.trees.clone()].iter();
        trees.fold(0.0, |sum, tree| {
            let nodes = &self.nodes[tree.start as usize..tree.end as usize];
            sum + f64::from(walk(nodes, window))
        })
    }
}

#[inline]
fn sum_stumps<T: Test>(nodes: &[Node<T>], window: Window<'_>) -> f64 {
    nodes.iter().fold(0.0, |sum, node| {
        let [left, right] = node.ways;
        let way = if node.test.goes_left(window) {
            left
        } else {
            right
        };
        sum + f64::from(way.leaf)
    })
}

fn walk<T: Test>(nodes: &[Node<T>], window: Window<'_>) -> f32 {
    let mut index = 0;
    loop {
        let node = &nodes[index];
        let [left, right] = node.ways;
        let way = if node.test.goes_left(window) {
            left
        } else {
            right
        };
        if way.next == 0 {
            return way.leaf;
        }
        index = way.next as usize;
    }
}

fn ways<S>(tree: &Tree<S>, node: &FileNode<S>) -> [Way; 2] {
    [node.left, node.right].map(|child| {
        let index = child.unsigned_abs();
        if child > 0 {
            Way {
                next: u32::from(index),
                leaf: 0.0,
            }
        } else {
            Way {
                next: 0,
                leaf: tree.leaves[usize::from(index)],
            }
        }
    })
}
