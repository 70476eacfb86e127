//! Users, teams and customers.

use std::sync::Arc;

use async_graphql::{Context, ID, Object};
use domain::catalogue::model::Team;
use domain::kernel::{Error, UserId};
use domain::people;
use domain::people::model::{Customer, User, UserCache};

use super::error::OrTopLevel as _;
use super::guard::{cx, language};
use super::loaders::Loaders;
use super::scalars::Role;

/// A person.
pub struct UserNode(pub Arc<User>);

/// A person with an account: a requester, a member of staff, or the account of a partner's system.
#[Object(name = "User")]
impl UserNode {
    /// Globally unique id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The display name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// The e-mail address; visible to the person and to staff, null for others.
    async fn email(&self, ctx: &Context<'_>) -> Option<&str> {
        if self.0.roles.contains(&domain::kernel::Role::Partner) {
            return None; // the account of a machine
        }
        let actor = &cx(ctx).actor;
        self.0.email_address().filter(|_| actor.is_staff() || actor.user_id() == Some(self.0.id))
    }

    /// Whether the person is a contact: somebody who wrote by a channel and has no account. Contacts cannot sign in.
    async fn is_contact(&self) -> bool {
        self.0.is_contact
    }

    /// The roles.
    async fn roles(&self) -> Vec<Role> {
        self.0.roles.iter().map(|role| (*role).into()).collect()
    }

    /// The person's main team: the first of `teams`; null if they have none.
    async fn team(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<TeamNode>> {
        let Some(id) = self.0.teams.first() else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().load(*id).await.or_top_level(ctx)?.map(TeamNode))
    }

    /// The person's teams.
    async fn teams(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<TeamNode>> {
        let mut teams = ctx.data_unchecked::<Loaders>().load_many(self.0.teams.clone()).await.or_top_level(ctx)?;
        Ok(self.0.teams.iter().filter_map(|id| teams.remove(id)).map(TeamNode).collect())
    }

    /// Keys of the person's skills.
    async fn skills(&self) -> &[String] {
        &self.0.skills
    }

    /// The direct supervisor; null if there is none.
    async fn supervisor(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<UserNode>> {
        user(ctx, self.0.supervisor).await
    }

    /// The customer organisation that a requester belongs to; null for others. Visible to staff and colleagues.
    async fn customer(&self, ctx: &Context<'_>) -> async_graphql::Result<Option<CustomerNode>> {
        let actor = &cx(ctx).actor;
        if !people::queries::may_see(actor, &self.0) {
            return Ok(None);
        }
        let Some(id) = self.0.customer else { return Ok(None) };
        Ok(ctx.data_unchecked::<Loaders>().load(id).await.or_top_level(ctx)?.map(CustomerNode))
    }
}

/// The user with this id, for an object that the viewer may see.
pub async fn user(ctx: &Context<'_>, id: Option<UserId>) -> async_graphql::Result<Option<UserNode>> {
    let Some(id) = id else { return Ok(None) };
    // Usually cached: the tickets of a list name the same few people.
    if let Some(cached) = cx(ctx).app.state::<UserCache>().user(id) {
        return Ok(Some(UserNode(cached)));
    }
    Ok(ctx.data_unchecked::<Loaders>().load(id).await.or_top_level(ctx)?.map(UserNode))
}

/// A user who must exist: users are never deleted.
pub async fn existing_user(ctx: &Context<'_>, id: UserId) -> async_graphql::Result<UserNode> {
    let missing = || Error::internal(format!("there is no user {id}"));
    user(ctx, Some(id)).await?.ok_or_else(missing).or_top_level(ctx)
}

/// A team with its own ticket queue.
pub struct TeamNode(pub Team);

/// A team (department) with its own ticket queue.
#[Object(name = "Team")]
impl TeamNode {
    /// Globally unique id.
    pub async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The catalogue key.
    async fn key(&self) -> &str {
        &self.0.key
    }

    /// The name, in the language of the request.
    async fn name(&self, ctx: &Context<'_>) -> &str {
        language(ctx).name(&self.0.name, self.0.name_zh.as_deref())
    }

    /// Whether its tickets are confidential: never shown as cases outside the people who may read them in full.
    async fn confidential(&self) -> bool {
        self.0.confidential
    }
}

/// A customer organisation.
pub struct CustomerNode(pub Customer);

/// A customer organisation.
#[Object(name = "Customer")]
impl CustomerNode {
    /// Globally unique id.
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

    /// The region that serves it; null if none is set.
    async fn region(&self) -> Option<&str> {
        self.0.region.as_deref()
    }
}
