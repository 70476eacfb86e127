//! The caller of an operation and who may call it, checked before its input.

use async_graphql::Context;
use domain::kernel::{Error, Locale, UserId};
use domain::runtime::Ctx;
use tokio_util::sync::CancellationToken;

/// The caller of an operation; available to every resolver.
#[derive(Clone)]
pub struct Caller {
    pub cx: Ctx,
    pub language: Locale,
    /// Where the request comes from, for the limit on sign-in attempts.
    pub address: Option<String>,
    /// Cancelled by a subscription that finds that the caller's rights have changed.
    pub rights_changed: CancellationToken,
}

/// The domain's context of the caller.
pub fn cx<'c>(ctx: &Context<'c>) -> &'c Ctx {
    &ctx.data_unchecked::<Caller>().cx
}

/// The language of the caller's texts.
pub fn language(ctx: &Context<'_>) -> Locale {
    ctx.data_unchecked::<Caller>().language
}

/// The signed-in user.
pub fn signed_in(ctx: &Context<'_>) -> Result<UserId, Error> {
    cx(ctx).actor.user_id().ok_or_else(Error::unauthenticated)
}

/// Requires a member of staff.
pub fn require_staff(ctx: &Context<'_>) -> Result<(), Error> {
    if cx(ctx).actor.is_staff() {
        return Ok(());
    }
    signed_in(ctx)?;
    Err(Error::forbidden())
}
