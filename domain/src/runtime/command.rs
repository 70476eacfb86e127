//! A command is a requested change. `run` executes it inside a transaction and never commits; higher tiers call it.
//! [`Ctx::execute`] begins a transaction, runs the command and commits, with idempotency and retries.

use std::any::Any;
use std::future::Future;

use futures::future::BoxFuture;
use sea_orm::{ActiveValue::Set, EntityTrait, QueryFilter, SqlErr, sea_query::Expr, sea_query::ExprTrait as _};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::store::idempotency_key;
use super::{Ctx, Tx};
use crate::kernel::{Code, Error, Refusal, Result, boxed, hours, refuse, seconds, text};
use crate::msg;

/// How long the result of a call is stored.
pub const IDEMPOTENCY_HOURS: u64 = 24;
const KEY_CHARS_MAX: usize = 128;
/// Attempts on a version conflict if the caller named no version.
const ATTEMPTS_MAX: u32 = 5;

pub trait Command: Serialize + Send + Sync {
    /// The name of the mutation.
    const NAME: &'static str;
    /// What the caller needs for its response: ids. It is stored with the idempotency key, so it contains no secret and no text.
    type Output: Serialize + DeserializeOwned + Send + 'static;

    /// The version that the caller saw. If set, a conflict is returned to the caller and not retried.
    fn expected_version(&self) -> Option<i32> {
        None
    }

    /// Written as `#[boxed] async fn run(&self, tx: &mut Tx)`.
    fn run<'f>(&'f self, tx: &'f mut Tx) -> BoxFuture<'f, Result<Self::Output>>;
}

/// The idempotency key of a call, if it has one.
pub type IdempotencyKey<'a> = Option<&'a str>;

#[derive(Serialize, Deserialize)]
enum StoredResult {
    Done(serde_json::Value),
    Refused(Vec<Refusal>),
}

/// A longer change is aborted, because it would block every other writer (SQLite) or the horizon of the log
/// (PostgreSQL).
const WRITE_TIMEOUT: std::time::Duration = seconds(30);

#[expect(clippy::disallowed_methods, reason = "a limit on the machine, independent of the injected clock")]
async fn with_timeout<T>(attempt: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(WRITE_TIMEOUT, attempt).await.unwrap_or_else(|_| Err(Error::internal("a change timed out")))
}

/// A command of any type, so that executing one is compiled once, and commands can be stored in one list.
pub trait AnyCommand: Send + Sync {
    fn name(&self) -> &'static str;
    fn input(&self) -> serde_json::Result<Vec<u8>>;
    fn expected_version(&self) -> Option<i32>;
    fn run_any<'f>(&'f self, tx: &'f mut Tx) -> BoxFuture<'f, Result<Box<dyn AnyOutput>>>;
}

/// The output of a command of any type.
pub trait AnyOutput: Send {
    fn to_json(&self) -> serde_json::Result<serde_json::Value>;
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

impl<T: Serialize + Send + 'static> AnyOutput for T {
    fn to_json(&self) -> serde_json::Result<serde_json::Value> {
        serde_json::to_value(self)
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

impl<C: Command> AnyCommand for C {
    fn name(&self) -> &'static str {
        C::NAME
    }

    fn input(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }

    fn expected_version(&self) -> Option<i32> {
        Command::expected_version(self)
    }

    fn run_any<'f>(&'f self, tx: &'f mut Tx) -> BoxFuture<'f, Result<Box<dyn AnyOutput>>> {
        Box::pin(async move { Ok(Box::new(self.run(tx).await?) as Box<dyn AnyOutput>) })
    }
}

/// The result of executing a command.
pub enum ExecutionResult {
    /// It was executed now.
    New(Box<dyn AnyOutput>),
    /// The same call was executed before; its output as JSON.
    Replayed(serde_json::Value),
}

/// The result of an attempt.
enum Attempt {
    /// The command ran; to be committed.
    Executed(Box<dyn AnyOutput>),
    /// The same call was executed before.
    Replayed(StoredResult),
}

impl Ctx {
    pub fn execute<'f, C: Command>(
        &'f self,
        command: &'f C,
        key: IdempotencyKey<'f>,
    ) -> BoxFuture<'f, Result<C::Output>> {
        let executed = self.execute_any(command, key);
        Box::pin(async move {
            match executed.await? {
                ExecutionResult::New(output) => {
                    output.into_any().downcast().map(|output| *output).map_err(|_| Error::internal("another output"))
                }
                ExecutionResult::Replayed(output) => serde_json::from_value(output).map_err(Error::internal),
            }
        })
    }

    #[boxed]
    #[tracing::instrument(name = "command", skip_all, fields(command = command.name(), request_id = %self.request_id))]
    pub async fn execute_any(&self, command: &dyn AnyCommand, key: IdempotencyKey<'_>) -> Result<ExecutionResult> {
        let key = key.map(|key| Key::of(self, command, key)).transpose()?;
        for attempt in 1.. {
            let mut tx = self.begin().await?;
            let error = match with_timeout(attempt_once(&mut tx, command, key.as_ref())).await {
                Ok(Attempt::Executed(output)) => return tx.commit().await.map(|()| ExecutionResult::New(output)),
                // The first call may be part of the same group commit; wait until it is durable.
                Ok(Attempt::Replayed(StoredResult::Done(output))) => {
                    return tx.commit().await.map(|()| ExecutionResult::Replayed(output));
                }
                Ok(Attempt::Replayed(StoredResult::Refused(refusals))) => {
                    tx.commit().await?;
                    return Err(Error::Refused(refusals));
                }
                Err(error) => error,
            };
            tx.rollback(&error).await;
            match error {
                Error::Conflict if command.expected_version().is_some() => return Err(version_conflict().into()),
                error @ (Error::Conflict | Error::Deadlock) if attempt < ATTEMPTS_MAX => {
                    tracing::debug!(attempt, %error, "retrying");
                }
                // The server ends the transaction of a lost connection.
                error if error.is_connection_lost() && attempt < ATTEMPTS_MAX => {
                    tracing::warn!(attempt, %error, "retrying");
                }
                Error::Refused(refusals) => {
                    if let Some(key) = &key {
                        key.store_refusal(self, &refusals).await?;
                    }
                    return Err(Error::Refused(refusals));
                }
                error => return Err(error),
            }
        }
        unreachable!("the loop returns")
    }
}

async fn attempt_once(tx: &mut Tx, command: &dyn AnyCommand, key: Option<&Key>) -> Result<Attempt> {
    let Some(key) = key else {
        return Ok(Attempt::Executed(command.run_any(tx).await?));
    };
    if let Some(result) = key.stored_result(tx).await? {
        return Ok(Attempt::Replayed(result));
    }
    let output = command.run_any(tx).await?;
    // Last, so that one statement stores the result. If another call stored the same key meanwhile, this is a conflict, and
    // the next attempt finds its result.
    key.insert(tx, &StoredResult::Done(output.to_json().map_err(Error::internal)?)).await?;
    Ok(Attempt::Executed(output))
}

/// The refusal for a change that is based on an outdated version.
pub fn version_conflict() -> Refusal {
    refuse(Code::VersionConflict, "expectedVersion", msg!("version-conflict"))
}

struct Key {
    actor: Uuid,
    operation: &'static str,
    key: String,
    input: Vec<u8>,
}

impl Key {
    fn of(cx: &Ctx, command: &dyn AnyCommand, key: &str) -> Result<Self> {
        let key = text::line("idempotencyKey", key, KEY_CHARS_MAX)?;
        let json = command.input().map_err(Error::internal)?;
        let actor = cx.actor.user_id().map(|id| id.0).unwrap_or_default();
        Ok(Self { actor, operation: command.name(), key, input: Sha256::digest(json).to_vec() })
    }

    fn id(&self) -> (Uuid, String, String) {
        (self.actor, self.operation.to_owned(), self.key.clone())
    }

    async fn stored_result(&self, tx: &Tx) -> Result<Option<StoredResult>> {
        let Some(row) = idempotency_key::Entity::find_by_id(self.id()).one(tx.conn()).await? else {
            return Ok(None);
        };
        if row.at <= tx.now - hours(IDEMPOTENCY_HOURS) {
            idempotency_key::Entity::delete_by_id(self.id()).exec(tx.conn()).await?;
            return Ok(None);
        }
        if row.input != self.input {
            return Err(refuse(Code::IdempotencyMismatch, "idempotencyKey", msg!("idempotency-key-reused")).into());
        }
        serde_json::from_str(&row.answer).map(Some).map_err(Error::internal)
    }

    async fn insert(&self, tx: &Tx, result: &StoredResult) -> Result<()> {
        let row = idempotency_key::ActiveModel {
            actor: Set(self.actor),
            operation: Set(self.operation.to_owned()),
            key: Set(self.key.clone()),
            input: Set(self.input.clone()),
            answer: Set(serde_json::to_string(result).map_err(Error::internal)?),
            at: Set(tx.now),
        };
        match idempotency_key::Entity::insert(row).exec_without_returning(tx.conn()).await {
            Ok(_) => Ok(()),
            Err(e) if matches!(e.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => Err(Error::Conflict),
            Err(e) => Err(e.into()),
        }
    }

    /// Stores a refusal as the result. It changed nothing, so it has its own transaction.
    async fn store_refusal(&self, cx: &Ctx, refusals: &[Refusal]) -> Result<()> {
        if refusals.iter().any(|refusal| refusal.code == Code::IdempotencyMismatch) {
            return Ok(());
        }
        let tx = cx.begin().await?;
        match self.insert(&tx, &StoredResult::Refused(refusals.to_vec())).await {
            Ok(()) => tx.commit().await,
            // A concurrent call with the same key has stored its result.
            Err(Error::Conflict) => Ok(()),
            Err(error) => {
                tx.rollback(&error).await;
                Err(error)
            }
        }
    }
}

/// Deletes expired results; part of the sweep.
#[boxed]
pub(super) async fn purge_idempotency_keys(tx: &mut Tx) -> Result<()> {
    idempotency_key::Entity::delete_many()
        .filter(Expr::col(idempotency_key::Column::At).lte(tx.now - hours(IDEMPOTENCY_HOURS)))
        .exec(tx.conn())
        .await?;
    Ok(())
}
