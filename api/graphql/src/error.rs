//! Errors as clients see them: a refusal of a command as `userErrors`, anything else as a top-level error with a code.
//! Details are only in the log.

use async_graphql::{Context, ErrorExtensions as _, SimpleObject};
use domain::kernel::{Error, Refusal, TopCode};

use super::guard::language;
use super::scalars::ErrorCode;
use domain::kernel::Locale;
use domain::msg;

/// Why a mutation was refused. Nothing was changed.
#[derive(SimpleObject, Clone, Debug)]
pub struct UserError {
    /// The stable code.
    pub code: ErrorCode,
    /// The path of the wrong value inside the input; empty if no value of the input is wrong.
    pub field: Vec<String>,
    /// What is wrong and what would be correct, in the language of the request.
    pub message: String,
}

impl UserError {
    pub fn of(refusal: Refusal, language: Locale) -> Self {
        let Refusal { code, field, message } = refusal;
        Self { code: code.into(), field, message: message.text(language) }
    }
}

/// The top-level error of a query or subscription, and of an unexpected failure of a mutation.
pub fn top_level(error: Error, language: Locale) -> async_graphql::Error {
    let retryable = error.is_connection_lost();
    let (code, message) = public_error(error, language);
    async_graphql::Error::new(message).extend_with(|_, extensions| {
        extensions.set("code", code.as_str());
        if retryable {
            extensions.set("retryable", true);
        }
    })
}

/// The code and message of an error that a client may see; internal errors are logged here.
pub fn public_error(error: Error, language: Locale) -> (TopCode, String) {
    match error {
        Error::Top { code, message } => (code, message.text(language)),
        // A refusal in a query: no `userErrors` there, so its messages become the top-level message.
        Error::Refused(refusals) => {
            let messages: Vec<String> = refusals.iter().map(|refusal| refusal.message.text(language)).collect();
            (TopCode::BadUserInput, messages.join(" "))
        }
        error => {
            tracing::error!(%error, "answered INTERNAL");
            let message = match &error {
                Error::Commit(_) if error.is_connection_lost() => msg!("commit-uncertain"),
                error if error.is_connection_lost() => msg!("database-unavailable"),
                error if error.is_storage() => msg!("storage-unavailable"),
                _ => msg!("internal-error"),
            };
            (TopCode::Internal, message.text(language))
        }
    }
}

/// Splits the result of a command into the parts of a payload.
pub fn payload_parts<T>(
    ctx: &Context<'_>,
    outcome: Result<T, Error>,
) -> async_graphql::Result<(Option<T>, Vec<UserError>)> {
    let language = language(ctx);
    match outcome {
        Ok(output) => Ok((Some(output), Vec::new())),
        Err(Error::Refused(refusals)) => {
            Ok((None, refusals.into_iter().map(|refusal| UserError::of(refusal, language)).collect()))
        }
        Err(error) => Err(top_level(error, language)),
    }
}

/// Turns an error into a top-level error.
pub trait OrTopLevel<T> {
    fn or_top_level(self, ctx: &Context<'_>) -> async_graphql::Result<T>;
}

impl<T> OrTopLevel<T> for Result<T, Error> {
    fn or_top_level(self, ctx: &Context<'_>) -> async_graphql::Result<T> {
        self.map_err(|error| top_level(error, language(ctx)))
    }
}
