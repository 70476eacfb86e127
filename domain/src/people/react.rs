//! What is refused where others name people.

use super::queries;
use crate::kernel::{Code, Result, UserId, refuse};
use crate::runtime::Tx;

/// Somebody is to own something, and to be warned of it: somebody who is here.
pub async fn on_owner(tx: &mut Tx, owner: UserId) -> Result<()> {
    let user = queries::user(tx.conn(), owner).await?;
    if user.is_some_and(|user| user.disabled_at.is_none()) {
        return Ok(());
    }
    Err(refuse(
        Code::NotFound,
        "ownerId",
        format!("{owner} is nobody who can sign in here: name somebody who can be warned."),
        format!("{owner} 不是可登录的用户，请指定能收到提醒的负责人。"),
    )
    .into())
}
