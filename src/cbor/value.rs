//! `serde` types as canonical CBOR, for messages off the hot path.

use ciborium::Value;
use serde::{Serialize, de::DeserializeOwned};

use super::{CborError, MAX_DEPTH, Writer, validate};

/// Encodes `value` canonically: structs become maps with text keys in canonical order. Use
/// `serde_bytes` for byte strings.
///
/// # Errors
/// The value holds floats or tags, or nests too deep.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CborError> {
    let value = Value::serialized(value).map_err(|_| CborError::Forbidden)?;
    let mut out = Writer::new();
    write(&value, &mut out, 0)?;
    Ok(out.finish())
}

/// Decodes a `T` from exactly one canonical item. Keys that `T` does not have are ignored, which
/// lets a later version add some; the caller has bounded the length of `bytes`.
///
/// # Errors
/// The bytes are not canonical, or not a `T` ([`CborError::WrongType`]).
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CborError> {
    validate(bytes)?;
    ciborium::from_reader(bytes).map_err(|_| CborError::WrongType)
}

fn write(value: &Value, out: &mut Writer, depth: usize) -> Result<(), CborError> {
    if depth > MAX_DEPTH {
        return Err(CborError::TooDeep);
    }
    match value {
        Value::Integer(n) => {
            let n = i128::from(*n);
            if let Ok(n) = u64::try_from(n) {
                out.uint(n);
            } else {
                out.negative(u64::try_from(-1 - n).map_err(|_| CborError::OutOfRange)?);
            }
        }
        Value::Bytes(b) => drop(out.bytes(b)),
        Value::Text(t) => drop(out.text(t)),
        Value::Bool(b) => drop(out.bool(*b)),
        Value::Null => drop(out.null()),
        Value::Array(items) => {
            out.array(items.len());
            items.iter().try_for_each(|i| write(i, out, depth + 1))?;
        }
        Value::Map(entries) => {
            let mut sorted = Vec::with_capacity(entries.len());
            for (key, value) in entries {
                let mut encoded = Writer::new();
                write(key, &mut encoded, depth + 1)?;
                sorted.push((encoded.finish(), value));
            }
            sorted.sort_by(|a, b| a.0.cmp(&b.0));
            if sorted.windows(2).any(|w| w[0].0 == w[1].0) {
                return Err(CborError::KeyOrder);
            }
            out.map(sorted.len());
            for (key, value) in sorted {
                out.raw(&key);
                write(value, out, depth + 1)?;
            }
        }
        _ => return Err(CborError::Forbidden),
    }
    Ok(())
}
