//! Sine and cosine in fixed point, the same on every CPU.

/// 1.0 in the results of [`sin_cos_turn_q16`].
pub const ONE_Q30: i64 = 1 << 30;

/// 2 pi in 1/2^30.
const TAU_Q30: i64 = 6_746_518_852;

/// `(sin, cos)` of an angle in 1/65536 turn, both in 1/2^30, off by at most 2 in the last place
/// and exact at quarter turns.
///
/// The angle is brought into the octant around 0, where the Taylor series converges to 1/2^30
/// within seven terms.
pub fn sin_cos_turn_q16(turn_q16: i16) -> (i32, i32) {
    // Nearest quarter turn and the rest, -1/8..=1/8 turn.
    let quarter = (i32::from(turn_q16) + (1 << 13)) >> 14;
    let rest = i64::from(i32::from(turn_q16) - (quarter << 14));
    let angle = (rest * TAU_Q30 + (1 << 15)) >> 16;
    let square = mul_q30(angle, angle);
    // Horner's scheme: 1 - x²/(k(k+1)) (1 - …), for sine from k = 2, for cosine from k = 1.
    let series = |first: i64| {
        (0..6).rev().fold(ONE_Q30, |sum, i| {
            let k = first + 2 * i;
            ONE_Q30 - mul_q30(square, sum) / (k * (k + 1))
        })
    };
    let sin = mul_q30(angle, series(2)) as i32;
    let cos = series(1) as i32;
    match quarter & 3 {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

/// Product of two values in 1/2^30, rounded to nearest.
fn mul_q30(a: i64, b: i64) -> i64 {
    (a * b + (1 << 29)) >> 30
}

#[cfg(test)]
mod tests {
    use super::*;

    extern crate std;

    #[test]
    fn every_angle_agrees_with_floating_point() {
        for turn in i16::MIN..=i16::MAX {
            let (sin, cos) = sin_cos_turn_q16(turn);
            let angle = f64::from(turn) / 65536.0 * core::f64::consts::TAU;
            let one = ONE_Q30 as f64;
            assert!((f64::from(sin) - angle.sin() * one).abs() <= 3.0, "{turn}");
            assert!((f64::from(cos) - angle.cos() * one).abs() <= 3.0, "{turn}");
        }
    }

    #[test]
    fn quarter_turns_are_exact() {
        let one = ONE_Q30 as i32;
        assert_eq!(sin_cos_turn_q16(0), (0, one));
        assert_eq!(sin_cos_turn_q16(1 << 14), (one, 0));
        assert_eq!(sin_cos_turn_q16(i16::MIN), (0, -one));
        assert_eq!(sin_cos_turn_q16(-(1 << 14)), (-one, 0));
    }
}
