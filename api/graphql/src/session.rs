//! Mutations of sessions and user accounts.

use std::sync::Arc;

use async_graphql::{Context, ID, MergedObject, Object};
use domain::auth::commands as auth;
use domain::auth::model::Tokens;
use domain::kernel::{Error, UserId};
use domain::people::commands;
use domain::people::model::{CreateUser, RedactUser, SetPassword, UpdateUser, User};

use super::error::payload_parts;
use super::execute::mutations;
use super::guard::{Caller, cx};
use super::inputs;
use super::people::{UserNode, user};
use super::scalars::{DateTime, Role};

mutations! {
    payload {
        /// The access token, sent as `Authorization: Bearer …`; valid for 15 minutes.
        access_token: Option<String>,
        /// The refresh token; it can be used once to get new tokens.
        refresh_token: Option<String>,
        /// When the access token expires.
        expires_at: Option<DateTime>,
        /// The signed-in person; null if the mutation was refused.
        viewer: Option<UserNode>,
    }

    /// The credentials of a person.
    SignInInput {
        /// The e-mail address.
        email: String,
        /// The password.
        password: String,
    } (without idempotency_key) => SignInPayload {}

    /// A session to refresh.
    RefreshSessionInput {
        /// The most recent refresh token; it can be used once, and repeated within 30 seconds.
        refresh_token: String,
    } (without idempotency_key) => RefreshSessionPayload {}
}

mutations! {
    /// The end of the current session.
    SignOutInput {} (
        /// Accepted for uniformity; ending a session twice has no further effect.
        idempotency_key
    ) => SignOutPayload {}

    /// A request for a token of the to-do widget on another page.
    CreateTodoTokenInput {} (
        /// Accepted for uniformity; every call creates a new token.
        idempotency_key
    ) =>
    /// A token for the to-do widget on another page.
    CreateTodoTokenPayload {
        /// The token that the page hands to the widget; null if the mutation was refused.
        token: Option<String>,
        /// When the token expires.
        expires_at: Option<DateTime>,
    }

    /// The current and the new password.
    ChangePasswordInput {
        /// The current password.
        current_password: String,
        /// The new password; at least 8 characters, and none of the most common ones.
        new_password: String,
    } (without idempotency_key) =>
    /// The result of the mutation. All sessions of the caller have ended; sign in again.
    ChangePasswordPayload {}
}

mutations! {
    payload {
        /// The user after the mutation; null if it was refused.
        user: Option<UserNode>,
    }

    /// A new user account.
    CreateUserInput {
        /// The e-mail address used to sign in.
        email: String,
        /// The display name.
        name: String,
        /// The roles; at least one.
        roles: Vec<Role>,
        /// The initial password, as in changePassword; without one the person cannot sign in yet.
        password: Option<String>,
        /// Keys of the person's teams; the first is the main team.
        team_keys: Option<Vec<String>>,
        /// Keys of the person's skills.
        skills: Option<Vec<String>>,
        /// Keys of the products that a product manager is responsible for.
        products: Option<Vec<String>>,
        /// Key of the customer organisation that the requester belongs to.
        customer_key: Option<String>,
        /// The direct supervisor; gets level 2 of escalations.
        supervisor_id: Option<ID>,
    } => CreateUserPayload {}

    /// A new password that an administrator sets for a person.
    SetPasswordInput {
        /// The person.
        user_id: ID,
        /// The new password.
        new_password: String,
    } =>
    /// The result of the mutation. All sessions of the person have ended.
    SetPasswordPayload {}
}

mutations! {
    /// Mutations of user accounts.
    pub struct UserMutation;

    payload {
        /// The user after the mutation; null if it was refused.
        user: Option<UserNode> = user,
    }

    /// Changes a user account; for administrators.
    update_user("The changes.")
    /// Changes to a user account; fields that are not given stay unchanged.
    UpdateUserInput {
        /// The person.
        user_id: ID,
        /// The display name.
        name: Option<String>,
        /// All roles; replaces the existing ones.
        roles: Option<Vec<Role>>,
        /// Keys of all teams; replaces the existing ones.
        team_keys: Option<Vec<String>>,
        /// Keys of all skills; replaces the existing ones.
        skills: Option<Vec<String>>,
        /// Keys of all products that a product manager is responsible for; replaces the existing ones.
        products: Option<Vec<String>>,
        /// Key of the customer organisation that the requester belongs to.
        customer_key: Option<String>,
        /// The direct supervisor; gets level 2 of escalations.
        supervisor_id: Option<ID>,
        /// Whether the account is disabled; disabling it ends all its sessions.
        disabled: Option<bool>,
    } => UpdateUser {
        user: Some(inputs::id("userId", &user_id)?),
        name,
        roles: roles.map(|roles| roles.into_iter().map(Into::into).collect()),
        team_keys,
        skills,
        products,
        customer_key,
        supervisor: inputs::optional_id("supervisorId", supervisor_id.as_ref())?,
        disabled,
    } => UpdateUserPayload {}

    /// Redacts a person's name, address and password permanently and disables the account; the history of their actions
    /// stays. For administrators.
    redact_user("The person.")
    /// A person whose personal data is redacted.
    RedactUserInput {
        /// The person.
        user_id: ID,
    } => RedactUser { user: inputs::id("userId", &user_id)? } => RedactUserPayload {}
}

/// The fields of a payload that begins or refreshes a session.
#[derive(Default)]
struct Session {
    access_token: Option<String>,
    refresh_token: Option<String>,
    expires_at: Option<DateTime>,
    viewer: Option<UserNode>,
}

impl Session {
    fn of(session: Option<(Tokens, User)>) -> Self {
        let Some((Tokens { access, refresh, expires_at, session: _ }, user)) = session else { return Self::default() };
        Self {
            access_token: Some(access),
            refresh_token: Some(refresh),
            expires_at: Some(expires_at.into()),
            viewer: Some(UserNode(Arc::new(user))),
        }
    }
}

/// Mutations of sessions and people.
#[derive(MergedObject, Default)]
pub struct PeopleMutation(SessionMutation, UserMutation);

/// Mutations of sessions and passwords, and the creation of accounts.
#[derive(Default)]
pub struct SessionMutation;

#[Object]
impl SessionMutation {
    /// Signs a person in. The number of failed attempts is limited, by account and address.
    async fn sign_in(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The e-mail address and password.")] input: SignInInput,
    ) -> async_graphql::Result<SignInPayload> {
        let Caller { cx, address, .. } = ctx.data_unchecked::<Caller>();
        let outcome = commands::sign_in(cx, &input.email, &input.password, address.as_deref()).await;
        let (session, user_errors) = payload_parts(ctx, outcome)?;
        let Session { access_token, refresh_token, expires_at, viewer } = Session::of(session);
        Ok(SignInPayload { access_token, refresh_token, expires_at, viewer, user_errors })
    }

    /// Issues new tokens for a session. Each refresh token can be used once; repeated within 30 seconds, as after a lost answer,
    /// it gives the same refresh token again. A later use ends the session.
    async fn refresh_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The refresh token.")] input: RefreshSessionInput,
    ) -> async_graphql::Result<RefreshSessionPayload> {
        let cx = cx(ctx);
        let (session, user_errors) = payload_parts(ctx, commands::refresh_session(cx, &input.refresh_token).await)?;
        let Session { access_token, refresh_token, expires_at, viewer } = Session::of(session);
        Ok(RefreshSessionPayload { access_token, refresh_token, expires_at, viewer, user_errors })
    }

    /// Ends the current session; its tokens become invalid.
    async fn sign_out(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "No value is needed.")] input: SignOutInput,
    ) -> async_graphql::Result<SignOutPayload> {
        let SignOutInput { idempotency_key: _ } = input;
        let cx = cx(ctx);
        let (_, user_errors) = payload_parts(ctx, commands::sign_out(cx).await)?;
        Ok(SignOutPayload { user_errors })
    }

    /// Creates a token for the to-do widget on a page of another site. It is valid for 10 minutes with scope todo:read:
    /// it reads `myTodo` and `myNotifications` and acknowledges notifications, nothing else. It ends with this session.
    async fn create_todo_token(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "No value is needed.")] input: CreateTodoTokenInput,
    ) -> async_graphql::Result<CreateTodoTokenPayload> {
        let CreateTodoTokenInput { idempotency_key: _ } = input;
        let token = auth::todo_token(cx(ctx));
        let (token, user_errors) = payload_parts(ctx, token)?;
        let (token, expires_at) = token.unzip();
        Ok(CreateTodoTokenPayload { token, expires_at: expires_at.map(Into::into), user_errors })
    }

    /// Changes the caller's password and ends all their sessions.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The passwords.")] input: ChangePasswordInput,
    ) -> async_graphql::Result<ChangePasswordPayload> {
        let ChangePasswordInput { current_password, new_password } = input;
        let cx = cx(ctx);
        let (_, user_errors) =
            payload_parts(ctx, commands::change_password(cx, &current_password, &new_password).await)?;
        Ok(ChangePasswordPayload { user_errors })
    }

    /// Creates a user account; for administrators.
    async fn create_user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The account.")] input: CreateUserInput,
    ) -> async_graphql::Result<CreateUserPayload> {
        let (id, user_errors) = payload_parts(ctx, create_user(ctx, input).await)?;
        Ok(CreateUserPayload { user: user(ctx, id).await?, user_errors })
    }

    /// Sets a person's password, initially or as a reset, and ends their sessions; for administrators.
    async fn set_password(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The person and the new password.")] input: SetPasswordInput,
    ) -> async_graphql::Result<SetPasswordPayload> {
        let SetPasswordInput { user_id, new_password, idempotency_key } = input;
        let cx = cx(ctx);
        let outcome = async {
            // Checked before the costly hashing.
            cx.actor.require_admin()?;
            let user = inputs::id("userId", &user_id)?;
            auth::check_password("newPassword", &new_password)?;
            let command = SetPassword { user, password_hash: auth::hash_password(cx, &new_password).await? };
            cx.execute(&command, idempotency_key.as_deref()).await
        };
        let (id, user_errors) = payload_parts(ctx, outcome.await)?;
        Ok(SetPasswordPayload { user: user(ctx, id).await?, user_errors })
    }
}

async fn create_user(ctx: &Context<'_>, input: CreateUserInput) -> Result<UserId, Error> {
    let cx = cx(ctx);
    // Checked before the costly hashing.
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
        supervisor: inputs::optional_id("supervisorId", supervisor_id.as_ref())?,
        password_hash,
    };
    cx.execute(&command, idempotency_key.as_deref()).await
}
