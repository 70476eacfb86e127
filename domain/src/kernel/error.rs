//! The error type. A business refusal is a [`Refusal`]: data with a stable code, the field and a message in both
//! languages. Everything else becomes a top-level GraphQL error.

use std::borrow::Cow;

use sea_orm::{DbErr, RuntimeErr};
use serde::{Deserialize, Serialize};

use super::{Locale, Message};
use crate::msg;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a mutation was refused: the values of `UserError.code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    Required,
    TooLong,
    Invalid,
    UnknownKey,
    NotFound,
    Forbidden,
    InvalidTransition,
    VersionConflict,
    IdempotencyMismatch,
    AttributionIncomplete,
    SignInFailed,
    AlreadyExists,
    TokenInvalid,
    PolicyReachesNobody,
    LimitExceeded,
}

/// A refusal that the caller can act on: what is wrong with which field, and how to fix it. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub code: Code,
    /// Path inside the input, such as `["attribution", "resolution"]`.
    pub field: Vec<String>,
    pub message: Message,
}

impl Refusal {
    /// The same refusal, with `outer` prepended to the field path.
    pub fn inside(mut self, outer: &str) -> Self {
        self.field.insert(0, outer.to_owned());
        self
    }
}

/// Builds a refusal that names one field (dots separate the path).
pub fn refuse(code: Code, field: &str, message: Message) -> Refusal {
    let field = field.split('.').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    Refusal { code, field, message }
}

/// The codes of top-level errors (`extensions.code`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopCode {
    Unauthenticated,
    Forbidden,
    NotFound,
    BadUserInput,
    RateLimited,
    Internal,
}

impl TopCode {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::RateLimited => "RATE_LIMITED",
            Self::Internal => "INTERNAL",
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Returned as data (`userErrors`) to the caller of a mutation.
    #[error("refused: {0:?}")]
    Refused(Vec<Refusal>),
    /// A top-level error with a message for the caller.
    #[error("{code:?}: {}", message.text(Locale::En))]
    Top { code: TopCode, message: Message },
    /// The row changed between reading and writing; `Ctx::execute` and the worker retry.
    #[error("version conflict")]
    Conflict,
    /// The database aborted this transaction to resolve a deadlock; retried whatever version the caller named.
    #[error("deadlock")]
    Deadlock,
    #[error("database: {0}")]
    Db(#[source] sea_orm::DbErr),
    /// The commit that this command shared with others failed; none of them is stored.
    #[error("commit: {0}")]
    Commit(std::sync::Arc<sea_orm::DbErr>),
    #[error("search: {0}")]
    Search(#[from] search::Error),
    /// A broken invariant or a failing machine; the details go to the log only.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    pub fn top(code: TopCode, message: Message) -> Self {
        Self::Top { code, message }
    }

    pub fn unauthenticated() -> Self {
        Self::top(TopCode::Unauthenticated, msg!("sign-in-required"))
    }

    pub fn forbidden() -> Self {
        Self::top(TopCode::Forbidden, msg!("forbidden"))
    }

    pub fn not_found() -> Self {
        Self::top(TopCode::NotFound, msg!("not-found"))
    }

    pub fn bad_input(message: Message) -> Self {
        Self::top(TopCode::BadUserInput, message)
    }

    /// Whether storage is unavailable: a full, failing or read-only disk.
    pub fn is_storage(&self) -> bool {
        let cause = match self {
            Self::Db(cause) => cause,
            Self::Commit(cause) => cause,
            _ => return false,
        };
        let Some(code) = code_of(cause) else { return false };
        match code.parse::<u32>() {
            // SQLite's extended codes: the low byte is READONLY, IOERR, FULL or CANTOPEN.
            Ok(code) if code < 10_000 => matches!(code & 0xff, 8 | 10 | 13 | 14),
            // PostgreSQL: disk_full, io_error, read_only_sql_transaction.
            _ => matches!(&*code, "53100" | "58030" | "25006"),
        }
    }

    /// Whether the connection to the database was lost, or none was to be had.
    pub fn is_connection_lost(&self) -> bool {
        match self {
            Self::Db(cause) => is_connection_lost(cause),
            Self::Commit(cause) => is_connection_lost(cause),
            _ => false,
        }
    }

    pub fn internal(detail: impl std::fmt::Display) -> Self {
        Self::Internal(detail.to_string())
    }
}

impl From<DbErr> for Error {
    /// Maps PostgreSQL's `deadlock_detected` to [`Error::Deadlock`].
    fn from(cause: DbErr) -> Self {
        if code_of(&cause).as_deref() == Some("40P01") { Self::Deadlock } else { Self::Db(cause) }
    }
}

/// Whether a statement failed because its connection ended: a network error, or the server stops or ended the session.
pub fn is_connection_lost(cause: &DbErr) -> bool {
    use sea_orm::sqlx::Error as Sqlx;
    if let Some(code) = code_of(cause) {
        // PostgreSQL's classes 08 (connection exception) and 57P (operator intervention).
        return code.starts_with("08") || matches!(&*code, "57P01" | "57P02" | "57P03" | "57P05");
    }
    match cause {
        DbErr::ConnectionAcquire(_) => true,
        DbErr::Conn(runtime) | DbErr::Exec(runtime) | DbErr::Query(runtime) => matches!(
            runtime,
            RuntimeErr::SqlxError(error)
                if matches!(**error, Sqlx::Io(_) | Sqlx::Tls(_) | Sqlx::Protocol(_) | Sqlx::PoolTimedOut | Sqlx::PoolClosed)
        ),
        _ => false,
    }
}

/// The error code of the database engine.
fn code_of(cause: &DbErr) -> Option<Cow<'_, str>> {
    let (DbErr::Exec(runtime) | DbErr::Query(runtime) | DbErr::Conn(runtime)) = cause else { return None };
    let RuntimeErr::SqlxError(error) = runtime else { return None };
    error.as_database_error()?.code()
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(vec![refusal])
    }
}
