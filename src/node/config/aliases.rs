//! Names of the original networks for keys that are called otherwise here.
//!
//! `specs/gossip/configuration.md` and `specs/configuration.md` have the tables. They are accepted at
//! the top level and in the table of the key they become, in files and in the environment, and
//! become our keys before anything else looks at them. Within one layer both names may stand if they say the same; between layers the stronger
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
    /// The same, perhaps with a fraction.
    Number,
}

/// An alias of the same unit.
const fn same(name: &'static str, key: &'static str) -> Alias {
    Alias {
        name,
        key,
        unit: Unit::Same,
    }
}

/// An alias that may have a fraction.
const fn number_of(name: &'static str, key: &'static str) -> Alias {
    Alias {
        name,
        key,
        unit: Unit::Number,
    }
}

const ALIASES: [Alias; 16] = [
    same("gossip_fanout", "gossip.mesh"),
    Alias {
        name: "gossip_interval",
        key: "gossip.heartbeat_ms",
        unit: Unit::Seconds,
    },
    same("message_ttl", "gossip.message_ttl_secs"),
    same("message_cache_size", "gossip.seen_exact"),
    same("peer_discovery_interval", "discovery.interval_secs"),
    same("heartbeat_interval", "network.ping_secs"),
    same("peer_timeout", "network.dead_secs"),
    number_of("initial_trust_score", "trust.initial_trust_score"),
    number_of("min_trust_threshold", "trust.min_trust_threshold"),
    number_of("max_trust_score", "trust.max_trust_score"),
    number_of("trust_decay_rate", "trust.trust_decay_rate"),
    same("trust_decay_interval", "trust.trust_decay_interval"),
    number_of("trust_boost_message", "trust.trust_boost_message"),
    number_of("trust_penalty_invalid", "trust.trust_penalty_invalid"),
    number_of("trust_penalty_timeout", "trust.trust_penalty_timeout"),
    number_of("trust_boost_connection", "trust.trust_boost_connection"),
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
    let value = match (alias.unit, value) {
        (Unit::Same, Value::Integer(n)) => Ok(Value::Integer(*n)),
        (Unit::Same, _) => Err("expected a whole number".to_owned()),
        (Unit::Seconds, Value::Integer(n)) => {
            let ms = n.checked_mul(1000).map(Value::Integer);
            ms.ok_or_else(|| "is too long".to_owned())
        }
        (Unit::Seconds, Value::Float(x)) => milliseconds(*x).map(Value::Integer),
        (Unit::Seconds, _) => Err("expected a number of seconds".to_owned()),
        (Unit::Number, Value::Integer(n)) => Ok(Value::Float(*n as f64)),
        (Unit::Number, Value::Float(x)) => Ok(Value::Float(*x)),
        (Unit::Number, _) => Err("expected a number".to_owned()),
    };
    Some(match value {
        Ok(value) => Ok(Setting {
            written: written.to_owned(),
            key: alias.key.to_owned(),
            value,
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
        // What is not a number differs from itself.
        if !std::ptr::eq(other, setting) && other.value != setting.value {
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
    ALIASES.iter().find(|alias| {
        let table = alias.key.split('.').next().unwrap_or_default();
        let inside = written.strip_prefix(table);
        let inside = inside.and_then(|rest| rest.strip_prefix('.'));
        // In its own table a name that we kept is no other name.
        alias.name == inside.unwrap_or(written) && alias.key != written
    })
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
