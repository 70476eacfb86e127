//! The sweep: every few minutes each capability schedules what was lost and deletes what has expired.

use std::time::Duration;

use super::jobs::{self, IfScheduled, Job, Next, Schedule};
use super::{ClockJumped, EventType, Module, Tx, command};
use crate::kernel::{Result, boxed, minutes};

pub const SWEEP: &str = "runtime.sweep";
pub const SWEEP_EVERY: Duration = minutes(5);

/// Last in the list of modules: until its job is scheduled, the other modules treat the start as the first one.
pub const MODULE: Module = Module {
    events: &[EventType::of::<ClockJumped>()],
    jobs: &[(SWEEP, on_sweep)],
    sweep: Some(command::purge_idempotency_keys),
    start: Some(start),
    ..Module::new("runtime")
};

/// Whether this is the first start of an installation.
pub async fn is_first_start(tx: &Tx) -> Result<bool> {
    Ok(!jobs::is_scheduled(tx, SWEEP, "").await?)
}

#[boxed]
async fn on_sweep(tx: &mut Tx, _: &Job) -> Result<Next> {
    let modules = tx.app().modules;
    modules.sweep(tx).await?;
    Ok(Next::At(tx.now + SWEEP_EVERY))
}

#[boxed]
async fn start(tx: &mut Tx) -> Result<()> {
    let at = tx.now + SWEEP_EVERY;
    jobs::schedule(tx, &[Schedule::new(SWEEP, "", at).if_scheduled(IfScheduled::Keep)]).await
}
