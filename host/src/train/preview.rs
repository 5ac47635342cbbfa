//! What a recipe's augmentation does to pictures, as a contact sheet to look at.

use mien_models::preprocess::Preprocessing;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::augment;
use super::plan::SIDE;
use super::recipe::Recipe;
use crate::dataset::{Dataset, PIXELS, ferplus};
use crate::plot::sheet::{Row, Sheet};

/// How much to show.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// Pictures.
    pub rows: usize,
    /// Random changes of each.
    pub columns: usize,
    /// Chooses pictures and changes.
    pub seed: u64,
}

/// A row for each of some random pictures out of `indices`, the classes in turn: the picture
/// itself, what the network is given of it unchanged, and random changes as in training. Fewer
/// rows than asked for when there are fewer pictures.
///
/// # Panics
/// When an index is not one of `data`.
pub fn preview(data: &Dataset, indices: &[u32], recipe: &Recipe, extent: Extent) -> Sheet {
    let preprocessing = recipe.input.preprocessing();
    let rows = choose(data, indices, extent).into_iter();
    let rows = rows.enumerate().map(|(number, index)| {
        let pixels = data.pixels(index);
        let mut original = [0; PIXELS];
        original.copy_from_slice(pixels);
        let mut input = [0f32; PIXELS];
        augment::plain(pixels, &preprocessing, SIDE, &mut input);
        let mut pictures = vec![original, visible(&input, &preprocessing)];
        let mut rng = ChaCha8Rng::seed_from_u64(extent.seed);
        rng.set_stream(number as u64 + 1);
        for _ in 0..extent.columns {
            let augment = &recipe.augment;
            augment::random(pixels, &preprocessing, augment, SIDE, &mut rng, &mut input);
            pictures.push(visible(&input, &preprocessing));
        }
        Row {
            caption: caption(data, index),
            pictures,
        }
    });
    Sheet {
        title: format!("Recipe {}, seed {}", recipe.name, extent.seed),
        headings: ["original", "unchanged input", "augmented inputs"]
            .map(str::to_owned)
            .into(),
        rows: rows.collect(),
    }
}

/// Random pictures, the classes in turn while they last.
fn choose(data: &Dataset, indices: &[u32], extent: Extent) -> Vec<usize> {
    let mut shuffled = indices.to_vec();
    shuffled.shuffle(&mut ChaCha8Rng::seed_from_u64(extent.seed));
    let mut seen = vec![0; data.labels().len()];
    let mut in_turn: Vec<(usize, u8, usize)> = shuffled
        .into_iter()
        .map(|index| {
            let (index, class) = (index as usize, data.label(index as usize));
            let round = &mut seen[usize::from(class)];
            *round += 1;
            (*round, class, index)
        })
        .collect();
    in_turn.sort_unstable();
    let chosen = in_turn.into_iter().take(extent.rows);
    chosen.map(|(_, _, index)| index).collect()
}

/// Class and number of a picture and, where there are votes, what people said, most first.
fn caption(data: &Dataset, index: usize) -> String {
    let class = usize::from(data.label(index));
    let name = data.labels().name(class).unwrap_or_default();
    let mut caption = format!("{name}, picture {}", index + 1);
    if let Some(votes) = data.votes(index) {
        let mut votes: Vec<_> = votes.iter().zip(ferplus::COLUMNS).collect();
        votes.retain(|(count, _)| **count > 0);
        votes.sort_by_key(|(count, _)| std::cmp::Reverse(**count));
        let votes: Vec<String> = votes
            .iter()
            .map(|(n, name)| format!("{n} {name}"))
            .collect();
        caption += &format!(" (FERPlus: {})", votes.join(", "));
    }
    caption
}

/// Gray values of a network input.
fn visible(input: &[f32; PIXELS], preprocessing: &Preprocessing) -> [u8; PIXELS] {
    let zero = f32::from(preprocessing.zero_point);
    // The cast keeps to 0..=255.
    input.map(|v| (v / preprocessing.scale + zero).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Split;
    use mien_models::label::Labels;
    use mien_models::procedural::{Scene, plane};

    fn faces(classes: &[u8]) -> Dataset {
        let mut data = Dataset::new(Labels::fer2013());
        for (seed, class) in classes.iter().enumerate() {
            let picture = plane(Scene::Face, seed as u64, 48, 48);
            let pixels: [u8; PIXELS] = picture.pixels.try_into().unwrap();
            data.push(&pixels, *class, Split::Training);
        }
        data
    }

    const EXTENT: Extent = Extent {
        rows: 3,
        columns: 4,
        seed: 1,
    };

    #[test]
    fn a_row_is_the_original_its_input_and_changes() {
        let data = faces(&[3, 3, 3, 0]);
        let recipe = Recipe::open("compact").unwrap();
        let sheet = preview(&data, &[0, 1, 2, 3], &recipe, EXTENT);
        let captions: Vec<&str> = sheet.rows.iter().map(|row| row.caption.as_str()).collect();
        assert_eq!(captions[0], "angry, picture 4");
        assert!(captions[1].starts_with("happy") && captions[2].starts_with("happy"));
        for row in &sheet.rows {
            assert_eq!(row.pictures.len(), 2 + 4);
            let original = (0..4).find(|i| data.pixels(*i) == row.pictures[0]);
            let number = original.map(|i| format!("picture {}", i + 1));
            assert!(row.caption.ends_with(&number.unwrap()), "{}", row.caption);
            let mean = row.pictures[1].iter().map(|p| f32::from(*p)).sum::<f32>() / 2304.0;
            assert!((mean - 128.0).abs() < 4.0, "normalized: {mean}");
            assert!((2..6).all(|i| row.pictures[i] != row.pictures[1]));
            assert!((3..6).all(|i| row.pictures[i] != row.pictures[2]));
        }
        let again = preview(&data, &[0, 1, 2, 3], &recipe, EXTENT);
        assert_eq!(again.rows[2].pictures, sheet.rows[2].pictures);
    }

    #[test]
    fn without_augmentation_every_column_is_the_input() {
        let mut recipe = Recipe::open("compact").unwrap();
        recipe.augment = Default::default();
        let sheet = preview(&faces(&[2]), &[0], &recipe, EXTENT);
        assert_eq!(sheet.rows.len(), 1, "no more than there are");
        let [_, input, changed @ ..] = &sheet.rows[0].pictures[..] else {
            panic!("too few pictures");
        };
        assert!(changed.iter().all(|picture| picture == input));
    }
}
