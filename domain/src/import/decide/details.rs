//! What a row says besides its history: the requester, comments, and numbers in other systems. Pure.

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::super::model::{Row, SourceComment};
use super::history::Ids;
use super::truncate;
use crate::kernel::text::{BODY_CHARS_MAX, KEY_CHARS_MAX};
use crate::kernel::{CommentId, Locale, Message, TicketId};
use crate::msg;
use crate::tickets::model::{Comment, Visibility};

/// Comments of one row.
pub const COMMENTS_MAX: usize = 200;

/// A comment as a column of JSON writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JsonComment {
    #[serde(default)]
    pub at: Option<String>,
    #[serde(default)]
    pub author: Option<String>,
    pub text: String,
    #[serde(default)]
    pub visibility: Option<String>,
}

/// The comments of a column: a JSON array, or any other text, which is one comment.
pub fn json_comments(column: &str, value: String) -> Result<Vec<JsonComment>, Message> {
    if !value.starts_with('[') {
        return Ok(vec![JsonComment { at: None, author: None, text: value, visibility: None }]);
    }
    let comments: Vec<JsonComment> = match serde_json::from_str(&value) {
        Ok(comments) => comments,
        // A text such as `[2024-01-05] called back` is a comment, too.
        Err(_) if serde_json::from_str::<serde_json::Value>(&value).is_err() => {
            return Ok(vec![JsonComment { at: None, author: None, text: value, visibility: None }]);
        }
        Err(error) => return Err(msg!("import-comments-malformed", column = column, error = error)),
    };
    if comments.len() > COMMENTS_MAX {
        return Err(msg!("import-comments-too-many", column = column, count = comments.len(), max = COMMENTS_MAX));
    }
    Ok(comments)
}

/// Internal unless the source says otherwise.
pub fn visibility(column: &str, word: Option<&str>) -> Result<Visibility, Message> {
    match word.map(str::trim).filter(|word| !word.is_empty()) {
        None => Ok(Visibility::Internal),
        Some(word) if word.eq_ignore_ascii_case(Visibility::Public.as_str()) => Ok(Visibility::Public),
        Some(word) if word.eq_ignore_ascii_case(Visibility::Internal.as_str()) => Ok(Visibility::Internal),
        Some(word) => Err(msg!("import-comment-visibility", column = column, value = word)),
    }
}

/// The e-mail address in a name: `Wang <wang@example.com>`, or the whole text.
pub fn email_in(text: &str) -> Option<String> {
    let inside = text.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or(text, |(email, _)| email);
    let email = inside.trim();
    let is_email =
        email.contains('@') && !email.contains(char::is_whitespace) && email.chars().count() <= 4 * KEY_CHARS_MAX;
    is_email.then(|| email.to_lowercase())
}

/// The description of a ticket. A requester without an account is named in its last line.
pub fn description(rows: &[Row], ids: &Ids, locale: Locale) -> String {
    let description = rows.first().map(|row| row.description.clone()).unwrap_or_default();
    match requester(rows).filter(|name| !ids.requesters.contains_key(*name)) {
        None => description,
        Some(name) => {
            let line = format!("\n\n{}", msg!("import-source-requester", text = name).text(locale));
            let available = BODY_CHARS_MAX - line.chars().count().min(BODY_CHARS_MAX);
            truncate(&description, available) + &line
        }
    }
}

/// The requester that the first row names.
pub fn requester(rows: &[Row]) -> Option<&String> {
    rows.iter().find_map(|row| row.requester.as_ref())
}

/// The comments of a ticket, by time. Their ids are made of what they say, so that another import finds them. An author without an account
/// is named in the text.
pub fn comments(ticket: TicketId, rows: &[Row], ids: &Ids, locale: Locale) -> Vec<Comment> {
    let mut comments: Vec<Comment> = Vec::new();
    for SourceComment { at, author, text, visibility } in rows.iter().flat_map(|row| &row.comments) {
        let known = author.as_ref().and_then(|name| ids.authors.get(name).copied());
        let Some(by) = known.or(ids.source_account) else { continue };
        let body = match author {
            Some(name) if known.is_none() => msg!("import-source-comment", author = name, text = text).text(locale),
            _ => text.clone(),
        };
        let mut hash = Sha256::new();
        for part in [
            ticket.0.as_bytes().as_slice(),
            &at.millis().to_be_bytes(),
            author.as_deref().unwrap_or_default().as_bytes(),
            text.as_bytes(),
        ] {
            hash.update(part.len().to_be_bytes());
            hash.update(part);
        }
        let digest: [u8; 16] = hash.finalize()[..16].try_into().expect("a digest has 32 bytes");
        let id = CommentId(uuid::Builder::from_custom_bytes(digest).into_uuid());
        // A log may repeat them on every row.
        if comments.iter().all(|comment| comment.id != id) {
            let body = truncate(&body, BODY_CHARS_MAX);
            comments.push(Comment { id, ticket, author: by, body, visibility: *visibility, created_at: *at });
        }
    }
    comments.sort_by_key(|comment| comment.created_at);
    comments
}

/// The names of the authors of comments.
pub fn authors(rows: &[Row]) -> impl Iterator<Item = &String> {
    rows.iter().flat_map(|row| &row.comments).filter_map(|comment| comment.author.as_ref())
}
