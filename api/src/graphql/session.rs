//! Signing in and out, and people: mutations.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use domain::auth::commands as auth;
use domain::kernel::{Error, UserId};
use domain::people::commands;
use domain::people::model::{CreateUser, RedactUser, SetPassword, UpdateUser, User};

use super::Caller;
use super::error::{UserError, settle};
use super::inputs;
use super::nodes::{UserNode, user};
use super::scalars::{DateTime, Role};

/// Who signs in.
#[derive(InputObject)]
pub struct SignInInput {
    /// The e-mail address.
    email: String,
    /// The password.
    password: String,
}

/// A session that is to go on.
#[derive(InputObject)]
pub struct RefreshSessionInput {
    /// The refresh token that was given last; it works once.
    refresh_token: String,
}

/// Ends this session.
#[derive(InputObject)]
pub struct SignOutInput {
    /// Accepted so that every mutation takes one; ending a session twice is ending it once.
    idempotency_key: Option<String>,
}

/// A token for the float on another page.
#[derive(InputObject)]
pub struct CreateTodoTokenInput {
    /// Accepted so that every mutation takes one; every call makes a new token.
    idempotency_key: Option<String>,
}

/// A token for the float on another page.
#[derive(SimpleObject)]
pub struct CreateTodoTokenPayload {
    /// What the page hands to the float.
    token: Option<String>,
    /// When it ends.
    expires_at: Option<DateTime>,
    /// Why there is none; empty where there is.
    user_errors: Vec<UserError>,
}

/// A new password.
#[derive(InputObject)]
pub struct ChangePasswordInput {
    /// The password until now.
    current_password: String,
    /// The password from now on; at least 8 characters.
    new_password: String,
}

macro_rules! session_payload {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(SimpleObject)]
        pub struct $name {
            /// Goes into `Authorization: Bearer …`; good for 15 minutes.
            access_token: Option<String>,
            /// Gives new tokens, once.
            refresh_token: Option<String>,
            /// When the access token ends.
            expires_at: Option<DateTime>,
            /// Who is signed in.
            viewer: Option<UserNode>,
            /// Why nobody is; empty where somebody is.
            user_errors: Vec<UserError>,
        }

        impl $name {
            fn of(session: Option<(domain::auth::model::Tokens, User)>, user_errors: Vec<UserError>) -> Self {
                let Some((tokens, user)) = session else {
                    return Self { access_token: None, refresh_token: None, expires_at: None, viewer: None, user_errors };
                };
                let domain::auth::model::Tokens { access, refresh, expires_at, session: _ } = tokens;
                Self {
                    access_token: Some(access),
                    refresh_token: Some(refresh),
                    expires_at: Some(expires_at.into()),
                    viewer: Some(UserNode(std::sync::Arc::new(user))),
                    user_errors,
                }
            }
        }
    )*};
}

session_payload! {
    /// What signing in came to.
    SignInPayload,
    /// What refreshing came to.
    RefreshSessionPayload
}

macro_rules! plain_payload {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(SimpleObject)]
        pub struct $name {
            /// Why nothing was done; empty where it was.
            user_errors: Vec<UserError>,
        }
    )*};
}

plain_payload! {
    /// What signing out came to.
    SignOutPayload,
    /// What changing the password came to. Every session has ended: sign in again.
    ChangePasswordPayload
}

/// A person to be created.
#[derive(InputObject)]
pub struct CreateUserInput {
    /// The e-mail address that they sign in with.
    email: String,
    /// The name that colleagues and customers read.
    name: String,
    /// At least one role.
    roles: Vec<Role>,
    /// The first password; without one they cannot sign in yet.
    password: Option<String>,
    /// Keys of teams; the first is the person's team.
    team_keys: Option<Vec<String>>,
    /// Keys of skills.
    skills: Option<Vec<String>>,
    /// Keys of products answered for.
    products: Option<Vec<String>>,
    /// Key of the customer organisation that a requester belongs to.
    customer_key: Option<String>,
    /// The direct supervisor.
    supervisor_id: Option<ID>,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

/// What of a person is to change; what is left out stays.
#[derive(InputObject)]
pub struct UpdateUserInput {
    /// Who.
    user_id: ID,
    /// The name.
    name: Option<String>,
    /// All roles.
    roles: Option<Vec<Role>>,
    /// Keys of all teams.
    team_keys: Option<Vec<String>>,
    /// Keys of all skills.
    skills: Option<Vec<String>>,
    /// Keys of all products answered for.
    products: Option<Vec<String>>,
    /// Key of the customer organisation that a requester belongs to.
    customer_key: Option<String>,
    /// The direct supervisor.
    supervisor_id: Option<ID>,
    /// Whether they are kept from signing in. Their sessions end.
    disabled: Option<bool>,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

/// A password that an administrator gives.
#[derive(InputObject)]
pub struct SetPasswordInput {
    /// Who.
    user_id: ID,
    /// Their new password.
    new_password: String,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

/// A person whose name and address nobody may keep.
#[derive(InputObject)]
pub struct RedactUserInput {
    /// Who.
    user_id: ID,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

macro_rules! user_payload {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(SimpleObject)]
        pub struct $name {
            /// The person.
            user: Option<UserNode>,
            /// Why nothing was done; empty where it was.
            user_errors: Vec<UserError>,
        }
    )*};
}

user_payload! {
    /// What creating a person came to.
    CreateUserPayload,
    /// What changing a person came to.
    UpdateUserPayload,
    /// What redacting a person came to.
    RedactUserPayload,
    /// What giving a password came to. The person's sessions have ended.
    SetPasswordPayload
}

/// Mutations of sessions and people.
#[derive(Default)]
pub struct PeopleMutation;

#[Object]
impl PeopleMutation {
    /// Signs somebody in. Attempts are limited.
    async fn sign_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who signs in.")] input: SignInInput,
    ) -> async_graphql::Result<SignInPayload> {
        let Caller { cx, address, .. } = ctx.data_unchecked::<Caller>();
        let outcome = commands::sign_in(cx, &input.email, &input.password, address.as_deref()).await;
        let (session, user_errors) = settle(ctx, outcome)?;
        Ok(SignInPayload::of(session, user_errors))
    }

    /// Gives new tokens to a session that goes on. Each refresh token works once.
    async fn refresh_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session.")] input: RefreshSessionInput,
    ) -> async_graphql::Result<RefreshSessionPayload> {
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let (session, user_errors) = settle(ctx, commands::refresh_session(cx, &input.refresh_token).await)?;
        Ok(RefreshSessionPayload::of(session, user_errors))
    }

    /// Ends this session; its tokens work no more.
    async fn sign_out(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Nothing is needed.")] input: SignOutInput,
    ) -> async_graphql::Result<SignOutPayload> {
        let SignOutInput { idempotency_key: _ } = input;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let (_, user_errors) = settle(ctx, commands::sign_out(cx).await)?;
        Ok(SignOutPayload { user_errors })
    }

    /// A token for the to-do float on a page of another site: for 10 minutes, of scope todo:read, it reads `myTodo` and
    /// `myNotifications`, acknowledges a notification, and does nothing else. It ends with this session.
    async fn create_todo_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Nothing is needed.")] input: CreateTodoTokenInput,
    ) -> async_graphql::Result<CreateTodoTokenPayload> {
        let CreateTodoTokenInput { idempotency_key: _ } = input;
        let made = auth::todo_token(&ctx.data_unchecked::<Caller>().cx);
        let (made, user_errors) = settle(ctx, made)?;
        let (token, expires_at) = made.unzip();
        Ok(CreateTodoTokenPayload { token, expires_at: expires_at.map(Into::into), user_errors })
    }

    /// Changes the caller's password and ends all their sessions.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The passwords.")] input: ChangePasswordInput,
    ) -> async_graphql::Result<ChangePasswordPayload> {
        let ChangePasswordInput { current_password, new_password } = input;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let (_, user_errors) = settle(ctx, commands::change_password(cx, &current_password, &new_password).await)?;
        Ok(ChangePasswordPayload { user_errors })
    }

    /// Creates a person; for administrators.
    async fn create_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The person.")] input: CreateUserInput,
    ) -> async_graphql::Result<CreateUserPayload> {
        let (id, user_errors) = settle(ctx, create_user(ctx, input).await)?;
        Ok(CreateUserPayload { user: user(ctx, id).await?, user_errors })
    }

    /// Changes a person; for administrators.
    async fn update_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to change.")] input: UpdateUserInput,
    ) -> async_graphql::Result<UpdateUserPayload> {
        let (id, user_errors) = settle(ctx, update_user(ctx, input).await)?;
        Ok(UpdateUserPayload { user: user(ctx, id).await?, user_errors })
    }

    /// Gives a person a password, a first one or in place of one that was forgotten, and ends their sessions; for
    /// administrators.
    async fn set_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The password.")] input: SetPasswordInput,
    ) -> async_graphql::Result<SetPasswordPayload> {
        let SetPasswordInput { user_id, new_password, idempotency_key } = input;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let outcome = async {
            // Before anything costly is done for the caller.
            cx.actor.require_admin()?;
            let user = inputs::id("userId", &user_id)?;
            auth::check_password("newPassword", &new_password)?;
            let command = SetPassword { user, password_hash: auth::hash_password(cx, &new_password).await? };
            cx.execute(&command, idempotency_key.as_deref()).await
        };
        let (id, user_errors) = settle(ctx, outcome.await)?;
        Ok(SetPasswordPayload { user: user(ctx, id).await?, user_errors })
    }

    /// Takes a person's name, address and password out for good and disables the account; what it did stays. For
    /// administrators.
    async fn redact_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The person.")] input: RedactUserInput,
    ) -> async_graphql::Result<RedactUserPayload> {
        let RedactUserInput { user_id, idempotency_key } = input;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let outcome = async {
            let command = RedactUser { user: inputs::id("userId", &user_id)? };
            cx.execute(&command, idempotency_key.as_deref()).await
        };
        let (id, user_errors) = settle(ctx, outcome.await)?;
        Ok(RedactUserPayload { user: user(ctx, id).await?, user_errors })
    }
}

async fn create_user(ctx: &Context<'_>, input: CreateUserInput) -> Result<UserId, Error> {
    let cx = &ctx.data_unchecked::<Caller>().cx;
    // Before anything costly is done for the caller.
    cx.actor.require_admin()?;
    let CreateUserInput {
        email,
        name,
        roles,
        password,
        team_keys,
        skills,
        products,
        customer_key,
        supervisor_id,
        idempotency_key,
    } = input;
    let password_hash = match password {
        Some(password) => {
            auth::check_password("password", &password)?;
            Some(auth::hash_password(cx, &password).await?)
        }
        None => None,
    };
    let command = CreateUser {
        email,
        name,
        roles: roles.into_iter().map(Into::into).collect(),
        team_keys: team_keys.unwrap_or_default(),
        skills: skills.unwrap_or_default(),
        products: products.unwrap_or_default(),
        customer_key,
        supervisor: supervisor_id.map(|id| inputs::id("supervisorId", &id)).transpose()?,
        password_hash,
    };
    cx.execute(&command, idempotency_key.as_deref()).await
}

async fn update_user(ctx: &Context<'_>, input: UpdateUserInput) -> Result<UserId, Error> {
    let cx = &ctx.data_unchecked::<Caller>().cx;
    let UpdateUserInput {
        user_id,
        name,
        roles,
        team_keys,
        skills,
        products,
        customer_key,
        supervisor_id,
        disabled,
        idempotency_key,
    } = input;
    let command = UpdateUser {
        user: Some(inputs::id("userId", &user_id)?),
        name,
        roles: roles.map(|roles| roles.into_iter().map(Into::into).collect()),
        team_keys,
        skills,
        products,
        customer_key,
        supervisor: supervisor_id.map(|id| inputs::id("supervisorId", &id)).transpose()?,
        disabled,
    };
    cx.execute(&command, idempotency_key.as_deref()).await
}
