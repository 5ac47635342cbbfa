use std::cell::Cell;
use std::sync::Mutex;

use super::*;

/// 2026-11-23 08:00 UTC.
const NOW_MS: i64 = 1_795_420_800_000;
const TEN_YEARS_MS: i64 = 315_576_000_000;
const MINUTE_US: u64 = 60_000_000;

/// A clock that says what it is told to.
struct Told(Mutex<Cell<(u64, i64, bool)>>);

impl Told {
    fn new(boot_us: u64, wall_ms: i64, is_synchronized: bool) -> Self {
        Self(Mutex::new(Cell::new((boot_us, wall_ms, is_synchronized))))
    }

    fn get(&self) -> (u64, i64, bool) {
        self.0.lock().unwrap().get()
    }

    /// Time passes, then the wall clock jumps.
    fn pass(&self, passed_us: u64, jump_ms: i64, is_synchronized: bool) {
        let (boot_us, wall_ms, _) = self.get();
        let passed_ms = (passed_us / 1000) as i64;
        let next = (boot_us + passed_us, wall_ms + passed_ms + jump_ms);
        self.0
            .lock()
            .unwrap()
            .set((next.0, next.1, is_synchronized));
    }
}

impl Clock for Told {
    fn boot_id(&self) -> &str {
        "told"
    }

    fn boot_us(&self) -> u64 {
        self.get().0
    }

    fn wall_ms(&self) -> i64 {
        self.get().1
    }

    fn is_synchronized(&self) -> bool {
        self.get().2
    }
}

#[test]
fn the_right_time_holds_for_what_came_before() {
    let clock = Told::new(MINUTE_US, 60_000, false);
    let mut time = BootTime::new(&clock);
    assert_eq!(
        (time.trust, time.wall_ms(MINUTE_US)),
        (Trust::Unknown, 60_000)
    );
    clock.pass(MINUTE_US, NOW_MS - 120_000, true);
    let step = time.look(&clock).unwrap();
    assert!(step.is_applied && step.trust == Trust::Synchronized);
    assert_eq!(time.wall_ms(MINUTE_US), NOW_MS - 60_000);
    assert_eq!(time.wall_ms(2 * MINUTE_US), NOW_MS);
    clock.pass(MINUTE_US, 0, true);
    assert_eq!(time.look(&clock), None);
}

#[test]
fn a_jump_of_ten_years_does_not_move_what_is_known() {
    for jump_ms in [TEN_YEARS_MS, -TEN_YEARS_MS] {
        let clock = Told::new(MINUTE_US, NOW_MS, true);
        let mut time = BootTime::new(&clock);
        clock.pass(MINUTE_US, jump_ms, false);
        let step = time.look(&clock).unwrap();
        assert!(!step.is_applied, "{step:?}");
        assert_eq!(step.to_ms - step.from_ms, jump_ms);
        assert_eq!(time.wall_ms(2 * MINUTE_US), NOW_MS + 60_000);
        assert_eq!(time.trust, Trust::Synchronized);
        clock.pass(MINUTE_US, 0, false);
        assert_eq!(time.look(&clock), None, "told once");
        clock.pass(MINUTE_US, -jump_ms, true);
        let back = time.look(&clock).unwrap();
        assert!(!back.is_applied, "it is what it was");
        assert_eq!(time.wall_ms(4 * MINUTE_US), NOW_MS + 180_000);
    }
}

#[test]
fn of_clocks_that_nobody_vouches_for_the_newest_possible_one_counts() {
    let clock = Told::new(MINUTE_US, NOW_MS, false);
    let mut time = BootTime::new(&clock);
    assert_eq!(time.trust, Trust::Set);
    clock.pass(0, -TEN_YEARS_MS, false);
    assert!(
        !time.look(&clock).unwrap().is_applied,
        "2016 is not possible"
    );
    assert_eq!(time.wall_ms(MINUTE_US), NOW_MS);
    clock.pass(0, TEN_YEARS_MS + 3_600_000, false);
    assert!(time.look(&clock).unwrap().is_applied, "set by hand");
    assert_eq!(time.wall_ms(MINUTE_US), NOW_MS + 3_600_000);
    clock.pass(0, TEN_YEARS_MS, true);
    assert!(
        time.look(&clock).unwrap().is_applied,
        "servers are believed"
    );
    clock.pass(0, -TEN_YEARS_MS, true);
    assert!(
        time.look(&clock).unwrap().is_applied,
        "and may correct themselves"
    );
    assert_eq!(time.wall_ms(MINUTE_US), NOW_MS + 3_600_000);
}

#[test]
fn slewing_is_no_step_and_what_was_known_stays_known() {
    let clock = Told::new(MINUTE_US, NOW_MS, false);
    let mut time = BootTime::new(&clock);
    clock.pass(MINUTE_US, 300, true);
    assert_eq!(time.look(&clock), None);
    assert_eq!(
        time.trust,
        Trust::Synchronized,
        "the same time, vouched for"
    );
    clock.pass(600 * MINUTE_US, 0, false);
    assert_eq!(time.look(&clock), None);
    assert_eq!(
        time.trust,
        Trust::Synchronized,
        "the network went, the clock did not"
    );
}

#[test]
fn slow_drift_is_followed_while_servers_vouch_for_it() {
    let clock = Told::new(0, NOW_MS, true);
    let mut time = BootTime::new(&clock);
    for _ in 0..10 {
        clock.pass(MINUTE_US, 300, true);
        time.look(&clock);
    }
    let error_ms = time
        .wall_ms(10 * MINUTE_US)
        .abs_diff(NOW_MS + 600_000 + 3000);
    assert!(error_ms <= STEP_MS, "{error_ms} ms");
}

#[test]
fn an_earlier_run_s_knowledge_counts_if_it_is_more() {
    let clock = Told::new(MINUTE_US, NOW_MS + TEN_YEARS_MS, false);
    let mut time = BootTime::new(&clock);
    time.remember(NOW_MS - 60_000, Trust::Synchronized);
    assert_eq!(time.wall_ms(MINUTE_US), NOW_MS);
    time.remember(5, Trust::Set);
    assert_eq!(time.wall_ms(MINUTE_US), NOW_MS);
    assert_eq!(time.look(&clock), None);
    assert_eq!(time.wall_ms(MINUTE_US), NOW_MS);
}

#[test]
fn what_cannot_be_undone_waits_for_a_clock_that_stands() {
    let clock = Told::new(0, NOW_MS, false);
    let mut time = BootTime::new(&clock);
    assert!(!time.is_settled(59 * MINUTE_US));
    assert!(time.is_settled(60 * MINUTE_US));
    clock.pass(60 * MINUTE_US, TEN_YEARS_MS, false);
    time.look(&clock);
    assert!(!time.is_settled(61 * MINUTE_US), "it has just jumped");
    assert!(!BootTime::new(&Told::new(0, 0, true)).is_settled(u64::MAX));
    assert!(BootTime::new(&Told::new(0, NOW_MS, true)).is_settled(0));
}
