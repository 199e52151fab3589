//! The file layer: TOML, or JSON by extension, with the line of every key.

use std::path::Path;

use serde_json::Value as Json;
use toml::{
    Value,
    de::{DeTable, DeValue},
};

use super::{
    aliases::{self, Setting},
    error::ConfigError,
    origin::Origin,
    schema,
    suggest::closest,
};

/// Largest configuration file that is read: a thousand times a full one.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// One key of the file.
struct Item {
    key: String,
    value: Value,
    line: usize,
}

/// Reads `path` into (key, value, origin).
///
/// # Errors
/// Unreadable, not TOML or JSON, an unknown key, a value of the wrong type, two names of one key
/// with different values.
pub(super) fn read(path: &Path) -> Result<Vec<(String, Value, Origin)>, ConfigError> {
    let unreadable = |reason: String| ConfigError::Unreadable {
        path: path.to_owned(),
        reason,
    };
    let meta = std::fs::metadata(path).map_err(|e| unreadable(e.to_string()))?;
    if meta.len() > MAX_FILE_BYTES {
        return Err(unreadable(format!("larger than {MAX_FILE_BYTES} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|e| unreadable(e.to_string()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let is_json = path
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("json"));
    let mut items = if is_json {
        json_items(path, text)?
    } else {
        toml_items(path, text)?
    };
    // The first mistake of the file is reported, not the first of the alphabet.
    items.sort_by_key(|item| item.line);
    let checked = items.into_iter().map(|item| check(path, item));
    aliases::settle(checked.collect::<Result<Vec<_>, _>>()?)
}

/// The key must exist and hold what it holds by default.
fn check(path: &Path, item: Item) -> Result<Setting, ConfigError> {
    let origin = Origin::File {
        path: path.to_owned(),
        line: item.line,
    };
    if let Some(translated) = aliases::translate(&item.key, &item.value, &origin) {
        return translated;
    }
    let Some(info) = schema::keys().get(&item.key) else {
        let is_table = schema::tables().any(|t| t == item.key);
        if is_table {
            return Err(ConfigError::BadValue {
                message: format!("is a table, write [{}]", item.key),
                key: item.key,
                origin,
            });
        }
        return Err(ConfigError::UnknownKey {
            suggestion: suggest(&item.key),
            key: item.key,
            origin,
        });
    };
    let fits = match (&info.default, &item.value) {
        (Value::Array(_), Value::Array(items)) => items.iter().all(Value::is_str),
        // One address where a list is expected is what people write first.
        (Value::Array(_), Value::String(_)) => true,
        // `1` is a number wherever `1.0` is one.
        (Value::Float(_), Value::Integer(_)) => true,
        (a, b) => a.same_type(b),
    };
    if !fits {
        return Err(ConfigError::BadValue {
            message: format!(
                "expected {}, found {}",
                info.kind(),
                schema::kind(&item.value)
            ),
            key: item.key,
            origin,
        });
    }
    let value = match (&info.default, item.value) {
        (Value::Array(_), Value::String(one)) => Value::Array(
            super::split_list(&one)
                .into_iter()
                .map(|s| Value::String(s.to_owned()))
                .collect(),
        ),
        (Value::Float(_), Value::Integer(n)) => Value::Float(n as f64),
        (_, value) => value,
    };
    Ok(Setting {
        written: item.key.clone(),
        key: item.key,
        value,
        origin,
    })
}

/// The nearest key: in the same table first, then the same name in another table.
fn suggest(key: &str) -> Option<String> {
    let all = || schema::keys().keys().map(String::as_str);
    let names = all().chain(schema::tables()).chain(aliases::names());
    if let Some(found) = closest(key, names) {
        return Some(found.to_owned());
    }
    let leaf = key.rsplit('.').next().unwrap_or(key);
    let leaf_of = |k: &'static str| k.rsplit('.').next().unwrap_or(k);
    let near = closest(leaf, all().map(leaf_of))?;
    all().find(|k| leaf_of(k) == near).map(str::to_owned)
}

fn toml_items(path: &Path, text: &str) -> Result<Vec<Item>, ConfigError> {
    let table = DeTable::parse(text).map_err(|e| {
        let at = e.span().map_or(0, |s| s.start);
        let (line, column) = position(text, at);
        ConfigError::Syntax {
            path: path.to_owned(),
            line,
            column,
            format: "TOML",
            message: e.message().replace('\n', ", "),
            hint: yaml_hint(text.lines().nth(line - 1).unwrap_or_default()),
        }
    })?;
    let mut out = Vec::new();
    toml_table(text, "", table.get_ref(), &mut out);
    Ok(out)
}

fn toml_table(text: &str, prefix: &str, table: &DeTable<'_>, out: &mut Vec<Item>) {
    for (name, value) in table.iter() {
        let key = format!("{prefix}{}", name.get_ref());
        let line = position(text, name.span().start).0;
        match value.get_ref() {
            DeValue::Table(inner) if is_prefix(&key) => {
                toml_table(text, &format!("{key}."), inner, out);
            }
            value => out.push(Item {
                key,
                value: toml_value(value),
                line,
            }),
        }
    }
}

fn is_prefix(key: &str) -> bool {
    schema::tables().any(|t| t == key)
}

fn toml_value(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(s) => Value::String(s.to_string()),
        // Beyond i64 the number stays text, which no integer key accepts.
        DeValue::Integer(i) => i64::from_str_radix(i.as_str(), i.radix())
            .map_or_else(|_| Value::String(i.to_string()), Value::Integer),
        DeValue::Float(x) => x
            .as_str()
            .parse()
            .map_or_else(|_| Value::String(x.to_string()), Value::Float),
        DeValue::Boolean(b) => Value::Boolean(*b),
        DeValue::Datetime(d) => Value::Datetime(*d),
        DeValue::Array(items) => {
            Value::Array(items.iter().map(|v| toml_value(v.get_ref())).collect())
        }
        DeValue::Table(_) => Value::Table(toml::Table::new()),
    }
}

fn json_items(path: &Path, text: &str) -> Result<Vec<Item>, ConfigError> {
    let syntax = |line, column, message: String| ConfigError::Syntax {
        path: path.to_owned(),
        line,
        column,
        format: "JSON",
        message,
        hint: None,
    };
    let json: Json =
        serde_json::from_str(text).map_err(|e| syntax(e.line(), e.column(), e.to_string()))?;
    let Json::Object(object) = json else {
        return Err(syntax(1, 1, "expected an object".to_owned()));
    };
    let mut out = Vec::new();
    json_table(text, 0, "", &object, &mut out);
    Ok(out)
}

fn json_table(
    text: &str,
    from: usize,
    prefix: &str,
    object: &serde_json::Map<String, Json>,
    out: &mut Vec<Item>,
) {
    for (name, value) in object {
        let key = format!("{prefix}{name}");
        // serde_json keeps no spans: the first mention of the name behind its table is the key,
        // unless a value before it spells the same word.
        let at = text
            .get(from..)
            .and_then(|t| t.find(&format!("\"{name}\"")))
            .map_or(from, |i| from + i);
        let line = position(text, at).0;
        match value {
            Json::Object(inner) if is_prefix(&key) => {
                json_table(text, at, &format!("{key}."), inner, out);
            }
            value => out.push(Item {
                key,
                value: json_value(value),
                line,
            }),
        }
    }
}

fn json_value(value: &Json) -> Value {
    match value {
        Json::Bool(b) => Value::Boolean(*b),
        Json::Number(n) => match (n.as_i64(), n.as_f64()) {
            (Some(i), _) => Value::Integer(i),
            (None, Some(x)) => Value::Float(x),
            (None, None) => Value::String(n.to_string()),
        },
        Json::String(s) => Value::String(s.clone()),
        Json::Array(items) => Value::Array(items.iter().map(json_value).collect()),
        Json::Null | Json::Object(_) => Value::Table(toml::Table::new()),
    }
}

/// Line and column of a byte offset, both from 1.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at.min(text.len())).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (line, column)
}

/// The original network's printed example mixes in a YAML line (`gossip:`); say what TOML wants.
fn yaml_hint(line: &str) -> Option<String> {
    let name = line.split('#').next()?.trim().strip_suffix(':')?;
    let is_name = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-' || b == b'.');
    is_name.then(|| {
        format!(
            "`{name}:` is YAML; in TOML a table is written [{name}], and the keys of the top level stand before it"
        )
    })
}
