//! From the owner's pictures to features: one face each, cut out as on the device.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};

use mien_device::capture::picture::{self, Color};
use mien_device::classify::FeatureExtractor;
use mien_device::detect::cascade::{CascadeDetector, CascadeOptions};
use mien_device::detect::crop::crop_for;
use mien_device::detect::yunet::{YunetDetector, YunetOptions};
use mien_device::detect::{Detection, Detector};
use mien_models::ExpressionModel;
use mien_models::cascade::CascadeModel;
use mien_models::container::{self, Header, Kind};
use mien_models::crop::{CropRect, MAX_CROP_SIDE_Q8};
use mien_models::plane::GrayView;
use mien_models::preprocess::{PreprocessError, resize_crop};
use mien_models::yunet::YunetModel;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::folders::Folder;
use super::{AdaptError, Picture};
use crate::dataset::{PIXELS, SIDE};
use crate::progress::{Progress, Unit};

/// Looks at every face: as it is, mirrored, and cut out a little differently, as a detector would
/// the next time.
pub const LOOKS: usize = 8;
/// How far a look's scale and centre are off at most, as a share of its side, and its turn in degrees.
const SCALE: f64 = 0.08;
const SHIFT: f64 = 0.04;
const TURN_DEG: f64 = 5.0;

/// Where the faces are.
#[derive(Clone, Copy, Debug)]
pub enum Search<'a> {
    /// A detector file finds them.
    Detector(&'a [u8]),
    /// Every picture is a face that was cut out already.
    Cropped,
}

/// Why a picture was not used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Why {
    /// The detector found none.
    NoFace,
    /// Whose expression is it?
    SeveralFaces {
        /// How many.
        faces: usize,
    },
    /// The same pixels as another picture's, of this label or another.
    Duplicate {
        /// The one that is used.
        of: PathBuf,
    },
    /// Not a picture that can be read.
    Unreadable {
        /// Why.
        message: String,
    },
}

/// A picture that was not used.
#[derive(Clone, Debug, Serialize)]
pub struct Reject {
    /// The file.
    pub path: PathBuf,
    /// Its folder's label.
    pub label: String,
    /// Why.
    pub why: Why,
    /// The picture, small.
    #[serde(skip)]
    pub thumbnail: Option<Box<[u8; PIXELS]>>,
}

/// What became of the pictures, in the order of the folders.
#[derive(Clone, Debug, Default)]
pub struct Gathered {
    /// With one face.
    pub used: Vec<Picture>,
    /// The others.
    pub rejected: Vec<Reject>,
}

/// Reads all pictures on all cores. `seed` decides how looks differ.
///
/// # Errors
/// When the detector or the model cannot be used; a picture that cannot is rejected.
pub fn gather(
    model: &ExpressionModel<'_>,
    folders: &[Folder],
    search: Search<'_>,
    seed: u64,
    progress: Progress,
) -> Result<Gathered, AdaptError> {
    let files: Vec<(usize, &str, &PathBuf)> = folders
        .iter()
        .flat_map(|folder| folder.pictures.iter().map(|p| (folder.label.as_str(), p)))
        .enumerate()
        .map(|(number, (label, path))| (number, label, path))
        .collect();
    let task = progress.start("faces", files.len() as u64, Unit::Items("pictures"));
    let per_thread = files.len().div_ceil(rayon::current_num_threads()).max(1);
    let parts = files
        .par_chunks(per_thread)
        .map(|files| {
            let mut worker = Worker {
                model,
                extractor: FeatureExtractor::new(model)?,
                detector: open(search)?,
            };
            let mut gathered = Gathered::default();
            for &(number, label, path) in files {
                let mut rng = ChaCha8Rng::seed_from_u64(seed);
                rng.set_stream(number as u64);
                match worker.look(path, &mut rng)? {
                    Ok(face) => gathered.used.push(Picture {
                        path: path.clone(),
                        label: label.to_owned(),
                        digest: face.digest,
                        looks: face.looks,
                        thumbnail: face.thumbnail,
                    }),
                    Err((why, thumbnail)) => gathered.rejected.push(Reject {
                        path: path.clone(),
                        label: label.to_owned(),
                        why,
                        thumbnail,
                    }),
                }
                task.advance(1);
            }
            Ok::<_, AdaptError>(gathered)
        })
        .collect::<Result<Vec<_>, _>>()?;
    task.finish();
    let mut all = Gathered::default();
    for part in parts {
        all.used.extend(part.used);
        all.rejected.extend(part.rejected);
    }
    Ok(without_duplicates(all))
}

/// Leaves the first of pictures with the same pixels: a copy on both sides of a hold-out would be no
/// test.
fn without_duplicates(mut all: Gathered) -> Gathered {
    let mut first: HashMap<[u8; 32], PathBuf> = HashMap::new();
    let mut used = vec![];
    for picture in all.used {
        match first.entry(picture.digest) {
            Entry::Vacant(entry) => {
                entry.insert(picture.path.clone());
                used.push(picture);
            }
            Entry::Occupied(entry) => all.rejected.push(Reject {
                path: picture.path,
                label: picture.label,
                why: Why::Duplicate {
                    of: entry.get().clone(),
                },
                thumbnail: Some(picture.thumbnail),
            }),
        }
    }
    Gathered {
        used,
        rejected: all.rejected,
    }
}

/// The detector for photographs; none for faces that are cut out.
fn open(search: Search<'_>) -> Result<Option<Box<dyn Detector>>, AdaptError> {
    let Search::Detector(file) = search else {
        return Ok(None);
    };
    match Header::parse(file)?.kind {
        Kind::Cascade => {
            let (_, model) = container::decode::<CascadeModel<'_>>(file)?;
            let options = CascadeOptions::of_photographs();
            Ok(Some(Box::new(CascadeDetector::new(&model, options)?)))
        }
        Kind::Yunet => {
            let (_, model) = container::decode::<YunetModel<'_>>(file)?;
            let options = YunetOptions::of_photographs();
            Ok(Some(Box::new(YunetDetector::new(&model, options)?)))
        }
        other => Err(AdaptError::NoDetector(other)),
    }
}

type Thumbnail = Box<[u8; PIXELS]>;
type Looked = Result<Face, (Why, Option<Thumbnail>)>;

/// A picture's only face.
struct Face {
    digest: [u8; 32],
    looks: Vec<Vec<f32>>,
    thumbnail: Thumbnail,
}

struct Worker<'m, 'a> {
    model: &'m ExpressionModel<'a>,
    extractor: FeatureExtractor,
    detector: Option<Box<dyn Detector>>,
}

impl Worker<'_, '_> {
    /// A picture's face, or why it has none.
    fn look(&mut self, path: &Path, rng: &mut ChaCha8Rng) -> Result<Looked, AdaptError> {
        let unreadable = |message: String| Ok(Err((Why::Unreadable { message }, None)));
        let picture = match picture::load(path, Color::Drop) {
            Ok(picture) => picture,
            Err(error) => return unreadable(error.to_string()),
        };
        let view = match GrayView::packed(&picture.gray, picture.width, picture.height) {
            Ok(view) => view,
            Err(error) => return unreadable(error.to_string()),
        };
        let crop = match &mut self.detector {
            None => square(&view_size(&picture)),
            Some(detector) => {
                let found = match detector.detect(&view) {
                    Ok(found) => found,
                    Err(error) => return unreadable(error.to_string()),
                };
                match one_of(&found) {
                    Ok(face) => crop_for(face, detector.name()),
                    Err(why) => {
                        let whole = square(&view_size(&picture));
                        return Ok(Err((why, thumbnail(&view, &whole).ok())));
                    }
                }
            }
        };
        let Ok(small) = thumbnail(&view, &crop) else {
            return unreadable("the face cannot be cut out".to_owned());
        };
        let input = &self.model.preprocessing;
        let mut looks = Vec::with_capacity(LOOKS);
        let mut face = vec![0; input.pixels()];
        for number in 0..LOOKS {
            let crop = if number < 2 {
                crop
            } else {
                jittered(crop, rng)
            };
            if resize_crop(&view, &crop, input.width, input.height, &mut face).is_err() {
                continue;
            }
            if number % 2 == 1 {
                let rows = face.chunks_exact_mut(usize::from(input.width));
                rows.for_each(<[u8]>::reverse);
            }
            looks.push(self.extractor.extract(&face)?);
        }
        let mut digest = Sha256::new();
        digest.update(picture.width.to_le_bytes());
        digest.update(&picture.gray);
        Ok(Ok(Face {
            digest: digest.finalize().into(),
            looks,
            thumbnail: small,
        }))
    }
}

fn one_of(found: &[Detection]) -> Result<&Detection, Why> {
    match found {
        [] => Err(Why::NoFace),
        [face] => Ok(face),
        several => Err(Why::SeveralFaces {
            faces: several.len(),
        }),
    }
}

fn view_size(picture: &picture::Picture) -> [u32; 2] {
    [picture.width, picture.height]
}

/// The largest centred square.
fn square(&[width, height]: &[u32; 2]) -> CropRect {
    let mut crop = CropRect::whole(width, height);
    let side = crop.width_q8.min(crop.height_q8);
    (crop.width_q8, crop.height_q8) = (side, side);
    crop
}

fn thumbnail(view: &GrayView<'_>, crop: &CropRect) -> Result<Thumbnail, PreprocessError> {
    let mut pixels = Box::new([0; PIXELS]);
    resize_crop(view, crop, SIDE as u16, SIDE as u16, &mut pixels[..])?;
    Ok(pixels)
}

fn jittered(crop: CropRect, rng: &mut ChaCha8Rng) -> CropRect {
    let mut about = |range: f64| rng.random_range(-range..range);
    let side = f64::from(crop.width_q8);
    let scaled = (side * (1.0 + about(SCALE))).round() as i32;
    let scaled = scaled.clamp(1, MAX_CROP_SIDE_Q8);
    let turn = (about(TURN_DEG) / 360.0 * 65_536.0).round() as i16;
    CropRect {
        center_x_q8: crop
            .center_x_q8
            .saturating_add((side * about(SHIFT)) as i32),
        center_y_q8: crop
            .center_y_q8
            .saturating_add((side * about(SHIFT)) as i32),
        width_q8: scaled,
        height_q8: scaled,
        rotation_turn_q16: crop.rotation_turn_q16.wrapping_add(turn),
    }
}
