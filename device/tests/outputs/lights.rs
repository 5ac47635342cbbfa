//! A light per expression, coloured lights and strips.

use mien_device::board::{Board, BoardError, Bus, FakeBoard, PwmPin, Serial};
use mien_device::card::Card;
use mien_device::output::Output;
use mien_device::output::guarded::Guarded;
use mien_device::output::led::{LedOptions, Leds};
use mien_device::output::light::Active;
use mien_device::output::rgb::{RgbLight, RgbOptions};
use mien_device::pipeline::exchange::Models;
use mien_models::label::Labels;

use crate::judged::judged;
use crate::{HAPPY, SAD, loss};

/// Labels whose pin is at high level, by the default options.
fn high(board: &FakeBoard) -> Vec<String> {
    let options = LedOptions::default();
    let wire = board.wire();
    let is_high = |pin: &u8| wire.pins[pin] == 1.0;
    let pins = options.pins.iter().filter(|(_, pin)| is_high(pin));
    pins.map(|(name, _)| name.clone()).collect()
}

#[test]
fn one_light_is_on_and_goes_off_with_its_face() {
    let board = FakeBoard::default();
    let labels = Labels::fer2013();
    let mut leds = Leds::new(&board, &LedOptions::default(), &labels).unwrap();
    assert_eq!(board.wire().pins.len(), 7);
    assert!(high(&board).is_empty());
    leds.show(&judged(0, &[Some(HAPPY), Some(SAD)])).unwrap();
    assert_eq!(high(&board), ["happy"], "the largest face's");
    leds.show(&judged(1, &[Some(SAD)])).unwrap();
    assert_eq!(high(&board), ["sad"]);
    leds.show(&judged(2, &[None])).unwrap();
    assert!(high(&board).is_empty(), "uncertain");
    leds.show(&judged(3, &[Some(HAPPY)])).unwrap();
    leds.lost(&loss()).unwrap();
    assert!(high(&board).is_empty(), "no camera");
    leds.show(&judged(4, &[Some(HAPPY)])).unwrap();
    leds.show(&judged(5, &[])).unwrap();
    assert!(high(&board).is_empty(), "nobody");
}

#[test]
fn active_low_lights_rest_at_high_level_and_end_there() {
    let board = FakeBoard::default();
    let options = LedOptions {
        active: Active::Low,
        brightness: 0.25,
        ..LedOptions::default()
    };
    let happy = options.pins["happy"];
    let mut leds = Leds::new(&board, &options, &Labels::fer2013()).unwrap();
    assert_eq!(high(&board).len(), 7);
    leds.show(&judged(0, &[Some(HAPPY)])).unwrap();
    assert_eq!(
        board.wire().pins[&happy],
        0.75,
        "low for a quarter of the time"
    );
    drop(leds);
    assert_eq!(high(&board).len(), 7, "dropped, as in a panic");
}

#[test]
fn a_panic_leaves_no_light_on() {
    let board = FakeBoard::default();
    let wires = board.clone();
    let panicked = std::panic::catch_unwind(move || {
        let mut leds = Leds::new(&board, &LedOptions::default(), &Labels::fer2013()).unwrap();
        leds.show(&judged(0, &[Some(HAPPY)])).unwrap();
        assert_eq!(high(&board), ["happy"]);
        panic!("a stage fails");
    });
    assert!(panicked.is_err());
    assert!(high(&wires).is_empty());
}

#[test]
fn three_pins_take_the_expression_s_colour() {
    let board = FakeBoard::default();
    let options = RgbOptions {
        fade_ms: 0,
        brightness: 1.0,
        ..RgbOptions::default()
    };
    let mut light = RgbLight::new(&board, &options, &Labels::fer2013()).unwrap();
    let levels = |board: &FakeBoard| options.pins.map(|pin| board.wire().pins[&pin]);
    assert_eq!(levels(&board), [0.0; 3]);
    light.show(&judged(0, &[Some(HAPPY)])).unwrap();
    let [red, green, blue] = levels(&board);
    // #F0E442 at 70%: yellow.
    assert!(
        (red - 0.612).abs() < 0.002 && (green - 0.547).abs() < 0.002,
        "{red} {green}"
    );
    assert!((blue - 0.036).abs() < 0.002, "{blue}");
    light.lost(&loss()).unwrap();
    assert_eq!(levels(&board), [0.0; 3]);
}

#[test]
fn a_strip_gets_every_light_s_colour_and_ends_dark() {
    let board = FakeBoard::default();
    let options = RgbOptions {
        strip_leds: 5,
        fade_ms: 0,
        brightness: 1.0,
        ..RgbOptions::default()
    };
    let mut light = RgbLight::new(&board, &options, &Labels::fer2013()).unwrap();
    let take = || std::mem::take(board.wire().spi.get_mut(&0).unwrap());
    // 140 bytes of silence before and after, four bytes on the wire for one of a colour.
    let length = 140 + 5 * 3 * 4 + 140;
    let dark = take();
    assert_eq!(dark.len(), length);
    light.show(&judged(0, &[Some(HAPPY)])).unwrap();
    let lit = take();
    assert_eq!(lit.len(), length);
    assert_ne!(lit, dark);
    light.show(&judged(1, &[Some(HAPPY)])).unwrap();
    assert!(take().is_empty(), "what has not changed is not sent");
    drop(light);
    assert_eq!(take(), dark);
}

#[test]
fn a_strip_with_white_lights_gets_four_colours() {
    let board = FakeBoard::default();
    let options = RgbOptions {
        strip_leds: 5,
        strip_white: true,
        fade_ms: 0,
        brightness: 1.0,
        ..RgbOptions::default()
    };
    let mut light = RgbLight::new(&board, &options, &Labels::fer2013()).unwrap();
    let take = || std::mem::take(board.wire().spi.get_mut(&0).unwrap());
    assert_eq!(take().len(), 140 + 5 * 4 * 4 + 140);
    light.show(&judged(0, &[Some(HAPPY)])).unwrap();
    // Green, red, blue, white: what all colours share is the white light's, so one of them is off.
    let sent = take();
    let level = |index: usize| {
        let coded = &sent[140 + 4 * index..][..4];
        // Each half byte on the wire is a bit: 1110 or 1000.
        let bits = coded.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
        bits.fold(0, |value, bit| value << 1 | u8::from(bit == 0b1110))
    };
    let colors: Vec<u8> = (0..4).map(level).collect();
    assert!(colors[..3].contains(&0) && colors[..3].iter().any(|&c| c > 0));
    assert!(colors[3] > 0, "{colors:?}");
}

/// A board whose pins are broken for the first `broken` requests.
struct LooseWire {
    board: FakeBoard,
    broken: std::cell::Cell<u32>,
}

impl Board for LooseWire {
    fn pin(&self, number: u8, starts_high: bool) -> Result<PwmPin, BoardError> {
        if self.broken.get() > 0 {
            self.broken.set(self.broken.get() - 1);
            let (what, why) = (format!("GPIO {number}"), "Permission denied".to_owned());
            return Err(BoardError::Unusable { what, why });
        }
        self.board.pin(number, starts_high)
    }

    fn i2c(&self, number: u8) -> Result<Bus, BoardError> {
        self.board.i2c(number)
    }

    fn spi(&self, number: u8, clock_hz: u32) -> Result<Serial, BoardError> {
        self.board.spi(number, clock_hz)
    }
}

#[test]
fn a_pin_without_permission_says_what_to_do() {
    let board = LooseWire {
        board: FakeBoard::default(),
        broken: 1.into(),
    };
    let error = Leds::new(&board, &LedOptions::default(), &Labels::fer2013())
        .err()
        .unwrap();
    let error = error.to_string();
    assert!(
        error.starts_with("GPIO ") && error.contains("usermod -aG gpio"),
        "{error}"
    );
}

#[test]
fn an_output_that_fails_comes_back() {
    let board = FakeBoard::default();
    let options = mien_device::output::display::DisplayOptions {
        refresh_ms: 0,
        ..Default::default()
    };
    let labels = Labels::fer2013();
    let bus = board.clone();
    let open = move |labels: &Labels| {
        let display = mien_device::output::display::Display::new(&bus, &options, labels);
        let display = display.map_err(std::io::Error::other)?;
        Ok(Box::new(display) as Box<dyn Output>)
    };
    let retry = std::time::Duration::ZERO;
    let mut guarded = Guarded::new("display", Box::new(open), &labels, retry).unwrap();
    let writes = || board.wire().i2c.get(&1).map_or(0, Vec::len);
    board.wire().silent = vec![0x3c];
    let before = writes();
    guarded.show(&judged(0, &[Some(HAPPY)])).unwrap();
    guarded.show(&judged(1, &[Some(SAD)])).unwrap();
    assert_eq!(writes(), before, "nobody answers, and the run goes on");
    board.wire().silent.clear();
    guarded.show(&judged(2, &[Some(HAPPY)])).unwrap();
    assert!(writes() > before);
}

#[test]
fn other_labels_have_other_lights() {
    let board = FakeBoard::default();
    let pins = [("happy", 16), ("smiling", 5)].map(|(name, pin)| (name.to_owned(), pin));
    let options = LedOptions {
        pins: pins.into(),
        ..LedOptions::default()
    };
    let is_on = |pin: u8| board.wire().pins[&pin] == 1.0;
    let bus = board.clone();
    let open = move |labels: &Labels| {
        let leds = Leds::new(&bus, &options, labels).map_err(std::io::Error::other)?;
        Ok(Box::new(leds) as Box<dyn Output>)
    };
    let labels = Labels::fer2013();
    let retry = std::time::Duration::ZERO;
    let mut guarded = Guarded::new("led", Box::new(open), &labels, retry).unwrap();
    guarded.show(&judged(0, &[Some(HAPPY)])).unwrap();
    assert!(is_on(16));
    let models = Models {
        card: Card::default(),
        labels: Labels::new(["smiling", "not smiling"]).unwrap(),
        detector: "haar".into(),
    };
    guarded.switch(&models).unwrap();
    assert!(!is_on(16), "the old model's light does not stay on");
    guarded.show(&judged(1, &[Some(0)])).unwrap();
    assert!(is_on(5));
    guarded.show(&judged(2, &[Some(1)])).unwrap();
    assert!(!is_on(5), "a label without a pin has no light");
}
