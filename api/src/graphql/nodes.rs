//! People and places: User, Team, Customer; and the Node interface.

use std::convert::Infallible;
use std::sync::Arc;

use async_graphql::connection::{Connection as RelayConnection, CursorType, Edge as RelayEdge, EmptyFields};
use async_graphql::{Context, ID, Interface, Object, OutputType};
use domain::catalogue::model::Team;
use domain::kernel::{Connection, Edge, EdgeCursor, Error, UserId};
use domain::people;
use domain::people::model::{Customer, Roster, User};

use super::Caller;
use super::error::OrTopLevel as _;
use super::knowledge::CardNode;
use super::loaders::Loaders;
use super::notifications::NotificationNode;
use super::scalars::Role;
use super::ticket::{CommentNode, TicketNode};

/// A thing with an id that is unique among all things.
#[derive(Interface)]
#[graphql(name = "Node", field(name = "id", ty = "ID", desc = "Unique among all things; opaque."))]
pub enum Node {
    Ticket(TicketNode),
    User(UserNode),
    Team(TeamNode),
    Customer(CustomerNode),
    Comment(CommentNode),
    Notification(NotificationNode),
    KnowledgeCard(CardNode),
}

/// A person.
pub struct UserNode(pub Arc<User>);

#[Object(name = "User")]
impl UserNode {
    /// Unique among all things.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The name that colleagues and customers read.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// For oneself and for staff; null for others.
    async fn email(&self, ctx: &Context<'_>) -> Option<&str> {
        if self.0.roles.contains(&domain::kernel::Role::Partner) {
            return None; // the account of a machine
        }
        let actor = &ctx.data_unchecked::<Caller>().cx.actor;
        (actor.is_staff() || actor.user_id() == Some(self.0.id)).then_some(&self.0.email)
    }

    /// What the person is here for.
    async fn roles(&self) -> Vec<Role> {
        self.0.roles.iter().map(|role| (*role).into()).collect()
    }

    /// The first of the person's teams.
    async fn team(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TeamNode>> {
        let Some(id) = self.0.teams.first() else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().one(*id).await.or_top_level(ctx)?.map(TeamNode))
    }

    /// The departments that the person works in.
    async fn teams(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<TeamNode>> {
        let mut teams = ctx.data_unchecked::<Loaders>().many(self.0.teams.clone()).await.or_top_level(ctx)?;
        Ok(self.0.teams.iter().filter_map(|id| teams.remove(id)).map(TeamNode).collect())
    }

    /// Keys of skills.
    async fn skills(&self) -> &[String] {
        &self.0.skills
    }

    /// The direct supervisor.
    async fn supervisor(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        user(ctx, self.0.supervisor).await
    }

    /// The customer organisation that a requester belongs to; for staff and colleagues.
    async fn customer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<CustomerNode>> {
        let actor = &ctx.data_unchecked::<Caller>().cx.actor;
        if !people::queries::may_see(actor, &self.0) {
            return Ok(None);
        }
        let Some(id) = self.0.customer else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().one(id).await.or_top_level(ctx)?.map(CustomerNode))
    }
}

/// The user of an id that a visible thing names.
pub async fn user(ctx: &Context<'_>, id: Option<UserId>) -> async_graphql::Result<Option<UserNode>> {
    let Some(id) = id else { return Ok(None) };
    // Nearly always in memory: a list of tickets names the same few people over and over.
    if let Some(kept) = ctx.data_unchecked::<Caller>().cx.app.state::<Roster>().user(id) {
        return Ok(Some(UserNode(kept)));
    }
    Ok(ctx.data_unchecked::<Loaders>().one(id).await.or_top_level(ctx)?.map(UserNode))
}

/// The same, where there is somebody: nobody is ever deleted.
pub async fn somebody(ctx: &Context<'_>, id: UserId) -> async_graphql::Result<UserNode> {
    let missing = || Error::internal(format!("there is no user {id}"));
    user(ctx, Some(id)).await?.ok_or_else(missing).or_top_level(ctx)
}

/// A department whose queue tickets stand in.
pub struct TeamNode(pub Team);

#[Object(name = "Team")]
impl TeamNode {
    /// Unique among all things.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The catalogue key.
    async fn key(&self) -> &str {
        &self.0.key
    }

    /// The name, in the language of the request.
    async fn name(&self, ctx: &Context<'_>) -> &str {
        ctx.data_unchecked::<Caller>().language.name(&self.0.name, self.0.name_zh.as_deref())
    }

    /// Whether its tickets are kept from others even as cases.
    async fn confidential(&self) -> bool {
        self.0.confidential
    }
}

/// A customer organisation.
pub struct CustomerNode(pub Customer);

#[Object(name = "Customer")]
impl CustomerNode {
    /// Unique among all things.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The catalogue key.
    async fn key(&self) -> &str {
        &self.0.key
    }

    /// The organisation's name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The region it is served from.
    async fn region(&self) -> Option<&str> {
        self.0.region.as_deref()
    }
}

/// A cursor on its way out; arguments come in as text.
pub struct Place(pub EdgeCursor);

impl CursorType for Place {
    type Error = Infallible;

    fn decode_cursor(text: &str) -> Result<Self, Infallible> {
        Ok(Self(EdgeCursor::Written(text.to_owned())))
    }

    fn encode_cursor(&self) -> String {
        self.0.to_string()
    }
}

pub type Relay<T> = RelayConnection<Place, T, EmptyFields, EmptyFields>;

/// A page as Relay's connection.
pub fn relay<T, N: OutputType>(page: Connection<T>, node: impl Fn(T) -> N) -> Relay<N> {
    let Connection { edges, has_next, has_previous } = page;
    let mut relay = RelayConnection::new(has_previous, has_next);
    relay.edges =
        edges.into_iter().map(|Edge { cursor, node: row }| RelayEdge::new(Place(cursor), node(row))).collect();
    relay
}
