//! A command is what somebody wants changed. `run` is its verb inside a transaction and never commits: higher tiers
//! call it. [`Ctx::execute`] is the same verb from outside: begin, run, commit, with idempotency and the one retry.

use std::future::Future;

use sea_orm::{ActiveValue::Set, EntityTrait, QueryFilter, SqlErr, sea_query::Expr, sea_query::ExprTrait as _};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::store::idempotency_key;
use super::{Ctx, Tx};
use crate::kernel::{Code, Error, Refusal, Result, hours, refuse, seconds, text};

/// An answer is remembered for this long.
pub const IDEMPOTENCY_HOURS: u64 = 24;
const KEY_CHARS_MAX: usize = 128;
/// Attempts where somebody else changed the row in between and the caller named no version.
const ATTEMPTS: u32 = 5;

pub trait Command: Serialize + Send + Sync {
    /// The mutation's name.
    const NAME: &'static str;
    /// What the caller needs to answer: ids. Remembered with the idempotency key, so never a secret or a text.
    type Output: Serialize + DeserializeOwned + Send;

    /// The version the caller saw: then a conflict is the caller's to resolve and is not retried here.
    fn expected_version(&self) -> Option<i32> {
        None
    }

    fn run(&self, tx: &mut Tx) -> impl Future<Output = Result<Self::Output>> + Send;
}

/// The idempotency key of a call, if it has one.
pub type Once<'a> = Option<&'a str>;

#[derive(Serialize, Deserialize)]
enum Answer<T> {
    Done(T),
    Refused(Vec<Refusal>),
}

/// A change that takes longer is given up: it would hold back every other writer (SQLite), or the horizon that
/// followers of the log read below.
const WRITE_MAX: std::time::Duration = seconds(30);

#[expect(clippy::disallowed_methods, reason = "a limit on the machine, whatever the clock in hand says")]
async fn within_limit<T>(attempt: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(WRITE_MAX, attempt)
        .await
        .unwrap_or_else(|_| Err(Error::internal("a change took too long and was given up")))
}

/// What an attempt came to.
enum Attempt<T> {
    /// Ran now; to be committed.
    New(T),
    /// The same call was answered before.
    Known(Answer<T>),
}

impl Ctx {
    #[tracing::instrument(name = "command", skip_all, fields(command = C::NAME, request_id = %self.request_id))]
    pub async fn execute<C: Command>(&self, command: &C, once: Once<'_>) -> Result<C::Output> {
        let key = once.map(|key| Key::of(self, command, key)).transpose()?;
        for attempt in 1.. {
            let mut tx = self.begin().await?;
            let error = match within_limit(Box::pin(attempt_once(&mut tx, command, key.as_ref()))).await {
                Ok(Attempt::New(output)) => return tx.commit().await.map(|()| output),
                // The first call may be a member of the same commit: nobody is told before it is durable.
                Ok(Attempt::Known(Answer::Done(output))) => return tx.commit().await.map(|()| output),
                Ok(Attempt::Known(Answer::Refused(refusals))) => {
                    tx.commit().await?;
                    return Err(Error::Refused(refusals));
                }
                Err(error) => error,
            };
            tx.abandon(&error).await;
            match error {
                Error::Conflict if command.expected_version().is_some() => return Err(version_conflict().into()),
                error @ (Error::Conflict | Error::Deadlock) if attempt < ATTEMPTS => {
                    tracing::debug!(attempt, %error, "once more");
                }
                Error::Refused(refusals) => {
                    if let Some(key) = &key {
                        key.remember_refusal(self, &refusals).await?;
                    }
                    return Err(Error::Refused(refusals));
                }
                error => return Err(error),
            }
        }
        unreachable!("the loop returns")
    }
}

async fn attempt_once<C: Command>(tx: &mut Tx, command: &C, key: Option<&Key>) -> Result<Attempt<C::Output>> {
    let Some(key) = key else {
        return Ok(Attempt::New(command.run(tx).await?));
    };
    if let Some(answer) = key.known(tx).await? {
        return Ok(Attempt::Known(answer));
    }
    let output = command.run(tx).await?;
    // Last, so that one statement carries the answer. Whoever else answered the same key meanwhile makes this a
    // conflict, and the next attempt finds their answer.
    key.insert(tx, &Answer::Done(&output)).await?;
    Ok(Attempt::New(output))
}

/// The refusal of somebody who changes what another has changed since they looked.
pub fn version_conflict() -> Refusal {
    refuse(
        Code::VersionConflict,
        "expectedVersion",
        "Somebody else has changed this since you loaded it: load it again and repeat.",
        "您加载之后已有他人修改，请重新加载后再试。",
    )
}

struct Key {
    actor: Uuid,
    operation: &'static str,
    key: String,
    input: Vec<u8>,
}

impl Key {
    fn of<C: Command>(cx: &Ctx, command: &C, key: &str) -> Result<Self> {
        let key = text::line("idempotencyKey", key, KEY_CHARS_MAX)?;
        let json = serde_json::to_vec(command).map_err(Error::internal)?;
        let actor = cx.actor.user_id().map(|id| id.0).unwrap_or_default();
        Ok(Self { actor, operation: C::NAME, key, input: Sha256::digest(json).to_vec() })
    }

    fn id(&self) -> (Uuid, String, String) {
        (self.actor, self.operation.to_owned(), self.key.clone())
    }

    async fn known<T: DeserializeOwned>(&self, tx: &Tx) -> Result<Option<Answer<T>>> {
        let Some(row) = idempotency_key::Entity::find_by_id(self.id()).one(tx.conn()).await? else {
            return Ok(None);
        };
        if row.at <= tx.now - hours(IDEMPOTENCY_HOURS) {
            idempotency_key::Entity::delete_by_id(self.id()).exec(tx.conn()).await?;
            return Ok(None);
        }
        if row.input != self.input {
            return Err(refuse(
                Code::IdempotencyMismatch,
                "idempotencyKey",
                "This key was used for another input: use a new key for a new request.",
                "该幂等键已用于不同的输入，新的请求请使用新的键。",
            )
            .into());
        }
        serde_json::from_str(&row.answer).map(Some).map_err(Error::internal)
    }

    async fn insert<T: Serialize>(&self, tx: &Tx, answer: &Answer<T>) -> Result<()> {
        let row = idempotency_key::ActiveModel {
            actor: Set(self.actor),
            operation: Set(self.operation.to_owned()),
            key: Set(self.key.clone()),
            input: Set(self.input.clone()),
            answer: Set(serde_json::to_string(answer).map_err(Error::internal)?),
            at: Set(tx.now),
        };
        match idempotency_key::Entity::insert(row).exec_without_returning(tx.conn()).await {
            Ok(_) => Ok(()),
            Err(e) if matches!(e.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => Err(Error::Conflict),
            Err(e) => Err(e.into()),
        }
    }

    /// A refusal is an answer too. It changed nothing, so it may be written on its own.
    async fn remember_refusal(&self, cx: &Ctx, refusals: &[Refusal]) -> Result<()> {
        if refusals.iter().any(|refusal| refusal.code == Code::IdempotencyMismatch) {
            return Ok(());
        }
        let tx = cx.begin().await?;
        match self.insert::<()>(&tx, &Answer::Refused(refusals.to_vec())).await {
            Ok(()) => tx.commit().await,
            // The same call answered elsewhere at the same moment: theirs stands.
            Err(Error::Conflict) => Ok(()),
            Err(error) => {
                tx.abandon(&error).await;
                Err(error)
            }
        }
    }
}

/// Forgets answers whose time is over; part of the sweep.
pub async fn forget_old_answers(tx: &Tx) -> Result<()> {
    idempotency_key::Entity::delete_many()
        .filter(Expr::col(idempotency_key::Column::At).lte(tx.now - hours(IDEMPOTENCY_HOURS)))
        .exec(tx.conn())
        .await?;
    Ok(())
}
