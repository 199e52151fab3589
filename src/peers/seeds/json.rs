//! JSON with one spelling per value: what a signature over a list covers.
//!
//! The signature is over the *meaning* of a list, so that a publisher may indent it and a server may
//! serve it as it likes. That needs values which every language reads alike: objects with unique
//! ASCII names, integers that a double holds, no fractions. The spelling is that of RFC 8785 for
//! such values.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};

/// Largest integer: beyond it a double is no longer exact, and other languages round.
const MAX_INTEGER: i64 = (1 << 53) - 1;

/// A value. Nesting is bounded by the reader's own limit of 128.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Integer(i64),
    Text(String),
    Array(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

impl Json {
    /// Reads a whole document.
    pub(super) fn read(document: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(document).map_err(|e| e.to_string())
    }

    /// The one spelling: names in the order of their bytes, no white space.
    pub(super) fn canonical(&self) -> Vec<u8> {
        let mut out = String::new();
        self.write(&mut out);
        out.into_bytes()
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Integer(value) => out.push_str(&value.to_string()),
            Self::Text(text) => write_text(text, out),
            Self::Array(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(fields) => {
                out.push('{');
                for (i, (name, value)) in fields.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    write_text(name, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

/// Quotation mark, reverse solidus and control characters are escaped, the shortest way; nothing
/// else is.
fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value without fractions")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Json, E> {
        if (-MAX_INTEGER..=MAX_INTEGER).contains(&value) {
            Ok(Json::Integer(value))
        } else {
            Err(E::custom("an integer beyond 2^53"))
        }
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Json, E> {
        self.visit_i64(i64::try_from(value).unwrap_or(i64::MAX))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Json, E> {
        Err(E::custom("a number that is not an integer"))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Json, E> {
        Ok(Json::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            if !name.is_ascii() {
                return Err(de::Error::custom("a name that is not ASCII"));
            }
            let value = map.next_value()?;
            if fields.insert(name, value).is_some() {
                return Err(de::Error::custom("a name that is there twice"));
            }
        }
        Ok(Json::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canonical(text: &str) -> String {
        String::from_utf8(Json::read(text.as_bytes()).unwrap().canonical()).unwrap()
    }

    #[test]
    fn spelling_and_order_do_not_matter() {
        let spaced = " { \"b\" : [ 1 , -2, true , null ],\n\t\"a\" : \"\\u0041\\/\" , \"B\":{}} ";
        assert_eq!(
            canonical(spaced),
            r#"{"B":{},"a":"A/","b":[1,-2,true,null]}"#
        );
    }

    #[test]
    fn escapes_what_must_be_escaped_and_nothing_else() {
        let all = "\"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001F\\u007f\\\"\\\\é\\ud83d\\ude00\"";
        let expected = "\"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f\u{7f}\\\"\\\\é😀\"";
        assert_eq!(canonical(all), expected);
    }

    #[test]
    fn refuses_what_languages_read_differently() {
        for (text, why) in [
            (r#"{"a":1,"a":2}"#, "twice"),
            (r#"{"a":1,"\u0061":2}"#, "twice"),
            (r#"{"é":1}"#, "ASCII"),
            ("1.0", "not an integer"),
            ("1e2", "not an integer"),
            ("-0", "not an integer"),
            ("9007199254740992", "beyond"),
            ("-9007199254740992", "beyond"),
            ("18446744073709551615", "beyond"),
            (r#""\ud800""#, "hex escape"),
            ("{} {}", "trailing"),
            ("", "EOF"),
            ("\u{feff}{}", "expected value"),
            ("NaN", "expected"),
        ] {
            let error = Json::read(text.as_bytes()).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
        assert!(Json::read(b"\"\xff\"").is_err());
        assert!(Json::read("[".repeat(10_000).as_bytes()).is_err());
        assert_eq!(canonical("9007199254740991"), "9007199254740991");
    }

    proptest! {
        #[test]
        fn the_spelling_reads_back(text in any::<String>(), number in -MAX_INTEGER..=MAX_INTEGER) {
            let fields = [("t".to_owned(), Json::Text(text)), ("n".to_owned(), Json::Integer(number))];
            let json = Json::Array(vec![Json::Object(fields.into()), Json::Null]);
            let written = json.canonical();
            let read = Json::read(&written).unwrap();
            prop_assert_eq!(&read, &json);
            prop_assert_eq!(read.canonical(), written);
        }
    }
}
