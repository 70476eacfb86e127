//! What a capability does by itself: each exports one [`Module`], and `wiring.rs` lists them in order.

use std::any::Any;

use futures::future::BoxFuture;

use super::app::States;
use super::event::{self, AnyEvent, EventType};
use super::jobs;
use super::{App, Tx};
use crate::kernel::{Error, Result, boxed};

/// Reacts to an event in the transaction that records it.
pub type OnEvent = for<'t> fn(&'t mut Tx, &'t AnyEvent) -> BoxFuture<'t, Result<()>>;

/// What this process does at once, in memory, after a change was committed here or seen in the log.
pub type Observe = fn(&App, &AnyEvent);

/// Something to do in a transaction.
pub type Step = for<'t> fn(&'t mut Tx) -> BoxFuture<'t, Result<()>>;

pub struct Module {
    pub name: &'static str,
    /// The events that it records.
    pub events: &'static [EventType],
    /// What it adds to event types of lower capabilities; the owner of the event type defines the type of these values.
    pub extensions: &'static [&'static (dyn Any + Send + Sync)],
    pub on_event: Option<OnEvent>,
    pub observe: Option<Observe>,
    /// Jobs that decide: kind and handler.
    pub jobs: &'static [(&'static str, jobs::Handler)],
    /// Queues of jobs that send, or that work for long.
    pub queues: &'static [Queue],
    /// The jobs of those queues, or of queues of lower capabilities.
    pub queued: &'static [QueuedJob],
    /// Puts in place what the capability keeps in memory.
    pub states: Option<fn(&mut States)>,
    /// Every few minutes: schedules what was lost, deletes what has expired.
    pub sweep: Option<Step>,
    /// At every start, in one transaction with all others, in the order of the list.
    pub start: Option<Step>,
}

impl Module {
    /// One that does nothing by itself; `Module { jobs: …, ..Module::new("tickets") }` adds to it.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            events: &[],
            extensions: &[],
            on_event: None,
            observe: None,
            jobs: &[],
            queues: &[],
            queued: &[],
            states: None,
            sweep: None,
            start: None,
        }
    }
}

/// Jobs that are run apart from all others, so that a slow job does not delay other queues.
pub struct Queue {
    pub name: &'static str,
    /// How many of its jobs are under way at a time.
    pub concurrency: usize,
}

pub struct QueuedJob {
    pub kind: &'static str,
    pub begin_send: jobs::BeginSend,
    pub complete_send: jobs::CompleteSend,
}

/// All capabilities, in the order in which they react.
#[derive(Clone, Copy)]
pub struct Modules(pub &'static [Module]);

impl Modules {
    pub(super) fn react<'t>(self, tx: &'t mut Tx, event: &'t AnyEvent) -> BoxFuture<'t, Result<()>> {
        Box::pin(async move {
            for on_event in self.0.iter().filter_map(|module| module.on_event) {
                on_event(tx, event).await?;
            }
            Ok(())
        })
    }

    pub(super) fn observe(self, app: &App, event: &AnyEvent) {
        for observe in self.0.iter().filter_map(|module| module.observe) {
            observe(app, event);
        }
    }

    /// The event in a payload of the log.
    pub fn decode(self, payload: &str) -> Result<AnyEvent> {
        let tag = event::tag(payload);
        let mut types = self.0.iter().flat_map(|module| module.events);
        let known = types.find(|known| known.tag == tag);
        let known = known.ok_or_else(|| Error::internal(format!("events of type {tag:?} are not known")))?;
        (known.decode)(payload, self).map_err(Error::internal)
    }

    /// What all capabilities add to an event type.
    pub fn extensions<T: Any>(self) -> impl Iterator<Item = &'static T> {
        self.0.iter().flat_map(|module| module.extensions).filter_map(|extension| extension.downcast_ref())
    }

    pub fn states(self) -> States {
        let mut states = States::default();
        for put in self.0.iter().filter_map(|module| module.states) {
            put(&mut states);
        }
        states
    }

    pub(super) fn handler(self, kind: &str) -> Result<jobs::Handler> {
        let mut jobs = self.0.iter().flat_map(|module| module.jobs);
        let found = jobs.find(|(known, _)| *known == kind);
        found.map(|(_, handler)| *handler).ok_or_else(|| no_handler(kind))
    }

    pub(super) fn queues(self) -> impl Iterator<Item = &'static Queue> {
        self.0.iter().flat_map(|module| module.queues)
    }

    pub(super) fn queue(self, name: &str) -> Option<&'static Queue> {
        self.queues().find(|queue| queue.name == name)
    }

    pub(super) fn queued(self, kind: &str) -> Result<&'static QueuedJob> {
        let mut jobs = self.0.iter().flat_map(|module| module.queued);
        jobs.find(|job| job.kind == kind).ok_or_else(|| no_handler(kind))
    }

    pub(super) async fn sweep(self, tx: &mut Tx) -> Result<()> {
        for sweep in self.0.iter().filter_map(|module| module.sweep) {
            sweep(tx).await?;
        }
        Ok(())
    }

    #[boxed]
    pub async fn start(self, tx: &mut Tx) -> Result<()> {
        for start in self.0.iter().filter_map(|module| module.start) {
            start(tx).await?;
        }
        Ok(())
    }
}

fn no_handler(kind: &str) -> Error {
    Error::internal(format!("no handler for jobs of kind {kind:?}"))
}
