//! Reads canonical CBOR and nothing else, without allocating.

use super::{CborError, MAX_DEPTH};

/// A cursor over canonical CBOR. Every method refuses a non-canonical item.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    all: &'a [u8],
    at: usize,
}

/// Checks that `bytes` are exactly one canonical item.
///
/// # Errors
/// What is not canonical about them.
pub fn validate(bytes: &[u8]) -> Result<(), CborError> {
    let mut reader = Reader::new(bytes);
    reader.item()?;
    reader.finish()
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { all: bytes, at: 0 }
    }

    /// Bytes consumed so far.
    #[must_use]
    pub fn position(&self) -> usize {
        self.at
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], CborError> {
        let end = self.at.checked_add(n).ok_or(CborError::Truncated)?;
        let out = self.all.get(self.at..end).ok_or(CborError::Truncated)?;
        self.at = end;
        Ok(out)
    }

    fn peek(&self) -> Result<u8, CborError> {
        self.all.get(self.at).copied().ok_or(CborError::Truncated)
    }

    /// The next head: major type and argument, in its shortest form.
    fn head(&mut self) -> Result<(u8, u64), CborError> {
        let first = self.take(1)?[0];
        let (major, info) = (first >> 5, first & 31);
        let (value, least) = match info {
            0..=23 => (u64::from(info), 0),
            24 => (u64::from(self.take(1)?[0]), 24),
            25 => (be(self.take(2)?), 0x100),
            26 => (be(self.take(4)?), 0x1_0000),
            27 => (be(self.take(8)?), 0x1_0000_0000),
            31 => return Err(CborError::Indefinite),
            _ => return Err(CborError::Forbidden),
        };
        if major == 7 {
            // false, true and null in one byte; everything else is a float or undefined.
            return if matches!(first, 0xf4..=0xf6) {
                Ok((major, value))
            } else {
                Err(CborError::Forbidden)
            };
        }
        if value < least {
            return Err(CborError::NotShortest);
        }
        Ok((major, value))
    }

    fn expect(&mut self, major: u8) -> Result<u64, CborError> {
        let at = self.at;
        let (got, value) = self.head()?;
        if got == major {
            return Ok(value);
        }
        self.at = at;
        Err(CborError::WrongType)
    }

    /// A length that the rest of the input can hold at `unit` bytes an element.
    fn length(&mut self, major: u8, unit: usize) -> Result<usize, CborError> {
        let n = self.expect(major)?;
        let room = (self.all.len() - self.at) / unit;
        usize::try_from(n)
            .ok()
            .filter(|n| *n <= room)
            .ok_or(CborError::Truncated)
    }

    /// An unsigned integer.
    ///
    /// # Errors
    /// Not canonical, or another type.
    pub fn uint(&mut self) -> Result<u64, CborError> {
        self.expect(0)
    }

    /// A byte string of any length that fits the input.
    ///
    /// # Errors
    /// Not canonical, or another type.
    pub fn bytes(&mut self) -> Result<&'a [u8], CborError> {
        let n = self.length(2, 1)?;
        self.take(n)
    }

    /// A byte string of at most `max` bytes.
    ///
    /// # Errors
    /// Not canonical, another type, or longer.
    pub fn bytes_max(&mut self, max: usize) -> Result<&'a [u8], CborError> {
        let out = self.bytes()?;
        if out.len() > max {
            return Err(CborError::OutOfRange);
        }
        Ok(out)
    }

    /// A byte string of exactly `N` bytes.
    ///
    /// # Errors
    /// Not canonical, another type, or another length.
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N], CborError> {
        self.bytes()?.try_into().map_err(|_| CborError::OutOfRange)
    }

    /// A text string.
    ///
    /// # Errors
    /// Not canonical, another type, or not UTF-8.
    pub fn text(&mut self) -> Result<&'a str, CborError> {
        let n = self.length(3, 1)?;
        std::str::from_utf8(self.take(n)?).map_err(|_| CborError::NotUtf8)
    }

    /// The head of an array of at most `max` items.
    ///
    /// # Errors
    /// Not canonical, another type, or more items.
    pub fn array(&mut self, max: usize) -> Result<usize, CborError> {
        let n = self.length(4, 1)?;
        if n > max {
            return Err(CborError::OutOfRange);
        }
        Ok(n)
    }

    /// The head of an array of exactly `len` items.
    ///
    /// # Errors
    /// Not canonical, another type, or another length.
    pub fn array_of(&mut self, len: usize) -> Result<(), CborError> {
        if self.array(len)? != len {
            return Err(CborError::OutOfRange);
        }
        Ok(())
    }

    /// The head of a map of at most `max` entries, whose keys the caller reads and compares.
    ///
    /// # Errors
    /// Not canonical, another type, or more entries.
    pub fn map(&mut self, max: usize) -> Result<usize, CborError> {
        let n = self.length(5, 2)?;
        if n > max {
            return Err(CborError::OutOfRange);
        }
        Ok(n)
    }

    /// The head of a map of exactly `len` entries. The caller names every key with
    /// [`Reader::key`] or [`Reader::text_key`] in canonical order, which proves their order.
    ///
    /// # Errors
    /// Not canonical, another type, or another number of entries.
    pub fn map_of(&mut self, len: usize) -> Result<(), CborError> {
        if self.length(5, 2)? != len {
            return Err(CborError::WrongKey);
        }
        Ok(())
    }

    /// The integer key `key`.
    ///
    /// # Errors
    /// Another key stands here.
    pub fn key(&mut self, key: u64) -> Result<(), CborError> {
        match self.uint() {
            Ok(k) if k == key => Ok(()),
            Ok(_) | Err(CborError::WrongType) => Err(CborError::WrongKey),
            Err(e) => Err(e),
        }
    }

    /// The text key `key`.
    ///
    /// # Errors
    /// Another key stands here.
    pub fn text_key(&mut self, key: &str) -> Result<(), CborError> {
        match self.text() {
            Ok(k) if k == key => Ok(()),
            Ok(_) | Err(CborError::WrongType) => Err(CborError::WrongKey),
            Err(e) => Err(e),
        }
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// Not canonical, or another type.
    pub fn bool(&mut self) -> Result<bool, CborError> {
        match self.expect(7)? {
            20 => Ok(false),
            21 => Ok(true),
            _ => Err(CborError::WrongType),
        }
    }

    /// Consumes a `null` if one stands here.
    ///
    /// # Errors
    /// The input has ended.
    pub fn take_null(&mut self) -> Result<bool, CborError> {
        let null = self.peek()? == 0xf6;
        if null {
            self.at += 1;
        }
        Ok(null)
    }

    /// Skips one item of any type, checking that it is canonical, and returns its bytes.
    ///
    /// # Errors
    /// What is not canonical about it.
    pub fn item(&mut self) -> Result<&'a [u8], CborError> {
        let from = self.at;
        self.skip(0)?;
        Ok(&self.all[from..self.at])
    }

    fn skip(&mut self, depth: usize) -> Result<(), CborError> {
        if depth > MAX_DEPTH {
            return Err(CborError::TooDeep);
        }
        let major = self.peek()? >> 5;
        match major {
            2 => self.bytes().map(drop),
            3 => self.text().map(drop),
            4 => {
                let n = self.length(4, 1)?;
                (0..n).try_for_each(|_| self.skip(depth + 1))
            }
            5 => {
                let n = self.length(5, 2)?;
                let mut last: Option<&[u8]> = None;
                for _ in 0..n {
                    let from = self.at;
                    self.skip(depth + 1)?;
                    let key = &self.all[from..self.at];
                    if last.is_some_and(|last| last >= key) {
                        return Err(CborError::KeyOrder);
                    }
                    last = Some(key);
                    self.skip(depth + 1)?;
                }
                Ok(())
            }
            6 => match self.head()?.1 {
                // A bignum is canonical only where no integer head could say it.
                2 | 3 => match self.bytes()? {
                    [first, rest @ ..] if *first != 0 && rest.len() >= 8 => Ok(()),
                    _ => Err(CborError::NotShortest),
                },
                _ => Err(CborError::Forbidden),
            },
            _ => self.head().map(drop),
        }
    }

    /// Ends the reading: nothing may be left.
    ///
    /// # Errors
    /// Bytes follow the item.
    pub fn finish(&self) -> Result<(), CborError> {
        if self.at == self.all.len() {
            Ok(())
        } else {
            Err(CborError::Trailing)
        }
    }
}

fn be(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b))
}
