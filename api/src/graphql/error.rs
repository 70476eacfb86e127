//! How errors reach clients: an expected no as data, the rest as a top-level error with a code. Details stay in the log.

use async_graphql::{Context, ErrorExtensions as _, SimpleObject};
use domain::kernel::{Error, Refusal, TopCode};

use super::Caller;
use super::scalars::ErrorCode;
use crate::language::Language;

/// Why a mutation was refused. Nothing was changed.
#[derive(SimpleObject, Clone, Debug)]
pub struct UserError {
    /// The stable code.
    pub code: ErrorCode,
    /// The path inside the input of what is wrong; empty where it is nothing in the input.
    pub field: Vec<String>,
    /// What is wrong and what would be right, in the language of the request.
    pub message: String,
}

impl UserError {
    pub fn of(refusal: Refusal, language: Language) -> Self {
        let Refusal { code, field, message } = refusal;
        Self { code: code.into(), field, message: language.say(&message) }
    }
}

/// The top-level error of a query or subscription, and of what a mutation did not expect.
pub fn top_level(error: Error, language: Language) -> async_graphql::Error {
    let (code, message) = public(error, language);
    async_graphql::Error::new(message).extend_with(|_, extensions| extensions.set("code", code.word()))
}

/// What of an error may be said; whatever may not is logged here.
pub fn public(error: Error, language: Language) -> (TopCode, String) {
    match error {
        Error::Top { code, message } => (code, language.say(&message)),
        // A query refuses by the same words as a mutation.
        Error::Refused(refusals) => {
            let messages: Vec<String> = refusals.iter().map(|refusal| language.say(&refusal.message)).collect();
            (TopCode::BadUserInput, messages.join(" "))
        }
        error @ (Error::Conflict
        | Error::Deadlock
        | Error::Db(_)
        | Error::Commit(_)
        | Error::Search(_)
        | Error::Internal(_)) => {
            tracing::error!(%error, "answered INTERNAL");
            let message = match (language, error.is_storage()) {
                (Language::En, false) => "Something failed on our side; nothing was changed. Please try again.",
                (Language::ZhCn, false) => "服务器内部出错，未做任何更改，请稍后重试。",
                (Language::En, true) => {
                    "Buoy cannot store anything now: its disk is full or fails. Nothing was changed; tell whoever runs it."
                }
                (Language::ZhCn, true) => "系统磁盘已满或发生故障，暂时无法保存。未做任何更改，请联系系统管理员。",
            };
            (TopCode::Internal, message.to_owned())
        }
    }
}

/// Splits what a command came to into the payload's parts.
pub fn settle<T>(ctx: &Context<'_>, outcome: Result<T, Error>) -> async_graphql::Result<(Option<T>, Vec<UserError>)> {
    let language = ctx.data_unchecked::<Caller>().language;
    match outcome {
        Ok(output) => Ok((Some(output), Vec::new())),
        Err(Error::Refused(refusals)) => {
            Ok((None, refusals.into_iter().map(|refusal| UserError::of(refusal, language)).collect()))
        }
        Err(error) => Err(top_level(error, language)),
    }
}

/// Answers a query's error.
pub trait OrTopLevel<T> {
    fn or_top_level(self, ctx: &Context<'_>) -> async_graphql::Result<T>;
}

impl<T> OrTopLevel<T> for Result<T, Error> {
    fn or_top_level(self, ctx: &Context<'_>) -> async_graphql::Result<T> {
        self.map_err(|error| top_level(error, ctx.data_unchecked::<Caller>().language))
    }
}
