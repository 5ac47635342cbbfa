//! The gradient of a value, as its uses add to it.

use std::sync::Arc;

use super::map::{Map, Shape};
use super::planes;

/// A sum of contributions. Scales and means per picture and channel wait until the whole is needed,
/// so that they cost no pass of their own.
#[derive(Debug, Default)]
pub struct Gradient {
    map: Option<Arc<Map>>,
    /// Factor of the map, `[N, C]`.
    scales: Option<Vec<f32>>,
    /// Added to every position, `[N, C]`.
    shifts: Option<Vec<f32>>,
    /// Of a vector `[N, C]`.
    vector: Option<Vec<f32>>,
}

fn sum_into(to: &mut Option<Vec<f32>>, values: impl Iterator<Item = f32>) {
    match to {
        Some(to) => to
            .iter_mut()
            .zip(values)
            .for_each(|(to, value)| *to += value),
        None => *to = Some(values.collect()),
    }
}

impl Gradient {
    /// Adds a vector's.
    pub fn add_vector(&mut self, d: &[f32]) {
        sum_into(&mut self.vector, d.iter().copied());
    }

    /// Adds a map's.
    pub fn add_map(&mut self, d: Arc<Map>) {
        self.settle();
        self.map = Some(match self.map.take() {
            Some(map) => Arc::new(planes::add(&map, &d)),
            None => d,
        });
    }

    /// Adds a map's, times `scales` `[N, C]`.
    pub fn add_scaled(&mut self, d: Arc<Map>, scales: Vec<f32>) {
        if self.map.is_some() {
            return self.add_map(Arc::new(planes::scale(&d, &scales, None)));
        }
        (self.map, self.scales) = (Some(d), Some(scales));
    }

    /// Adds that of a mean over the positions of maps of `shape`.
    pub fn add_mean(&mut self, d: &[f32], shape: Shape) {
        let share = 1.0 / shape.positions() as f32;
        sum_into(&mut self.shifts, d.iter().map(|d| d * share));
    }

    /// Applies what waits to the map, if there is one.
    fn settle(&mut self) {
        let Some(map) = &self.map else { return };
        let ones = || vec![1.0; map.shape.n * map.shape.channels];
        let settled = match (self.scales.take(), self.shifts.take()) {
            (None, None) => return,
            (scales, shifts) => planes::scale(map, &scales.unwrap_or_else(ones), shifts.as_deref()),
        };
        self.map = Some(Arc::new(settled));
    }

    /// The map alone, if there is one and nobody else holds it.
    pub fn take_map(&mut self) -> Option<Map> {
        self.settle();
        let map = self.map.take()?;
        match Arc::try_unwrap(map) {
            Ok(map) => Some(map),
            Err(shared) => {
                self.map = Some(shared);
                None
            }
        }
    }

    /// The whole as a map of `shape`.
    pub fn into_map(mut self, shape: Shape) -> Arc<Map> {
        self.settle();
        match (self.map, self.shifts) {
            (Some(map), _) => map,
            (None, shifts) => {
                let shifts = shifts.unwrap_or_else(|| vec![0.0; shape.n * shape.channels]);
                Arc::new(planes::spread(&shifts, shape))
            }
        }
    }

    /// The whole as a vector.
    pub fn into_vector(self) -> Vec<f32> {
        self.vector.unwrap_or_default()
    }
}
