//! `config print|check|init`.

use std::{collections::BTreeMap, fs::OpenOptions, io, io::Write, path::Path};

use serde_json::json;

use super::{
    Outcome,
    args::{Config, Global},
    context::{Context, absolute},
    screen::Screen,
};
use crate::{
    api::code::{ErrorCode, Failure},
    node::config::{DEFAULT_TOML, render},
};

pub(super) fn run(global: &Global, command: &Config, screen: &Screen) -> Outcome {
    match command {
        Config::Print { origin, listen } => {
            let context = Context::load(global, listen.flags())?;
            warn(&context, screen);
            print(&context, *origin, screen)
        }
        Config::Check { file } => {
            let mut global = global.clone();
            if let Some(file) = file {
                global.config = Some(file.clone());
            }
            let context = Context::load(&global, Vec::new())?;
            warn(&context, screen);
            let what = match &context.loaded.file {
                Some(file) => file.display().to_string(),
                None => "environment and defaults".to_owned(),
            };
            let value = json!({
                "valid": true,
                "file": context.loaded.file,
                "warnings": context.loaded.warnings,
            });
            screen.show(&value, || format!("{what}: valid"))
        }
        Config::Init { file, force } => init(file, *force, screen),
    }
}

fn warn(context: &Context, screen: &Screen) {
    context.print_notes(screen);
    for warning in &context.loaded.warnings {
        screen.warn(warning);
    }
}

fn print(context: &Context, origins: bool, screen: &Screen) -> Outcome {
    let values = render(context.config());
    if screen.is_json() {
        let map: BTreeMap<&str, serde_json::Value> = values
            .iter()
            .map(|(key, value)| {
                let value = json!(value);
                let shown = if origins {
                    json!({"value": value, "origin": context.loaded.origin(key).to_string()})
                } else {
                    value
                };
                (key.as_str(), shown)
            })
            .collect();
        return screen.show(&map, String::new);
    }
    let rows: Vec<(String, String)> = values
        .iter()
        .map(|(key, value)| {
            let origin = context.loaded.origin(key).to_string();
            (format!("{key} = {value}"), origin)
        })
        .collect();
    let width = rows.iter().map(|(l, _)| l.chars().count()).max();
    let width = width.unwrap_or(0).min(60);
    let mut out = String::new();
    for (line, origin) in rows {
        if origins {
            out.push_str(&format!("{line:<width$}  # {origin}\n"));
        } else {
            out.push_str(&format!("{line}\n"));
        }
    }
    screen.print(&out)
}

fn init(file: &Path, force: bool, screen: &Screen) -> Outcome {
    if file == Path::new("-") {
        return screen.print(DEFAULT_TOML);
    }
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let written = options
        .open(file)
        .and_then(|mut f| f.write_all(DEFAULT_TOML.as_bytes()));
    written.map_err(|e| match e.kind() {
        io::ErrorKind::AlreadyExists => {
            Failure::new(ErrorCode::FileFailed, format!("{} exists", file.display()))
                .hint("--force replaces it")
        }
        io::ErrorKind::PermissionDenied => Failure::new(
            ErrorCode::PermissionDenied,
            format!("cannot write {}: {e}", file.display()),
        ),
        _ => Failure::new(
            ErrorCode::FileFailed,
            format!("cannot write {}: {e}", file.display()),
        ),
    })?;
    let path = absolute(file);
    screen.show(&json!({"written": path}), || {
        format!(
            "wrote {}\nstart with: animica-p2p listen --config {}",
            path.display(),
            file.display()
        )
    })
}
