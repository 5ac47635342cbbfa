//! A Raspberry Pi's pins and buses by rppal. The only file that knows that crate, which its author
//! has retired: swapping it (for rpi-pal or gpiocdev) means rewriting this file.

use embedded_hal::i2c::{self, Operation};
use embedded_hal::pwm::{self, SetDutyCycle};
use embedded_hal::spi::{self, SpiBus};
use rppal::gpio::{Gpio, OutputPin};
use rppal::i2c::I2c;
use rppal::spi::{Bus as SpiNumber, Mode, SlaveSelect, Spi};

use super::{Board, BoardError, Bus, PwmPin, Serial};

/// Fast enough for the eye, slow enough for a thread that sleeps in between.
const PWM_HZ: f64 = 200.0;
const MAX_DUTY: u16 = 1000;

/// The board.
#[derive(Clone, Debug)]
pub struct RaspberryPi {
    gpio: Gpio,
}

impl RaspberryPi {
    /// Opens the pins.
    ///
    /// # Errors
    /// What the system said.
    pub fn new() -> Result<Self, String> {
        let gpio = Gpio::new().map_err(|error| error.to_string())?;
        Ok(Self { gpio })
    }
}

fn unusable(what: &str, why: &impl ToString) -> BoardError {
    BoardError::Unusable {
        what: what.to_owned(),
        why: why.to_string(),
    }
}

impl Board for RaspberryPi {
    fn pin(&self, number: u8, starts_high: bool) -> Result<PwmPin, BoardError> {
        let name = format!("GPIO {number}");
        let pin = self.gpio.get(number).map_err(|e| unusable(&name, &e))?;
        let mut pin = if starts_high {
            pin.into_output_high()
        } else {
            pin.into_output_low()
        };
        pin.set_reset_on_drop(false);
        Ok(Box::new(Pin { name, pin }))
    }

    fn i2c(&self, number: u8) -> Result<Bus, BoardError> {
        let name = format!("I2C bus {number}");
        let bus = I2c::with_bus(number).map_err(|e| unusable(&name, &e))?;
        Ok(Box::new(I2cBus { number, bus }))
    }

    fn spi(&self, number: u8, clock_hz: u32) -> Result<Serial, BoardError> {
        let name = format!("SPI bus {number}");
        let bus = match number {
            0 => SpiNumber::Spi0,
            1 => SpiNumber::Spi1,
            _ => return Err(unusable(&name, &"only 0 and 1 are on the header")),
        };
        let spi = Spi::new(bus, SlaveSelect::Ss0, clock_hz, Mode::Mode0);
        let spi = spi.map_err(|e| unusable(&name, &e))?;
        Ok(Box::new(SpiLine { name, spi }))
    }
}

struct Pin {
    name: String,
    pin: OutputPin,
}

impl pwm::ErrorType for Pin {
    type Error = BoardError;
}

impl SetDutyCycle for Pin {
    fn max_duty_cycle(&self) -> u16 {
        MAX_DUTY
    }

    /// Steady levels need no thread that switches.
    fn set_duty_cycle(&mut self, duty: u16) -> Result<(), BoardError> {
        let failed = |error: rppal::gpio::Error| unusable(&self.name, &error);
        if duty == 0 || duty >= MAX_DUTY {
            self.pin.clear_pwm().map_err(failed)?;
            if duty == 0 {
                self.pin.set_low();
            } else {
                self.pin.set_high();
            }
            return Ok(());
        }
        let share = f64::from(duty) / f64::from(MAX_DUTY);
        self.pin.set_pwm_frequency(PWM_HZ, share).map_err(failed)
    }
}

struct I2cBus {
    number: u8,
    bus: I2c,
}

impl i2c::ErrorType for I2cBus {
    type Error = BoardError;
}

impl i2c::I2c for I2cBus {
    fn transaction(
        &mut self,
        address: u8,
        operations: &mut [Operation<'_>],
    ) -> Result<(), BoardError> {
        let bus = self.number;
        self.bus.transaction(address, operations).map_err(|error| {
            let what = format!("the device {address:#04x} on I2C bus {bus}");
            match &error {
                // ENXIO, EREMOTEIO: nobody acknowledged; ETIMEDOUT: nobody let go of the clock.
                rppal::i2c::Error::Io(io) if matches!(io.raw_os_error(), Some(6 | 121 | 110)) => {
                    BoardError::NoAnswer { what, bus }
                }
                error => unusable(&what, error),
            }
        })
    }
}

struct SpiLine {
    name: String,
    spi: Spi,
}

impl SpiLine {
    fn fail<T>(&self, error: &rppal::spi::Error) -> Result<T, BoardError> {
        Err(unusable(&self.name, error))
    }
}

impl spi::ErrorType for SpiLine {
    type Error = BoardError;
}

impl SpiBus for SpiLine {
    fn read(&mut self, words: &mut [u8]) -> Result<(), BoardError> {
        self.spi.read(words).map(drop).or_else(|e| self.fail(&e))
    }

    fn write(&mut self, words: &[u8]) -> Result<(), BoardError> {
        self.spi.write(words).map(drop).or_else(|e| self.fail(&e))
    }

    fn transfer(&mut self, read: &mut [u8], write: &[u8]) -> Result<(), BoardError> {
        let done = self.spi.transfer(read, write);
        done.map(drop).or_else(|e| self.fail(&e))
    }

    fn transfer_in_place(&mut self, words: &mut [u8]) -> Result<(), BoardError> {
        let copy = words.to_vec();
        self.transfer(words, &copy)
    }

    fn flush(&mut self) -> Result<(), BoardError> {
        Ok(())
    }
}
