//! The secure channel against stock `libp2p-noise`: same TCP, same yamux, same lazy negotiation.
//!
//! Two threads, each a runtime of its own, are the two ends, so each can use one core at most.

mod kind;
mod server;

use std::time::{Duration, Instant};

use animica_p2p::secure;
use futures::{
    AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _, future::poll_fn,
    stream::FuturesUnordered,
};
use libp2p::{
    Multiaddr, Transport as _,
    core::{
        Endpoint,
        muxing::{StreamMuxerBox, StreamMuxerExt as _},
        transport::{DialOpts, PortUse},
    },
};

use self::{
    kind::{Kind, Transport},
    server::{Server, sink},
};
use crate::{
    Effort, cpu,
    report::{Good, Report, median, spread},
};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be built")
}

async fn dial(transport: &mut Transport, address: &Multiaddr) -> StreamMuxerBox {
    let opts = DialOpts {
        role: Endpoint::Dialer,
        port_use: PortUse::New,
    };
    let dial = transport
        .dial(address.clone(), opts)
        .expect("a TCP address");
    dial.await.expect("the server accepts").1
}

/// Median time until both sides have the connection, over `count` dials one after the other.
fn set_up(kind: Kind, count: usize) -> Duration {
    let server = Server::start(kind);
    runtime().block_on(async {
        let mut transport = kind.transport();
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let begin = Instant::now();
            let muxer = dial(&mut transport, &server.address).await;
            let dialled = Instant::now();
            let driver = tokio::spawn(sink(muxer));
            // The server's thread works while this one waits; the runtime must go on meanwhile.
            let accepted = loop {
                match server.accepted.try_recv() {
                    Ok(at) => break at,
                    Err(_) => tokio::task::yield_now().await,
                }
            };
            times.push(accepted.max(dialled).duration_since(begin).as_secs_f64());
            driver.abort();
        }
        Duration::from_secs_f64(median(times))
    })
}

/// Connections per second with 64 dials in flight.
fn rate(kind: Kind, count: usize) -> f64 {
    let server = Server::start(kind);
    runtime().block_on(async {
        let mut transport = kind.transport();
        let begin = Instant::now();
        let mut dials = FuturesUnordered::new();
        let (mut started, mut done) = (0, Vec::new());
        while done.len() < count {
            while dials.len() < 64 && started < count {
                let opts = DialOpts {
                    role: Endpoint::Dialer,
                    port_use: PortUse::New,
                };
                dials.push(
                    transport
                        .dial(server.address.clone(), opts)
                        .expect("a TCP address"),
                );
                started += 1;
            }
            let (_, muxer) = dials
                .next()
                .await
                .expect("dials in flight")
                .expect("accepted");
            done.push(tokio::spawn(sink(muxer)));
        }
        for _ in 0..count {
            while server.accepted.try_recv().is_err() {
                tokio::task::yield_now().await;
            }
        }
        count as f64 / begin.elapsed().as_secs_f64()
    })
}

/// One stream, `bytes` one way: (MB/s, CPU seconds per GiB of both sides together).
fn bulk(kind: Kind, bytes: usize) -> (f64, f64) {
    let server = Server::start(kind);
    runtime().block_on(async {
        let mut transport = kind.transport();
        let mut muxer = dial(&mut transport, &server.address).await;
        let mut stream = poll_fn(|cx| {
            let _ = muxer.poll_unpin(cx);
            muxer.poll_outbound_unpin(cx)
        })
        .await
        .expect("a stream opens");
        tokio::spawn(sink(muxer));
        let chunk = vec![7; 64 * 1024];
        let (begin, cpu_begin) = (Instant::now(), cpu::time("self"));
        for _ in 0..bytes / chunk.len() {
            stream.write_all(&chunk).await.expect("the server reads");
        }
        stream.close().await.expect("closes");
        let mut end = [0];
        stream
            .read_exact(&mut end)
            .await
            .expect("the server has read everything");
        let (wall, used) = (begin.elapsed(), cpu::time("self") - cpu_begin);
        let gib = bytes as f64 / f64::from(1 << 30);
        (
            bytes as f64 / 1e6 / wall.as_secs_f64(),
            used.as_secs_f64() / gib,
        )
    })
}

/// Resident bytes per idle connection, both ends, sockets and muxer included.
fn idle(kind: Kind, count: usize) -> f64 {
    let server = Server::start(kind);
    runtime().block_on(async {
        let mut transport = kind.transport();
        let mut keep = Vec::with_capacity(count);
        // A first connection pays for what is set up once.
        keep.push(tokio::spawn(sink(
            dial(&mut transport, &server.address).await,
        )));
        let before = cpu::resident("self");
        for _ in 0..count {
            let muxer = dial(&mut transport, &server.address).await;
            keep.push(tokio::spawn(sink(muxer)));
            while server.accepted.try_recv().is_err() {
                tokio::task::yield_now().await;
            }
        }
        (cpu::resident("self").saturating_sub(before)) as f64 / count as f64
    })
}

/// Every bar of the channel.
pub(crate) fn measure(effort: Effort, report: &mut Report) {
    let pq = Kind::Pq(secure::AeadChoice::Auto);
    let ratios = |f: &dyn Fn(Kind) -> f64| -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        let (mut ours, mut theirs, mut ratio) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..effort.rounds {
            let (a, b) = (f(pq), f(Kind::Noise));
            ours.push(a);
            theirs.push(b);
            ratio.push(a / b);
        }
        (ours, theirs, ratio)
    };

    let dials = effort.of(400);
    let (a, b, r) = ratios(&|kind| set_up(kind, dials).as_secs_f64() * 1e6);
    let detail = format!("{} {:.0} µs / {:.0} µs", spread(&r), median(a), median(b));
    report.add(
        "channel",
        "connection set-up, PQ / Noise",
        median(r),
        "x",
        Good::AtMost,
        (1.3, 1.0),
        detail,
    );

    let dials = effort.of(800).max(64);
    let (a, b, r) = ratios(&|kind| rate(kind, dials));
    let detail = format!("{} {:.0}/s / {:.0}/s", spread(&r), median(a), median(b));
    report.add(
        "channel",
        "connections per second, 64 at once, PQ / Noise",
        median(r),
        "x",
        Good::AtLeast,
        (0.7, 1.0),
        detail,
    );

    let bytes = effort.of(1 << 30);
    let (mut speed, mut work) = (Vec::new(), Vec::new());
    let (mut speeds, mut works) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
    for _ in 0..effort.rounds {
        let (ours, noise) = (bulk(pq, bytes), bulk(Kind::Noise, bytes));
        speed.push(ours.0 / noise.0);
        work.push(ours.1 / noise.1);
        speeds.0.push(ours.0);
        speeds.1.push(noise.0);
        works.0.push(ours.1);
        works.1.push(noise.1);
    }
    let detail = format!(
        "{} {:.0} / {:.0} MB/s",
        spread(&speed),
        median(speeds.0),
        median(speeds.1)
    );
    report.add(
        "channel",
        "one-stream throughput, PQ / Noise",
        median(speed),
        "x",
        Good::AtLeast,
        (1.8, 2.5),
        detail,
    );
    let detail = format!(
        "{} {:.2} / {:.2} s",
        spread(&work),
        median(works.0),
        median(works.1)
    );
    report.add(
        "channel",
        "CPU seconds per GiB, PQ / Noise",
        median(work),
        "x",
        Good::AtMost,
        (0.55, 0.42),
        detail,
    );

    let connections = effort.of(2000).max(500);
    let plain = idle(Kind::Plain, connections);
    let noise = idle(Kind::Noise, connections) - plain;
    let ours = idle(pq, connections) - plain;
    // Both ends live in this process: half of it is one end.
    let kib = |bytes: f64| bytes / 2.0 / 1024.0;
    let detail = format!(
        "one end, over {:.1} KiB of socket and yamux; Noise {:.1} KiB",
        kib(plain),
        kib(noise)
    );
    report.add(
        "channel",
        "memory of an idle connection",
        kib(ours),
        "KiB",
        Good::AtMost,
        (16.0, 4.0),
        detail,
    );
}
