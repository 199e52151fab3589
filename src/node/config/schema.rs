//! Every key there is, derived from the defaults so that it cannot drift from the structs.

use std::{collections::BTreeMap, sync::OnceLock};

use toml::{Table, Value};

use super::Config;

/// What a key holds.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyInfo {
    /// Its name, tables joined by dots.
    pub key: String,
    /// Its default, which also shows its type.
    pub default: Value,
}

impl KeyInfo {
    /// The type in words.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        kind(&self.default)
    }
}

/// A value's type in words.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a string",
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list of strings",
        Value::Table(_) => "a table",
    }
}

/// Every key by name.
#[must_use]
pub fn keys() -> &'static BTreeMap<String, KeyInfo> {
    static KEYS: OnceLock<BTreeMap<String, KeyInfo>> = OnceLock::new();
    KEYS.get_or_init(|| {
        flatten(&defaults())
            .into_iter()
            .map(|(key, default)| (key.clone(), KeyInfo { key, default }))
            .collect()
    })
}

/// Every table by name.
pub(super) fn tables() -> impl Iterator<Item = &'static str> {
    keys()
        .keys()
        .flat_map(|key| key.match_indices('.').map(move |(at, _)| &key[..at]))
}

/// The defaults as a table.
pub(super) fn defaults() -> Table {
    to_table(&Config::default())
}

/// A configuration as a table.
pub(super) fn to_table(config: &Config) -> Table {
    Table::try_from(config).expect("strings, numbers, lists and tables have a TOML form")
}

/// A configuration as (key, value) in the order of their names, top level first.
#[must_use]
pub fn render(config: &Config) -> Vec<(String, Value)> {
    let mut all = flatten(&to_table(config));
    all.sort_by_key(|(key, _)| (key.contains('.'), key.clone()));
    all
}

fn flatten(table: &Table) -> Vec<(String, Value)> {
    let mut out = Vec::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) => out.extend(
                flatten(inner)
                    .into_iter()
                    .map(|(tail, v)| (format!("{key}.{tail}"), v)),
            ),
            other => out.push((key.clone(), other.clone())),
        }
    }
    out
}

/// Puts `value` under a dotted key; every table on the way exists, because the key is known.
pub(super) fn set(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
        }
        Some((head, tail)) => {
            let entry = table
                .entry(head)
                .or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = entry {
                set(inner, tail, value);
            }
        }
    }
}
