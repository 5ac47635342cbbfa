//! The subset that SSD1306, SH1106 and SSD0303 share: page addressing, every command byte by
//! itself behind the control byte 0x80, data behind 0x40 (SSD1306 datasheet, 8.1.5.2 and 9).

use std::convert::Infallible;

use embedded_graphics::Pixel;
use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{OriginDimensions, Size};
use embedded_graphics::pixelcolor::BinaryColor;

use super::options::{Controller, DisplayOptions, MAX_WIDTH};
use crate::board::{BoardError, Bus};

/// Control bytes.
const COMMAND: u8 = 0x80;
const DATA: u8 = 0x40;
/// Rows in a page.
const PAGE_ROWS: usize = 8;

/// Commands.
const DISPLAY_OFF: u8 = 0xae;
const DISPLAY_ON: u8 = 0xaf;

/// A display and the picture that it is to show.
pub struct Oled {
    bus: Bus,
    address: u8,
    column_offset: u8,
    picture: Picture,
    /// What the display shows; `None` before the first picture.
    sent: Option<Vec<u8>>,
}

/// One bit a pixel, in the chip's order: a byte is eight rows of a column, the topmost lowest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    bytes: Vec<u8>,
}

impl Picture {
    /// All dark.
    pub fn new(width: u8, height: u8) -> Self {
        let (width, height) = (usize::from(width), usize::from(height));
        Self {
            width,
            height,
            bytes: vec![0; width * height.div_ceil(PAGE_ROWS)],
        }
    }

    /// Whether a pixel is lit; `false` outside.
    pub fn is_lit(&self, x: usize, y: usize) -> bool {
        let byte = self.bytes.get(y / PAGE_ROWS * self.width + x);
        x < self.width && byte.is_some_and(|byte| byte >> (y % PAGE_ROWS) & 1 == 1)
    }
}

impl OriginDimensions for Picture {
    fn size(&self) -> Size {
        Size::new(self.width as u32, self.height as u32)
    }
}

impl DrawTarget for Picture {
    type Color = BinaryColor;
    type Error = Infallible;

    fn draw_iter<I>(&mut self, pixels: I) -> Result<(), Infallible>
    where
        I: IntoIterator<Item = Pixel<BinaryColor>>,
    {
        for Pixel(at, color) in pixels {
            let (Ok(x), Ok(y)) = (usize::try_from(at.x), usize::try_from(at.y)) else {
                continue;
            };
            if x >= self.width || y >= self.height {
                continue;
            }
            let byte = &mut self.bytes[y / PAGE_ROWS * self.width + x];
            let bit = 1 << (y % PAGE_ROWS);
            match color {
                BinaryColor::On => *byte |= bit,
                BinaryColor::Off => *byte &= !bit,
            }
        }
        Ok(())
    }
}

impl Oled {
    /// Sets the display up, with a dark picture.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn new(bus: Bus, options: &DisplayOptions) -> Result<Self, BoardError> {
        let mut oled = Self {
            bus,
            address: options.address,
            column_offset: options.column_offset,
            picture: Picture::new(options.width_px, options.height_px),
            sent: None,
        };
        oled.commands(&set_up(options))?;
        oled.flush()?;
        oled.commands(&[DISPLAY_ON])?;
        Ok(oled)
    }

    /// Makes the picture dark; [`Self::flush`] shows it.
    pub fn clear(&mut self) {
        self.picture.bytes.fill(0);
    }

    /// The picture that is to be shown.
    pub fn picture(&self) -> &Picture {
        &self.picture
    }

    /// Sends what has changed: of every page the columns from the first to the last change.
    ///
    /// # Errors
    /// If the display does not answer; the next call then sends everything.
    pub fn flush(&mut self) -> Result<(), BoardError> {
        let width = self.picture.width;
        let mut sent = self.sent.take();
        for page in 0..self.picture.bytes.len() / width {
            let row = page * width..(page + 1) * width;
            let new = &self.picture.bytes[row.clone()];
            let differs = |x: &usize| {
                sent.as_ref()
                    .is_none_or(|sent| sent[row.start + x] != new[*x])
            };
            let Some(first) = (0..width).find(differs) else {
                continue;
            };
            let last = (0..width).rev().find(differs).unwrap_or(first);
            let mut data: heapless::Vec<u8, { MAX_WIDTH + 1 }> = heapless::Vec::new();
            data.extend([DATA]);
            data.extend(new[first..=last].iter().copied());
            let column = self.column_offset + first as u8;
            self.commands(&[0xb0 | page as u8, column & 0x0f, 0x10 | column >> 4])?;
            self.bus.write(self.address, &data)?;
        }
        match &mut sent {
            Some(sent) => sent.copy_from_slice(&self.picture.bytes),
            None => sent = Some(self.picture.bytes.clone()),
        }
        self.sent = sent;
        Ok(())
    }

    /// Switches the display off; what it showed is gone.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn darken(&mut self) -> Result<(), BoardError> {
        self.clear();
        // Off even if its memory cannot be cleared.
        let cleared = self.flush();
        self.commands(&[DISPLAY_OFF]).and(cleared)
    }

    fn commands(&mut self, commands: &[u8]) -> Result<(), BoardError> {
        for &command in commands {
            self.bus.write(self.address, &[COMMAND, command])?;
        }
        Ok(())
    }
}

impl OriginDimensions for Oled {
    fn size(&self) -> Size {
        self.picture.size()
    }
}

impl DrawTarget for Oled {
    type Color = BinaryColor;
    type Error = Infallible;

    fn draw_iter<I>(&mut self, pixels: I) -> Result<(), Infallible>
    where
        I: IntoIterator<Item = Pixel<BinaryColor>>,
    {
        self.picture.draw_iter(pixels)
    }
}

/// What a chip needs before its first picture.
fn set_up(options: &DisplayOptions) -> Vec<u8> {
    let mirror = u8::from(!options.upside_down);
    let rows = options.height_px;
    // Rows are wired in turns where there are many.
    let wiring = if rows > 32 { 0x12 } else { 0x02 };
    let mut commands = vec![DISPLAY_OFF, 0xa8, rows - 1, 0xd3, 0x00, 0x40];
    commands.extend([0xa0 | mirror, 0xc0 | mirror << 3, 0xda, wiring]);
    commands.extend([0x81, options.contrast]);
    match options.controller {
        Controller::Ssd1306 => commands.extend([0x8d, 0x14]),
        Controller::Sh1106 => commands.extend([0xad, 0x8b]),
        Controller::Ssd0303 => {}
    }
    // The picture from memory, lit pixels lit.
    commands.extend([0xa4, 0xa6]);
    commands
}
