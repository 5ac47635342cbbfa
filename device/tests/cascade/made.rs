//! Any cascade that passes the check: Haar and LBP, upright and tilted, stumps and trees, windows
//! that are not square.

use mien_models::cascade::{
    Boosted, CascadeModel, Ensemble, HaarFeature, LbpFeature, Node, Stage, Tree, WeightedRect,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// Sides of the windows, in pixels.
const SIDES: std::ops::RangeInclusive<u8> = 3..=30;

/// A start and a length, the end at most `side`.
fn span(side: u8) -> impl Strategy<Value = (u8, u8)> {
    (0..side).prop_flat_map(move |start| (Just(start), 1..=side - start))
}

fn weight() -> impl Strategy<Value = f32> {
    // The last ones overflow.
    prop_oneof![
        4 => prop_oneof![Just(-1.0), Just(2.0), Just(3.0), -4.0_f32..4.0],
        1 => prop_oneof![Just(0.0), Just(f32::MAX), Just(f32::MIN), Just(f32::MIN_POSITIVE)],
    ]
}

fn upright(width: u8, height: u8) -> impl Strategy<Value = WeightedRect> {
    (span(width), span(height), weight()).prop_map(|((x, width), (y, height), weight)| {
        WeightedRect {
            x,
            y,
            width,
            height,
            weight,
        }
    })
}

fn tilted(window_width: u8, window_height: u8) -> impl Strategy<Value = WeightedRect> {
    let corner = (1..window_width, 0..window_height - 1);
    corner.prop_flat_map(move |(x, y)| {
        let below = window_height - y;
        let height = 1..=x.min(below - 1);
        (height, weight()).prop_flat_map(move |(height, weight)| {
            let width = 1..=(window_width - x).min(below - height);
            width.prop_map(move |width| WeightedRect {
                x,
                y,
                width,
                height,
                weight,
            })
        })
    })
}

fn haar(width: u8, height: u8) -> impl Strategy<Value = HaarFeature> {
    let feature = |tilted| {
        move |rects: Vec<WeightedRect>| HaarFeature {
            rects: rects.into_iter().collect(),
            tilted,
        }
    };
    prop_oneof![
        vec(upright(width, height), 1..=3).prop_map(feature(false)),
        vec(tilted(width, height), 1..=3).prop_map(feature(true)),
    ]
}

fn lbp(width: u8, height: u8) -> impl Strategy<Value = LbpFeature> {
    let blocks =
        |side: u8| (0..side - 2).prop_flat_map(move |start| (Just(start), 1..=(side - start) / 3));
    (blocks(width), blocks(height)).prop_map(|((x, block_width), (y, block_height))| LbpFeature {
        x,
        y,
        block_width,
        block_height,
    })
}

/// A chain of one to three nodes.
fn tree<S: Clone + std::fmt::Debug>(
    features: u16,
    split: impl Strategy<Value = S>,
) -> impl Strategy<Value = Tree<S>> {
    let node = (0..features, split);
    (vec(node, 1..=3), vec(-1.0_f32..1.0, 4)).prop_map(|(splits, mut leaves)| {
        let count = splits.len() as i8;
        let node = |(index, (feature, split))| Node {
            feature,
            left: -(index as i8),
            right: if index as i8 + 1 < count {
                index as i8 + 1
            } else {
                -count
            },
            split,
        };
        leaves.truncate(splits.len() + 1);
        let nodes = splits.into_iter().enumerate().map(node);
        Tree {
            nodes: nodes.collect(),
            leaves,
        }
    })
}

fn boosted<F: Clone + std::fmt::Debug, S: Clone + std::fmt::Debug>(
    feature: impl Strategy<Value = F>,
    split: impl Strategy<Value = S> + Clone,
) -> impl Strategy<Value = Boosted<F, S>> {
    const FEATURES: u16 = 6;
    let stage = (-1.0_f32..0.5, vec(tree(FEATURES, split), 1..6))
        .prop_map(|(threshold, trees)| Stage { threshold, trees });
    (vec(feature, usize::from(FEATURES)), vec(stage, 1..5))
        .prop_map(|(features, stages)| Boosted { features, stages })
}

/// A cascade that passes [`CascadeModel::validate`].
pub fn cascade() -> impl Strategy<Value = CascadeModel<'static>> {
    (SIDES, SIDES).prop_flat_map(|(window_width, window_height)| {
        let (width, height) = (window_width, window_height);
        let ensemble = prop_oneof![
            3 => boosted(haar(width, height), -0.5_f32..0.5).prop_map(Ensemble::Haar),
            1 => boosted(lbp(width, height), any::<[u32; 8]>()).prop_map(Ensemble::Lbp),
        ];
        ensemble.prop_map(move |ensemble| CascadeModel {
            source: "made",
            licence: "",
            window_height,
            window_width,
            ensemble,
        })
    })
}
