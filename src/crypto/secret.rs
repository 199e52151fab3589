//! Secret bytes: erased on drop, never printed, compared in constant time.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// `N` secret bytes.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret<const N: usize>([u8; N]);

impl<const N: usize> Secret<N> {
    /// The bytes. Do not copy them to where nothing erases them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; N] {
        &self.0
    }

    /// From exactly `N` bytes, else `None`. The caller erases its own copy.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// A fresh secret.
    ///
    /// # Errors
    /// The operating system gave no randomness.
    pub fn random() -> Result<Self, super::RandomError> {
        let mut out = Self([0; N]);
        super::random(&mut out.0)?;
        Ok(out)
    }

    /// Writes the bytes in place, for code that fills a secret it must not copy.
    pub fn as_mut_bytes(&mut self) -> &mut [u8; N] {
        &mut self.0
    }

    /// Whether both are equal, in time that does not depend on where they differ.
    #[must_use]
    pub fn ct_eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl<const N: usize> From<[u8; N]> for Secret<N> {
    fn from(bytes: [u8; N]) -> Self {
        Self(bytes)
    }
}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_prints_its_bytes() {
        assert_eq!(format!("{:?}", Secret::from([7u8; 32])), "<redacted>");
    }

    #[test]
    fn compares_every_byte() {
        let mut other = [1u8; 32];
        assert!(Secret::from([1; 32]).ct_eq(&other.into()));
        other[31] = 0;
        assert!(!Secret::from([1; 32]).ct_eq(&other.into()));
    }
}
