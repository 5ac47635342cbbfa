//! Small readers over the XML tree; every error names the element and its line.

use std::str::{FromStr, SplitAsciiWhitespace};

use roxmltree::Node;

use super::CascadeImportError;

/// A number in the file.
pub(super) trait Value: FromStr {
    /// In an error's words.
    const EXPECTED: &'static str;
}

macro_rules! values {
    ($($number:ty: $expected:literal,)*) => {
        $(impl Value for $number {
            const EXPECTED: &'static str = $expected;
        })*
    };
}

values! {
    u8: "a whole number from 0 to 255",
    i8: "a whole number from -128 to 127",
    u16: "a whole number from 0 to 65535",
    i32: "a whole number of 32 bits",
    usize: "a whole number from 0 on",
    f64: "a number",
}

/// How many attributes the tags of `xml` have, or more when texts look like some. The parser
/// compares every attribute of an element with all others of it: a million would take it hours.
pub(super) fn count_attributes(xml: &str) -> usize {
    let mut after_equals = false;
    let is_value = |&byte: &u8| {
        let starts = after_equals && matches!(byte, b'"' | b'\'');
        after_equals = byte == b'=' || after_equals && byte.is_ascii_whitespace();
        starts
    };
    xml.bytes().filter(is_value).count()
}

/// An element of the file.
#[derive(Clone, Copy)]
pub(super) struct Element<'d>(pub(super) Node<'d, 'd>);

impl<'d> Element<'d> {
    /// The first child of that name.
    pub(super) fn child(&self, name: &'static str) -> Result<Element<'d>, CascadeImportError> {
        self.find(name).ok_or_else(|| CascadeImportError::Missing {
            name,
            parent: self.0.tag_name().name().to_owned(),
            line: self.line(),
        })
    }

    /// The first child of that name, when there is one.
    pub(super) fn find(&self, name: &str) -> Option<Element<'d>> {
        let mut children = self.0.children();
        children.find(|node| node.has_tag_name(name)).map(Element)
    }

    /// The entries of a list, which OpenCV calls `_`.
    pub(super) fn items(&self) -> impl Iterator<Item = Element<'d>> + use<'d> {
        let children = self.0.children();
        children.filter(|node| node.has_tag_name("_")).map(Element)
    }

    /// The text in the element, without the white space around it.
    pub(super) fn text(&self) -> Result<&'d str, CascadeImportError> {
        let text = self.0.text().map(str::trim).unwrap_or_default();
        if text.is_empty() {
            return Err(self.bad("a value"));
        }
        Ok(text)
    }

    /// The text as one number.
    pub(super) fn number<T: Value>(&self) -> Result<T, CascadeImportError> {
        let mut numbers = self.numbers()?;
        let value = numbers.next()?;
        numbers.finish()?;
        Ok(value)
    }

    /// The text as numbers with white space between them.
    pub(super) fn numbers(&self) -> Result<Numbers<'d>, CascadeImportError> {
        let mut words = self.text()?.split_ascii_whitespace();
        let next = words.next();
        Ok(Numbers {
            element: *self,
            next,
            words,
        })
    }

    /// The error for an element that does not hold what it should.
    pub(super) fn bad(&self, expected: &'static str) -> CascadeImportError {
        /// Longest quote in a message, in characters.
        const QUOTE_CHARS: usize = 40;
        let text = self.0.text().unwrap_or_default().trim();
        CascadeImportError::BadValue {
            element: self.0.tag_name().name().to_owned(),
            line: self.line(),
            expected,
            found: text.chars().take(QUOTE_CHARS).collect(),
        }
    }

    /// Looks through the whole file: for errors only.
    fn line(&self) -> u32 {
        self.0.document().text_pos_at(self.0.range().start).row
    }
}

/// Numbers of an element, one after the other.
pub(super) struct Numbers<'d> {
    element: Element<'d>,
    next: Option<&'d str>,
    words: SplitAsciiWhitespace<'d>,
}

impl Numbers<'_> {
    /// Whether all have been taken.
    pub(super) fn is_empty(&self) -> bool {
        self.next.is_none()
    }

    /// The next number, which must fit its type.
    pub(super) fn next<T: Value>(&mut self) -> Result<T, CascadeImportError> {
        let word = std::mem::replace(&mut self.next, self.words.next());
        let word = word.ok_or_else(|| self.element.bad("more numbers"))?;
        word.parse().map_err(|_| CascadeImportError::BadNumber {
            element: self.element.0.tag_name().name().to_owned(),
            line: self.element.line(),
            expected: T::EXPECTED,
            found: word.chars().take(24).collect(),
        })
    }

    /// That no number is left over.
    pub(super) fn finish(self) -> Result<(), CascadeImportError> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(self.element.bad("fewer numbers"))
        }
    }
}
