//! The display: its picture, and what goes over the wire.

use mien_device::board::FakeBoard;
use mien_device::counter::today::{Today, TodayCounts};
use mien_device::output::Output;
use mien_device::output::display::draw::{Mood, Scene};
use mien_device::output::display::{Controller, Display, DisplayOptions};
use mien_device::simulate;
use mien_models::label::Labels;
use proptest::prelude::*;

use crate::judged::judged;
use crate::{HAPPY, SAD, loss};

/// What an SSD1306 and its kin make of the bytes on the bus: page addressing.
#[derive(Default)]
struct Chip {
    memory: Vec<[u8; 132]>,
    page: usize,
    column: usize,
    is_on: bool,
}

impl Chip {
    fn after(board: &FakeBoard, address: u8) -> Self {
        let mut chip = Self {
            memory: vec![[0xaa; 132]; 8],
            ..Self::default()
        };
        let mut arguments = 0;
        for (to, bytes) in &board.wire().i2c[&1] {
            assert_eq!(*to, address);
            match (bytes[0], &bytes[1..]) {
                (0x80, &[command]) if arguments > 0 => {
                    let _ = command;
                    arguments -= 1;
                }
                (0x80, &[command]) => arguments = chip.command(command),
                (0x40, data) => {
                    for &byte in data {
                        chip.memory[chip.page][chip.column] = byte;
                        chip.column += 1;
                    }
                }
                other => panic!("{other:?} is neither a command nor data"),
            }
        }
        chip
    }

    /// The number of arguments that follow.
    fn command(&mut self, command: u8) -> u32 {
        match command {
            0x00..=0x0f => self.column = self.column & 0xf0 | usize::from(command),
            0x10..=0x1f => self.column = self.column & 0x0f | usize::from(command & 0x0f) << 4,
            0xb0..=0xb7 => self.page = usize::from(command - 0xb0),
            0xae | 0xaf => self.is_on = command == 0xaf,
            0x81 | 0x8d | 0xa8 | 0xad | 0xd3 | 0xda => return 1,
            0x40 | 0xa0 | 0xa1 | 0xa4 | 0xa6 | 0xc0 | 0xc8 => {}
            unknown => panic!("command {unknown:#04x}"),
        }
        0
    }

    fn is_lit(&self, x: usize, y: usize) -> bool {
        self.memory[y / 8][x] >> (y % 8) & 1 == 1
    }
}

const FLAT: DisplayOptions = DisplayOptions {
    bus: 1,
    address: 0x3d,
    controller: Controller::Ssd0303,
    width_px: 96,
    height_px: 16,
    column_offset: 36,
    upside_down: false,
    contrast: 0x8f,
    refresh_ms: 0,
};

/// The chip's memory is the simulator's picture of `scene`.
#[track_caller]
fn assert_shows(chip: &Chip, options: &DisplayOptions, scene: &Scene<'_>) {
    let picture = simulate::display(options, scene);
    let mut lit = 0;
    for y in 0..usize::from(options.height_px) {
        for x in 0..usize::from(options.width_px) {
            let column = x + usize::from(options.column_offset);
            assert_eq!(
                chip.is_lit(column, y),
                picture.is_lit(x, y),
                "pixel {x}, {y}"
            );
            lit += u32::from(picture.is_lit(x, y));
        }
    }
    assert!(lit > 20, "{lit} pixels are lit");
}

#[test]
fn the_chip_shows_what_the_simulator_draws() {
    let tall = DisplayOptions {
        refresh_ms: 0,
        ..DisplayOptions::default()
    };
    let shifted = DisplayOptions {
        controller: Controller::Sh1106,
        column_offset: 2,
        ..tall
    };
    for options in [tall, shifted, FLAT] {
        let board = FakeBoard::default();
        let labels = Labels::fer2013();
        let mut display = Display::new(&board, &options, &labels).unwrap();
        let mut scene = Scene {
            mood: Mood::Nobody,
            bars: &[],
            visitors: 0,
        };
        let chip = Chip::after(&board, options.address);
        assert!(chip.is_on);
        assert_shows(&chip, &options, &scene);

        // Several pictures, so that only changes are sent.
        for winner in [SAD, HAPPY] {
            display.show(&judged(0, &[Some(winner), None])).unwrap();
        }
        let share = |name| if name == "happy" { 0.7 } else { 0.05 };
        let bars: Vec<_> = labels.iter().map(|name| (name, share(name))).collect();
        scene = Scene {
            mood: Mood::Certain("happy"),
            bars: &bars,
            visitors: 2,
        };
        assert_shows(&Chip::after(&board, options.address), &options, &scene);

        display.lost(&loss()).unwrap();
        scene = Scene {
            mood: Mood::NoCamera,
            bars: &[],
            visitors: 2,
        };
        assert_shows(&Chip::after(&board, options.address), &options, &scene);

        drop(display);
        let chip = Chip::after(&board, options.address);
        assert!(!chip.is_on);
        let columns = usize::from(options.column_offset)..;
        let columns = columns.take(options.width_px.into());
        let is_dark = |x: usize| (0..usize::from(options.height_px)).all(|y| !chip.is_lit(x, y));
        assert!(columns.into_iter().all(is_dark), "and its memory is empty");
    }
}

#[test]
fn with_a_counter_the_day_s_visits_are_shown() {
    let board = FakeBoard::default();
    let today = Today::default();
    let mut display = Display::new(&board, &FLAT, &Labels::fer2013())
        .unwrap()
        .with_today(Some(today.clone()));
    for visits in [41, 42] {
        today.set(TodayCounts {
            visits,
            ..TodayCounts::default()
        });
        display.show(&judged(visits, &[])).unwrap();
        let scene = Scene {
            mood: Mood::Nobody,
            bars: &[],
            visitors: visits,
        };
        assert_shows(&Chip::after(&board, FLAT.address), &FLAT, &scene);
    }
}

#[test]
fn an_unchanged_picture_is_not_sent() {
    let board = FakeBoard::default();
    let mut display = Display::new(&board, &FLAT, &Labels::fer2013()).unwrap();
    let writes = || board.wire().i2c[&1].len();
    display.show(&judged(0, &[Some(HAPPY)])).unwrap();
    let before = writes();
    display.show(&judged(1, &[Some(HAPPY)])).unwrap();
    assert_eq!(writes(), before);
    display.show(&judged(2, &[Some(SAD)])).unwrap();
    assert!(writes() > before);
}

#[test]
fn a_display_that_does_not_answer_is_named() {
    let board = FakeBoard::default();
    board.wire().silent = vec![0x3d];
    let error = Display::new(&board, &FLAT, &Labels::fer2013())
        .err()
        .unwrap();
    let error = error.to_string();
    assert!(
        error.contains("0x3d") && error.contains("i2cdetect -y 1"),
        "{error}"
    );
}

#[test]
fn the_drawings_stay_as_they_are() {
    let labels = Labels::fer2013();
    let bars: Vec<_> = labels
        .iter()
        .zip([0.02, 0.0, 0.08, 0.7, 0.1, 0.0, 0.1])
        .collect();
    let of = |options: &DisplayOptions, mood| {
        let scene = Scene {
            mood,
            bars: &bars,
            visitors: 137,
        };
        let picture = simulate::display(options, &scene);
        simulate::as_text(&picture, options.width_px.into(), options.height_px.into())
    };
    let tall = DisplayOptions::default();
    insta::assert_snapshot!("display_tall_happy", of(&tall, Mood::Certain("happy")));
    insta::assert_snapshot!("display_tall_unsure", of(&tall, Mood::Uncertain));
    insta::assert_snapshot!(
        "display_flat_surprise",
        of(&FLAT, Mood::Certain("surprise"))
    );
    insta::assert_snapshot!("display_flat_no_camera", of(&FLAT, Mood::NoCamera));
}

proptest! {
    /// Whatever the geometry, the labels and the numbers: no panic, and nothing outside.
    #[test]
    fn any_scene_can_be_drawn(
        width_px in 32u8..=132,
        pages in 2u8..=8,
        name in ".{0,12}",
        shares in prop::collection::vec(prop::num::f32::ANY, 0..16),
        visitors: u64,
    ) {
        let options = DisplayOptions { width_px, height_px: 8 * pages, ..FLAT };
        let bars: Vec<_> = shares.iter().map(|share| (name.as_str(), *share)).collect();
        let scene = Scene { mood: Mood::Certain(&name), bars: &bars, visitors };
        let picture = simulate::display(&options, &scene);
        prop_assert!(!picture.is_lit(usize::from(width_px), 0));
    }
}
