//! One error type. An expected no is a [`Refusal`]: data with a stable code, the field it names and what to do next,
//! in both languages. Everything else becomes a top-level error at the edge.

use std::borrow::Cow;

use sea_orm::{DbErr, RuntimeErr};
use serde::{Deserialize, Serialize};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a mutation was refused: the stable vocabulary of `UserError.code`.
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

/// A sentence for people, in both languages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    pub en: String,
    pub zh: String,
}

impl Message {
    pub fn new(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self { en: en.into(), zh: zh.into() }
    }
}

/// An expected no: what is wrong with which field, and what would be right. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub code: Code,
    /// Path inside the input, such as `["attribution", "resolution"]`.
    pub field: Vec<String>,
    pub message: Message,
}

impl Refusal {
    /// The same refusal, for a field that lies inside `outer`.
    pub fn inside(mut self, outer: &str) -> Self {
        self.field.insert(0, outer.to_owned());
        self
    }
}

/// A refusal that names one field (dots separate the path).
pub fn refuse(code: Code, field: &str, en: impl Into<String>, zh: impl Into<String>) -> Refusal {
    let field = field.split('.').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    Refusal { code, field, message: Message::new(en, zh) }
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
    pub const fn word(self) -> &'static str {
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
    /// Data for the caller of a mutation.
    #[error("refused: {0:?}")]
    Refused(Vec<Refusal>),
    /// A top-level error with a message that may be shown.
    #[error("{code:?}: {}", message.en)]
    Top { code: TopCode, message: Message },
    /// Somebody else changed the row between reading and writing; retried in one place.
    #[error("version conflict")]
    Conflict,
    /// Two waited for each other's rows, and this one had to let go: begun anew in one place, whatever version the caller saw.
    #[error("deadlock")]
    Deadlock,
    #[error("database: {0}")]
    Db(#[source] sea_orm::DbErr),
    /// The commit that this command shared with others failed: none of them was kept.
    #[error("commit: {0}")]
    Commit(std::sync::Arc<sea_orm::DbErr>),
    #[error("search: {0}")]
    Search(#[from] search::Error),
    /// A broken invariant or a failing machine: details belong in the log only.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    pub fn top(code: TopCode, en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self::Top { code, message: Message::new(en, zh) }
    }

    pub fn unauthenticated() -> Self {
        Self::top(TopCode::Unauthenticated, "Sign in first.", "请先登录。")
    }

    pub fn forbidden() -> Self {
        Self::top(TopCode::Forbidden, "Your role does not allow this.", "您的角色无权执行此操作。")
    }

    pub fn not_found() -> Self {
        Self::top(TopCode::NotFound, "Not found, or not visible to you.", "不存在，或您无权查看。")
    }

    pub fn bad_input(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self::top(TopCode::BadUserInput, en, zh)
    }

    /// Whether the machine stores nothing now: a full, failing or read-only disk.
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

    pub fn internal(detail: impl std::fmt::Display) -> Self {
        Self::Internal(detail.to_string())
    }
}

impl From<DbErr> for Error {
    /// PostgreSQL's `deadlock_detected` is told apart.
    fn from(cause: DbErr) -> Self {
        if code_of(&cause).as_deref() == Some("40P01") { Self::Deadlock } else { Self::Db(cause) }
    }
}

/// The database's own code of an error.
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
