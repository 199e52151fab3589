//! Names of the original networks for keys that are called otherwise here.
//!
//! `specs/gossip/configuration.md` has the table. They are accepted at the top level and in
//! `[gossip]`, in files and in the environment, and become our keys before anything else looks at
//! them. Within one layer both names may stand if they say the same; between layers the stronger
//! one wins, whatever name it uses.

use std::collections::BTreeMap;

use toml::Value;

use super::{
    error::{ConfigError, Problem},
    origin::Origin,
};

/// A name of the original.
struct Alias {
    name: &'static str,
    key: &'static str,
    unit: Unit,
}

/// What its number means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// The same.
    Same,
    /// Seconds, perhaps with a fraction, where ours are milliseconds.
    Seconds,
}

const ALIASES: [Alias; 4] = [
    Alias {
        name: "gossip_fanout",
        key: "gossip.mesh",
        unit: Unit::Same,
    },
    Alias {
        name: "gossip_interval",
        key: "gossip.heartbeat_ms",
        unit: Unit::Seconds,
    },
    Alias {
        name: "message_ttl",
        key: "gossip.message_ttl_secs",
        unit: Unit::Same,
    },
    Alias {
        name: "message_cache_size",
        key: "gossip.seen_exact",
        unit: Unit::Same,
    },
];

/// One key of a layer, under the name it was written with.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) written: String,
    pub(super) key: String,
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// Every name of the original.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ALIASES.iter().map(|alias| alias.name)
}

/// Whether `written` is a name of the original.
pub(super) fn is_alias(written: &str) -> bool {
    find(written).is_some()
}

/// A name of the original with its value, as ours. `None` if it is no such name.
///
/// # Errors
/// The value is not what the original has there.
pub(super) fn translate(
    written: &str,
    value: &Value,
    origin: &Origin,
) -> Option<Result<Setting, ConfigError>> {
    let alias = find(written)?;
    let number = match (alias.unit, value) {
        (Unit::Same, Value::Integer(n)) => Ok(*n),
        (Unit::Same, _) => Err("expected a whole number".to_owned()),
        (Unit::Seconds, Value::Integer(n)) => {
            n.checked_mul(1000).ok_or_else(|| "is too long".to_owned())
        }
        (Unit::Seconds, Value::Float(x)) => milliseconds(*x),
        (Unit::Seconds, _) => Err("expected a number of seconds".to_owned()),
    };
    Some(match number {
        Ok(number) => Ok(Setting {
            written: written.to_owned(),
            key: alias.key.to_owned(),
            value: Value::Integer(number),
            origin: origin.clone(),
        }),
        Err(message) => Err(ConfigError::BadValue {
            key: written.to_owned(),
            origin: origin.clone(),
            message,
        }),
    })
}

/// Text of the environment as the number it is.
pub(super) fn number(text: &str) -> Value {
    let text = text.trim();
    let integer = text.parse().map(Value::Integer);
    integer
        .or_else(|_| text.parse().map(Value::Float))
        .unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// One value for each key of a layer.
///
/// # Errors
/// Two names of a key say different things.
pub(super) fn settle(layer: Vec<Setting>) -> Result<Vec<(String, Value, Origin)>, ConfigError> {
    let mut first: BTreeMap<&str, &Setting> = BTreeMap::new();
    let mut problems = Vec::new();
    for setting in &layer {
        let other = *first.entry(&setting.key).or_insert(setting);
        if other.value != setting.value {
            problems.push(contradiction(setting, other));
        }
    }
    if !problems.is_empty() {
        return Err(ConfigError::Invalid(problems));
    }
    let settled = layer.into_iter().map(|s| (s.key, s.value, s.origin));
    Ok(settled.collect())
}

fn contradiction(setting: &Setting, other: &Setting) -> Problem {
    let said = |s: &Setting| match find(&s.written) {
        Some(_) => format!("{} means {} = {}", s.written, s.key, s.value),
        None => format!("{} = {}", s.written, s.value),
    };
    Problem {
        key: setting.written.clone(),
        origin: setting.origin.clone(),
        message: format!(
            "{} contradicts {} ({})",
            said(setting),
            said(other),
            other.origin
        ),
        hint: Some(format!(
            "keep one of `{}` and `{}`",
            other.written, setting.written
        )),
    }
}

fn find(written: &str) -> Option<&'static Alias> {
    let name = written.strip_prefix("gossip.").unwrap_or(written);
    ALIASES.iter().find(|alias| alias.name == name)
}

/// `x` seconds in whole milliseconds.
fn milliseconds(x: f64) -> Result<i64, String> {
    let ms = (x * 1000.0).round();
    // Up to 2^53 every whole number is a float and fits an integer.
    if (0.0..=9_007_199_254_740_992.0).contains(&ms) {
        Ok(ms as i64)
    } else {
        Err(format!("{x} is no length of time"))
    }
}
