//! Statistics of two classifiers on the same pictures, pure functions over four counts.

use serde::Serialize;

/// Two-sided 95% quantile of the standard normal distribution.
const Z_95: f64 = 1.959_963_984_540_054;

/// Pictures by who is right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Both.
    pub both: u64,
    /// Only the first.
    pub only_a: u64,
    /// Only the second.
    pub only_b: u64,
    /// Neither.
    pub neither: u64,
}

/// McNemar's test of whether both are right equally often (McNemar 1947, Psychometrika 12), by the
/// binomial distribution of the pictures on which they differ.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct McNemar {
    /// Pictures that only the first recognized.
    pub only_a_right: u64,
    /// Pictures that only the second recognized.
    pub only_b_right: u64,
    /// Exact two-sided p-value.
    pub p_exact: f64,
    /// Its mid-p version, which is not too careful (Fagerland, Lydersen & Laake 2013, BMC Medical
    /// Research Methodology 13:91).
    pub p_mid: f64,
}

impl Counts {
    /// Counts a picture: whether the first and the second are right.
    pub fn add(&mut self, right: [bool; 2]) {
        let place = match right {
            [true, true] => &mut self.both,
            [true, false] => &mut self.only_a,
            [false, true] => &mut self.only_b,
            [false, false] => &mut self.neither,
        };
        *place += 1;
    }

    /// All pictures.
    pub fn n(&self) -> u64 {
        self.both + self.only_a + self.only_b + self.neither
    }

    /// Share the first has right; 0 of none.
    pub fn share_a(&self) -> f64 {
        (self.both + self.only_a) as f64 / self.n().max(1) as f64
    }

    /// Share the second has right; 0 of none.
    pub fn share_b(&self) -> f64 {
        (self.both + self.only_b) as f64 / self.n().max(1) as f64
    }

    /// Second minus first.
    pub fn difference(&self) -> f64 {
        (self.only_b as f64 - self.only_a as f64) / self.n().max(1) as f64
    }

    /// 95% interval of the difference: Wald's after adding half a picture to each of the four counts
    /// (Agresti & Min 2005, Statistics in Medicine 24:729-740), within -1 and 1.
    pub fn difference_ci95(&self) -> [f64; 2] {
        let n = self.n() as f64 + 2.0;
        let (b, c) = (self.only_a as f64 + 0.5, self.only_b as f64 + 0.5);
        let middle = (c - b) / n;
        let half = Z_95 * ((b + c) - (c - b).powi(2) / n).sqrt() / n;
        [(middle - half).max(-1.0), (middle + half).min(1.0)]
    }

    /// McNemar's test.
    pub fn mcnemar(&self) -> McNemar {
        let differing = self.only_a + self.only_b;
        let fewer = self.only_a.min(self.only_b);
        // Logarithms: 2^-differing is 0 in floating point from about a thousand on.
        let mut log_mass = -(differing as f64) * std::f64::consts::LN_2;
        let mut tail = log_mass.exp();
        for k in 1..=fewer {
            log_mass += ((differing - k + 1) as f64 / k as f64).ln();
            tail += log_mass.exp();
        }
        McNemar {
            only_a_right: self.only_a,
            only_b_right: self.only_b,
            p_exact: (2.0 * tail).min(1.0),
            p_mid: (2.0 * tail - log_mass.exp()).min(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(both: u64, only_a: u64, only_b: u64, neither: u64) -> Counts {
        Counts {
            both,
            only_a,
            only_b,
            neither,
        }
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9 * b.abs().max(1e-3)
    }

    #[test]
    fn mcnemar_by_hand() {
        // Of 12, at most 3: 1 + 12 + 66 + 220 = 299 of 4096.
        let test = counts(70, 3, 9, 18).mcnemar();
        assert!(near(test.p_exact, 2.0 * 299.0 / 4096.0), "{test:?}");
        assert!(near(test.p_mid, (598.0 - 220.0) / 4096.0), "{test:?}");
        // The same the other way round.
        assert_eq!(counts(0, 9, 3, 0).mcnemar().p_mid, test.p_mid);
        // Of 7, none: 2 / 128 and 1 / 128.
        let test = counts(5, 0, 7, 5).mcnemar();
        assert!(near(test.p_exact, 1.0 / 64.0) && near(test.p_mid, 1.0 / 128.0));
    }

    #[test]
    fn equal_counts_say_nothing() {
        for test in [counts(9, 0, 0, 1), counts(9, 4, 4, 1)].map(|c| c.mcnemar()) {
            assert!(near(test.p_exact, 1.0) && near(test.p_mid, 1.0), "{test:?}");
        }
    }

    #[test]
    fn many_pictures_do_not_underflow() {
        // Normal approximation with 2000 of 4000 expected and a deviation of sqrt(1000).
        let test = counts(0, 1950, 2050, 0).mcnemar();
        assert!((test.p_mid - 0.1138).abs() < 5e-4, "{test:?}");
        assert!(test.p_exact > test.p_mid);
    }

    #[test]
    fn the_interval_by_hand() {
        // b* = 3.5, c* = 9.5, n* = 102: 6 / 102 and sqrt(13 - 36 / 102) / 102 = 0.0348647.
        let counts = counts(70, 3, 9, 18);
        assert_eq!(
            (counts.n(), counts.share_a(), counts.share_b()),
            (100, 0.73, 0.79)
        );
        assert!(near(counts.difference(), 0.06));
        let [low, high] = counts.difference_ci95();
        let (middle, half) = (6.0 / 102.0, 1.959964 * 0.0348647);
        assert!((low - (middle - half)).abs() < 1e-5, "{low}");
        assert!((high - (middle + half)).abs() < 1e-5, "{high}");
    }

    #[test]
    fn nothing_known_is_a_wide_interval() {
        let [low, high] = Counts::default().difference_ci95();
        assert!(low < -0.9 && high > 0.9, "{low} {high}");
    }
}
