//! The GraphQL schema and its resolvers. They translate between clients and the domain, nothing else.

mod about;
mod availability;
mod calendar;
mod catalogue;
mod contact_methods;
mod enums;
mod error;
mod escalation;
mod execute;
pub mod field_order;
mod guard;
mod heatmap;
mod hub;
mod inputs;
mod intake;
mod knowledge;
mod links;
pub mod live;
mod loaders;
mod metrics;
mod mutation;
mod notification_stream;
mod notifications;
mod paging;
mod people;
mod query;
mod reports;
mod satisfaction;
mod scalars;
mod session;
pub mod shared_execution;
mod skills;
mod sla;
mod subscription;
mod ticket;

use std::sync::Arc;

use async_graphql::{Request, Schema, SchemaBuilder};

pub use about::{About, DemoAccounts};
pub use error::{public_error, top_level};
pub use guard::Caller;
use hub::{CorrectionNode, DeliveryNode};
pub use inputs::check_strings;
use intake::QuarantinedNode;
use knowledge::{CardCaseNode, CardNode};
use live::Live;
use loaders::Loaders;
pub use mutation::Mutation;
use notifications::NotificationNode;
use paging::Relay;
use people::{CustomerNode, UserNode};
pub use query::Query;
use sla::UpcomingBreach;
pub use subscription::{Feed, FeedHandle, FeedItem, Subscription};
use ticket::{CommentNode, TicketEventNode, TicketNode};

pub type BuoySchema = Schema<Query, Mutation, Subscription>;

/// Maximum nesting depth of an operation.
pub const DEPTH_MAX: usize = 16;
/// Maximum complexity of an operation: its fields, multiplied by the page sizes of lists.
pub const COMPLEXITY_MAX: usize = 20_000;

fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription)
        // The library names connection types but does not describe them.
        .override_output_type_description::<Relay<CommentNode>>("A page of comments.")
        .override_output_type_description::<Relay<CustomerNode>>("A page of customers.")
        .override_output_type_description::<Relay<DeliveryNode>>("A page of deliveries of corrections.")
        .override_output_type_description::<Relay<CardCaseNode>>("A page of cases of a knowledge card.")
        .override_output_type_description::<Relay<CardNode>>("A page of knowledge cards.")
        .override_output_type_description::<Relay<NotificationNode>>("A page of notifications.")
        .override_output_type_description::<Relay<CorrectionNode>>("A page of outstanding corrections.")
        .override_output_type_description::<Relay<QuarantinedNode>>("A page of quarantined submissions.")
        .override_output_type_description::<Relay<TicketNode>>("A page of tickets.")
        .override_output_type_description::<Relay<TicketEventNode>>("A page of ticket events.")
        .override_output_type_description::<Relay<UpcomingBreach>>("A page of upcoming SLA breaches.")
        .override_output_type_description::<Relay<UserNode>>("A page of users.")
}

pub fn schema(about: About, live: Arc<Live>) -> BuoySchema {
    builder().data(about).data(live).limit_depth(DEPTH_MAX).limit_complexity(COMPLEXITY_MAX).finish()
}

/// The schema in SDL.
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items()
        .include_specified_by();
    builder().finish().sdl_with_options(options)
}

/// Attaches the caller and new data loaders to a request. `may_subscribe`: the operation may be a subscription, whose
/// loaders cache nothing.
pub fn attach_context(request: Request, caller: Caller, may_subscribe: bool) -> Request {
    let loaders = Loaders::new(&caller.cx, !may_subscribe);
    request.data(loaders).data(caller)
}
