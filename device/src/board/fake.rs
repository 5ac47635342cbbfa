//! A board without hardware: it remembers what was done to it. For tests and the simulator.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use embedded_hal::i2c::{self, Operation};
use embedded_hal::pwm::{self, SetDutyCycle};
use embedded_hal::spi::{self, SpiBus};

use super::{Board, BoardError, Bus, PwmPin, Serial};

const MAX_DUTY: u16 = 1000;

/// What happened on the board's wires.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wire {
    /// Share of time at high level per pin that was ever handed out, 0..=1.
    pub pins: BTreeMap<u8, f32>,
    /// Writes per I2C bus: address and bytes, in order.
    pub i2c: BTreeMap<u8, Vec<(u8, Vec<u8>)>>,
    /// Bytes written per SPI bus since the last look.
    pub spi: BTreeMap<u8, Vec<u8>>,
    /// I2C addresses that do not answer.
    pub silent: Vec<u8>,
}

/// The board; clones share their wires.
#[derive(Clone, Debug, Default)]
pub struct FakeBoard(Arc<Mutex<Wire>>);

impl FakeBoard {
    /// The wires, to look at or to change.
    pub fn wire(&self) -> MutexGuard<'_, Wire> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Board for FakeBoard {
    fn pin(&self, number: u8, starts_high: bool) -> Result<PwmPin, BoardError> {
        let level = if starts_high { 1.0 } else { 0.0 };
        self.wire().pins.insert(number, level);
        Ok(Box::new(FakePin(self.clone(), number)))
    }

    fn i2c(&self, number: u8) -> Result<Bus, BoardError> {
        Ok(Box::new(FakeI2c(self.clone(), number)))
    }

    fn spi(&self, number: u8, _: u32) -> Result<Serial, BoardError> {
        Ok(Box::new(FakeSpi(self.clone(), number)))
    }
}

struct FakePin(FakeBoard, u8);

impl pwm::ErrorType for FakePin {
    type Error = BoardError;
}

impl SetDutyCycle for FakePin {
    fn max_duty_cycle(&self) -> u16 {
        MAX_DUTY
    }

    fn set_duty_cycle(&mut self, duty: u16) -> Result<(), BoardError> {
        let share = f32::from(duty.min(MAX_DUTY)) / f32::from(MAX_DUTY);
        self.0.wire().pins.insert(self.1, share);
        Ok(())
    }
}

struct FakeI2c(FakeBoard, u8);

impl i2c::ErrorType for FakeI2c {
    type Error = BoardError;
}

impl i2c::I2c for FakeI2c {
    fn transaction(
        &mut self,
        address: u8,
        operations: &mut [Operation<'_>],
    ) -> Result<(), BoardError> {
        let mut wire = self.0.wire();
        if wire.silent.contains(&address) {
            let what = format!("the device {address:#04x} on I2C bus {}", self.1);
            return Err(BoardError::NoAnswer { what, bus: self.1 });
        }
        for operation in operations {
            match operation {
                Operation::Write(bytes) => {
                    let writes = wire.i2c.entry(self.1).or_default();
                    writes.push((address, bytes.to_vec()));
                }
                Operation::Read(bytes) => bytes.fill(0),
            }
        }
        Ok(())
    }
}

struct FakeSpi(FakeBoard, u8);

impl spi::ErrorType for FakeSpi {
    type Error = BoardError;
}

impl SpiBus for FakeSpi {
    fn read(&mut self, words: &mut [u8]) -> Result<(), BoardError> {
        words.fill(0);
        Ok(())
    }

    fn write(&mut self, words: &[u8]) -> Result<(), BoardError> {
        self.0.wire().spi.entry(self.1).or_default().extend(words);
        Ok(())
    }

    fn transfer(&mut self, read: &mut [u8], write: &[u8]) -> Result<(), BoardError> {
        self.write(write)?;
        self.read(read)
    }

    fn transfer_in_place(&mut self, words: &mut [u8]) -> Result<(), BoardError> {
        let copy = words.to_vec();
        self.transfer(words, &copy)
    }

    fn flush(&mut self) -> Result<(), BoardError> {
        Ok(())
    }
}
