//! Base64 (RFC 4648, section 4) in its one form: padded, no line breaks, unused bits zero.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Encodes.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |i: usize| u32::from(chunk.get(i).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for i in 0..4 {
            if i <= chunk.len() {
                let index = (bits >> (18 - 6 * i) & 63) as usize;
                out.push(char::from(ALPHABET[index]));
            } else {
                out.push('=');
            }
        }
    }
    out
}

/// Decodes exactly `N` bytes; `None` for any other text.
pub(super) fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != N.div_ceil(3) * 4 {
        return None;
    }
    let symbols = (N * 4).div_ceil(3);
    let (data, padding) = text.as_bytes().split_at(symbols);
    if padding.iter().any(|p| *p != b'=') {
        return None;
    }
    let (mut out, mut at) = ([0; N], 0);
    let (mut bits, mut held) = (0u32, 0u32);
    for symbol in data {
        let value = ALPHABET.iter().position(|a| a == symbol)?;
        bits = bits << 6 | u32::try_from(value).ok()?;
        held += 6;
        if held >= 8 {
            held -= 8;
            *out.get_mut(at)? = (bits >> held) as u8;
            at += 1;
            bits &= (1 << held) - 1;
        }
    }
    (bits == 0).then_some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn agrees_with_the_rfc() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(bytes.as_bytes()), text);
        }
        assert_eq!(decode(""), Some([]));
        assert_eq!(decode("Zg=="), Some(*b"f"));
        assert_eq!(decode("Zm8="), Some(*b"fo"));
        assert_eq!(decode("Zm9vYg=="), Some(*b"foob"));
    }

    #[test]
    fn refuses_every_other_spelling_of_the_same_bytes() {
        for other in [
            "Zh==", "Zg", "Zg=", "Zg==\n", "Z===", "Zg=A", "====", "Z g=", "Zé=",
        ] {
            assert_eq!(decode::<1>(other), None, "{other:?}");
        }
        assert_eq!(decode::<3>("Zm-_"), None, "the URL alphabet");
    }

    proptest! {
        #[test]
        fn what_was_encoded_decodes(bytes in any::<[u8; 32]>(), odd in any::<[u8; 31]>()) {
            prop_assert_eq!(decode(&encode(&bytes)), Some(bytes));
            prop_assert_eq!(decode(&encode(&odd)), Some(odd));
        }

        #[test]
        fn what_decodes_is_what_would_be_written(text in "[A-Za-z0-9+/=]{4}") {
            if let Some(bytes) = decode::<2>(&text) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }
    }
}
