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
    /// The furthest table entry from a window's corner that a test reads.
    reach: usize,
}

/// A test and where it leads.
#[derive(Debug)]
pub(super) struct Node<T> {
    pub test: T,
    /// Going left, going right.
    pub ways: [Way; 2],
}

/// Where a node leads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    /// Index in the tree of the next node; 0, the root, means that the tree ends here.
    pub next: u32,
    /// The tree's value when it ends here.
    pub leaf: f32,
}

#[derive(Debug)]
struct Stage {
    threshold: f64,
    trees: Range<usize>,
    /// Nodes of all trees when every tree has just one.
    stumps: Option<Range<usize>>,
}

/// A stage whose trees are all stumps. Only this module makes one, so that its reach can be relied
/// on where memory is read without a check.
#[derive(Clone, Copy)]
pub(super) struct Stumps<'a, T> {
    nodes: &'a [Node<T>],
    threshold: f64,
    reach: usize,
}

impl<'a, T: Test> Stumps<'a, T> {
    /// One node for each tree.
    pub(super) fn nodes(&self) -> &'a [Node<T>] {
        self.nodes
    }

    /// A window whose sum is below it is rejected.
    pub(super) fn threshold(&self) -> f64 {
        self.threshold
    }

    /// No test reads further from the window's corner.
    pub(super) fn reach(&self) -> usize {
        self.reach
    }

    /// The stage of these trees alone.
    #[cfg(test)]
    pub(super) fn new(nodes: &'a [Node<T>], threshold: f64) -> Self {
        Self {
            nodes,
            threshold,
            reach: furthest(nodes),
        }
    }
}

impl<T: Test> Program<T> {
    pub(super) fn new(boosted: &Boosted<T::Feature, T::Split>, layout: Layout) -> Self {
        let mut program = Self {
            nodes: Vec::new(),
            trees: Vec::new(),
            stages: Vec::new(),
            reach: 0,
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
        program.reach = furthest(&program.nodes);
        program
    }

    /// The furthest table entry from a window's corner that a test reads.
    pub(super) fn reach(&self) -> usize {
        self.reach
    }

    /// Number of stages.
    pub(super) fn stages(&self) -> usize {
        self.stages.len()
    }

    /// A stage whose trees are all stumps.
    pub(super) fn stumps(&self, stage: usize) -> Option<Stumps<'_, T>> {
        let stage = &self.stages[stage];
        let nodes = stage.stumps.clone()?;
        Some(Stumps {
            nodes: &self.nodes[nodes],
            threshold: stage.threshold,
            reach: self.reach,
        })
    }

    /// The stage from `first` on that rejects the window, or `None` for a face.
    #[inline]
    pub(super) fn rejected_by(&self, window: Window<'_>, first: usize) -> Option<usize> {
        let mut rest = self.stages[first..].iter();
        let rejected = rest.position(|stage| {
            let sum = match &stage.stumps {
                Some(nodes) => sum_stumps(&self.nodes[nodes.clone()], window),
                None => self.sum_trees(stage, window),
            };
            sum < stage.threshold
        });
        rejected.map(|stage| first + stage)
    }

    fn sum_trees(&self, stage: &Stage, window: Window<'_>) -> f64 {
        let trees = self.trees[stage.trees.clone()].iter();
        trees.fold(0.0, |sum, tree| {
            let nodes = &self.nodes[tree.start as usize..tree.end as usize];
            sum + f64::from(walk(nodes, window))
        })
    }
}

fn furthest<T: Test>(nodes: &[Node<T>]) -> usize {
    let reaches = nodes.iter().map(|node| node.test.reach());
    reaches.max().unwrap_or(0)
}

/// Sum of one-node trees, in `f64` as OpenCV adds them.
#[inline]
pub(super) fn sum_stumps<T: Test>(nodes: &[Node<T>], window: Window<'_>) -> f64 {
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

/// A tree of one node.
#[cfg(test)]
pub(super) fn stump<T>(test: T, leaves: [f32; 2]) -> Node<T> {
    Node {
        test,
        ways: leaves.map(|leaf| Way { next: 0, leaf }),
    }
}

#[cfg(test)]
mod tests {
    use mien_models::cascade::Stage as FileStage;

    use super::*;

    /// Goes left when the first sum is below a number.
    struct Below(i32);

    impl Test for Below {
        type Feature = ();
        type Split = i32;

        fn new(_: &(), split: i32, _: Layout) -> Self {
            Self(split)
        }

        fn goes_left(&self, window: Window<'_>) -> bool {
            window.sums[0] < self.0
        }

        fn reach(&self) -> usize {
            0
        }
    }

    fn node(split: i32, left: i8, right: i8) -> FileNode<i32> {
        FileNode {
            feature: 0,
            left,
            right,
            split,
        }
    }

    fn stage(threshold: f32, trees: Vec<Tree<i32>>) -> FileStage<i32> {
        FileStage { threshold, trees }
    }

    fn rejected_by(stages: &[FileStage<i32>], sum: i32) -> Option<usize> {
        let boosted = Boosted {
            features: vec![()],
            stages: stages.to_vec(),
        };
        let layout = Layout {
            stride: 1,
            tilted_at: 1,
        };
        let window = Window {
            sums: &[sum],
            norm: 1.0,
        };
        Program::<Below>::new(&boosted, layout).rejected_by(window, 0)
    }

    #[test]
    fn a_tree_is_walked_to_its_leaf() {
        // Leaves 0 to 3 for sums below 10, 20, 30 and above.
        let tree = Tree {
            nodes: vec![node(20, 1, 2), node(10, 0, -1), node(30, -2, -3)],
            leaves: vec![0.0, 1.0, 2.0, 3.0],
        };
        for (sum, leaf) in [(5, 0.0), (15, 1.0), (25, 2.0), (35, 3.0)] {
            let tree = || vec![tree.clone()];
            assert_eq!(rejected_by(&[stage(leaf, tree())], sum), None);
            assert_eq!(rejected_by(&[stage(leaf + 0.5, tree())], sum), Some(0));
        }
    }

    #[test]
    fn stages_add_up_their_trees_and_reject_in_turn() {
        let stump = |split| Tree {
            nodes: vec![node(split, 0, -1)],
            leaves: vec![-1.0, 1.0],
        };
        let stages = [
            stage(0.0, vec![stump(0), stump(10)]),
            stage(3.0, vec![stump(0), stump(10), stump(20)]),
        ];
        for (sum, expected) in [(-5, Some(0)), (5, Some(1)), (15, Some(1)), (25, None)] {
            assert_eq!(rejected_by(&stages, sum), expected, "{sum}");
        }
    }

    #[test]
    fn a_sum_just_below_the_threshold_passes() {
        let tree = Tree {
            nodes: vec![node(0, 0, -1)],
            leaves: vec![0.0, 1.0],
        };
        assert_eq!(
            rejected_by(&[stage(1.000_009, vec![tree.clone()])], 1),
            None
        );
        assert_eq!(rejected_by(&[stage(1.000_02, vec![tree])], 1), Some(0));
    }
}
