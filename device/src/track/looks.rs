//! What a face looks like: small patches, in memory only.

use mien_models::plane::GrayView;

use super::bounds::Bounds;
use super::patch::{MAX_REACH, Match, Patch};

/// How fast the lasting patch takes on new looks, and how alike they must be: what covers a face
/// must not become part of it.
const MEMORY_WEIGHT: f32 = 0.2;
const MEMORY_CORRELATION: f32 = 0.7;
/// Looks are compared at these sizes, because detectors differ from frame to frame.
const COMPARED_SIZES: [f32; 3] = [1.0, 0.88, 1.14];
/// Cells that a detection may lie off for that comparison.
const COMPARED_REACH: usize = 3;

/// A face's patches; `None` where it was of one gray.
#[derive(Clone, Debug)]
pub struct Looks {
    /// At the last detection: to follow it by.
    recent: Option<Patch>,
    /// Over time: to know it again.
    lasting: Option<Patch>,
}

impl Looks {
    /// Of the face inside `bounds`.
    pub fn new(view: &GrayView<'_>, bounds: &Bounds) -> Self {
        let patch = Patch::cut(view, bounds);
        Self {
            recent: patch.clone(),
            lasting: patch,
        }
    }

    /// The detector sees the face inside `bounds`.
    pub fn remember(&mut self, view: &GrayView<'_>, bounds: &Bounds) {
        let patch = Patch::cut(view, bounds);
        match (&self.lasting, &patch) {
            (Some(lasting), Some(patch)) => {
                if lasting.correlation(patch) >= MEMORY_CORRELATION {
                    self.lasting = lasting.mixed(patch, MEMORY_WEIGHT);
                }
            }
            (None, _) => self.lasting.clone_from(&patch),
            (Some(_), None) => {}
        }
        self.recent = patch;
    }

    /// Where the face is now, within `reach` cells of `bounds`.
    pub fn find(&self, view: &GrayView<'_>, bounds: &Bounds, reach: usize) -> Option<Match> {
        let patch = self.recent.as_ref()?;
        Some(patch.find(view, bounds, reach))
    }

    /// Where a face that was out of sight may be again, near `bounds`.
    pub fn find_again(&self, view: &GrayView<'_>, bounds: &Bounds) -> Option<Match> {
        let patch = self.lasting.as_ref()?;
        Some(patch.find(view, bounds, MAX_REACH))
    }

    /// How alike the face and what is inside `bounds` look, -1..=1; 0 if either is of one gray.
    pub fn likeness(&self, view: &GrayView<'_>, bounds: &Bounds) -> f32 {
        let patches = [&self.recent, &self.lasting].into_iter().flatten();
        patches
            .flat_map(|patch| COMPARED_SIZES.map(|factor| (patch, factor)))
            .map(|(patch, factor)| {
                let bounds = Bounds {
                    size: bounds.size.map(|side| side * factor),
                    ..*bounds
                };
                patch.find(view, &bounds, COMPARED_REACH).correlation
            })
            .reduce(f32::max)
            .unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mien_models::procedural::{Scene, plane};

    #[test]
    fn a_face_is_like_itself_and_unlike_noise() {
        let face = plane(Scene::Face, 3, 200, 200);
        let noise = plane(Scene::Noise, 3, 200, 200);
        let (face, noise) = (face.view().unwrap(), noise.view().unwrap());
        let at = |x, side| Bounds {
            center: [x, 100.0],
            size: [side, side],
        };
        let mut looks = Looks::new(&face, &at(100.0, 120.0));
        assert!(looks.likeness(&face, &at(108.0, 130.0)) > 0.8);
        assert!(looks.likeness(&noise, &at(100.0, 120.0)) < 0.4);
        // Something passes in front of it: it is still known afterwards.
        for _ in 0..20 {
            looks.remember(&noise, &at(100.0, 120.0));
        }
        assert!(looks.likeness(&face, &at(100.0, 120.0)) > 0.95);
    }
}
