//! The schema. Types translate the domain's; names follow the contract that clients rely on.

mod calendar;
mod catalogue;
mod duty;
mod error;
mod escalation;
mod heatmap;
mod hub;
mod inputs;
mod intake;
mod knowledge;
pub mod live;
mod loaders;
mod metrics;
mod mutation;
mod nodes;
mod notifications;
pub mod order;
mod personal;
mod query;
mod reports;
mod satisfaction;
mod scalars;
mod session;
pub mod sharing;
mod similar;
mod sla;
mod subscription;
mod terminals;
mod ticket;
mod words;

use std::sync::Arc;

use async_graphql::{Request, Schema, SchemaBuilder};
use domain::runtime::Ctx;
use tokio_util::sync::CancellationToken;

use crate::language::Language;
pub use error::{public, top_level};
use live::Live;
use loaders::Loaders;
pub use mutation::Mutation;
pub use query::Query;
pub use subscription::{Feed, Handover, Subscription, Told};

pub type BuoySchema = Schema<Query, Mutation, Subscription>;

/// What every resolver may ask for.
#[derive(Clone)]
pub struct Caller {
    pub cx: Ctx,
    pub language: Language,
    /// Where the request comes from, for the limit on sign-in attempts.
    pub address: Option<String>,
    /// To be cancelled where something that lasts finds that the caller's rights are others now.
    pub changed: CancellationToken,
}

/// What the page may say before anybody has signed in.
#[derive(Clone, Debug)]
pub struct About {
    pub demo: bool,
    pub time_zone: String,
    pub web_push_key: Option<String>,
}

/// Levels of nesting of one operation.
pub const DEPTH_MAX: usize = 16;
/// Price of one operation: fields, times the rows that lists may give.
pub const COMPLEXITY_MAX: usize = 20_000;

fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription)
}

pub fn schema(about: About, live: Arc<Live>) -> BuoySchema {
    builder().data(about).data(live).limit_depth(DEPTH_MAX).limit_complexity(COMPLEXITY_MAX).finish()
}

/// The schema as clients read it.
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new().sorted_fields().sorted_arguments().sorted_enum_items();
    builder().finish().sdl_with_options(options)
}

/// Gives an operation its caller and loaders of its own. `lasting`: it may be a subscription.
pub fn furnish(request: Request, caller: Caller, lasting: bool) -> Request {
    let loaders = Loaders::new(&caller.cx, !lasting);
    request.data(loaders).data(caller)
}
