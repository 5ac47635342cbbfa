//! One coordinate's constant-velocity Kalman filter.
//!
//! R. E. Kalman, "A New Approach to Linear Filtering and Prediction Problems", 1960; the noise is
//! the continuous white-noise acceleration of Bar-Shalom, Li and Kirubarajan, "Estimation with
//! Applications to Tracking and Navigation", 2001, section 6.2.2, so that the estimate does not
//! depend on the frame rate. Coordinates are filtered apart, as in Bewley et al., "Simple Online
//! and Realtime Tracking", 2016, whose covariances have no terms between them either.

/// Position, velocity and their covariance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    /// Pixels.
    pub position: f32,
    /// Pixels a second.
    pub velocity: f32,
    /// Variance of the position, covariance, variance of the velocity.
    covariance: [f32; 3],
}

impl Axis {
    /// At rest at `position`, as far as known: standard deviations in pixels and pixels a second.
    pub fn new(position: f32, position_std: f32, velocity_std: f32) -> Self {
        Self {
            position,
            velocity: 0.0,
            covariance: [
                position_std * position_std,
                0.0,
                velocity_std * velocity_std,
            ],
        }
    }

    /// Lets `dt_s` seconds pass. `acceleration` is the noise's spectral density in px²/s³.
    pub fn predict(&mut self, dt_s: f32, acceleration: f32) {
        let [position, both, velocity] = self.covariance;
        self.position += dt_s * self.velocity;
        self.covariance = [
            position
                + dt_s * (2.0 * both + dt_s * velocity)
                + acceleration * dt_s * dt_s * dt_s / 3.0,
            both + dt_s * velocity + acceleration * dt_s * dt_s / 2.0,
            velocity + acceleration * dt_s,
        ];
    }

    /// Takes in a measured position with its standard deviation (above 0) in pixels.
    pub fn measure(&mut self, measured: f32, std: f32) {
        let [position, both, velocity] = self.covariance;
        let total = position + std * std;
        let (gain, velocity_gain) = (position / total, both / total);
        let surprise = measured - self.position;
        self.position += gain * surprise;
        self.velocity += velocity_gain * surprise;
        self.covariance = [
            (1.0 - gain) * position,
            (1.0 - gain) * both,
            (velocity - velocity_gain * both).max(0.0),
        ];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_constant_velocity() {
        let mut axis = Axis::new(10.0, 5.0, 300.0);
        for step in 1..=30 {
            axis.predict(0.04, 1000.0);
            axis.measure(10.0 + 4.0 * step as f32, 2.0);
        }
        assert!((axis.velocity - 100.0).abs() < 1.0, "{axis:?}");
        assert!((axis.position - 130.0).abs() < 0.2, "{axis:?}");
        axis.predict(0.5, 1000.0);
        assert!((axis.position - 180.0).abs() < 1.0, "{axis:?}");
    }

    #[test]
    fn one_long_step_is_many_short_ones() {
        let (mut long, mut short) = (Axis::new(1.0, 3.0, 50.0), Axis::new(1.0, 3.0, 50.0));
        long.velocity = 7.0;
        short.velocity = 7.0;
        long.predict(0.8, 400.0);
        (0..8).for_each(|_| short.predict(0.1, 400.0));
        assert!((long.position - short.position).abs() < 1e-3);
        for (a, b) in long.covariance.iter().zip(short.covariance) {
            assert!((a - b).abs() < 1e-3 * a.abs(), "{long:?} {short:?}");
        }
    }

    #[test]
    fn a_sure_measurement_wins_and_an_unsure_one_hardly_counts() {
        let mut axis = Axis::new(0.0, 10.0, 10.0);
        axis.measure(8.0, 0.1);
        assert!((axis.position - 8.0).abs() < 0.01);
        axis.measure(100.0, 100.0);
        assert!((axis.position - 8.0).abs() < 0.01);
    }
}
