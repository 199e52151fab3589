//! `listen`: runs a node until it is told to stop.

use std::{net::TcpListener, sync::Arc, time::SystemTime};

use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::{
    Outcome,
    args::{Global, Listen},
    context::Context,
    key, ports,
    screen::Screen,
};
use crate::{
    api::{
        code::{ErrorCode, Failure},
        control,
        dispatch::Dispatcher,
        http,
        running::{self, Registration},
    },
    chain::HashOnly,
    clock::{Clock, SystemClock},
    node::{Handle, Opened, SHUTDOWN_DEADLINE, open},
};

mod banner;
mod inbox;
mod signals;

pub(super) fn run(global: &Global, listen: &Listen, screen: &Screen) -> Outcome {
    let started = SystemTime::now();
    let mut context = Context::load(global, listen.flags())?;
    context.init_logs(false)?;
    context.print_notes(screen);
    for warning in &context.loaded.warnings {
        screen.warn(warning);
    }
    // From here on relative paths must not depend on the working directory.
    context.loaded.config.data_dir = Some(context.data_dir()?);
    let chain_given = context.named_chain().is_some();

    let config = &mut context.loaded.config;
    let asked = context.loaded.origins.contains_key("listen");
    let (addresses, notes) = ports::check(&config.listen, asked)?;
    for note in notes {
        screen.note(&note);
    }
    config.listen = addresses;
    let metrics = bind_metrics(&context, screen)?;
    let key_file = context.config().identity_file(&context.data_dir()?);
    let passphrase = key::passphrase_for_listen(&context, &key_file)?;
    let opened = open(context.config(), chain_given, passphrase)?;
    runtime()?.block_on(async {
        let result = serve(&context, opened, metrics, screen).await;
        let lived = started.elapsed().unwrap_or_default();
        tracing::info!(seconds = lived.as_secs(), "ended");
        result
    })
}

fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::new(ErrorCode::Failed, format!("cannot start the runtime: {e}")))
}

fn bind_metrics(context: &Context, screen: &Screen) -> Result<Option<TcpListener>, Failure> {
    let addr = context
        .config()
        .metrics_addr()
        .map_err(|e| Failure::new(ErrorCode::ConfigBadValue, e))?;
    let Some(addr) = addr else { return Ok(None) };
    let asked = context.loaded.origin("metrics").is_explicit();
    let listener = ports::bind_http(addr, asked)?;
    if listener.local_addr().is_ok_and(|a| a.port() != addr.port()) && addr.port() != 0 {
        screen.note(&format!(
            "port {} is taken, serving metrics on a free one",
            addr.port()
        ));
    }
    Ok(Some(listener))
}

/// The node and its faces, from start to end.
async fn serve(
    context: &Context,
    opened: Opened,
    metrics: Option<TcpListener>,
    screen: &Screen,
) -> Outcome {
    let Opened {
        builder,
        genesis,
        policy,
        data_dir,
        key_file,
        key_origin,
        ..
    } = opened;
    // Before the node starts, so that a signal during the start is not lost.
    let mut signals = signals::Signals::new()?;
    let handle = builder.start().await?;
    inbox::register(&handle)?;
    let stop = CancellationToken::new();
    let dispatcher = Dispatcher::new(handle.clone(), genesis.clone(), Arc::new(HashOnly));
    let faces = start_faces(&data_dir, dispatcher, metrics, &handle, &stop);
    let _registration = match faces {
        Ok(registration) => registration,
        Err(failure) => {
            handle.shutdown().await;
            return Err(failure);
        }
    };
    let banner = banner::Banner {
        handle: &handle,
        genesis: &genesis,
        policy: &policy,
        data_dir: &data_dir,
        key_file: &key_file,
        key_origin,
        config: context.config(),
    };
    banner.show(screen).await?;

    tokio::select! {
        () = handle.stopped() => {
            return Err(Failure::new(ErrorCode::Failed, "the node stopped by itself; the log says why"));
        }
        name = signals.first() => tracing::info!(signal = name, "stopping"),
    }
    stop.cancel();
    tokio::select! {
        () = handle.shutdown() => Ok(()),
        () = tokio::time::sleep(SHUTDOWN_DEADLINE) => {
            // Every commit is durable by itself, so nothing is lost.
            tracing::warn!("the node did not end in time and is left behind");
            Ok(())
        }
        name = signals.first() => Err(Failure::new(
            ErrorCode::Failed,
            format!("a second {name} ended the node before it had said goodbye"),
        )),
    }
}

/// Control socket, HTTP, and the entry that lets commands find the node.
fn start_faces(
    data_dir: &std::path::Path,
    dispatcher: Dispatcher,
    metrics: Option<TcpListener>,
    handle: &Handle,
    stop: &CancellationToken,
) -> Result<Registration, Failure> {
    let dispatcher = Arc::new(dispatcher);
    let socket = control::bind(data_dir).map_err(|e| {
        Failure::new(
            match e.kind() {
                std::io::ErrorKind::PermissionDenied => ErrorCode::PermissionDenied,
                _ => ErrorCode::FileFailed,
            },
            format!(
                "cannot make the control socket in {}: {e}",
                data_dir.display()
            ),
        )
    })?;
    if let Some(listener) = metrics {
        if let Ok(addr) = listener.local_addr() {
            handle.set_metrics_url(format!("http://{addr}/metrics"));
        }
        let serving = http::serve(listener, Arc::clone(&dispatcher), stop.clone());
        tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "HTTP ended");
            }
        });
    }
    let serving = control::serve(socket, dispatcher, stop.clone());
    tokio::spawn(async move {
        if let Err(error) = serving.await {
            tracing::error!(%error, "control socket ended");
        }
    });
    let entry = running::Entry {
        data_dir: data_dir.to_owned(),
        peer_id: handle.peer_id().to_string(),
        chain_id: handle.chain_id(),
        addresses: handle.addresses(),
        started_ms: SystemClock.now().wall_ms,
    };
    Ok(running::register(&running::folders(), &entry))
}
