//! Cascade files, and each cascade that must be refused.

use mien_models::cascade::{
    Boosted, CascadeError, CascadeModel, Ensemble, HaarFeature, LbpFeature, MAX_FEATURES,
    MAX_NODES_PER_TREE, MAX_STAGES, MAX_TREES, MAX_TREES_PER_STAGE, Node, Stage, Tree,
    WeightedRect,
};
use mien_models::container::{FormatError, Kind, MAX_TEXT_BYTES, TextError, decode, encode};

use crate::file::seal;

type Haar = Boosted<HaarFeature, f32>;

fn rect(x: u8, y: u8, width: u8, height: u8) -> WeightedRect {
    WeightedRect {
        x,
        y,
        width,
        height,
        weight: -1.0,
    }
}

fn stump<S>(split: S) -> Tree<S> {
    Tree {
        nodes: vec![Node {
            feature: 0,
            left: 0,
            right: -1,
            split,
        }],
        leaves: vec![0.5, -0.5],
    }
}

/// Two stages: a stump, and a tree of two nodes, over an upright and a tilted feature that just
/// fit their window of 20 pixels by 10.
fn haar() -> Haar {
    let deep = Tree {
        nodes: vec![
            Node {
                feature: 1,
                left: 1,
                right: 0,
                split: 0.25,
            },
            Node {
                feature: 0,
                left: -1,
                right: -2,
                split: -0.25,
            },
        ],
        leaves: vec![1.0, 2.0, 3.0],
    };
    let feature = |rect, tilted| HaarFeature {
        rects: [rect].into_iter().collect(),
        tilted,
    };
    Boosted {
        features: vec![
            feature(rect(0, 0, 20, 10), false),
            feature(rect(4, 0, 6, 4), true),
        ],
        stages: vec![
            Stage {
                threshold: 0.1,
                trees: vec![stump(0.5)],
            },
            Stage {
                threshold: -0.1,
                trees: vec![deep],
            },
        ],
    }
}

fn lbp(x: u8, y: u8, block_width: u8, block_height: u8) -> CascadeModel<'static> {
    CascadeModel {
        ensemble: Ensemble::Lbp(Boosted {
            features: vec![LbpFeature {
                x,
                y,
                block_width,
                block_height,
            }],
            stages: vec![Stage {
                threshold: 0.0,
                trees: vec![stump([7; 8])],
            }],
        }),
        ..model(haar())
    }
}

fn model(ensemble: Haar) -> CascadeModel<'static> {
    CascadeModel {
        source: "example.xml",
        licence: "None\nneeded",
        window_height: 10,
        window_width: 20,
        ensemble: Ensemble::Haar(ensemble),
    }
}

#[test]
fn both_kinds_of_cascade_read_back_equal() {
    for model in [model(haar()), lbp(2, 1, 6, 3)] {
        let id = model.model_id();
        let file = encode(&model, id, 4).expect("valid");
        let (header, back) = decode::<CascadeModel>(&file).expect("just packed");
        assert_eq!(back, model);
        assert_eq!((header.kind, header.model_id), (Kind::Cascade, id));
        assert_eq!(encode(&model, [1; 16], 4), Err(FormatError::ModelId));
    }
}

#[test]
fn a_broken_rule_is_reported_by_the_decoder() {
    let mut broken = model(haar());
    broken.window_width = 2;
    let payload = postcard::to_allocvec(&broken).expect("memory suffices");
    let file = seal::<CascadeModel>(&payload, broken.model_id());
    let error = CascadeError::Window {
        width: 2,
        height: 10,
    };
    assert_eq!(decode::<CascadeModel>(&file).err(), Some(error.into()));
}

/// A change to the example, and what validating it must say.
type Fault = (&'static str, fn(&mut Haar), CascadeError);

#[test]
fn each_broken_rule_has_its_error() {
    let count = |what, count, max| CascadeError::Count { what, count, max };
    let child = |child| CascadeError::Child {
        stage: 1,
        tree: 0,
        child,
    };
    let not_finite = |what| CascadeError::NotFinite { what };
    let faults: [Fault; 19] = [
        (
            "no feature",
            |c| c.features.clear(),
            count("features", 0, MAX_FEATURES),
        ),
        (
            "features",
            |c| c.features = vec![c.features[0].clone(); MAX_FEATURES + 1],
            count("features", MAX_FEATURES + 1, MAX_FEATURES),
        ),
        (
            "no stage",
            |c| c.stages.clear(),
            count("stages", 0, MAX_STAGES),
        ),
        (
            "stages",
            |c| c.stages = vec![c.stages[0].clone(); MAX_STAGES + 1],
            count("stages", MAX_STAGES + 1, MAX_STAGES),
        ),
        (
            "no tree in a stage",
            |c| c.stages[1].trees.clear(),
            count("trees in a stage", 0, MAX_TREES_PER_STAGE),
        ),
        (
            "trees in a stage",
            |c| c.stages[1].trees = vec![stump(0.0); MAX_TREES_PER_STAGE + 1],
            count(
                "trees in a stage",
                MAX_TREES_PER_STAGE + 1,
                MAX_TREES_PER_STAGE,
            ),
        ),
        (
            "trees in all stages",
            |c| {
                c.stages[1].trees = vec![stump(0.0); MAX_TREES_PER_STAGE];
                c.stages = vec![c.stages[1].clone(); 65];
            },
            count("trees", 65 * MAX_TREES_PER_STAGE, MAX_TREES),
        ),
        (
            "no node",
            |c| c.stages[0].trees[0].nodes.clear(),
            count("nodes in a tree", 0, MAX_NODES_PER_TREE),
        ),
        (
            "nodes",
            |c| c.stages[0].trees[0].nodes = vec![stump(0.0).nodes[0]; MAX_NODES_PER_TREE + 1],
            count(
                "nodes in a tree",
                MAX_NODES_PER_TREE + 1,
                MAX_NODES_PER_TREE,
            ),
        ),
        (
            "leaves",
            |c| c.stages[1].trees[0].leaves.push(0.0),
            CascadeError::Leaves {
                stage: 1,
                tree: 0,
                nodes: 2,
                leaves: 4,
            },
        ),
        (
            "a circle",
            |c| c.stages[1].trees[0].nodes[1].left = 1,
            child(1),
        ),
        (
            "no such node",
            |c| c.stages[1].trees[0].nodes[0].left = 2,
            child(2),
        ),
        (
            "no such leaf",
            |c| c.stages[1].trees[0].nodes[1].right = -3,
            child(-3),
        ),
        (
            "no such feature",
            |c| c.stages[1].trees[0].nodes[1].feature = 2,
            CascadeError::Feature {
                stage: 1,
                tree: 0,
                feature: 2,
                features: 2,
            },
        ),
        (
            "stage threshold",
            |c| c.stages[0].threshold = f32::NAN,
            not_finite("stage threshold"),
        ),
        (
            "node threshold",
            |c| c.stages[0].trees[0].nodes[0].split = f32::INFINITY,
            not_finite("node threshold"),
        ),
        (
            "leaf",
            |c| c.stages[0].trees[0].leaves[1] = f32::NAN,
            not_finite("leaf"),
        ),
        (
            "weight",
            |c| c.features[1].rects[0].weight = f32::NEG_INFINITY,
            not_finite("weight"),
        ),
        (
            "no rectangle",
            |c| c.features[1].rects.clear(),
            CascadeError::Outside { feature: 1 },
        ),
    ];
    assert_eq!(model(haar()).validate(), Ok(()));
    for (name, change, error) in faults {
        let mut cascade = haar();
        change(&mut cascade);
        assert_eq!(model(cascade).validate(), Err(error), "{name}");
    }
}

#[test]
fn features_stay_inside_the_window() {
    let upright = [(1, 0, 20, 10), (0, 1, 20, 10), (5, 5, 0, 1), (5, 5, 1, 0)];
    // Tilted, (4, 0, 6, 4) spans columns 0..10 and rows 0..10.
    let tilted = [(3, 0, 6, 4), (4, 1, 6, 4), (15, 0, 6, 4), (4, 0, 7, 4)];
    for (number, cases) in [upright, tilted].into_iter().enumerate() {
        for (x, y, width, height) in cases {
            let mut cascade = haar();
            cascade.features[number].rects[0] = rect(x, y, width, height);
            let error = CascadeError::Outside { feature: number };
            assert_eq!(model(cascade).validate(), Err(error), "{x} {y}");
        }
    }
    assert_eq!(lbp(2, 1, 6, 3).validate(), Ok(()));
    for (x, y, width, height) in [(3, 1, 6, 3), (2, 2, 6, 3), (0, 0, 0, 1), (0, 0, 1, 0)] {
        let error = CascadeError::Outside { feature: 0 };
        assert_eq!(lbp(x, y, width, height).validate(), Err(error), "{x} {y}");
    }
}

#[test]
fn windows_and_texts_have_limits() {
    for (width, height) in [(2, 10), (20, 2), (0, 0)] {
        let mut small = model(haar());
        (small.window_width, small.window_height) = (width, height);
        assert_eq!(
            small.validate(),
            Err(CascadeError::Window { width, height })
        );
    }
    let long = "x".repeat(MAX_TEXT_BYTES + 1);
    let text = |field, source| Err(CascadeError::Text { field, source });
    let mut model = model(haar());
    model.source = "\u{1b}]0;title";
    assert_eq!(
        model.validate(),
        text("source", TextError::ControlCharacter)
    );
    model.source = &long[1..];
    assert_eq!(model.validate(), Ok(()));
    model.licence = &long;
    assert_eq!(model.validate(), text("licence", TextError::TooLong));
}
