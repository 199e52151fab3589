//! `publish headers`: the original network's way to give peers something to fetch.

use super::{
    Outcome,
    args::Publish,
    chain::{MINE_PATIENCE, mined},
    context::Context,
    locate,
    progress::Bar,
    screen::Screen,
};
use crate::{api::control::Request, chain::miner::Timestamps, report::MineReport};

pub(super) fn run(context: &Context, command: &Publish, screen: &Screen) -> Outcome {
    let Publish::Headers { count, shape } = command;
    let mut node = locate::node(context, screen)?;
    let bar = Bar::new(screen, "mining");
    let request = Request::ChainMine(shape.request(*count, Timestamps::WallClock));
    let report: MineReport = node.call(&request, MINE_PATIENCE, |step| bar.step(step))?;
    drop(bar);
    mined(&report, screen)
}
