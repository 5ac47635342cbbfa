//! What is searched for faces.

use std::fs;
use std::path::{Path, PathBuf};

use image::imageops::FilterType;
use mien_device::assets::PORTRAITS;
use mien_models::plane::GrayView;
use mien_models::procedural::{Scene, plane};
use sha2::{Digest, Sha256};

/// Longest side of a photograph in pixels, to keep the comparison short.
const MAX_SIDE_PX: u32 = 700;

/// A gray picture with a name for messages.
#[derive(Clone)]
pub struct Picture {
    pub name: String,
    pub width: u32,
    pub height: u32,
    pub pixels: Vec<u8>,
}

impl Picture {
    pub fn view(&self) -> GrayView<'_> {
        GrayView::packed(&self.pixels, self.width, self.height).expect("the sizes fit")
    }

    /// Whether it is drawn, by its name; the others are portraits.
    pub fn is_drawn(&self) -> bool {
        self.name.contains(' ')
    }

    pub fn sha256(&self) -> String {
        let hash = Sha256::digest(&self.pixels);
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub fn resized(&self, width: u32, height: u32) -> Self {
        let pixels = self.pixels.clone();
        let image = image::GrayImage::from_raw(self.width, self.height, pixels);
        let image = image.expect("the sizes fit");
        let pixels = image::imageops::resize(&image, width, height, FilterType::Triangle);
        Self {
            name: self.name.clone(),
            width,
            height,
            pixels: pixels.into_raw(),
        }
    }

    pub fn decode(name: String, file: &[u8]) -> Self {
        let image = image::load_from_memory(file).expect("a picture");
        let gray = image.into_luma8();
        Self {
            name,
            width: gray.width(),
            height: gray.height(),
            pixels: gray.into_raw(),
        }
    }
}

/// The pictures of the committed reference: drawn ones, and the portraits that the program
/// carries.
pub fn committed() -> Vec<Picture> {
    let drawn = [
        // Smaller than the least face asked for.
        (Scene::Face, 29, 29, 6),
        (Scene::Face, 50, 50, 3),
        (Scene::Face, 96, 96, 6),
        (Scene::Face, 160, 120, 3),
        (Scene::Face, 641, 481, 1),
        (Scene::Noise, 641, 481, 2),
        (Scene::Noise, 41, 300, 1),
        (Scene::Blobs, 320, 240, 2),
        (Scene::Checker, 120, 90, 1),
        (Scene::Gradient, 24, 24, 1),
    ];
    let drawn = drawn.into_iter().flat_map(|(scene, width, height, count)| {
        (1..=count).map(move |seed| Picture {
            name: format!("{scene:?} {width}x{height} {seed}"),
            width,
            height,
            pixels: plane(scene, seed, width, height).pixels,
        })
    });
    let portraits = PORTRAITS
        .iter()
        .map(|portrait| Picture::decode(portrait.name.to_owned(), portrait.jpeg));
    drawn.chain(portraits).collect()
}

/// `count` photographs of the folder and those in it, spread over all of them, none with a side
/// over [`MAX_SIDE_PX`].
pub fn photographs(folder: &Path, count: usize) -> Vec<Picture> {
    let mut files = Vec::new();
    list(folder, &mut files);
    files.sort();
    let step = (files.len() / (count * 3)).max(1);
    let pictures = files.iter().step_by(step).map(|path| {
        let file = fs::read(path).expect("the photograph can be read");
        Picture::decode(path.display().to_string(), &file)
    });
    pictures
        .filter(|picture| picture.width.max(picture.height) <= MAX_SIDE_PX)
        .take(count)
        .collect()
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            list(&path, files);
        } else if path.extension().is_some_and(|ext| ext == "jpg") {
            files.push(path);
        }
    }
}
