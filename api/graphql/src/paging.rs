//! Relay connections and their page arguments.

use std::convert::Infallible;

use async_graphql::connection::{Connection as RelayConnection, CursorType, Edge as RelayEdge, EmptyFields};
use async_graphql::{Context, OutputType};
use domain::kernel::{Connection, Edge, EdgeCursor, Page};

use super::error::OrTopLevel as _;

/// The page size that the complexity of a list assumes.
pub fn rows(first: Option<i32>, last: Option<i32>) -> usize {
    let default = usize::try_from(domain::kernel::page::PAGE_DEFAULT).unwrap_or(20);
    first.or(last).map_or(default, |n| usize::try_from(n).unwrap_or(1)).max(1)
}

/// The page arguments of a connection; [`graphql_macros::paged`] declares them.
pub struct PageArgs {
    pub first: Option<i32>,
    pub after: Option<String>,
    pub last: Option<i32>,
    pub before: Option<String>,
}

impl PageArgs {
    pub fn checked(self, ctx: &Context<'_>) -> async_graphql::Result<Page> {
        let Self { first, after, last, before } = self;
        Page::of(first, after, last, before).or_top_level(ctx)
    }
}

/// A cursor in a response; cursors in arguments are plain strings.
pub struct RelayCursor(pub EdgeCursor);

impl CursorType for RelayCursor {
    type Error = Infallible;

    fn decode_cursor(text: &str) -> Result<Self, Infallible> {
        Ok(Self(EdgeCursor::Encoded(text.to_owned())))
    }

    fn encode_cursor(&self) -> String {
        self.0.to_string()
    }
}

pub type Relay<T> = RelayConnection<RelayCursor, T, EmptyFields, EmptyFields>;

/// A page as a Relay connection.
pub fn relay<T, N: OutputType>(page: Connection<T>, node: impl Fn(T) -> N) -> Relay<N> {
    let Connection { edges, has_next, has_previous } = page;
    let mut relay = RelayConnection::new(has_previous, has_next);
    relay.edges =
        edges.into_iter().map(|Edge { cursor, node: row }| RelayEdge::new(RelayCursor(cursor), node(row))).collect();
    relay
}
