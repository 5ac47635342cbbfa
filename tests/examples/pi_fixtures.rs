//! Writes what the emulated Raspberry Pi's camera sees, the test model, and signed updates of it into a
//! folder.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use image::imageops::{self, FilterType};
use image::{GrayImage, Luma};
use mien_device::assets;
use mien_device::classify::Classifier;
use mien_device::detect::Detector;
use mien_device::detect::cascade::{CascadeDetector, CascadeOptions};
use mien_device::detect::crop::crop_for;
use mien_device::model_file::signature_path;
use mien_models::cascade::CascadeModel;
use mien_models::plane::GrayView;
use mien_models::procedural::test_model;
use mien_models::signature::{PublicKey, Signature};
use mien_models::{SigningKey, container, embedded};

/// The camera's size in pixels.
const SIZE: [u32; 2] = [640, 480];
/// What is around a picture that does not fill the camera's.
const GRAY: u8 = 90;
/// Share of its contrast that a face keeps, so that all seven brightnesses are within 0..=255.
const CONTRAST: f32 = 0.3;
/// Versions of the updates: above that of any model inside the program.
const UPDATES: std::ops::RangeInclusive<u64> = 1001..=1040;

fn main() -> Result<()> {
    let folder: PathBuf = std::env::args_os().nth(1).context("which folder?")?.into();
    fs::create_dir_all(&folder)?;
    let model = test_model();
    let bytes = container::encode(&model, model.model_id(), 1)?;
    fs::write(folder.join("test.postcard"), bytes)?;
    write_updates(&folder)?;

    let picture = |jpeg: &[u8]| anyhow::Ok(image::load_from_memory(jpeg)?.to_luma8());
    write(&folder, "empty", &filling(&picture(assets::NO_FACE)?))?;
    // Head and shoulders.
    let portrait = picture(assets::PORTRAITS[0].jpeg)?;
    let astronaut = filling(&imageops::crop_imm(&portrait, 70, 0, 300, 300).to_image());
    write(&folder, "astronaut", &astronaut)?;
    let mut judge = Judge::new()?;
    let mean = judge.mean_of_face(&astronaut)?;
    let labels: Vec<_> = model.labels.iter().collect();
    for (index, label) in labels.iter().enumerate() {
        let wanted = 255.0 * (index as f32 + 0.5) / labels.len() as f32;
        let mut picture = astronaut.clone();
        for Luma([gray]) in picture.pixels_mut() {
            *gray = (wanted + CONTRAST * (f32::from(*gray) - mean)).round() as u8;
        }
        let found = judge.verdict(&picture)?;
        ensure!(found == index, "{label}: judged as {}", labels[found]);
        write(&folder, &format!("bright-{label}"), &picture)?;
    }
    Ok(())
}

/// The test model in rising versions, `update-VERSION.postcard` with its `.sig`, and `update.pub`, the key
/// to trust. The key is nobody's.
fn write_updates(folder: &Path) -> Result<()> {
    let key = SigningKey::from_bytes(&[8; 32]);
    fs::write(folder.join("update.pub"), PublicKey::of(&key).to_pem())?;
    let model = test_model();
    for version in UPDATES {
        let path = folder.join(format!("update-{version}.postcard"));
        let file = container::encode(&model, model.model_id(), version)?;
        let signature = Signature::sign(&key, &file)?;
        fs::write(signature_path(&path), signature.to_bytes())?;
        fs::write(path, file)?;
    }
    Ok(())
}

/// A picture as large as fits, on gray.
fn filling(picture: &GrayImage) -> GrayImage {
    let [width, height] = SIZE;
    let scale =
        (width as f32 / picture.width() as f32).min(height as f32 / picture.height() as f32);
    let side = |pixels: u32| (pixels as f32 * scale) as u32;
    let (own_width, own_height) = (side(picture.width()), side(picture.height()));
    let reduced = imageops::resize(picture, own_width, own_height, FilterType::Triangle);
    let mut frame = GrayImage::from_pixel(width, height, Luma([GRAY]));
    let (x, y) = ((width - own_width) / 2, (height - own_height) / 2);
    imageops::replace(&mut frame, &reduced, x.into(), y.into());
    frame
}

/// YUYV without colours: every luma is followed by a chroma of 128.
fn write(folder: &Path, name: &str, picture: &GrayImage) -> Result<()> {
    let bytes: Vec<u8> = picture
        .pixels()
        .flat_map(|Luma([gray])| [*gray, 128])
        .collect();
    fs::write(folder.join(format!("{name}.yuyv")), bytes)?;
    Ok(())
}

/// The device's own detector, and the test model.
struct Judge {
    detector: CascadeDetector,
    classifier: Classifier,
}

impl Judge {
    fn new() -> Result<Self> {
        let (_, model) = container::decode::<CascadeModel<'_>>(embedded::CASCADE)?;
        // As `mien-device run` searches.
        let options = CascadeOptions {
            scale_factor: 1.2,
            min_neighbors: 4,
            min_size_px: 80,
            ..CascadeOptions::default()
        };
        Ok(Self {
            detector: CascadeDetector::new(&model, options)?,
            classifier: Classifier::new(&test_model())?,
        })
    }

    /// Logits of the one face.
    fn logits(&mut self, picture: &GrayImage) -> Result<(usize, Vec<f32>)> {
        let view = GrayView::packed(picture.as_raw(), picture.width(), picture.height())?;
        let faces = self.detector.detect(&view)?;
        ensure!(faces.len() == 1, "{} faces", faces.len());
        let crop = crop_for(&faces[0], self.detector.name());
        let verdict = self.classifier.classify(&view, &crop)?;
        Ok((verdict.label_index, verdict.logits.to_vec()))
    }

    fn verdict(&mut self, picture: &GrayImage) -> Result<usize> {
        Ok(self.logits(picture)?.0)
    }

    /// Mean gray of the face's crop, back from two of the test model's logits: each is linear in
    /// it.
    fn mean_of_face(&mut self, picture: &GrayImage) -> Result<f32> {
        let (_, logits) = self.logits(picture)?;
        let labels = logits.len() as f32;
        // l_k = 2 s c_k m - s c_k², with s = 400 and c_k = (k + 1/2) / 7.
        let center = |index: f32| (index + 0.5) / labels;
        let (first, last) = (center(0.0), center(labels - 1.0));
        let slope = (logits[logits.len() - 1] - logits[0]) / 400.0;
        Ok(255.0 * (slope / (last - first) + first + last) / 2.0)
    }
}
