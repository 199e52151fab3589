//! The environment layer: `ANIMICA_P2P_…` for every key, tables joined by `__`.

use toml::Value;

use super::{
    address::split_list,
    aliases::{self, Setting},
    error::ConfigError,
    origin::Origin,
    schema,
    suggest::closest,
};

/// What every variable of ours begins with.
pub const ENV_PREFIX: &str = "ANIMICA_P2P_";

/// Names the configuration file, as `--config` does.
pub const CONFIG_VARIABLE: &str = "ANIMICA_P2P_CONFIG";

/// The variable that sets `key`.
#[must_use]
pub fn env_name(key: &str) -> String {
    format!(
        "{ENV_PREFIX}{}",
        key.replace('.', "__").to_ascii_uppercase()
    )
}

/// The keys that `vars` sets, with their values.
///
/// # Errors
/// An unknown variable with our prefix, a value of the wrong type, or two names of one key with
/// different values.
pub(super) fn read(vars: &[(String, String)]) -> Result<Vec<(String, Value, Origin)>, ConfigError> {
    let mut out = Vec::new();
    for (name, text) in vars {
        let Some(tail) = name.strip_prefix(ENV_PREFIX) else {
            continue;
        };
        if name == CONFIG_VARIABLE || is_service_link(tail) {
            continue;
        }
        let key = tail.to_ascii_lowercase().replace("__", ".");
        let origin = Origin::Env(name.clone());
        if aliases::is_alias(&key) {
            out.extend(aliases::translate(&key, &aliases::number(text), &origin).transpose()?);
            continue;
        }
        let Some(info) = schema::keys().get(&key) else {
            let names = schema::keys().keys().map(String::as_str);
            return Err(ConfigError::UnknownKey {
                suggestion: closest(&key, names.chain(aliases::names())).map(env_name),
                key: name.clone(),
                origin,
            });
        };
        let value = parse(&info.default, text).ok_or_else(|| ConfigError::BadValue {
            key: key.clone(),
            origin: origin.clone(),
            message: format!("`{}` is not {}", text.escape_debug(), info.kind()),
        })?;
        out.push(Setting {
            written: key.clone(),
            key,
            value,
            origin,
        });
    }
    out.sort_by(|a, b| a.written.cmp(&b.written));
    aliases::settle(out)
}

/// A value written as plain text, read as the type of `like`; lists are comma-separated.
pub(super) fn parse(like: &Value, text: &str) -> Option<Value> {
    let text = text.trim();
    match like {
        Value::String(_) => Some(Value::String(text.to_owned())),
        Value::Integer(_) => text.parse().ok().map(Value::Integer),
        Value::Float(_) => text.parse().ok().map(Value::Float),
        Value::Boolean(_) => match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Some(Value::Boolean(true)),
            "false" | "0" | "no" | "off" => Some(Value::Boolean(false)),
            _ => None,
        },
        Value::Array(_) => Some(Value::Array(
            split_list(text)
                .into_iter()
                .map(|s| Value::String(s.to_owned()))
                .collect(),
        )),
        Value::Datetime(_) | Value::Table(_) => None,
    }
}

/// Kubernetes gives every container `<SERVICE>_PORT…` and `<SERVICE>_SERVICE_…` for each service of
/// its namespace, so a service named `animica-p2p` would otherwise stop its own nodes.
fn is_service_link(tail: &str) -> bool {
    tail == "PORT" || tail.starts_with("PORT_") || tail.starts_with("SERVICE_")
}
