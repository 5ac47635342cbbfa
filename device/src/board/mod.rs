//! The board's pins and buses, as `embedded-hal` traits. What implements them on a Raspberry Pi is
//! in one file, `rpi.rs`, so that another library can take its place; tests and the simulator have
//! boards of their own.

mod fake;
#[cfg(feature = "gpio")]
mod rpi;

use embedded_hal::i2c::{self, I2c};
use embedded_hal::pwm::SetDutyCycle;
use embedded_hal::spi::{self, SpiBus};
use embedded_hal::{digital, pwm};

pub use fake::{FakeBoard, Wire};
#[cfg(feature = "gpio")]
pub use rpi::RaspberryPi;

/// A pin that drives a light; its duty cycle is the share of time at high level.
pub type PwmPin = Box<dyn SetDutyCycle<Error = BoardError> + Send>;
/// An I2C bus.
pub type Bus = Box<dyn I2c<Error = BoardError> + Send>;
/// An SPI bus with its data line out.
pub type Serial = Box<dyn SpiBus<Error = BoardError> + Send>;

/// Why a pin or a bus cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BoardError {
    /// This is no Raspberry Pi, or the program was built without pins.
    #[error("{what}: {why}{}", hint(.what, .why))]
    Unusable {
        /// The pin or bus.
        what: String,
        /// What the system said.
        why: String,
    },
    /// A device on a bus does not answer.
    #[error(
        "{what} does not answer (hint: wiring, power and address; `i2cdetect -y {bus}` lists who does)"
    )]
    NoAnswer {
        /// The device.
        what: String,
        /// The I2C bus.
        bus: u8,
    },
}

/// What mostly helps.
fn hint(what: &str, why: &str) -> &'static str {
    let lower = why.to_lowercase();
    if lower.contains("permission denied") {
        " (hint: `sudo usermod -aG gpio,i2c,spi $USER`, then log in again)"
    } else if lower.contains("in use") || lower.contains("busy") {
        " (hint: another program uses it, or the configuration names it twice)"
    } else if lower.contains("unknown raspberry pi") {
        " (hint: this seems to be none; `mien-device simulate` shows what lights and display would)"
    } else if lower.contains("no such file") && what.starts_with("GPIO") {
        " (hint: this kernel offers neither /dev/gpiomem nor /dev/mem; Raspberry Pi OS's does)"
    } else if lower.contains("no such file") {
        " (hint: switch the bus on with `sudo raspi-config`, Interface Options)"
    } else {
        ""
    }
}

impl i2c::Error for BoardError {
    fn kind(&self) -> i2c::ErrorKind {
        match self {
            Self::NoAnswer { .. } => {
                i2c::ErrorKind::NoAcknowledge(i2c::NoAcknowledgeSource::Unknown)
            }
            Self::Unusable { .. } => i2c::ErrorKind::Other,
        }
    }
}

impl spi::Error for BoardError {
    fn kind(&self) -> spi::ErrorKind {
        spi::ErrorKind::Other
    }
}

impl digital::Error for BoardError {
    fn kind(&self) -> digital::ErrorKind {
        digital::ErrorKind::Other
    }
}

impl pwm::Error for BoardError {
    fn kind(&self) -> pwm::ErrorKind {
        pwm::ErrorKind::Other
    }
}

/// Hands out pins and buses.
pub trait Board {
    /// Pin `number` (BCM numbering), at high level if `starts_high`. It keeps its last level when it
    /// is dropped.
    fn pin(&self, number: u8, starts_high: bool) -> Result<PwmPin, BoardError>;

    /// I2C bus `number`.
    fn i2c(&self, number: u8) -> Result<Bus, BoardError>;

    /// SPI bus `number`, at `clock_hz`.
    fn spi(&self, number: u8, clock_hz: u32) -> Result<Serial, BoardError>;
}

/// Where there are no pins.
#[derive(Clone, Debug)]
pub struct NoBoard {
    why: String,
}

impl NoBoard {
    fn unusable<T>(&self, what: String) -> Result<T, BoardError> {
        let why = self.why.clone();
        Err(BoardError::Unusable { what, why })
    }
}

impl Board for NoBoard {
    fn pin(&self, number: u8, _: bool) -> Result<PwmPin, BoardError> {
        self.unusable(format!("GPIO {number}"))
    }

    fn i2c(&self, number: u8) -> Result<Bus, BoardError> {
        self.unusable(format!("I2C bus {number}"))
    }

    fn spi(&self, number: u8, _: u32) -> Result<Serial, BoardError> {
        self.unusable(format!("SPI bus {number}"))
    }
}

/// The board this program runs on.
#[cfg(feature = "gpio")]
pub fn this() -> Box<dyn Board> {
    match RaspberryPi::new() {
        Ok(board) => Box::new(board),
        Err(why) => Box::new(NoBoard { why }),
    }
}

/// The board this program runs on.
#[cfg(not(feature = "gpio"))]
pub fn this() -> Box<dyn Board> {
    Box::new(NoBoard {
        why:
            "this program was built without pins (hint: `cargo build --features gpio`, or look at \
              `mien-device simulate`)"
                .to_owned(),
    })
}
