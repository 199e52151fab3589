//! Canonical CBOR (RFC 8949 section 4.2.1), strict in both directions.
//!
//! Shortest heads, definite lengths, map keys in strictly increasing bytewise order of their
//! encoding, no floats, no simple values but `false`, `true` and `null`, no tags but bignums that
//! do not fit 64 bits, nesting of at most [`MAX_DEPTH`], nothing behind the item.
//!
//! Chain formats and the handshake read and write with [`Reader`] and [`Writer`], which cannot
//! express anything else; colder messages are `serde` types through [`to_vec`] and [`from_slice`]
//! (`ciborium` inside, behind the same checks).
//!
//! Lengths are checked against the input before anything is allocated.

mod reader;
mod value;
mod writer;

pub use reader::{Reader, validate};
pub use value::{from_slice, to_vec};
pub use writer::{Writer, head_len};

/// Deepest nesting of arrays, maps and tags that is read. The deepest document of this product
/// nests 6; 16 is the limit of the original network. Larger would let input size choose the
/// depth of a recursive reader's stack.
pub const MAX_DEPTH: usize = 16;

/// Why bytes are not the canonical CBOR that was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CborError {
    /// The input ends inside an item.
    #[error("the input ends inside an item")]
    Truncated,
    /// An integer or length is not in its shortest form.
    #[error("an integer or length is not in its shortest form")]
    NotShortest,
    /// An indefinite length.
    #[error("indefinite lengths are not canonical")]
    Indefinite,
    /// A float, an undefined simple value or a tag that is not allowed.
    #[error("floats, other simple values and tags are not allowed")]
    Forbidden,
    /// Map keys are not strictly increasing (covers duplicates).
    #[error("map keys are not in strictly increasing order")]
    KeyOrder,
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("nested deeper than 16")]
    TooDeep,
    /// Text that is not UTF-8.
    #[error("a text string is not UTF-8")]
    NotUtf8,
    /// Bytes follow the item.
    #[error("bytes follow the item")]
    Trailing,
    /// An item of another type than the format has at this place.
    #[error("an item has another type than its format says")]
    WrongType,
    /// A key that the format does not have here, or one that is missing.
    #[error("a key is missing, unknown or out of place")]
    WrongKey,
    /// A length or value outside the limits of the format.
    #[error("a length or value is outside the limits of its format")]
    OutOfRange,
}

impl CborError {
    /// Whether the bytes are not canonical CBOR at all, as opposed to another document.
    #[must_use]
    pub fn is_non_canonical(self) -> bool {
        !matches!(self, Self::WrongType | Self::WrongKey | Self::OutOfRange)
    }
}

#[cfg(test)]
mod tests;
